//! By messages of those who are let in.

use mp_node::{Framing, Value};

use super::Case;
use crate::peer::Member;

/// Lengths without the bytes, for each framing.
pub(crate) const BOMBS: [(Framing, &[u8]); 9] = [
    (Framing::Cbor, b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff"),
    (Framing::Cbor, b"\x82\x61p\x5b\x7f\xff\xff\xff\xff\xff\xff\xff"),
    (Framing::Cbor, b"\x82\x61p\xbb\x00\x00\x00\x00\x10\x00\x00\x00"),
    (Framing::Cbor, b"\x82\x61p\x9b\x7f\xff\xff\xff\xff\xff\xff\xff"),
    (Framing::Postcard, b"\xff\xff\xff\xff\x07\x02"),
    (Framing::Postcard, b"\x0a\0\0\0\x07\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
    (Framing::Postcard, b"\x0c\0\0\0\x07\x02\x05\x01p\x06\xff\xff\xff\xff\xff\x0f"),
    (Framing::Json, b"[\"p\",1e999999999]"),
    (Framing::Json, b"[\"p\",\"\\ud800\"]"),
];

pub(crate) const LENGTH_BOMBS: Case = Case {
    name: "length bombs",
    limits: "",
    tried: "9 kinds, in each framing, 50 of each",
    gets: "the end: a length allocates nothing",
    bound: 8,
    attack: |victim| {
        Box::pin(async move {
            for (kind, (framing, bomb)) in BOMBS.into_iter().enumerate() {
                for number in 0..50 {
                    let name = format!("bomber{kind}-{number}");
                    let mut member = Member::join(&victim.addr, &name, framing).await;
                    drop(member.write(bomb).await);
                    member.end().await;
                }
            }
        })
    },
};

pub(crate) const ENDLESS_MESSAGE: Case = Case {
    name: "endless message",
    limits: "max_message=4194304",
    tried: "5 members at a time, 8 MiB of one JSON text each; `max_message` is 4 MiB",
    gets: "the end after `max_message` bytes; so much is held for each of them",
    bound: 64,
    attack: |victim| {
        Box::pin(async move {
            let mut members = Vec::new();
            for number in 0..5 {
                let mut member = Member::join(&victim.addr, &format!("endless{number}"), Framing::Json).await;
                member.write(b"[\"ghost\",\"").await.expect("open");
                members.push(member);
            }
            let piece = vec![b'x'; 1 << 18];
            for _ in 0..32 {
                for member in &mut members {
                    drop(member.write(&piece).await);
                }
            }
            for member in &mut members {
                member.end().await;
            }
        })
    },
};

pub(crate) const DEEP_NESTING: Case = Case {
    name: "deep nesting",
    limits: "",
    tried: "a million levels, in each framing, 5 times",
    gets: "the end at the 513th level",
    bound: 16,
    attack: |victim| {
        Box::pin(async move {
            const LEVELS: usize = 1_000_000;
            let len = u32::try_from(2 * LEVELS).expect("it fits");
            let bombs = [
                (Framing::Json, vec![b'['; LEVELS]),
                (Framing::Json, b"[\"p\",".iter().copied().chain(b"{\"\":".repeat(LEVELS)).collect()),
                (Framing::Cbor, vec![0x81; LEVELS]),
                (Framing::Cbor, vec![0x9f; LEVELS]),
                (Framing::Postcard, [&len.to_le_bytes()[..], &b"\x07\x01".repeat(LEVELS)].concat()),
            ];
            for (kind, (framing, bomb)) in bombs.iter().enumerate() {
                for number in 0..5 {
                    let name = format!("deep{kind}-{number}");
                    let mut member = Member::join(&victim.addr, &name, *framing).await;
                    drop(member.write(bomb).await);
                    member.end().await;
                }
            }
        })
    },
};

/// Read as values, what is one or two bytes on the wire is 40 in memory. `[FR-19]`
pub(crate) const VALUES: Case = Case {
    name: "millions of small values",
    limits: "max_values=100000 max_message=16777216",
    tried: "10 members, 8 million zeros each, and 20 messages of 100,000; `max_values` is 100,000",
    gets: "the end for one value too many",
    bound: 80,
    attack: |victim| {
        Box::pin(async move {
            let zeros = format!("[\"{}\",{}0]", victim.values.name(), "0,".repeat(8_000_000));
            let most: Vec<Value> = vec![Value::from(0); 99_999];
            for number in 0..10 {
                let mut member = Member::join(&victim.addr, &format!("zeros{number}"), Framing::Json).await;
                for _ in 0..2 {
                    member.say(victim.values.name(), &most);
                    member.flush().await.expect("that many are allowed");
                }
                member.say("", ("time", "zeros#p"));
                member.say("", ("snd", format!("zeros{number}#p"), "heard"));
                member.flush().await.expect("open");
                member.hears("heard").await;
                drop(member.write(zeros.as_bytes()).await);
                member.end().await;
            }
        })
    },
};

/// A small message that waits must not keep alive what was read with it. `[ND-24]`
pub(crate) const PINNED: Case = Case {
    name: "small messages that wait, among large ones that do not",
    limits: "",
    tried: "1,500 of 20 bytes to a port that never reads, each among 200 KB for none; 3 among 60 MB each",
    gets: "nothing: memory is for what waits alone",
    bound: 150,
    attack: |victim| {
        Box::pin(async move {
            let mut member = Member::join(&victim.addr, "pins", Framing::Postcard).await;
            for junk in std::iter::repeat_n(200_000, 1500).chain([60_000_000; 3]) {
                member.say("ghost", "x".repeat(junk));
                member.say(victim.stuck.name(), 1);
                member.flush().await.expect("open");
            }
            member.say("", ("snd", "pins#p", "heard"));
            member.flush().await.expect("open");
            member.hears("heard").await;
        })
    },
};
