//! By those who do not know the secret.

use std::time::Duration;

use mp_node::{Addr, Framing};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Case;
use crate::honest::soon;
use crate::peer::{Member, lines, rest, stranger};
use crate::victim::Crowd;

/// No byte moves the deadline.
pub(crate) const SLOW_LORIS: Case = Case {
    name: "slow greeting",
    limits: "handshake_time=1500",
    tried: "200 connections, a byte each 50 ms",
    gets: "its deadline (`handshake_time`), whatever it sends",
    bound: 16,
    attack: |victim| {
        Box::pin(async move {
            let mut all = Vec::new();
            for _ in 0..200 {
                all.push(stranger(&victim.addr).await);
            }
            let mut greeting = b"aemp;1;loris;hmac_sha3_512;json;".iter().chain(std::iter::repeat(&b'x'));
            while let Some(byte) = greeting.next()
                && !all.is_empty()
            {
                let mut standing = Vec::new();
                for mut one in all {
                    // Closed, it is readable and has an end.
                    let sent = one.write_all(&[*byte]).await.is_ok();
                    let mut greeted = [0; 4096];
                    let open = !matches!(one.try_read(&mut greeted), Ok(0));
                    if sent && open {
                        standing.push(one);
                    }
                }
                all = standing;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
    },
};

pub(crate) const ENDLESS_LINE: Case = Case {
    name: "endless line",
    limits: "",
    tried: "200 connections, 1 MiB without a line's end",
    gets: "the end after 4,096 bytes",
    bound: 8,
    attack: |victim| {
        Box::pin(async move {
            let line = [b"aemp;1;endless;".to_vec(), vec![b'x'; 1 << 20]].concat();
            for _ in 0..200 {
                let mut one = stranger(&victim.addr).await;
                drop(one.write_all(&line).await);
                rest(&mut one).await;
            }
        })
    },
};

pub(crate) const HALF_OPEN: Case = Case {
    name: "half-open connections",
    limits: "",
    tried: "5,000 at a time",
    gets: "beyond 256 (`handshakes`) the oldest is closed, the others at their deadline",
    bound: 32,
    attack: |victim| {
        Box::pin(async move {
            let addr = victim.addr.clone();
            let crowd =
                tokio::task::spawn_blocking(move || Crowd::open(&addr, 5)).await.expect("they connect");
            for _ in 0..20 {
                let files = victim.files();
                assert!(files < 256 + 256, "{files} open files");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            drop(crowd);
        })
    },
};

/// What others than nodes begin with, and what they are called.
pub(crate) const SPEAKERS: [(&[u8], &str); 7] = [
    (b"GET / HTTP/1.1\r\nHost: victim\r\n\r\n", "an HTTP client"),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "an HTTP/2 client"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "a TLS client"),
    (b"SSH-2.0-OpenSSH_9.9\r\n", "an SSH server or client"),
    (&[0; 64], "a sender of zero bytes"),
    (b"62\0pst0\x05\x0b\x03\0\0\0\x02", "a kernel of POE::TIKC"),
    (b"EHLO example.org\r\n", "a mail client"),
];

pub(crate) const FOREIGN: Case = Case {
    name: "HTTP, TLS, SSH, zeros, …",
    limits: "",
    tried: "7 kinds, 100 connections each",
    gets: "the end at once; the log has one line for each kind that names it",
    bound: 8,
    attack: |victim| {
        Box::pin(async move {
            for (bytes, _) in SPEAKERS {
                for _ in 0..100 {
                    let mut one = stranger(&victim.addr).await;
                    drop(one.write_all(bytes).await);
                    rest(&mut one).await;
                }
            }
        })
    },
};

pub(crate) const REPLAY: Case = Case {
    name: "replayed and reflected handshakes",
    limits: "",
    tried: "200 of each",
    gets: "the end: the nonce is another, and neither side's proof serves the other",
    bound: 8,
    attack: |victim| {
        Box::pin(async move {
            let recorded = recorded(&victim.addr).await;
            for _ in 0..200 {
                let mut one = stranger(&victim.addr).await;
                lines(&mut one).await;
                drop(one.write_all(&recorded).await);
                let told = rest(&mut one).await;
                assert!(
                    !has_proof(&told),
                    "the victim proves itself to nobody before it has been proven to: {told:?}"
                );
                reflect(&victim.addr).await;
            }
        })
    },
};

/// What a member sends to be let in: greeting, nonce, proof, and a message.
async fn recorded(victim: &Addr) -> Vec<u8> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("free");
    let addr = listener.local_addr().expect("bound").to_string().parse().expect("an address");
    let between = async {
        let (mut member, _) = listener.accept().await.expect("somebody dials");
        let (mut reader, mut writer) = member.split();
        let mut real = stranger(victim).await;
        let (mut from_real, mut to_real) = real.split();
        let mut seen = Vec::new();
        let back = tokio::io::copy(&mut from_real, &mut writer);
        let forth = async {
            while seen.iter().filter(|&&byte| byte == b'\n').count() < 3 {
                let before = seen.len();
                assert!(reader.read_buf(&mut seen).await.expect("open") > 0);
                to_real.write_all(&seen[before..]).await.expect("open");
            }
        };
        tokio::select! {
            _ = back => unreachable!("the victim closes it"),
            () = forth => {}
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        seen
    };
    let joining = async {
        let joined = Member::try_join(&addr, "recorded", Framing::Json, None, crate::victim::SECRET).await;
        drop(joined);
        std::future::pending().await
    };
    soon(async {
        tokio::select! {
            seen = between => seen,
            () = joining => unreachable!(),
        }
    })
    .await
}

fn has_proof(told: &[u8]) -> bool {
    told.windows(14).any(|window| window == b"hmac_sha3_512;")
}

/// Says what the victim says: its greeting, or the same under another name; then its proof.
async fn reflect(addr: &Addr) {
    for name in ["victim", "mirror"] {
        let mut one = stranger(addr).await;
        let greeting = String::from_utf8(lines(&mut one).await).expect("ASCII");
        // As a node of another kind, so that the instance does not tell.
        let greeting = greeting.replace(";victim;", &format!(";{name};")).replace(";mp=1", "");
        drop(one.write_all(greeting.as_bytes()).await);
        let told = rest(&mut one).await;
        assert!(!has_proof(&told), "an echo gets no proof that it could send back: {told:?}");
    }
}
