//! The fuzz target `item_json`: its oracle says what must hold.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| syncspec_fuzz::oracles::documents::item_json(bytes));
