//! Cuts the input into chunks at a byte that is rare in it.

/// Rare in text.
#[allow(dead_code, reason = "each target uses one of them")]
pub const TEXT: u8 = 0x03;

/// The one byte that is no MessagePack.
#[allow(dead_code, reason = "each target uses one of them")]
pub const MESSAGEPACK: u8 = 0xc1;

pub fn cut(input: &[u8], at: u8) -> Vec<&[u8]> {
    input.split(|byte| *byte == at).collect()
}
