//! `syncspec self-test`: what the suite would catch.

use std::path::PathBuf;

/// Percentage of the defects that must be caught where nothing else is asked for.
#[cfg(feature = "self-test")]
const AT_LEAST: f64 = 95.0;

#[derive(clap::Args)]
pub struct SelfTestArgs {
    /// Look at these defects, or with --honest at these peers, only
    #[arg(long, value_name = "ID")]
    only: Vec<String>,
    /// Print the defects, or with --honest the peers, instead of trying them
    #[arg(long)]
    list: bool,
    /// Play every case against every defect, rather than until it is caught
    #[arg(long)]
    full: bool,
    /// Switch this many pairs of defects on together too
    #[arg(long, value_name = "N", default_value_t = 0)]
    pairs: usize,
    /// Play the suite against honest but unusual peers instead: all must be green
    #[arg(long)]
    honest: bool,
    /// Fail where fewer defects are caught than this many in a hundred; 95 unless said otherwise
    #[arg(long, value_name = "PERCENT")]
    at_least: Option<f64>,
    /// Fail where there are fewer defects than this
    #[arg(long, value_name = "N", default_value_t = 0)]
    of_at_least: usize,
    /// Ask the live campaign instead (`syncspec fuzz`): does it find so many defects, spread over all, by itself? The cases
    /// that cite the rule of a defect are withheld from it. Prints the table of fuzz/README.md
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "40")]
    fuzz: Option<usize>,
    /// Seconds that the campaign has for each
    #[arg(long, value_name = "SECONDS", default_value_t = 120, requires = "fuzz")]
    fuzz_time: u64,
    /// Hunt each so many times, with a seed of its own each time
    #[arg(long, value_name = "N", default_value_t = 1, requires = "fuzz", value_parser = clap::value_parser!(u64).range(1..))]
    fuzz_runs: u64,
    /// Dialogues that it plays at a time
    #[arg(long, value_name = "N", default_value_t = 32, requires = "fuzz")]
    fuzz_jobs: usize,
    /// Seed of all our randomness
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Write a report: json=FILE
    #[arg(long, value_name = "FORMAT=FILE", value_parser = json_file)]
    report: Option<PathBuf>,
}

fn json_file(text: &str) -> Result<PathBuf, String> {
    match text.split_once('=') {
        Some(("json", file)) if !file.is_empty() => Ok(PathBuf::from(file)),
        _ => Err("expected json=FILE".to_owned()),
    }
}

#[cfg(not(feature = "self-test"))]
pub fn self_test(_: &SelfTestArgs) -> Result<u8, u8> {
    eprintln!(
        "error: this build's reference can only be honest; build it with the defects in:\n\n  cargo run --release \
         --features self-test -- self-test"
    );
    Err(super::exit::USAGE)
}

#[cfg(feature = "self-test")]
pub use with_defects::self_test;

#[cfg(feature = "self-test")]
mod with_defects {
    use std::{fs, io, time::Duration};

    use syncspec::{
        lapses::{Quirk, defects},
        model::load_catalogue,
        report::console,
        runner::{Job, Selection, plan},
        scenario::model::Profile,
        selftest::{
            self, Alarm, Challenged, HuntOptions, Hunts, Questions, SelfTest, SelfTestError,
        },
        wire::{Role, RpcProtocol},
    };

    use super::{
        super::{exit, print, print_errors, runtime::runtime},
        AT_LEAST, SelfTestArgs,
    };

    pub fn self_test(args: &SelfTestArgs) -> Result<u8, u8> {
        if args.list {
            return print(&list(args.honest));
        }
        let jobs = jobs()?;
        let runtime = runtime()?;
        let done = runtime.block_on(async {
            match (args.fuzz, args.honest) {
                (Some(count), _) => hunted(args, count, &jobs).await,
                (None, true) => honest(args, jobs).await,
                (None, false) => defective(args, jobs).await,
            }
        });
        // Peers that were left open on purpose end with the process.
        runtime.shutdown_background();
        done
    }

    fn list(honest: bool) -> String {
        let lines: Vec<String> = match honest {
            true => Quirk::ALL
                .iter()
                .map(|quirk| format!("{:<24} {}", quirk.id(), quirk.doc()))
                .collect(),
            false => defects()
                .map(|defect| {
                    let lapse = defect.lapse;
                    format!(
                        "{:<36} {:<10} {:<44} {}",
                        lapse.id(),
                        defect.role,
                        lapse.rule(),
                        lapse.doc()
                    )
                })
                .collect(),
        };
        lines.join("\n")
    }

    /// Every built-in case over both RPC protocols.
    fn jobs() -> Result<Vec<Job>, u8> {
        let templates = load_catalogue().map_err(|errors| {
            print_errors(&errors);
            exit::USAGE
        })?;
        let selection = Selection {
            profile: Profile::Full,
            ..Selection::default()
        };
        let roles = [Role::Responder, Role::Initiator].into_iter();
        let jobs = roles.flat_map(|role| plan(&templates, &selection, role, &RpcProtocol::ALL));
        Ok(jobs.collect())
    }

    async fn defective(args: &SelfTestArgs, jobs: Vec<Job>) -> Result<u8, u8> {
        let questions = Questions {
            only: args.only.clone(),
            full: args.full,
            pairs: args.pairs,
            seed: args.seed,
        };
        let mut tell = |row: &Challenged| {
            // Whoever read along may have gone; the exit code still tells.
            let _ = selftest::print_row(&mut io::stdout().lock(), row);
        };
        let asked = selftest::self_test(jobs, &questions, &mut tell).await;
        let test = asked.map_err(|error| failed(&error))?;
        let _ = selftest::print(&mut io::stdout().lock(), &test);
        if let Some(file) = &args.report {
            let text = format!("{:#}\n", selftest::json(&test));
            fs::write(file, text).map_err(|error| {
                eprintln!(
                    "error: failed to write the report {}: {error}",
                    file.display()
                );
                exit::SUITE
            })?;
        }
        Ok(verdict(args, &test))
    }

    fn verdict(args: &SelfTestArgs, test: &SelfTest) -> u8 {
        let at_least = args.at_least.unwrap_or(AT_LEAST);
        let matrix = &test.matrix;
        let mut good = true;
        if matrix.defects() < args.of_at_least.max(1) {
            eprintln!(
                "error: expected at least {} defects, saw {}",
                args.of_at_least.max(1),
                matrix.defects()
            );
            good = false;
        }
        if args.only.is_empty() && matrix.score() < at_least {
            eprintln!(
                "error: expected at least {at_least} % of the defects to be caught, saw {:.1} %",
                matrix.score()
            );
            good = false;
        }
        for defect in matrix.unexcused() {
            eprintln!(
                "error: nothing catches {} ({}), which breaks the `must` {}: write a case, or record the reason",
                defect.lapse.id(),
                defect.role,
                defect.lapse.rule()
            );
            good = false;
        }
        if !test.not_green.is_empty() {
            eprintln!(
                "error: {} case(s) were not green on the honest reference: mend those first",
                test.not_green.len()
            );
            good = false;
        }
        if test.pairs.len() < args.pairs {
            eprintln!(
                "error: expected {} pairs, saw {}: where no two defects of one role are caught, there is none",
                args.pairs,
                test.pairs.len()
            );
            good = false;
        }
        if let Some(pair) = test.pairs.iter().find(|pair| !pair.caught) {
            let ids: Vec<_> = pair
                .defects
                .iter()
                .map(|defect| defect.lapse.id())
                .collect();
            eprintln!("error: nothing catches {} together", ids.join(" and "));
            good = false;
        }
        if good { exit::CONFORMS } else { exit::BROKEN }
    }

    /// In a hundred, how many of the sample the campaign must find.
    const HUNTED_AT_LEAST: f64 = 90.0;

    async fn hunted(args: &SelfTestArgs, count: usize, jobs: &[Job]) -> Result<u8, u8> {
        let options = HuntOptions {
            time: Duration::from_secs(args.fuzz_time),
            lanes: args.fuzz_jobs.max(1),
            seed: args.seed,
        };
        let sample = selftest::sample(count, &args.only).map_err(|error| failed(&error))?;
        let mut rows: Vec<Hunts> = Vec::new();
        // The honest reference first: what is found there is found nowhere.
        let honest = [Role::Responder, Role::Initiator].map(|role| (role, None));
        let honest = honest.into_iter().filter(|_| args.only.is_empty());
        let all = sample.into_iter().map(|defect| (defect.role, Some(defect)));
        for (role, defect) in honest.chain(all) {
            let mut runs = Vec::new();
            // The honest one once: it takes its whole time each time.
            let count = defect.map_or(1, |_| args.fuzz_runs);
            for run in 0..count {
                let seed = args.seed.wrapping_add(run);
                let options = HuntOptions { seed, ..options };
                let hunted = selftest::hunt(jobs, defect, role, &options).await;
                let hunted = hunted.map_err(|error| failed(&error))?;
                let name = defect.map_or("honest", |defect| defect.lapse.id());
                let found = hunted.found.as_ref();
                eprintln!(
                    "{:>6.1} s  {:>6} dialogues  {name} ({role}): {}",
                    hunted.took.as_secs_f64(),
                    hunted.plays,
                    found.map_or("nothing", |found| found.key.as_str())
                );
                runs.push(hunted);
            }
            rows.push(Hunts { defect, role, runs });
        }
        print(&selftest::table(&rows, options.time))?;
        let mut good = true;
        for row in rows.iter().filter(|row| row.defect.is_none()) {
            for found in row.runs.iter().flat_map(|run| &run.found) {
                eprintln!(
                    "error: a false alarm on the honest reference: {}; {}",
                    found.key, found.told
                );
                good = false;
            }
        }
        let defective = rows.iter().filter(|row| row.defect.is_some());
        let (found, all) = defective.fold((0, 0), |(found, all), row| {
            (found + usize::from(row.is_found()), all + 1)
        });
        if f64::from(found as u32) * 100.0 < HUNTED_AT_LEAST * f64::from(all) {
            eprintln!(
                "error: expected at least {HUNTED_AT_LEAST} % to be found, saw {found} of {all}"
            );
            good = false;
        }
        Ok(if good { exit::CONFORMS } else { exit::BROKEN })
    }

    async fn honest(args: &SelfTestArgs, jobs: Vec<Job>) -> Result<u8, u8> {
        if let Some(unknown) = args
            .only
            .iter()
            .find(|id| Quirk::ALL.iter().all(|quirk| quirk.id() != id.as_str()))
        {
            eprintln!(
                "error: no unusual peer is called `{unknown}`; --honest --list prints them all"
            );
            return Err(exit::USAGE);
        }
        let asked = selftest::honest_but_unusual(jobs, &args.only, args.seed, &mut tell).await;
        let alarms = asked.map_err(|error| failed(&error))?;
        let false_alarms: usize = alarms.iter().map(|alarm| alarm.false_alarms.len()).sum();
        println!(
            "{} honest peers, {false_alarms} false alarm(s)",
            alarms.len()
        );
        Ok(match false_alarms {
            0 => exit::CONFORMS,
            _ => exit::BROKEN,
        })
    }

    fn tell(alarm: &Alarm) {
        println!(
            "{} {:<24} {} cases, {} with remarks on what deployed peers do",
            if alarm.false_alarms.is_empty() {
                "green"
            } else {
                "RED  "
            },
            alarm.quirk.id(),
            alarm.played,
            alarm.remarks
        );
        let mut out = io::stdout().lock();
        for result in &alarm.false_alarms {
            if console::details(&mut out, result).is_err() {
                return;
            }
        }
    }

    fn failed(error: &SelfTestError) -> u8 {
        let code = match error {
            SelfTestError::UnknownDefect(_) => exit::USAGE,
            _ => exit::SUITE,
        };
        eprintln!("error: failed to {error}");
        code
    }
}
