#![no_main]

libfuzzer_sys::fuzz_target!(|frame: &[u8]| signalr::__fuzz::messagepack(frame));
