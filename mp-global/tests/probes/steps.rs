//! Each step of the recordings of two Perl nodes (`pair`, `global`, `firstjoin`), its frames as they were, in each framing
//! and from either side. What our registry says in these steps stands in `tests/registry/replay.rs`, that the frames mean
//! what was recorded in mp-proto's tests; here a whole node gets them over a socket, understands each request, and goes on.

use mp_global::GlobalRequest;
use mp_proto::{Message, NodeRequest};
use serde_json::Value as Json;

use super::raw::{Edge, Raw};

const STEPS: &str = include_str!("../vectors/steps.json");

/// Sends the frames of a step, of both sides, to a node each; both answer afterwards.
async fn step(recording: &str, step: &str) {
    let recorded: Json = serde_json::from_str(STEPS).expect("JSON");
    for framing in ["json", "cbor", "storable"] {
        if framing == "storable" && cfg!(not(feature = "storable")) {
            continue;
        }
        let frames = recorded[recording][step][framing].as_array().expect("recorded");
        for side in ["c2s", "s2c"] {
            let mut edge = Edge::start(false).await;
            let mut raw = Raw::join(&edge, "peer", framing).await;
            for frame in frames.iter().filter(|frame| frame["dir"] == side) {
                let message = &frame["message"];
                understood(message);
                if frame["pieces"].is_array() {
                    // All kinds of values, which a port gets.
                    let port = message[0].as_str().expect("a port");
                    raw.words(&["", "AnyEvent::MP::_spawn", port, "probe"]).await;
                    raw.say(bytes(frame)).await;
                    assert_same(&edge.next().await, &Json::from(&message.as_array().expect("a list")[1..]));
                } else {
                    raw.say(bytes(frame)).await;
                }
            }
            assert!(raw.alive().await.is_some(), "{framing} {side}: the connection was closed");
            assert_eq!(edge.node.nodes().len(), 1, "{framing} {side}");
        }
    }
}

/// Whether a message to the node port is a request that the node, or its directory, knows.
fn understood(message: &Json) {
    let values = message.as_array().expect("a list");
    if values.first().and_then(Json::as_str) != Some("") {
        return;
    }
    let request: Message = serde_json::from_value(Json::from(&values[1..])).expect("a message");
    if let Ok(NodeRequest::Other { tag, args }) = NodeRequest::parse(request) {
        // The functions of the recorded programs are not ours.
        let parsed = GlobalRequest::parse(&tag, args);
        assert!(parsed.is_ok() || tag.contains("::") || !tag.starts_with("g_"), "{tag}: {parsed:?}");
    }
}

/// A frame as it was. What repeats itself in a long one is written once, with how often it comes.
fn bytes(frame: &Json) -> Vec<u8> {
    let text = |hex: &Json| unhex(hex.as_str().expect("hex"));
    let Some(pieces) = frame["pieces"].as_array() else { return text(&frame["hex"]) };
    let times = |piece: &Json| usize::try_from(piece[1].as_u64().expect("a number")).expect("small");
    pieces.iter().flat_map(|piece| text(&piece[0]).repeat(times(piece))).collect()
}

/// Compares what came with what was written down: there, long texts are cut short, booleans that came by Storable are objects,
/// and a number may be an integer or a float.
#[track_caller]
fn assert_same(came: &Json, recorded: &Json) {
    match (came, recorded) {
        (Json::String(came), Json::String(recorded)) if came.len() > 1_000 => {
            let (start, length) = recorded.rsplit_once("...(").expect("cut short");
            assert!(came.starts_with(start) && length == format!("{})", came.len()), "{}", came.len());
        }
        (Json::Array(came), Json::Array(recorded)) if came.len() == recorded.len() => {
            came.iter().zip(recorded).for_each(|(came, recorded)| assert_same(came, recorded));
        }
        (Json::Bool(came), Json::Object(recorded)) => {
            assert_eq!(Some(i64::from(*came)), recorded["value"].as_i64())
        }
        (Json::Number(came), Json::Number(recorded)) if came.is_f64() != recorded.is_f64() => {
            assert_eq!(came.as_f64(), recorded.as_f64());
        }
        (came, recorded) => assert_eq!(came, recorded),
    }
}

fn unhex(hex: &str) -> Vec<u8> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex");
    hex.as_bytes().chunks(2).map(byte).collect()
}

macro_rules! steps {
    ($($name:ident: $recording:literal, $step:literal;)*) => {
        $(#[tokio::test]
        async fn $name() {
            step($recording, $step).await;
        })*
    };
}

// [CN-01], [NP-01], [GL-01]
steps! {
    pair_connect: "pair", "connect";
    pair_mixed_c2s: "pair", "mixed_c2s";
    pair_mixed_s2c: "pair", "mixed_s2c";
    pair_snd_small: "pair", "snd_small";
    pair_mon1: "pair", "mon1";
    pair_kil0_reason: "pair", "kil0_reason";
    pair_kil0_normal: "pair", "kil0_normal";
    pair_mon0: "pair", "mon0";
    pair_no_such_port: "pair", "no_such_port";
    pair_kil1: "pair", "kil1";
    pair_die: "pair", "die";
    pair_mon_reverse: "pair", "mon_reverse";
    pair_spawn: "pair", "spawn";
    pair_spawn_fail: "pair", "spawn_fail";
    pair_cal: "pair", "cal";
    pair_cal_timeout: "pair", "cal_timeout";
    pair_node_requests: "pair", "node_requests";
    pair_db_set: "pair", "db_set";
    pair_db_del: "pair", "db_del";
    pair_db_mon: "pair", "db_mon";
    pair_g_chg2: "pair", "g_chg2";
    pair_db_reg: "pair", "db_reg";
    pair_db_query: "pair", "db_query";
    pair_g_mon0: "pair", "g_mon0";
    pair_g_find: "pair", "g_find";
    pair_g_find_unknown: "pair", "g_find_unknown";
    pair_other_node_leaves: "pair", "other_node_leaves";
    pair_become_global: "pair", "become_global";
    pair_global_upd: "pair", "global_upd";
    pair_global_del: "pair", "global_del";
    pair_shutdown: "pair", "shutdown";
    global_connect: "global", "connect";
    global_slave_set: "global", "slave_set";
    global_global_conflict: "global", "global_conflict";
    global_conflict_del: "global", "conflict_del";
    global_new_slave: "global", "new_slave";
    global_cross: "global", "cross";
    global_slave_leaves: "global", "slave_leaves";
    global_shutdown: "global", "shutdown";
    firstjoin_connect: "firstjoin", "connect";
    firstjoin_query: "firstjoin", "query";
    firstjoin_seed_killed: "firstjoin", "seed_killed";
}

/// [HS-13]: `minimal-*`: the smallest peer that Perl takes: an empty nonce, and `cleartext` with messages behind it in one
/// write. We do not offer `cleartext`, so nothing of it is done. The same with a proof is taken, in each framing.
#[tokio::test]
async fn minimal() {
    for framing in ["json", "cbor", "storable"] {
        if framing == "storable" && cfg!(not(feature = "storable")) {
            continue;
        }
        let edge = Edge::start(false).await;
        let mut raw = Raw::connect(&edge).await;
        let request = super::raw::words_in(framing, &["", "time", "py#x", "t"]);
        let lines = format!("aemp;1;py;hmac_sha3_512;json\n\ncleartext;73336b723174;{framing}\n");
        raw.say([lines.as_bytes(), &request].concat()).await;
        raw.their_lines().await;
        assert_eq!(raw.line().await, None, "closed, without an answer");
        assert!(edge.node.nodes().is_empty());

        let mut raw = Raw::connect(&edge).await;
        let own = "aemp;1;py;hmac_sha3_512;json\n\n";
        raw.say(own).await;
        let other = raw.their_lines().await;
        let proof = super::raw::token(own, &other, super::raw::SECRET);
        raw.say([format!("hmac_sha3_512;{proof};{framing}\n").as_bytes(), &request].concat()).await;
        assert!(raw.line().await.is_some(), "our proof");
        let answer = raw.frame().await.expect("an answer");
        assert_eq!((&answer[0], &answer[1]), (&"x".into(), &"t".into()), "{answer}");
    }
}
