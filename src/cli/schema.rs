//! `syncspec schema`.

use syncspec::{
    report::json,
    scenario,
    target::{file, known_failing},
};

use super::print_json;

#[derive(clap::Args)]
pub struct SchemaArgs {
    /// Which file
    #[arg(long, value_enum, default_value_t = SchemaOf::Scenario)]
    of: SchemaOf,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum SchemaOf {
    /// A scenario
    Scenario,
    /// A target file, `syncspec.toml`
    Target,
    /// A list of known failures
    KnownFailing,
    /// A JSON report
    Report,
}

pub fn schema(args: &SchemaArgs) -> Result<u8, u8> {
    print_json(&match args.of {
        SchemaOf::Scenario => scenario::schema::schema(),
        SchemaOf::Target => file::schema(),
        SchemaOf::KnownFailing => known_failing::schema(),
        SchemaOf::Report => json::schema(),
    })
}
