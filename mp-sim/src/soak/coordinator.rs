//! The process that starts, stops and kills the others.

mod directory;
mod ending;
mod stage;

use std::io;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use self::directory::RunDir;
use super::child::{NodeProcess, Program};
use super::control::{ADDRESS_IN_USE, Order, Phase, Settings, limits, name};
use super::fault::{Fault, Faults};
use super::host::{Host, Pause, State};
use super::live::{Live, News};
use super::merge::{COORDINATOR, record_of};
use super::record::{Event, Recorder};
use super::time::RunClock;
use super::{Options, Progress, SoakError, Summary};
use crate::Dice;

/// How often it looks at everything.
const TICK: Duration = Duration::from_millis(20);
/// How often it tells how it goes on.
const TELL: Duration = Duration::from_secs(2);
/// A process must be there, or have ended, within this: far more than it takes on a machine that has time.
const PATIENCE: Duration = Duration::from_secs(30);
/// An address may be taken for a moment by somebody's outgoing connection.
const AGAIN: Duration = Duration::from_millis(200);

/// Runs a soak; `tell` is told every two seconds how it goes on.
///
/// # Errors
///
/// [`SoakError`] says why there is no result. That a guarantee is broken is none: it is in the summary.
///
/// # Cancellation
///
/// Dropping the future ends all processes and removes all files.
pub async fn run(
    options: Options,
    program: Program,
    tell: impl FnMut(&Progress),
) -> Result<Summary, SoakError> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let soak = Box::pin(async move { Coordinator::new(options, program, tell)?.run().await });
    tokio::select! {
        biased;
        _ = interrupt.recv() => Err(SoakError::Interrupted),
        _ = terminate.recv() => Err(SoakError::Interrupted),
        summary = soak => summary,
    }
}

struct Coordinator<T> {
    options: Options,
    program: Program,
    tell: T,
    told: Duration,
    clock: RunClock,
    recorder: Recorder,
    live: Live,
    /// Before the directory: the processes end before their files are removed.
    hosts: Vec<Host>,
    dir: RunDir,
    processes: u32,
    phase: Phase,
    dice: Dice,
    secret: String,
    faults: Faults,
    violations: Vec<String>,
}

impl<T: FnMut(&Progress)> Coordinator<T> {
    fn new(options: Options, program: Program, tell: T) -> io::Result<Self> {
        let dir = RunDir::create()?;
        let clock = RunClock::start();
        let recorder = Recorder::create(&record_of(dir.path(), COORDINATOR), clock.clone())?;
        let mut dice = Dice::stream(options.seed, "soak");
        Ok(Self {
            tell,
            told: Duration::ZERO,
            live: Live::new(dir.path()),
            hosts: (0..options.nodes).map(Host::new).collect(),
            processes: 0,
            phase: Phase::Quiet,
            secret: format!("{:x}{:x}", dice.word(), dice.word()),
            dice,
            faults: Faults::new(),
            violations: Vec::new(),
            options,
            program,
            clock,
            recorder,
            dir,
        })
    }

    /// Waits until something is so, for so long at the most; whether it is. All that goes on goes on meanwhile.
    async fn until(&mut self, limit: Duration, mut is_so: impl FnMut(&mut Self) -> bool) -> io::Result<bool> {
        let begun = self.clock.now();
        loop {
            self.step()?;
            if is_so(self) {
                return Ok(true);
            }
            if self.clock.now() - begun >= limit {
                return Ok(false);
            }
            tokio::time::sleep(TICK).await;
        }
    }

    async fn wait(&mut self, time: Duration) -> io::Result<()> {
        self.until(time, |_| false).await.map(drop)
    }

    fn violation(&mut self, what: String) {
        self.violations.push(what);
    }

    fn tell_all(&mut self, order: &Order) {
        for host in &mut self.hosts {
            host.tell(order);
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.tell_all(&Order::Phase(phase));
    }

    /// One look at everything.
    fn step(&mut self) -> io::Result<()> {
        let running = self.hosts.iter().filter(|host| host.child.is_some()).map(|host| host.process);
        let news = self.live.poll(running)?;
        self.spread(news);
        for index in 0..self.hosts.len() {
            self.look(index)?;
        }
        let elapsed = self.clock.now();
        if elapsed >= self.told + TELL {
            self.told = elapsed;
            (self.tell)(&Progress {
                elapsed,
                up: self.hosts.iter().filter(|host| host.is_up()).count(),
                processes: self.processes,
                faults: self.faults.values().sum(),
                received: self.live.received,
                fired: self.live.monitors_fired,
                violations: self.violations.len() + self.live.violations.len(),
            });
        }
        Ok(())
    }

    /// Passes on what processes have recorded.
    fn spread(&mut self, news: Vec<News>) {
        for news in news {
            let (of, order) = match news {
                News::Up { process, address } => {
                    if let Some(host) = self.hosts.iter_mut().find(|host| host.process == process) {
                        host.state = State::Up;
                        if host.number < self.options.globals {
                            // Others have it for a seed, so it stays there.
                            host.bind = address;
                        }
                    }
                    continue;
                }
                News::Port { process, port, id } => (process, Order::Port { port, id }),
                News::Gone { port } => (COORDINATOR, Order::Gone { port }),
            };
            for host in self.hosts.iter_mut().filter(|host| host.process != of) {
                host.tell(&order);
            }
        }
    }

    /// Looks at one host.
    fn look(&mut self, index: usize) -> io::Result<()> {
        let now = self.clock.now();
        let Some(host) = self.hosts.get_mut(index) else { return Ok(()) };
        if let Some(code) = host.ended()? {
            return self.has_ended(index, code);
        }
        match &host.state {
            State::Down { until: Some(until) } if *until <= now => self.start(index),
            State::Stopped(pause) if pause.until <= now => self.resume(index),
            State::Starting { since } if now > *since + PATIENCE => {
                let what = format!("{} is not there after {PATIENCE:?}", name(host.number));
                self.violation(what);
                self.kill(index, Some(Duration::ZERO))
            }
            State::Leaving { deadline, absent } if now > *deadline => {
                let (what, absent) = (format!("G-9: {} does not end", name(host.number)), *absent);
                self.violation(what);
                self.kill(index, absent)
            }
            _ => Ok(()),
        }
    }

    /// Starts a process.
    fn start(&mut self, index: usize) -> io::Result<()> {
        let globals = self.hosts.iter().filter(|host| host.number < self.options.globals);
        let seeds = globals.map(|host| host.bind.clone()).filter(|bind| !bind.ends_with(":0")).collect();
        self.processes += 1;
        let process = self.processes;
        let Some(host) = self.hosts.get_mut(index) else { return Ok(()) };
        let settings = Settings {
            process,
            host: host.number,
            hosts: self.options.nodes,
            global: host.number < self.options.globals,
            bind: host.bind.clone(),
            seeds,
            secret: self.secret.clone(),
            cert: self.options.cert.clone(),
            seed: self.options.seed,
            wall: self.clock.wall(),
            record: record_of(self.dir.path(), process),
        };
        let path = self.dir.file(process, "json");
        std::fs::write(&path, serde_json::to_vec(&settings)?)?;
        self.recorder.record(&Event::Starts { process, host: host.number });
        let child = NodeProcess::start(&self.program, &path, &self.dir.file(process, "log"))?;
        host.begins(process, child, self.clock.now());
        host.tell(&Order::Phase(self.phase));
        for (port, id) in self.live.others(process) {
            host.tell(&Order::Port { port, id: id.clone() });
        }
        Ok(())
    }

    /// A process has ended by itself.
    fn has_ended(&mut self, index: usize, code: i32) -> io::Result<()> {
        let Some(host) = self.hosts.get(index) else { return Ok(()) };
        let name = name(host.number);
        let absent = match &host.state {
            State::Leaving { absent, .. } if code == 0 => *absent,
            State::Starting { .. } if code == i32::from(ADDRESS_IN_USE) => Some(AGAIN),
            state => {
                let what = format!(
                    "process {} of {name} has ended by itself, with code {code}: {state:?}",
                    host.process
                );
                self.violation(what);
                Some(Duration::ZERO)
            }
        };
        self.is_gone(index, absent)
    }

    /// Kills a process that is not stopped.
    fn kill(&mut self, index: usize, absent: Option<Duration>) -> io::Result<()> {
        let Some(host) = self.hosts.get_mut(index) else { return Ok(()) };
        self.recorder.record(&Event::Kills { process: host.process });
        if let Some(child) = &mut host.child {
            child.kill()?;
        }
        self.is_gone(index, absent)
    }

    fn is_gone(&mut self, index: usize, absent: Option<Duration>) -> io::Result<()> {
        let Some(host) = self.hosts.get_mut(index) else { return Ok(()) };
        self.recorder.record(&Event::Ended { process: host.process });
        host.child = None;
        host.state = State::Down { until: absent.map(|absent| self.clock.now() + absent) };
        let process = host.process;
        let news = self.live.ended(process)?;
        self.spread(news);
        // Its runtime has caught it, and nobody else would know.
        let log = std::fs::read_to_string(self.dir.file(process, "log"))?;
        if let Some(line) = log.lines().find(|line| line.contains(" panicked at ")) {
            self.violation(format!("process {process}: {line}"));
        }
        Ok(())
    }

    /// Lets a process go on, or kills it where it stands.
    fn resume(&mut self, index: usize) -> io::Result<()> {
        let Some(host) = self.hosts.get_mut(index) else { return Ok(()) };
        let State::Stopped(pause) = std::mem::replace(&mut host.state, State::Up) else { return Ok(()) };
        let Pause { stopped, since: [perhaps, surely], killed, .. } = pause;
        let process = host.process;
        let surely = [surely, micros(self.clock.now())];
        let stopped_until =
            |now: Duration| Event::Stopped { process, perhaps: [perhaps, micros(now)], surely };
        if let Some(absent) = killed {
            stopped.forget()?;
            self.recorder.record(&stopped_until(self.clock.now()));
            return self.kill(index, Some(absent));
        }
        drop(stopped);
        self.recorder.record(&stopped_until(self.clock.now()));
        host.goes_on();
        Ok(())
    }

    /// Does something to a process that runs.
    fn strike(&mut self, index: usize, fault: Fault) -> io::Result<()> {
        let now = self.clock.now();
        let Some(host) = self.hosts.get_mut(index) else { return Ok(()) };
        *self.faults.entry(fault.name()).or_default() += 1;
        tracing::info!("{fault:?} at {}", name(host.number));
        let (time, killed) = match fault {
            Fault::Kill { absent } => return self.kill(index, Some(absent)),
            Fault::Terminate { absent } => {
                let deadline = now + limits().drain_time + PATIENCE;
                host.state = State::Leaving { deadline, absent: Some(absent) };
                return host.child.as_ref().map_or(Ok(()), NodeProcess::terminate);
            }
            Fault::Stop { time } => (time, None),
            Fault::StopAndKill { time, absent } => (time, Some(absent)),
        };
        let Some(child) = &host.child else { return Ok(()) };
        let perhaps = micros(self.clock.now());
        let stopped = child.stop()?;
        let surely = self.clock.now();
        let since = [perhaps, micros(surely)];
        host.state = State::Stopped(Pause { stopped, since, until: surely + time, killed });
        Ok(())
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
