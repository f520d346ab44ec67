use serde::{Deserialize, Serialize};
use signalr::dotnet;

#[dotnet]
#[derive(Serialize, Deserialize)]
pub struct OrderId(u64);

#[dotnet]
#[derive(Serialize, Deserialize)]
pub struct Place(#[dotnet(name = "X")] i32, i32);

#[dotnet]
#[derive(Serialize, Deserialize)]
pub struct Nothing;

fn main() {}
