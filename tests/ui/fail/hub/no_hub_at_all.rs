use signalr::HubServer;

pub struct Chat;

fn main() {
    let _ = HubServer::new(Chat);
}
