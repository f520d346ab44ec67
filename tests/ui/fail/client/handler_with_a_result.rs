use signalr::HubConnection;

fn hear(connection: &HubConnection) {
    connection.on("count", |text: String| async move { text.len() });
}

fn main() {}
