use signalr::dotnet;

#[dotnet]
#[derive(Clone, Debug)]
pub struct Order {
    id: u64,
}

fn main() {}
