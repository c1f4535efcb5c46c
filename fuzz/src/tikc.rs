//! What the fuzz targets of mp-tikc check, as plain functions of bytes. `mp-tikc/tests/corpus.rs` includes this file and
//! gives them what lies under `corpus/`, so nothing here knows libFuzzer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use mp_proto::codec::storable::{Field, FieldsWriter, ThawLimits, fields, freeze, thaw};
use mp_proto::{Nonce, Protocol, Secret, Text, TlsBinding};
use mp_tikc::exchange::{Event, Exchange, ExchangeConfig};
use mp_tikc::frame::{FrameReader, write_frame};
use mp_tikc::packet::{Packet, Route};
use mp_tikc::router::{Effect, LinkId, Router, Way};
use mp_tikc::{KernelId, Peer, Role, TikcLimits, Value};

/// The longest frame in these worlds.
const MAX_FRAME: usize = 1 << 16;

/// Any bytes are read or refused, in the same way however they are cut; what was read is written and read again.
pub fn tikc_frame(data: &[u8]) {
    let cut = |step: usize| {
        let (reader, mut input, mut images) = (FrameReader::new(MAX_FRAME), BytesMut::new(), Vec::new());
        for piece in data.chunks(step.max(1)) {
            input.extend_from_slice(piece);
            loop {
                match reader.next(&mut input) {
                    Ok(Some(image)) => images.push(image),
                    Ok(None) => break,
                    Err(error) => return (images, Some(error)),
                }
            }
        }
        (images, None)
    };
    let whole = cut(data.len());
    for step in [1, 3, 17] {
        assert_eq!(cut(step), whole);
    }
    for image in whole.0 {
        let mut out = BytesMut::new();
        write_frame(&image.bytes, true, &mut out);
        let again = FrameReader::new(usize::MAX).next(&mut out);
        assert_eq!(again.map(|image| image.map(|image| image.bytes)), Ok(Some(image.bytes)));
    }
}

/// Any image is read or refused; what was read is written and read again, and the fields of a hash are what it has.
pub fn tikc_storable(data: &[u8]) {
    let limits = ThawLimits::default();
    let value = thaw(data, &limits);
    let mut lists = BTreeMap::new();
    let whole = fields(data, &limits, |key, field| {
        let list = match field {
            Field::List(span) => Some(span.list_of(&Bytes::copy_from_slice(data))),
            _ => None,
        };
        lists.insert(key.to_owned(), list);
    });
    let Ok(value) = value else {
        assert!(!whole, "what is not sound is not read in parts");
        return;
    };
    // What is deeper can be read, but Perl could not write it.
    let Ok(image) = freeze(&value) else { return };
    assert_eq!(thaw(&image, &limits).as_ref().map(told), Ok(told(&value)));
    if whole {
        let map = value.as_map().expect("only a hash has fields");
        assert_eq!(map.len(), lists.len());
        for (key, list) in lists {
            let Some(list) = list else { continue };
            let values = list.to_message().expect("it was checked").into_values();
            assert_eq!(map.get(&key), Some(&Value::List(values)));
            let mut again = BytesMut::new();
            FieldsWriter::new(&mut again, 1).frozen("list", &list);
            assert!(thaw(&again, &limits).is_ok());
        }
    }
}

/// What a value says: numbers and truth values may come back as strings `[ST-21]` `[ST-22]`.
fn told(value: &Value) -> String {
    match value {
        Value::List(items) => format!("[{}]", items.iter().map(told).collect::<Vec<_>>().join(",")),
        Value::Map(map) => {
            let mut entries: Vec<_> =
                map.iter().map(|(key, value)| format!("{key:?}:{}", told(value))).collect();
            entries.sort();
            format!("{{{}}}", entries.join(","))
        }
        Value::Bool(true) => "number".to_owned(),
        Value::Bool(false) => "\"\"".to_owned(),
        Value::Float(_) => "number".to_owned(),
        other => match other.as_str() {
            Some(text) if text.parse::<f64>().is_ok() => "number".to_owned(),
            Some(text) => format!("{text:?}"),
            None if matches!(other, Value::Null) => "null".to_owned(),
            None => "number".to_owned(),
        },
    }
}

/// Operations on an exchange and on a router: the first never panics nor grows without bound, and the second has told each
/// link exactly what follows from its table.
pub fn tikc_exchange(data: &[u8]) {
    exchange(data);
    router(data);
}

fn exchange(data: &[u8]) {
    let Some((&flags, data)) = data.split_first() else {
        return;
    };
    let mut limits = TikcLimits::default();
    limits.max_frame = MAX_FRAME;
    let config = ExchangeConfig {
        role: if flags & 1 == 0 { Role::Server } else { Role::Client },
        kernel: KernelId::new([1; 16]),
        client: u32::from(flags & 1),
        nonce: Nonce::new([2; Nonce::LEN]),
        secret: (flags & 2 != 0).then(|| Secret::from_text("s").expect("a secret")),
        plain: flags & 4 != 0,
        tls: flags & 16 != 0,
        compress: flags & 8 != 0,
        limits,
    };
    let mut now = start();
    let mut exchange = Exchange::new(config, vec![Route::from("own")], now);
    let (mut input, mut out) = (BytesMut::new(), BytesMut::new());
    for piece in data.chunks(64) {
        input.extend_from_slice(piece);
        if exchange.handle_bytes(now, &mut input).is_err() {
            return;
        }
        while let Some(event) = exchange.poll_event() {
            // TLS stands at once; what would go through it are the same bytes.
            if event == Event::Secure && exchange.secured(TlsBinding::new([3; TlsBinding::LEN])).is_err() {
                return;
            }
        }
        now += Duration::from_secs(u64::from(flags >> 5));
        if exchange.handle_timeout(now).is_err() {
            return;
        }
        exchange.poll_transmit(now, &mut out);
        assert!(out.len() < 1 << 20, "one answers a setup and a proof, and compression, once");
    }
}

/// A network of up to eight links and eight aliases.
fn router(data: &[u8]) {
    let me = KernelId::new([0; 16]);
    let mut router = Router::new(me, TikcLimits::default());
    let mut told: BTreeMap<LinkId, BTreeSet<Text>> = BTreeMap::new();
    let mut perl = BTreeSet::new();
    for operation in data.chunks_exact(2) {
        let [what, who] = [operation[0], operation[1]];
        let (link, alias) = (LinkId(u64::from(who & 7)), Text::from(format!("a{}", who >> 3 & 7)));
        match what % 7 {
            0 if !told.contains_key(&link) => {
                let first = router.connect(link, true).into_iter().map(|route| route.alias).collect();
                told.insert(link, first);
            }
            1 if told.contains_key(&link) && router.peer(link).is_none() => {
                let kernel = KernelId::new([what >> 4 | 1; 16]);
                let own = Peer::Own { kernel, client: 0, proven: what & 8 != 0 };
                let peer = if what & 128 == 0 { Peer::Poe } else { own };
                if peer == Peer::Poe {
                    perl.insert(link);
                } else if what & 8 != 0 {
                    // What was told before a proof does not count.
                    told.insert(link, BTreeSet::new());
                }
                router.open(link, peer);
            }
            2 => {
                let via = if what & 64 == 0 { vec![] } else { vec![KernelId::new([what >> 4; 16])] };
                router.setup(link, vec![Route { alias, via, foreign: what & 128 != 0 }]);
            }
            3 => router.remove(link, &[alias]),
            4 => {
                router.lost(link);
                told.remove(&link);
                perl.remove(&link);
            }
            5 => drop(router.take(&alias)),
            _ => router.leave(&alias),
        }
        while let Some(effect) = router.poll_effect() {
            let Effect::Tell(link, packet) = effect else {
                continue;
            };
            let Some(known) = told.get_mut(&link) else {
                panic!("a link that is not there is told something")
            };
            match packet {
                Packet::Setup { aliases, .. } => known.extend(aliases.into_iter().map(|route| route.alias)),
                Packet::Remove { aliases } => {
                    for alias in aliases {
                        assert!(known.remove(&alias), "what was not told is not taken back");
                    }
                }
                _ => {}
            }
        }
        for (link, known) in &told {
            let other = |(alias, way): (&Text, Way)| (way != Way::Link(*link)).then(|| alias.clone());
            let reached: BTreeSet<Text> = router.aliases().filter_map(other).collect();
            assert!(known.is_subset(&reached), "{known:?} was told, {reached:?} is true");
            assert!(!perl.contains(link) || *known == reached, "{known:?} was told, {reached:?} is true");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a virtual clock has to begin somewhere")]
fn start() -> Instant {
    Instant::now()
}
