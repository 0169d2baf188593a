//! The figures, and how each is measured.

use std::{
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use serde_json::json;
use syncspec::{
    actor::Patience,
    judge::judge,
    model::load_catalogue,
    report::{CaseResult, Outcome, Phases, Run, TargetLine, html, json::Report, junit, markdown},
    rules::Level,
    runner::{self, Caller, Job, RunOptions, Selection, Switchboard, plan, start_reference},
    scenario::{CaseTemplate, model::Profile},
    target::provision::Provision,
    wire::{Role, RpcProtocol},
};

use crate::{Args, Table, playing, times::Times};

const SEED: u64 = 1;
/// How often what takes long is done.
const REPEATS: usize = 5;

/// The built-in cases, and what of them is played one by one.
pub struct Suite {
    templates: Vec<CaseTemplate>,
    jobs: Vec<Job>,
}

impl Suite {
    /// One case in `every` is played one by one: side by side, but for those that change the peer.
    pub fn new(every: usize) -> Self {
        let templates = load();
        let mut jobs = plan_all(&templates);
        jobs.retain(|job| !job.scenario.alone);
        // A case comes once for each RPC protocol, one behind the other.
        let of_cases = jobs.chunk_by(|a, b| a.scenario.id == b.scenario.id);
        let jobs = of_cases.step_by(every).flatten().cloned().collect();
        Suite { templates, jobs }
    }

    /// Measures what is wanted.
    pub async fn run(&self, args: &Args, table: &mut Table) {
        if args.wants("load") {
            table.row("load", &Times::repeat(REPEATS, load), "all built-in cases");
        }
        if args.wants("plan") {
            let times = Times::repeat(REPEATS, || plan_all(&self.templates));
            let note = format!("{} jobs", plan_all(&self.templates).len());
            table.row("plan", &times, &note);
        }
        if args.wants("in process") || args.wants("judge") {
            self.in_process(table);
        }
        let mut results = Vec::new();
        for role in [Role::Responder, Role::Initiator] {
            for protocol in RpcProtocol::ALL {
                let name = format!("case {role} {protocol}");
                if !args.wants(&name) && !args.wants("report") {
                    continue;
                }
                let played = self.over_sockets(role, protocol).await;
                let times = Times::of(played.iter().map(|result| result.duration).collect());
                let note = format!("{} cases over sockets, both sides' work", times.count());
                table.row(&name, &times, &note);
                results.extend(played);
            }
        }
        if args.wants("report") {
            report_all(&results, table);
        }
        for profile in ["smoke", "full"] {
            let name = format!("run {profile}");
            if args.wants(&name) {
                whole_run(&name, profile, table);
            }
        }
    }

    /// Without sockets: both sides, ours alone with the answers that the peer gave, and what judging takes.
    fn in_process(&self, table: &mut Table) {
        let [mut both, mut ours, mut judged] = [const { Vec::new() }; 3];
        for Job {
            scenario, protocol, ..
        } in &self.jobs
        {
            let began = Instant::now();
            let played = playing::play(scenario, *protocol, SEED);
            both.push(began.elapsed());
            let began = Instant::now();
            let differs = playing::replay(scenario, *protocol, SEED, &played.calls);
            ours.push(began.elapsed());
            assert!(differs.is_none(), "{}: other bytes", scenario.id);
            let began = Instant::now();
            std::hint::black_box(judge(scenario, &played.trace));
            judged.push(began.elapsed());
        }
        let count = self.jobs.len();
        let note = format!("{count} cases, no sockets");
        table.row("case in process", &Times::of(both), &note);
        let note = "our side alone, the peer's answers given";
        table.row("case in process, ours", &Times::of(ours), note);
        table.row("judge", &Times::of(judged), "a case");
    }

    /// One after the other, so that no case waits for another's work.
    async fn over_sockets(&self, role: Role, protocol: RpcProtocol) -> Vec<CaseResult> {
        let jobs = self.jobs.iter();
        let jobs: Vec<&Job> = jobs
            .filter(|job| job.scenario.role == role && job.protocol == protocol)
            .collect();
        let provision = Provision::for_cases(jobs.iter().map(|job| &*job.scenario));
        let reference = start_reference(&provision).await.unwrap();
        let caller = Caller::Reference(Box::default());
        let switchboard = Switchboard::open("127.0.0.1:0", caller).await.unwrap();
        let options = RunOptions {
            url: reference.url,
            switchboard: Some(Arc::new(switchboard)),
            looks: reference.looks,
            ..RunOptions::new(SEED, Level::Deployed)
        };
        let patience = Patience::from_round_trip(Duration::ZERO);
        let mut results = Vec::new();
        for job in jobs {
            let result = runner::play(job.clone(), &options, patience).await;
            let id = &result.scenario.id;
            match result.outcome {
                Outcome::Passed => results.push(result),
                Outcome::Skipped => {}
                other => panic!("{id}: {}, which times nothing", other.name()),
            }
        }
        results
    }
}

fn load() -> Vec<CaseTemplate> {
    load_catalogue().unwrap_or_else(|errors| panic!("{}", errors[0].render()))
}

fn plan_all(templates: &[CaseTemplate]) -> Vec<Job> {
    let selection = Selection {
        profile: Profile::Standard,
        ..Selection::default()
    };
    [Role::Responder, Role::Initiator]
        .into_iter()
        .flat_map(|role| plan(templates, &selection, role, &RpcProtocol::ALL))
        .collect()
}

fn report_all(results: &[CaseResult], table: &mut Table) {
    let target = TargetLine {
        kind: "reference",
        name: None,
        version: None,
        url: "the reference".to_owned(),
        protocols: RpcProtocol::ALL.to_vec(),
    };
    let run = Run {
        results,
        target: &target,
        label: None,
        seed: SEED,
        duration: Duration::ZERO,
        phases: Phases::default(),
        began: SystemTime::UNIX_EPOCH,
        not_played: None,
    };
    let note = format!("of {} cases", results.len());
    let json = || format!("{:#}", json!(Report::of(&run)));
    table.row("report json", &Times::repeat(REPEATS, json), &note);
    let html = || html::page(&run);
    table.row("report html", &Times::repeat(REPEATS, html), &note);
    let junit = || junit::xml(&run).unwrap();
    table.row("report junit", &Times::repeat(REPEATS, junit), &note);
    let markdown = || markdown::summary(&run);
    table.row("report md", &Times::repeat(REPEATS, markdown), &note);
}

/// The program itself, against the reference, both roles and protocols.
fn whole_run(name: &str, profile: &str, table: &mut Table) {
    let mut cases = 0;
    let mut times = Vec::new();
    for _ in 0..REPEATS {
        let began = Instant::now();
        let run = Command::new(env!("CARGO_BIN_EXE_syncspec"))
            .args(["run", "--profile", profile, "--seed", "1"])
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        times.push(began.elapsed());
        assert!(run.status.success(), "the run is red");
        let text = String::from_utf8_lossy(&run.stdout);
        // One line for each case, as it ends.
        cases = text.lines().filter(|line| line.starts_with("ok ")).count();
    }
    let times = Times::of(times);
    let each = times.median() / cases.max(1) as f64;
    let note = format!("{cases} cases, {each:.2} ms a case");
    table.row(name, &times, &note);
}
