//! Turns `proto/` into Rust and a descriptor set, without a protoc on the machine.

use std::{env, error::Error, fs, path::PathBuf};

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
    Ok(())
}
