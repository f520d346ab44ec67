use std::sync::mpsc::Sender;

use signalr::HubConnection;

fn hear(connection: &HubConnection, texts: Sender<String>) {
    connection.on("said", move |text: String| async move {
        let _ = texts.send(text);
    });
}

fn count(connection: &HubConnection) {
    let mut count = 0;
    connection.on("said", move |text: String| {
        count += text.len();
        async {}
    });
}

fn main() {}
