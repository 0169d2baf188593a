# For scripts at the root of the repository: how the fuzz targets are built and run.

# The sanitizer is for all code: its heap, and what is copied; the frames of the stack are left out, which safe code does not
# leave. What guides the fuzzer is counted in the library alone, by a wrapper of rustc (`counted-rustc`).
fuzz_rustflags='-Zsanitizer=address -Cllvm-args=-asan-stack=0'

# A folder of their own: with the flags above nothing of the other builds can be used, and nothing of theirs is pushed out.
fuzz_folder=target/fuzz

# The names of all targets.
fuzz_targets() { find fuzz/fuzz_targets -name '*.rs' -exec basename {} .rs \; | sort; }

# Says on stderr what is missing to build them; 3 if anything is.
fuzz_tools() {
  if ! cargo +nightly --version > /dev/null 2>&1; then
    echo 'the fuzz targets need a nightly toolchain, and there is none: rustup toolchain install nightly' >&2
    return 3
  fi
  if ! command -v "${CXX:-c++}" > /dev/null; then
    echo "the fuzz targets need a C++ compiler, and there is no ${CXX:-c++}: libFuzzer is built from source" >&2
    return 3
  fi
}

# Builds them all, and `seeds`, with the nightly in one go, and sets `fuzz_binaries`. What is given is passed to cargo.
build_targets() {
  fuzz_tools || return
  local triple
  triple=$(rustc +nightly -vV | sed -n 's/^host: //p')
  RUSTFLAGS=$fuzz_rustflags RUSTC_WORKSPACE_WRAPPER=$PWD/fuzz/counted-rustc cargo +nightly build --quiet --locked -p syncspec-fuzz --bins --profile fuzz \
    --target "$triple" --target-dir "$fuzz_folder" "$@"
  fuzz_binaries=$fuzz_folder/$triple/fuzz
}

# What of the sanitizer costs most and says least of code without `unsafe`: where memory was given out, uses of a stack frame
# that is gone, how long freed memory is kept, and every comparison.
: "${ASAN_OPTIONS:=malloc_context_size=0:detect_stack_use_after_return=0:quarantine_size_mb=4:intercept_memcmp=0}"
export ASAN_OPTIONS

# What each is run with. To count what is given out and given back takes a tenth of all time; `.ci/fuzz-smoke` does.
fuzz_options=(-timeout=10 -rss_limit_mb=2048 -max_len=16384 -detect_leaks=0)

# Runs one: its name, a corpus folder, then libFuzzer's options.
run_target() {
  local name=$1 corpus=$2 dictionary=()
  shift 2
  if [ -f "fuzz/dictionaries/$name.dict" ]; then dictionary=(-dict="fuzz/dictionaries/$name.dict"); fi
  "$fuzz_binaries/$name" "${fuzz_options[@]}" -artifact_prefix="${artifacts:-$corpus/}" \
    "${dictionary[@]}" "$@" "$corpus"
}
