//! One campaign, from the peer's first contact to an exit code.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use syncspec::{
    actor::Patience,
    campaign::{
        Campaign, Dice, Memory,
        variation::{Base, Search, Stock, grounds},
    },
    model::{self, load_catalogue},
    rules::Level,
    runner::{
        Peers, RunOptions, Selection,
        campaign::{
            CampaignOptions, Elsewhere, Over, coverage_json, lane_fixtures, play_campaign,
            variations::{Pair, VariationOptions, play_variations},
        },
        plan,
    },
    scenario::model::{Profile, Scenario},
    target::{file::TargetFile, process::Process},
    wire::{Role, RpcProtocol},
};

use super::{FuzzArgs, RoleArg, folder::Folder, some_for_client, teller::Teller};
use crate::cli::{
    doctor, exit, print_errors,
    run::Attached,
    signals::{Signal, Signals},
    tls_roots,
};

/// How long walks of the model go on before variations of the cases have their turn, and those go on twice as long.
const SLICE: Duration = Duration::from_secs(15);

/// Shortest wait for an answer to a variation that has shown nothing yet: one that shows something is played again with
/// the patience of any case.
const HURRIED_ANSWER_MIN: Duration = Duration::from_millis(400);
/// The same before a fence.
const HURRIED_GRACE_MIN: Duration = Duration::from_millis(25);

/// The cases of one role that may be varied, and the grounds beside them, without those that a target is said to lack something for.
pub fn cases(
    role: Role,
    protocols: &[RpcProtocol],
    target: Option<&TargetFile>,
) -> Result<Vec<Base>, u8> {
    let templates = load_catalogue().map_err(|errors| {
        print_errors(&errors);
        exit::SUITE
    })?;
    let selection = Selection {
        profile: Profile::Standard,
        ..Selection::default()
    };
    let jobs = plan(&templates, &selection, role, protocols);
    let grounds = grounds(role, protocols).map_err(|errors| {
        print_errors(&errors);
        exit::SUITE
    })?;
    let mut cases: Vec<Base> = jobs.into_iter().map(Base::from).chain(grounds).collect();
    if let Some(target) = target {
        // What changes a client's configuration makes it dial all its hosts anew.
        cases.retain(|base| {
            let changes_all = role == Role::Initiator && base.scenario.alone;
            !changes_all && target.lacks(&base.scenario.needs()).is_none()
        });
    }
    Ok(cases)
}

/// Plays a campaign in each role that the peer has.
pub async fn play(
    args: &FuzzArgs,
    attached: &Attached,
    seed: u64,
    folder: &Folder,
) -> Result<u8, u8> {
    let reachable = match attached.target() {
        None => vec![Role::Responder, Role::Initiator],
        Some(target) => target.roles(),
    };
    let asked = |role: &Role| match (args.role, role) {
        (None | Some(RoleArg::Both), _) => true,
        (Some(RoleArg::Responder), role) => *role == Role::Responder,
        (Some(RoleArg::Initiator), role) => *role == Role::Initiator,
    };
    let roles: Vec<Role> = reachable.into_iter().filter(asked).collect();
    if roles.is_empty() {
        eprintln!(
            "error: nothing says where such a peer is: give its URL with --target, or an address with --listen"
        );
        return Err(exit::USAGE);
    }
    let stop = Arc::new(AtomicBool::new(false));
    listen_for_the_end(&stop)?;
    let held_to = match args.strict {
        true => Level::Deployed,
        false => Level::Must,
    };
    let mut teller = Teller::new(folder, seed, held_to, args.strict);
    let share = args.time / u32::try_from(roles.len()).unwrap_or(1);
    let mut ended = Ok(());
    for role in roles {
        let one = OneRole {
            args,
            attached,
            seed,
            folder,
            role,
            time: share,
            held_to,
            stop: stop.clone(),
        };
        ended = one.play(&mut teller).await;
        if ended.is_err() || stop.load(Ordering::Relaxed) {
            break;
        }
    }
    teller.finish();
    if let Some(error) = &teller.failed {
        eprintln!("error: {error}");
        return Err(exit::SUITE);
    }
    match ended {
        Err(code) if code != exit::NOT_JUDGED || !teller.red => Err(code),
        _ if teller.red => Ok(exit::BROKEN),
        _ if teller.played == 0 => Ok(exit::NOT_JUDGED),
        _ => Ok(exit::CONFORMS),
    }
}

struct OneRole<'a> {
    args: &'a FuzzArgs,
    attached: &'a Attached,
    seed: u64,
    folder: &'a Folder,
    role: Role,
    time: Duration,
    held_to: Level,
    stop: Arc<AtomicBool>,
}

impl OneRole<'_> {
    async fn play(&self, teller: &mut Teller<'_>) -> Result<(), u8> {
        let args = self.args;
        let protocols = self.attached.protocols(self.role, args.protocol);
        let mut cases = cases(self.role, &protocols, self.attached.target())?;
        let lanes: Vec<Arc<Scenario>> = match self.role {
            Role::Responder => lane_fixtures(args.jobs).into_iter().map(Arc::new).collect(),
            Role::Initiator => Vec::new(),
        };
        if self.role == Role::Initiator && !self.attached.is_started() {
            cases = some_for_client(&cases);
        }
        let all = cases.iter().map(|base| &*base.scenario);
        let source = self
            .attached
            .source(all.chain(lanes.iter().map(|lane| &**lane)));
        let mut peers = Peers::new(
            source.await.map_err(|why| why.print())?,
            self.attached.look_plan(),
        );
        let run = RunOptions {
            tls_roots: tls_roots(self.attached.tls_ca())?,
            at_once: args.jobs,
            kem_id: args.target.kem_id(self.attached),
            ..RunOptions::new(self.seed, self.held_to)
        };
        let mut pairs = [Pair {
            peer: run.clone(),
            reference: run,
        }];
        let mut presence = Elsewhere {
            peers: &mut peers,
            role: self.role,
            cases: cases.clone(),
            beside: lanes,
            dice: Dice::new(self.seed),
            stop: self.stop.clone(),
            reference_host: None,
        };
        presence.begin(&mut pairs).await.map_err(|why| {
            eprintln!("error: nothing was played: {why}");
            exit::NOT_JUDGED
        })?;
        let name = self.attached.shown();
        let measured = doctor::round_trip(&pairs[0].peer, &name, self.role, &protocols);
        let round_trip = measured.await?;
        let patience = Patience::from_round_trip(round_trip);
        let hurry = Patience {
            answer: HURRIED_ANSWER_MIN.max(round_trip * 20),
            grace: HURRIED_GRACE_MIN.max(round_trip * 4),
        };
        let looks = pairs[0].peer.looks.clone();
        cases.retain(|base| looks.lacks(&base.scenario).is_none());
        let over = self.rounds(
            teller,
            cases,
            &protocols,
            &mut pairs,
            &mut presence,
            (hurry, patience),
        );
        let over = over.await?;
        for note in presence.peers.take_notes() {
            eprintln!("note: {note}");
        }
        presence.peers.stop().await;
        match over {
            Over::Done => Ok(()),
            Over::Broken(message) => {
                eprintln!("error: {message}");
                Err(exit::SUITE)
            }
            Over::PeerGone(why) => {
                eprintln!("error: {name} has ended and does not come back: {why}");
                Err(exit::NOT_JUDGED)
            }
        }
    }

    /// Walks and variations in turn, until the time is up.
    async fn rounds(
        &self,
        teller: &mut Teller<'_>,
        cases: Vec<Base>,
        protocols: &[RpcProtocol],
        pairs: &mut [Pair],
        presence: &mut Elsewhere<'_>,
        (hurry, patience): (Patience, Patience),
    ) -> Result<Over, u8> {
        let (of, shards) = self.args.shard.unwrap_or((1, 1));
        let seed = self.seed.wrapping_mul(shards).wrapping_add(of - 1);
        let known = self.folder.dialogues(self.args.shard)?;
        let varied = self.folder.variations(self.args.shard)?;
        println!(
            "fuzzing {} as a {} for {} s, seed {}, {} dialogues to go on from",
            self.attached.shown(),
            self.role,
            self.time.as_secs(),
            self.seed,
            known.len() + varied.len()
        );
        let mut walks = Campaign::new(seed, known);
        let mut search = Search::new(seed, Arc::new(Stock::new(self.role, cases)), varied);
        let mut visited = model::Coverage::default();
        let started = Instant::now();
        let left = || self.time.saturating_sub(started.elapsed());
        let plays_left = |teller: &Teller<'_>| {
            let max = self.args.plays;
            max.map(|max| max.saturating_sub(teller.played))
        };
        let mut over = Over::Done;
        let mut held = Held::default();
        while !left().is_zero()
            && plays_left(teller) != Some(0)
            && !self.stop.load(Ordering::Relaxed)
            && matches!(over, Over::Done)
        {
            if self.role == Role::Responder {
                let walking = CampaignOptions {
                    protocols: protocols.to_vec(),
                    lanes: self.args.jobs,
                    time: left().min(SLICE),
                    plays_max: plays_left(teller).map(|left| walks.played_count() + left),
                    stop: self.stop.clone(),
                };
                let mut tell = |news: syncspec::runner::campaign::News<'_>| teller.tell(&news);
                over =
                    play_campaign(&mut walks, pairs, presence, &walking, patience, &mut tell).await;
                held.look(presence.peers, teller.played);
                if !matches!(over, Over::Done) || left().is_zero() {
                    break;
                }
            }
            let varying = VariationOptions {
                lanes: self.args.jobs,
                time: left().min(SLICE * 2),
                plays_max: plays_left(teller).map(|left| search.played_count() + left),
                patience: hurry,
                sure: patience,
                first_only: false,
                stop: self.stop.clone(),
            };
            let mut tell = |tidings: syncspec::runner::campaign::variations::Tidings<'_>| {
                teller.tell_of_variations(&tidings, &mut visited);
            };
            over = play_variations(&mut search, pairs, presence, &varying, &mut tell).await;
            held.look(presence.peers, teller.played);
        }
        if let Some(bytes) = held.bytes {
            teller.say_memory(bytes, held.memory.growth());
        }
        let json = coverage_json(&walks, self.role, &visited);
        let name = format!("coverage-{}.json", self.role);
        self.folder.write(&name, &format!("{json:#}\n"))?;
        teller.say_coverage(self.role, &visited);
        Ok(over)
    }
}

/// What the peer holds that a command started, between two rounds.
#[derive(Default)]
struct Held {
    // Who holds it keeps it from being started anew.
    process: Weak<Process>,
    memory: Memory,
    bytes: Option<u64>,
}

impl Held {
    fn look(&mut self, peers: &Peers, played: u64) {
        let Some(process) = peers.process() else {
            return;
        };
        let same = Arc::downgrade(&process);
        if !self.process.ptr_eq(&same) {
            self.memory.begin_anew();
            self.process = same;
        }
        self.bytes = process.memory_bytes();
        if let Some(bytes) = self.bytes {
            self.memory.look(played, bytes);
        }
    }
}

fn listen_for_the_end(stop: &Arc<AtomicBool>) -> Result<(), u8> {
    let mut signals = Signals::new()?;
    let stop = stop.clone();
    tokio::spawn(async move {
        while !matches!(signals.next().await, Signal::Leave) {}
        stop.store(true, Ordering::Relaxed);
    });
    Ok(())
}
