#![no_main]

mod chunks;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    signalr::__fuzz::connection_messagepack(&chunks::cut(input, chunks::MESSAGEPACK));
});
