//! See `mp_fuzz::TARGETS`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mp_fuzz::storable_frame(data));
