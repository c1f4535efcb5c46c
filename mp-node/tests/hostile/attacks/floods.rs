//! By too much of what one of is allowed.

use mp_node::Framing;

use super::Case;
use crate::peer::Member;

/// What is written at once.
const PIECE: usize = 256 * 1024;

/// Says something so many times, until the connection ends; whether it stood to the end.
async fn repeat(member: &mut Member, count: usize, mut say: impl FnMut(&mut Member, usize)) -> bool {
    for number in 0..count {
        say(member, number);
        if member.waiting() > PIECE && member.flush().await.is_err() {
            return false;
        }
    }
    member.flush().await.is_ok()
}

/// The node is there for this member still, and has seen all that it sent.
async fn settled(member: &mut Member, name: &str) {
    settled_by(member, name, "heard").await;
}

/// The same, by a word that it has not said before.
async fn settled_by(member: &mut Member, name: &str, word: &str) {
    member.say("", ("snd", format!("{name}#p"), word));
    member.flush().await.expect("open");
    member.hears(word).await;
}

pub(crate) const MONITORS: Case = Case {
    name: "flood of monitors",
    limits: "monitors_per_peer=100000",
    tried: "100,000 of ports that are not there; 100,000 of one port, which is the bound, and one more",
    gets: "`no_such_port` for each that is not there; the end for one too many",
    bound: 64,
    attack: |victim| {
        Box::pin(async move {
            let mut member = Member::join(&victim.addr, "watcher", Framing::Postcard).await;
            // Who asks faster than it reads the answers is given up, which is another case.
            for part in 0..10 {
                let ghosts = repeat(&mut member, 10_000, |member, number| {
                    member.say("", ("mon1", format!("ghost{part}-{number}")));
                });
                assert!(ghosts.await);
                settled_by(&mut member, "watcher", &format!("heard-{part}-")).await;
            }
            let watch = |member: &mut Member, _| member.say("", ("mon1", victim.echo.name()));
            assert!(repeat(&mut member, 100_000, watch).await);
            settled(&mut member, "watcher").await;
            repeat(&mut member, 1, watch).await;
            member.end().await;
        })
    },
};

pub(crate) const SPAWNS: Case = Case {
    name: "flood of spawns",
    limits: "ports=5000",
    tried: "100,000 of a function that is not there, 20,000 of one that is; `ports` is 5,000",
    gets: "`spawn_failed` to those who monitor what was refused",
    bound: 48,
    attack: |victim| {
        Box::pin(async move {
            let mut member = Member::join(&victim.addr, "spawner", Framing::Postcard).await;
            let spawns = repeat(&mut member, 120_000, |member, number| {
                let function = if number % 6 == 0 { "sleep" } else { "POSIX::_exit" };
                member.say("", ("AnyEvent::MP::_spawn", format!("spawned{number}"), function));
            });
            assert!(spawns.await);
            member.say("", ("mon1", "spawned119999"));
            settled(&mut member, "spawner").await;
            member.hears("spawn_failed").await;
        })
    },
};

pub(crate) const REQUESTS: Case = Case {
    name: "flood of requests",
    limits: "",
    tried: "100,000 unknown ones and as many `eval`, `lookup`, `can`, and registry requests, with words of 1 KB",
    gets: "answers, or nothing; the log has one line",
    bound: 48,
    attack: |victim| {
        Box::pin(async move {
            let mut member = Member::join(&victim.addr, "asker", Framing::Cbor).await;
            let long = "x".repeat(1000);
            let asked = repeat(&mut member, 100_000, |member, number| {
                member.say("", (format!("{number}{long}"), 1));
                member.say("", ("eval", &long));
                member.say("", ("lookup", format!("{number}{long}"), "asker#p"));
                member.say("", ("can", &long, "asker#p"));
                member.say("", ("g_set", [(&long, 1)]));
            });
            assert!(asked.await);
            settled(&mut member, "asker").await;
        })
    },
};

pub(crate) const NODES: Case = Case {
    name: "messages to be passed on to nodes that are not there",
    limits: "peers=1000",
    tried: "100,000 names; `peers` is 1,000",
    gets: "nothing: what cannot be passed on is dropped",
    bound: 64,
    attack: |victim| {
        Box::pin(async move {
            let mut member = Member::join(&victim.addr, "relayed", Framing::Postcard).await;
            let passed = repeat(&mut member, 100_000, |member, number| {
                member.say("", ("snd", format!("nobody{number}#p"), "x"));
            });
            assert!(passed.await);
            settled(&mut member, "relayed").await;
        })
    },
};

pub(crate) const MAILBOX: Case = Case {
    name: "a port that never reads",
    limits: "mailbox_patience=1000",
    tried: "a million messages of 20 bytes, and a thousand of 100 KB",
    gets: "is not read while the mailbox is full; then the port is dead",
    bound: 140,
    attack: |victim| {
        Box::pin(async move {
            let mut member = Member::join(&victim.addr, "pusher", Framing::Postcard).await;
            let stuck = victim.stuck.name();
            assert!(repeat(&mut member, 1000, |member, _| member.say(stuck, "x".repeat(100_000))).await);
            assert!(repeat(&mut member, 1_000_000, |member, number| member.say(stuck, number)).await);
            settled(&mut member, "pusher").await;
        })
    },
};

pub(crate) const NEVER_READS: Case = Case {
    name: "a peer that never reads",
    limits: "mailbox_patience=1000 monitor_timeout=1000",
    tried: "500,000 questions with 1 KB to be given back",
    gets: "is not read when 16 MiB (`outbox_bytes`) wait for it; then the end",
    bound: 64,
    attack: |victim| {
        Box::pin(async move {
            let mut member = Member::join_deaf(&victim.addr, "deaf", Framing::Postcard).await;
            let extra = "x".repeat(1000);
            let asked = repeat(&mut member, 500_000, |member, _| member.say("", ("time", "deaf#p", &extra)));
            assert!(!asked.await, "who never reads is given up");
        })
    },
};
