use signalr::HubConnection;

fn hear(connection: &HubConnection) {
    connection.on("said", |text| async move { println!("{text}") });
}

fn main() {}
