//! The fuzz target `wire`: its oracle says what must hold.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| syncspec_fuzz::oracles::wire::check(bytes));
