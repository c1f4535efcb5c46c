//! See `fuzz/src/tikc.rs`.
#![no_main]

#[path = "../src/tikc.rs"]
#[expect(dead_code, unreachable_pub, reason = "another target has the rest")]
mod tikc;

libfuzzer_sys::fuzz_target!(|data: &[u8]| tikc::tikc_storable(data));
