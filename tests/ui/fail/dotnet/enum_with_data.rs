use serde::{Deserialize, Serialize};
use signalr::dotnet;

#[dotnet]
#[derive(Serialize, Deserialize)]
pub enum Shape {
    Point,
    Circle(f64),
    Square { side: f64 },
}

fn main() {}
