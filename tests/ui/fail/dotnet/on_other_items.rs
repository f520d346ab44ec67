use signalr::dotnet;

#[dotnet]
pub union Bits {
    number: u32,
    bytes: [u8; 4],
}

#[dotnet]
pub fn order() {}

#[dotnet]
impl Bits {}

#[dotnet]
pub trait Order {}

#[dotnet]
pub type Id = u64;

fn main() {}
