//! Turns `proto/` into Rust and a descriptor set, without a protoc on the machine, and puts the scenarios and vectors
//! into the binary, so that an installed one needs no files.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use prost::Message;

const FILES: [&str; 6] = [
    "types/value.proto",
    "v1/config.proto",
    "v1/crypto.proto",
    "v1/operations.proto",
    "v1/restic.proto",
    "v1sync/syncservice.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-env-changed=CARGO_FEATURE_NET");

    let descriptors = protox::compile(FILES, ["proto"])?;
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out_dir.join("descriptors.bin"), descriptors.encode_to_vec())?;

    // The service traits name tonic's types, so they exist only where tonic does.
    let net = env::var_os("CARGO_FEATURE_NET").is_some();
    tonic_prost_build::configure()
        .build_client(net)
        .build_server(net)
        .compile_fds(descriptors)?;

    embed(&out_dir.join("scenarios.rs"), "scenarios", "yaml")?;
    embed(&out_dir.join("vectors.rs"), "vectors", "json")?;
    Ok(())
}

/// Writes a slice of (path, text) of every file below `root` with that ending.
fn embed(out: &Path, root: &str, ending: &str) -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={root}");
    let mut files = Vec::new();
    collect(Path::new(root), ending, &mut files)?;
    files.sort();
    let base = env::var("CARGO_MANIFEST_DIR")?;
    let mut text = String::from("&[\n");
    for file in files {
        let name = file.to_string_lossy().replace('\\', "/");
        let path = Path::new(&base).join(&file);
        writeln!(text, "    ({name:?}, include_str!({path:?})),")?;
    }
    text.push_str("]\n");
    fs::write(out, text)?;
    Ok(())
}

fn collect(dir: &Path, ending: &str, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, ending, files)?;
        } else if path.extension().is_some_and(|found| found == ending) {
            files.push(path);
        }
    }
    Ok(())
}
