use signalr::{Error, HubConnection, hub};

pub struct Chat;

#[hub]
impl Chat {
    pub async fn send(&self, room: &str, times: u32) -> usize {
        room.len() * times as usize
    }
}

async fn call(connection: &HubConnection) -> Result<(), Error> {
    let chat = ChatProxy::new(connection);
    chat.send("general", "twice").await?;
    chat.send("general").await?;
    let _: String = chat.send("general", 2).await?;
    Ok(())
}

fn main() {}
