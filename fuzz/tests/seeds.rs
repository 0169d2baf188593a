//! Every oracle over every seed of its target, on stable: what a fuzzer starts from must hold already.

use syncspec_fuzz::targets::TARGETS;

#[test]
fn every_seed_then_its_oracle_holds() {
    for target in TARGETS {
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty(), "{} has no seeds", target.name);
        for (at, seed) in seeds.iter().enumerate() {
            let held = std::panic::catch_unwind(|| (target.check)(seed));
            assert!(held.is_ok(), "{}, seed {at}: {seed:02x?}", target.name);
        }
    }
}

/// A seed with one byte changed, or its end cut off, is what a fuzzer tries first.
#[test]
fn every_tenth_seed_spoilt_then_its_oracle_holds() {
    for target in TARGETS {
        for (at, seed) in (target.seeds)().iter().enumerate().step_by(10) {
            for place in (0..seed.len()).step_by(1 + seed.len() / 20) {
                let mut spoilt = seed.clone();
                spoilt[place] ^= 1 << ((at + place) % 8);
                let held = std::panic::catch_unwind(|| {
                    (target.check)(&spoilt);
                    (target.check)(&spoilt[..place]);
                });
                assert!(
                    held.is_ok(),
                    "{}, seed {at} at {place}: {spoilt:02x?}",
                    target.name
                );
            }
        }
    }
}
