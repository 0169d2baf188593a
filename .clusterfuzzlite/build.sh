#!/bin/bash -eu
# Puts each fuzz target, its seeds, its dictionary and its options into $OUT, as ClusterFuzzLite and OSS-Fuzz want them.
cd "$(dirname "$(readlink -f "${SYNCSPEC:-$SRC/syncspec}/Cargo.toml")")"
. fuzz/lib.sh
build_targets
corpus=$(mktemp -d)
"$fuzz_binaries/seeds" --corpus "$corpus"
for target in $(fuzz_targets); do
  cp "$fuzz_binaries/$target" "$OUT/"
  (cd "$corpus/$target" && zip -q -r "$OUT/${target}_seed_corpus.zip" .)
  printf '[libfuzzer]\nmax_len = 16384\ntimeout = 10\nrss_limit_mb = 2048\n' > "$OUT/$target.options"
  if [ -f "fuzz/dictionaries/$target.dict" ]; then cp "fuzz/dictionaries/$target.dict" "$OUT/"; fi
done
