//! `syncspec matrix`: several reports side by side.

use std::path::PathBuf;

use syncspec::report::{
    html,
    json::Report,
    matrix::{Column, markdown, tell_apart},
};

use super::{exit, print, reports::write_report};

#[derive(clap::Args)]
pub struct MatrixArgs {
    /// Reports that runs wrote with --report json=FILE
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Write an HTML page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write Markdown; without --html and --md it is printed
    #[arg(long, value_name = "FILE")]
    md: Option<PathBuf>,
}

pub fn matrix(args: &MatrixArgs) -> Result<u8, u8> {
    let mut columns: Vec<Column> = args
        .files
        .iter()
        .map(|file| Column::of(file.display().to_string(), Report::read_file(file)))
        .collect();
    tell_apart(&mut columns);
    if let Some(file) = &args.html {
        write_report(file, &html::matrix::page(&columns))?;
    }
    match &args.md {
        Some(file) => write_report(file, &markdown(&columns))?,
        None if args.html.is_none() => {
            print(markdown(&columns).trim_end())?;
        }
        None => {}
    }
    let mut done = Ok(exit::CONFORMS);
    for column in &columns {
        if let Err(why) = &column.report {
            eprintln!("error: {}: {why}", column.file);
            done = Err(exit::USAGE);
        }
    }
    done
}
