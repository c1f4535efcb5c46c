//! Group edge1: lines, greetings, proofs.

use super::raw::{Edge, NONCE, Raw, SECRET, greeting, token};

/// What stands in the third line.
enum Proof {
    Right,
    /// Behind the token, instead of `;json`.
    Framing(&'static str),
    Secret(&'static str),
    Upper,
    Swapped,
    Line(&'static str),
}

/// Greets with these lines, ended by `end`, and proves; whether the node takes it, as the peer `name`.
async fn hello(name: &str, line: &str, nonce: &str, end: &str, proof: Proof) -> bool {
    let edge = Edge::start(false).await;
    let mut raw = Raw::connect(&edge).await;
    raw.name = name.into();
    raw.say(format!("{line}{end}{nonce}{end}")).await;
    let stripped = |text: &str| text.strip_suffix('\r').unwrap_or(text).to_owned();
    let kept = |text: &str| stripped(&format!("{text}{}", end.trim_end_matches('\n')));
    let own = format!("{}\n{}\n", kept(line), kept(nonce));
    let other = raw.their_lines().await;
    let right = token(&own, &other, SECRET);
    let line = match proof {
        Proof::Right => format!("hmac_sha3_512;{right};json"),
        Proof::Framing(framing) => format!("hmac_sha3_512;{right}{framing}"),
        Proof::Secret(secret) => format!("hmac_sha3_512;{};json", token(&own, &other, secret)),
        Proof::Upper => format!("hmac_sha3_512;{};json", right.to_uppercase()),
        Proof::Swapped => format!("hmac_sha3_512;{};json", token(&other, &own, SECRET)),
        Proof::Line(line) => line.to_owned(),
    };
    raw.say(format!("{line}\n")).await;
    // Our proof, then our answer; or the end of the stream.
    let is_taken = raw.line().await.is_some() && raw.alive().await.is_some();
    assert_eq!(edge.node.nodes().iter().any(|node| node.as_str() == name), is_taken, "{name}");
    is_taken
}

/// One probe for each name: what it greets with, how it proves, whether it is taken.
macro_rules! hellos {
    ($($name:ident: $line:expr, $proof:expr => $taken:literal;)*) => {
        $(#[tokio::test]
        async fn $name() {
            let line: String = $line.into();
            let name = line.split(';').nth(2).unwrap_or_default().to_owned();
            assert_eq!(hello(&name, &line, NONCE, "\n", $proof).await, $taken, "{line}");
        })*
    };
}

fn of_length(length: usize) -> String {
    let start = format!("{};x=", greeting("py"));
    format!("{start}{}", "x".repeat(length - 1 - start.len()))
}

// [HS-01], [HS-02], [HS-04], [HS-05], [HS-06], [HS-08], [HS-11], [HS-13], [ID-01]
hellos! {
    baseline: greeting("py"), Proof::Right => true;
    wrong_secret: greeting("py"), Proof::Secret("0ther") => false;
    uppercase_hex_token: greeting("py"), Proof::Upper => false;
    // It is also what `replaying it back` sends: the node's own proof, which ours does not show to a stranger.
    swapped_concatenation_order: greeting("py"), Proof::Swapped => false;
    same_node_id_as_listener: greeting("edge"), Proof::Right => false;
    version_0: "aemp;0;py;hmac_sha3_512;json", Proof::Right => false;
    version_2: "aemp;2;py;hmac_sha3_512;json", Proof::Right => false;
    version_1_0: "aemp;1.0;py;hmac_sha3_512;json", Proof::Right => true;
    version_01: "aemp;01;py;hmac_sha3_512;json", Proof::Right => true;
    version_1x: "aemp;1x;py;hmac_sha3_512;json", Proof::Right => true;
    version_empty: "aemp;;py;hmac_sha3_512;json", Proof::Right => false;
    version_blank_1: "aemp; 1;py;hmac_sha3_512;json", Proof::Right => true;
    version_1e0: "aemp;1e0;py;hmac_sha3_512;json", Proof::Right => true;
    protocol_xemp: "xemp;1;py;hmac_sha3_512;json", Proof::Right => false;
    protocol_upper_case: "AEMP;1;py;hmac_sha3_512;json", Proof::Right => false;
    protocol_with_blank: "aemp ;1;py;hmac_sha3_512;json", Proof::Right => false;
    protocol_empty: ";1;py;hmac_sha3_512;json", Proof::Right => false;
    // Perl proves itself, and leaves a dead open connection.
    protocol_aemp_foo: "aemp-foo;1;py;hmac_sha3_512;json", Proof::Right => false;
    protocol_aemp_dataconn: "aemp-dataconn;1;py;hmac_sha3_512;json", Proof::Right => false;
    greeting_empty: "", Proof::Right => false;
    greeting_aemp: "aemp", Proof::Right => false;
    greeting_aemp_1: "aemp;1", Proof::Right => false;
    greeting_without_lists: "aemp;1;x", Proof::Right => false;
    greeting_without_framings: "aemp;1;x;hmac_sha3_512", Proof::Right => false;
    greeting_with_empty_auths: "aemp;1;x;;json", Proof::Right => false;
    greeting_with_empty_framings: "aemp;1;x;hmac_sha3_512;", Proof::Right => false;
    greeting_with_cleartext_only: "aemp;1;x;cleartext;json", Proof::Right => false;
    greeting_with_tls_only: "aemp;1;x;tls_sha3_512;json", Proof::Right => false;
    greeting_with_unknown_elements: "aemp;1;x;foo,hmac_sha3_512;bar,json", Proof::Right => true;
    greeting_with_blank_before_auth: "aemp;1;x; hmac_sha3_512;json", Proof::Right => false;
    greeting_with_unknown_framing: "aemp;1;x;hmac_sha3_512;nosuch", Proof::Right => false;
    greeting_with_upper_case_framing: "aemp;1;x;hmac_sha3_512;JSON", Proof::Right => false;
    greeting_with_odd_keys: "aemp;1;x;hmac_sha3_512;json;;;a;b=;=c;d=e=f;tls=2.0", Proof::Right => true;
    // Perl connects to a node without a name, and to names that nobody can address.
    empty_node_id: greeting(""), Proof::Right => false;
    node_id_with_hash: greeting("a#b"), Proof::Right => false;
    node_id_with_blank: greeting("sp ace"), Proof::Right => false;
    node_id_in_utf8: greeting("\u{fc}n\u{ef}\u{2603}"), Proof::Right => false;
    node_id_with_slashes: greeting("a/b/c"), Proof::Right => true;
    node_id_with_percent: greeting("%3b"), Proof::Right => true;
    node_id_of_2000_characters: greeting(&"x".repeat(2_000)), Proof::Right => false;
    auth_line_with_extra_fields: greeting("py"), Proof::Framing(";json;a;b") => true;
    auth_line_unknown_framing: greeting("py"), Proof::Framing(";nosuch") => false;
    auth_line_missing_framing: greeting("py"), Proof::Framing("") => false;
    auth_line_empty_framing: greeting("py"), Proof::Framing(";") => false;
    // Perl takes the name of any of its handle's types, and fails at the first message.
    auth_line_netstring_framing: greeting("py"), Proof::Framing(";netstring") => false;
    auth_line_unknown_method: greeting("py"), Proof::Line("nosuch;x;json") => false;
    // Perl takes what it did not offer.
    auth_line_cleartext: greeting("py"), Proof::Line("cleartext;73336b723174;json") => false;
    auth_line_wrong_cleartext: greeting("py"), Proof::Line("cleartext;00;json") => false;
    auth_line_tls_anon_without_tls: greeting("py"), Proof::Line("tls_anon;;json") => false;
    auth_line_tls_sha3_512_without_tls: greeting("py"), Proof::Line("tls_sha3_512;x;json") => false;
    auth_line_empty: greeting("py"), Proof::Line("") => false;
    auth_line_empty_token: greeting("py"), Proof::Line("hmac_sha3_512;;json") => false;
    // Perl's limit depends on how the bytes come.
    greeting_line_of_4095_bytes: of_length(4_095), Proof::Right => true;
    greeting_line_of_4096_bytes: of_length(4_096), Proof::Right => true;
    greeting_line_of_4097_bytes: of_length(4_097), Proof::Right => false;
    greeting_line_of_5000_bytes: of_length(5_000), Proof::Right => false;
    greeting_line_of_20000_bytes: of_length(20_000), Proof::Right => false;
}

/// [HS-01], [HS-03]: `CRLF lines`, `CR CR LF: only one CR stripped`, and an empty nonce.
#[tokio::test]
async fn line_ends_and_empty_nonces() {
    for (nonce, end) in [(NONCE, "\r\n"), (NONCE, "\r\r\n"), ("", "\n")] {
        assert!(hello("py", &greeting("py"), nonce, end, Proof::Right).await, "{nonce:?} {end:?}");
    }
}

/// [HS-01]: lines of any length, at once and slowly: where the bytes are cut does not matter, as it does with Perl.
#[tokio::test]
async fn greeting_lines_at_once_and_slow() {
    for (length, is_taken) in [
        (4_095, true),
        (4_096, true),
        (4_097, false),
        (5_000, false),
        (6_000, false),
        (10_000, false),
        (20_000, false),
    ] {
        for piece in [usize::MAX, 1_000] {
            let edge = Edge::start(false).await;
            let mut raw = Raw::connect(&edge).await;
            let own = format!("{}\n{NONCE}\n", of_length(length));
            for bytes in own.as_bytes().chunks(piece) {
                raw.say(bytes).await;
                tokio::task::yield_now().await;
            }
            let other = raw.their_lines().await;
            raw.say(format!("hmac_sha3_512;{};json\n", token(&own, &other, SECRET))).await;
            assert_eq!(raw.line().await.is_some(), is_taken, "{length} in pieces of {piece}");
        }
    }
}

/// [HS-08]: `same nonce, other node id` and `full echo of both lines`. Perl takes the first.
#[tokio::test]
async fn echoes_are_refused() {
    let edge = Edge::start(false).await;
    for is_whole in [false, true] {
        let mut raw = Raw::connect(&edge).await;
        let lines = raw.their_lines().await;
        let (theirs, nonce) = lines.trim_end().split_once('\n').expect("two lines");
        let line = if is_whole { theirs.to_owned() } else { greeting("py") };
        raw.say(format!("{line}\n{nonce}\n")).await;
        assert_eq!(raw.line().await, None, "not even a proof");
    }
    assert!(edge.node.nodes().is_empty());
}

/// [ND-04], [HS-14]: `second conn same nodeid`: the newcomer loses, and the first one stays. Ours says so only when the
/// newcomer has proven who it is `[HS-17]`; Perl closes at its greeting.
#[tokio::test]
async fn a_second_connection_of_the_same_name_loses() {
    let edge = Edge::start(false).await;
    let mut first = Raw::join(&edge, "py", "json").await;
    assert!(first.alive().await.is_some());
    let mut second = Raw::connect(&edge).await;
    let own = format!("{}\n{NONCE}\n", greeting("py"));
    second.say(&own).await;
    let other = second.their_lines().await;
    second.say(format!("hmac_sha3_512;{};json\n", token(&own, &other, SECRET))).await;
    assert_eq!(second.line().await, None, "closed without our proof");
    assert!(first.alive().await.is_some());
}
