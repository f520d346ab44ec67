#![no_main]

mod chunks;

libfuzzer_sys::fuzz_target!(|input: &[u8]| signalr::__fuzz::compression(&chunks::cut(input, chunks::TEXT)));
