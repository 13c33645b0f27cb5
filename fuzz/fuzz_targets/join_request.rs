#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| signaling::testing::join_request(bytes));
