//! Group edge2: frames, well-formed and not. Where Perl goes deaf, and loses what came in the same read, ours delivers what
//! came before, and closes `[CN-03]`.

use serde_json::json;

use super::raw::{Edge, Raw, words_in};

/// Sends bytes to a node with a port `p`, in one write or byte by byte; checks what the port gets, and whether the node
/// still answers.
async fn frames(framing: &'static str, bytes: &[u8], bytewise: bool, got: &[serde_json::Value], lives: bool) {
    if framing == "storable" && cfg!(not(feature = "storable")) {
        return;
    }
    let mut edge = Edge::start(false).await;
    let mut raw = Raw::join(&edge, "py", framing).await;
    raw.spawn().await;
    if bytewise {
        for byte in bytes {
            raw.say([*byte]).await;
        }
    } else {
        raw.say(bytes).await;
    }
    for expected in got {
        assert_eq!(edge.next().await, *expected);
    }
    assert_eq!(raw.alive().await.is_some(), lives, "{framing} {bytes:x?}");
    assert!(edge.got.try_recv().is_err(), "no more");
}

macro_rules! frames {
    ($($name:ident: $framing:literal, $bytes:expr, [$($got:tt)*], $lives:literal;)*) => {
        $(#[tokio::test]
        async fn $name() {
            let bytes: Vec<u8> = $bytes.to_vec();
            for bytewise in [false, bytes.len() < 200] {
                let got: Vec<serde_json::Value> = serde_json::from_value(json!([$($got)*])).expect("a list");
                frames($framing, &bytes, bytewise, &got, $lives).await;
            }
        })*
    };
}

/// `["p", word]` in a framing.
fn say(framing: &str, word: &str) -> Vec<u8> {
    words_in(framing, &["p", word])
}

/// Three frames, the middle one being this.
fn between(framing: &str, bytes: &[u8]) -> Vec<u8> {
    [&say(framing, "before"), bytes, &say(framing, "after")].concat()
}

/// `["p", [[…]]]` with so many lists.
fn nested(depth: usize) -> Vec<u8> {
    [b"\x82\x61p".to_vec(), vec![0x81; depth - 1], vec![0x80]].concat()
}

// [CN-01], [CN-02], [CN-03], [FR-05], [FR-06], [FR-10], [FR-11], [FR-14], [FR-21], [FR-22], [ND-16]
frames! {
    cbor_empty_list: "cbor", b"\x80", [], true;
    cbor_null_port: "cbor", b"\x81\xf6", [], true;
    cbor_node_port: "cbor", b"\x81\x60", [], true;
    cbor_empty_tag: "cbor", b"\x82\x60\x60", [], true;
    cbor_null_tag: "cbor", b"\x82\x60\xf6", [], true;
    cbor_nonexistent_port: "cbor", words_in("cbor", &["nonexistent", "1"]), [], true;
    cbor_devnull: "cbor", words_in("cbor", &["", "devnull", "1"]), [], true;
    port_id_as_text_and_as_byte_string: "cbor", b"\x82\x61p\x64text\x82\x41p\x65bytes", [["text"], ["bytes"]], true;
    indefinite_array_text_map_half_float: "cbor",
        b"\x9f\x61p\x7f\x61a\x62bc\xff\xf9\x3e\x00\xbf\x61a\x01\xff\xff", [["abc", 1.5, {"a": 1}]], true;
    undefined: "cbor", between("cbor", b"\x82\x61p\xf7"), [["before"]], false;
    tag_1: "cbor", between("cbor", b"\x82\x61p\xc1\x01"), [["before"]], false;
    simple_0: "cbor", between("cbor", b"\x82\x61p\xe0"), [["before"]], false;
    cbor_nested_510: "cbor", [nested(510), say("cbor", "after")].concat()[512 + 1..].to_vec(), [["after"]], true;
    cbor_nested_520: "cbor", between("cbor", &nested(520)), [["before"]], false;
    cbor_scalar_at_the_top: "cbor", between("cbor", b"\x05"), [["before"]], false;
    cbor_map_at_the_top: "cbor", between("cbor", b"\xa0"), [["before"]], false;
    cbor_invalid_initial_byte: "cbor", between("cbor", b"\x1c"), [["before"]], false;
    cbor_invalid_utf8: "cbor", between("cbor", b"\x82\x61p\x62\xff\xfe"), [["before"]], false;
    json_whitespace_and_no_separators: "json",
        b"[\"p\",\"1\"]\n [ \"p\" ,\t\"2\" ]\r\n[\"p\",\"3\"][\"p\",\"4\"]", [["1"], ["2"], ["3"], ["4"]], true;
    json_values: "json", "[\"p\",\"\u{e9}\u{2603}\",{\"k\":[null,true,false,1.5e3]}]".as_bytes(),
        [["\u{e9}\u{2603}", {"k": [null, true, false, 1500.0]}]], true;
    json_scalar_between_arrays: "json", between("json", b"5"), [["before"]], false;
    json_object_between_arrays: "json", between("json", b"{}"), [["before"]], false;
    json_malformed_second_of_three: "json", between("json", b"[\"p\",}]"), [["before"]], false;
    json_brackets_in_a_string: "json", b"[\"p\",\",]\"]", [[",]"]], true;
    json_garbage: "json", b"garbage", [], false;
    json_lone_surrogate: "json", between("json", b"[\"p\",\"\\ud800\"]"), [["before"]], false;
    json_invalid_utf8: "json", between("json", b"[\"p\",\"\xff\xfe\"]"), [["before"]], false;
    storable_two_frames: "storable", [say("storable", "s"), say("storable", "s2")].concat(), [["s"], ["s2"]], true;
    storable_minor_5: "storable", b"\x0d\x05\x05\x02\0\0\0\x02\x0a\x01p\x0a\x01x", [["x"]], true;
    storable_minor_12: "storable", b"\x0d\x05\x0c\x02\0\0\0\x02\x0a\x01p\x0a\x01x", [["x"]], true;
    storable_scalar_at_the_top: "storable", between("storable", b"\x04\x05\x0b\x08\x81"), [["before"]], false;
    storable_garbage: "storable", between("storable", b"\x05hello"), [["before"]], false;
    storable_zero_length: "storable", between("storable", b"\x00"), [["before"]], false;
}

/// [CN-01]: `1000 frames in one write`.
#[tokio::test]
async fn a_thousand_frames_in_one_write() {
    let all: Vec<serde_json::Value> = (0..1_000).map(|number| json!([number.to_string()])).collect();
    for framing in ["cbor", "json"] {
        let bytes: Vec<u8> = (0..1_000).flat_map(|number: i32| say(framing, &number.to_string())).collect();
        frames(framing, &bytes, false, &all, true).await;
    }
}
