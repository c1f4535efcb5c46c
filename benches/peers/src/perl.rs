//! Perl's AnyEvent::MP: two nodes of it, with its write batching, in the framing that they agree on. The program that they
//! run is `perl/aemp.pl`.

use std::hash::{BuildHasher, RandomState};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use async_trait::async_trait;
use mp_bench::contest::{Contest, Contestant, throughput};
use mp_bench::figures::Figure;
use mp_bench::messages::Traffic;
use mp_bench::tally::Tally;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

pub(crate) const PEER: &str = "perl-aemp";
const PROGRAM: &str = include_str!("../perl/aemp.pl");

/// What is missing, if something is.
pub(crate) fn missing() -> Option<&'static str> {
    perl_version().err().map(|_| {
        "Perl's AnyEvent::MP is missing, and Debian has no package of it: \
         apt-get install perl libanyevent-perl libev-perl libjson-xs-perl libcbor-xs-perl libdigest-hmac-perl \
         libdigest-sha3-perl, then cpan AnyEvent::MP"
    })
}

pub(crate) fn version() -> String {
    format!("Perl's AEMP: AnyEvent::MP {}", perl_version().unwrap_or_default())
}

fn perl_version() -> anyhow::Result<String> {
    let mut perl = std::process::Command::new("perl");
    let said = perl.args(["-MAnyEvent::MP", "-e", "print AnyEvent::MP->VERSION, ', Perl ', $^V"]).output()?;
    ensure!(said.status.success(), "it cannot be loaded");
    Ok(String::from_utf8(said.stdout)?)
}

/// Takes part in W8.
pub(crate) async fn join(
    contest: Contest,
    workload: &'static str,
    payload: usize,
) -> anyhow::Result<Contest> {
    if workload != "W8" {
        return Ok(contest);
    }
    let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let secret = format!("{:016x}", RandomState::new().hash_one(0));
    let mut receiver = Script::start(&["receive", &address, &secret])?;
    let port = receiver.line().await?;
    let mut sender = Script::start(&["send", &address, &secret, &port, &payload.to_string()])?;
    ensure!(sender.line().await? == "ready", "Perl's nodes do not connect");
    Ok(contest.with(PEER, Perl { sender, payload: Traffic::payload(payload), _receiver: receiver }))
}

/// One of the two; it ends when this is dropped.
struct Script {
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    _child: Child,
}

impl Script {
    fn start(words: &[&str]) -> anyhow::Result<Self> {
        let mut perl = Command::new("perl");
        perl.args(["-e", PROGRAM])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = perl.spawn().context("cannot start perl")?;
        let stdin = child.stdin.take().context("its stdin is a pipe")?;
        let stdout = BufReader::new(child.stdout.take().context("its stdout is a pipe")?);
        Ok(Self { stdin, stdout, _child: child })
    }

    async fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        self.stdout.read_line(&mut line).await?;
        ensure!(!line.is_empty(), "the Perl program ended");
        Ok(line.trim_end().to_owned())
    }
}

struct Perl {
    sender: Script,
    payload: Vec<u8>,
    _receiver: Script,
}

#[async_trait]
impl Contestant for Perl {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        self.sender.stdin.write_all(format!("{}\n", time.as_secs_f64()).as_bytes()).await?;
        let line = self.sender.line().await?;
        let words: Vec<&str> = line.split(' ').collect();
        let [sent, count, sum, took] = words[..] else { anyhow::bail!("perl said {line}") };
        let (sent, got) = (sent.parse()?, Tally { count: count.parse()?, sum: sum.parse()? });
        ensure!(got == Tally::of(sent, &self.payload), "{sent} were sent, and {got:?} received");
        Ok(throughput(sent, self.payload.len(), Duration::from_secs_f64(took.parse()?)))
    }
}
