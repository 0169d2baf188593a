//! A process and all its descendants.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::{process::Child, sync::Notify};

/// The group of a process that leads it.
#[derive(Clone, Debug)]
pub struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
    over: Arc<AtomicBool>,
    kill: Arc<Notify>,
}

impl Group {
    /// The group that this process leads.
    pub fn of(child: &Child) -> Group {
        #[cfg(not(unix))]
        let _ = child;
        Group {
            #[cfg(unix)]
            leader: child
                .id()
                .and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?)),
            over: Arc::default(),
            kill: Arc::default(),
        }
    }

    /// Memory that the leader holds, in bytes. Where it has ended, and where the system does not say, none.
    pub fn memory_bytes(&self) -> Option<u64> {
        #[cfg(target_os = "linux")]
        {
            let leader = self.leader?.as_raw_nonzero();
            let status = std::fs::read_to_string(format!("/proc/{leader}/status")).ok()?;
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("VmRSS:"))?;
            let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
            Some(kibibytes * 1024)
        }
        #[cfg(not(target_os = "linux"))]
        None
    }

    /// Asks all of them to leave; where there is no such signal, kills the leader.
    pub fn terminate(&self) {
        #[cfg(unix)]
        self.signal(rustix::process::Signal::TERM);
        #[cfg(not(unix))]
        self.kill();
    }

    /// Kills all of them.
    pub fn kill(&self) {
        #[cfg(unix)]
        self.signal(rustix::process::Signal::KILL);
        self.kill.notify_one();
    }

    /// Comes when [`Group::kill`] was called.
    pub async fn kill_asked(&self) {
        self.kill.notified().await;
    }

    /// The leader has ended: kills those it left behind, and forgets its id, which may soon be another's.
    pub fn end(&self) {
        #[cfg(unix)]
        self.signal(rustix::process::Signal::KILL);
        self.over.store(true, Ordering::SeqCst);
    }

    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) {
        if self.over.load(Ordering::SeqCst) {
            return;
        }
        if let Some(leader) = self.leader {
            // It fails where nobody is left.
            let _ = rustix::process::kill_process_group(leader, signal);
        }
    }
}
