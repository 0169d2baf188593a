# For scripts at the root of the repository: how the fuzz targets are built and run.
fuzz_triple=$(rustc -vV | sed -n 's/^host: //p')

# What cargo-fuzz passes, but for `--cfg fuzzing`, which changes the code of some libraries, and for one codegen unit.
fuzz_rustflags="-Zsanitizer=address -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"

# The names of all targets.
fuzz_targets() { find fuzz/fuzz_targets -name '*.rs' -printf '%f\n' | sed 's/\.rs$//' | sort; }

# Builds them all with the nightly.
build_targets() {
  if ! cargo +nightly --version > /dev/null 2>&1; then
    echo 'the fuzz targets need a nightly toolchain, and there is none: rustup toolchain install nightly' >&2
    return 3
  fi
  RUSTFLAGS=$fuzz_rustflags cargo +nightly build --quiet --locked -p syncspec-fuzz --bins --profile fuzz \
    --target "$fuzz_triple"
}

# Runs one: its name, a corpus folder, then libFuzzer's options.
run_target() {
  local name=$1 corpus=$2 dictionary=()
  shift 2
  if [ -f "fuzz/dictionaries/$name.dict" ]; then dictionary=(-dict="fuzz/dictionaries/$name.dict"); fi
  "target/$fuzz_triple/fuzz/$name" -timeout=10 -rss_limit_mb=2048 -max_len=16384 -artifact_prefix="${artifacts:-$corpus/}" \
    "${dictionary[@]}" "$@" "$corpus"
}
