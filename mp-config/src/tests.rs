//! The file, read and written.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use mp_proto::AuthMethod;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::node_config::SecretText;
use super::*;

fn file(text: &str) -> Result<ConfigFile, ConfigError> {
    ConfigFile::parse(Path::new("rc"), text.as_bytes())
}

fn good(text: &str) -> ConfigFile {
    file(text).unwrap()
}

fn zeros(bytes: &mut [u8]) -> Result<(), getrandom::Error> {
    bytes.fill(0);
    Ok(())
}

fn resolve(config: &ConfigFile, profile: &str) -> Result<NodeConfig, ConfigError> {
    config.resolve(Some(profile), &[], None, &mut zeros)
}

/// [CF-01]
#[test]
fn the_option_then_the_variable_then_the_home_say_where_the_file_is() {
    let all = |name: &str| Some(OsString::from(if name == "HOME" { "/home/u" } else { "/rc" }));
    let home = |name: &str| (name == "HOME").then(|| OsString::from("/home/u"));
    let empty = |name: &str| Some(OsString::from(if name == "HOME" { "/home/u" } else { "" }));
    let locate = |option: Option<&str>, variable: &dyn Fn(&str) -> Option<OsString>| {
        ConfigFile::locate(option.map(Path::new), variable).unwrap()
    };
    assert_eq!(locate(Some("/opt"), &all), Path::new("/opt"));
    assert_eq!(locate(None, &all), Path::new("/rc"));
    assert_eq!(locate(None, &home), Path::new("/home/u/.perl-anyevent-mp"));
    assert_eq!(locate(None, &empty), Path::new("/home/u/.perl-anyevent-mp"));
    assert!(matches!(ConfigFile::locate(None, |_| None), Err(ConfigError::NoHome)));
}

/// [CF-12]
#[test]
fn a_missing_or_blank_file_is_empty_and_a_broken_one_says_where() {
    let directory = tempfile::tempdir().unwrap();
    let missing = ConfigFile::load(&directory.path().join("none")).unwrap();
    assert_eq!(missing.to_json(), "{\n  \"version\": 1\n}\n");
    assert_eq!(good(" \n").to_json(), missing.to_json());
    let error = ConfigFile::load(directory.path()).unwrap_err().to_string();
    assert!(
        error.starts_with("cannot read /") && error.contains("it is a directory; name a file"),
        "{error}"
    );
    for (text, start) in [
        ("{\n  \"secret\": \"x\",\n  seeds: []\n}", "rc:3:3: key must be a string; correct the file"),
        ("{\"a\":", "rc:1:5: EOF while parsing a value"),
        ("[]", "rc: the whole file must be one JSON object"),
        ("{\"version\":2}", "rc: `version` is 2, and this program knows 1"),
        ("{\"profile\":[]}", "rc: `profile` must be a JSON object"),
        ("{\"profile\":{\"x\":1}}", "rc: the profile \"x\" must be a JSON object"),
    ] {
        let error = file(text).unwrap_err().to_string();
        assert!(error.starts_with(start), "{text}: {error}");
    }
    let error = ConfigFile::parse(Path::new("rc"), b"{\n\"\xc3\xa9\xff\"}").unwrap_err().to_string();
    assert!(error.starts_with("rc:2:3: this is not UTF-8"), "{error}");
    assert!(file(&"[".repeat(100_000)).is_err());
}

/// [CF-12]
#[test]
fn a_file_that_is_no_configuration_is_not_read_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rc");
    let size = usize::try_from(LARGEST).unwrap();
    fs::write(&path, " ".repeat(size)).unwrap();
    assert!(ConfigFile::load(&path).is_ok());
    fs::write(&path, " ".repeat(size + 1)).unwrap();
    assert!(matches!(ConfigFile::load(&path), Err(ConfigError::TooLarge { .. })));
}

/// [CF-03] [CF-13] [CF-14]
#[test]
fn nearer_settings_win() {
    let config = good(
        r#"{"version":"1","secret":"s","binds":["*:1"],"monitor_timeout":"20","other":1,"profile":{
            "base":{"seeds":["a:1,b:2"],"binds":["c:3"],"nodeid":null},
            "mid":{"parent":"base","connect_interval":1.5},
            "leaf":{"parent":"mid","binds":[4040],"services":["x::",["y",1]],"framing_format":["json"]}}}"#,
    );
    let node = resolve(&config, "leaf").unwrap();
    let text = |addresses: &[Address]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(node.secret.as_ref().map(SecretText::expose), Some("s"));
    assert_eq!(text(&node.seeds), ["a:1", "b:2"]);
    assert_eq!(text(&node.binds), [":4040"]);
    assert_eq!(node.monitor_timeout.map(|time| time.as_secs()), Some(20));
    assert_eq!(node.connect_interval.map(|time| time.as_millis()), Some(1500));
    assert_eq!(node.framing_format, Some(vec!["json".to_owned()]));
    assert_eq!((node.services.len(), node.services[1].arguments.clone()), (2, vec![json!(1)]));
    assert_eq!(node.nodeid.as_str(), "leaf/0000000000");

    let seeds = Setting::of("seeds").unwrap();
    let word = [(seeds, seeds.value("z:9").unwrap())];
    let node = config.resolve(Some("leaf"), &word, Some("anon/"), &mut zeros).unwrap();
    assert_eq!(text(&node.seeds), ["z:9"]);
    assert_eq!(node.nodeid.as_str(), "anon/0000000000");
}

/// [TLS-03] [TLS-16]
#[test]
fn certificates_and_proofs_are_read() {
    let pem =
        "x\n-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n-----BEGIN EC PRIVATE KEY-----\n";
    let text =
        json!({"cert": pem, "auth_offer": ["cleartext"], "auth_accept": ["hmac_sha3_512", "tls_anon"]});
    let config = good(&text.to_string());
    let node = resolve(&config, "x").unwrap();
    assert_eq!(node.cert.as_ref().map(SecretText::expose), Some(pem));
    assert_eq!(node.auth_offer, Some(vec![AuthMethod::Cleartext]));
    assert_eq!(node.auth_accept, Some(vec![AuthMethod::HmacSha3_512, AuthMethod::TlsAnon]));
    node.require_secret(&config).unwrap();
    assert!(!format!("{node:?}").contains("BEGIN"));
    for (text, part) in [
        (r#"{"cert": "/etc/cert.pem"}"#, "`cert` (global): it is no PEM text"),
        (r#"{"cert": 5}"#, "a number where a text belongs"),
        (r#"{"auth_offer": ["hmac_md6_64_256"]}"#, "there is no proof \"hmac_md6_64_256\""),
        (r#"{"auth_accept": "tls_anon"}"#, "a text where a list belongs"),
    ] {
        let error = resolve(&good(text), "x").unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains("/etc"), "{error}");
    }
}

/// [CF-15]
#[test]
fn without_a_configuration_a_node_binds_every_address_and_has_no_secret() {
    let config = good("");
    let node = config.resolve(None, &[], None, &mut zeros).unwrap();
    assert!(node.nodeid.as_str().ends_with("/0000000000"));
    assert!(node.binds.iter().all(Address::is_every) && node.binds.len() == 1);
    assert!(node.seeds.is_empty());
    let error = node.require_secret(&config).unwrap_err().to_string();
    assert!(error.contains("aemp gensecret"), "{error}");
    assert!(resolve(&good(r#"{"binds":[]}"#), "x").unwrap().binds.is_empty());
}

/// [CF-05] [CF-06] [CF-14]
#[test]
fn a_wrong_value_is_named_with_its_place_and_mend() {
    for (text, part) in [
        (
            r#"{"secret":12345}"#,
            "rc: `secret` (global): a number where a text belongs; put it in double quotes",
        ),
        (r#"{"secret":""}"#, "cannot be empty"),
        (r#"{"secret":"€"}"#, "U+00FF"),
        (r#"{"profile":{"x":{"seeds":"a:1"}}}"#, "`seeds` (profile x): a text where a list belongs"),
        (r#"{"seeds":["a"]}"#, "\"a\": a seed needs a port"),
        (r#"{"binds":["a:b:c"]}"#, "needs brackets"),
        (r#"{"nodeid":"a b"}"#, "\"a b\" is no node ID"),
        (r#"{"monitor_timeout":0}"#, "0 is no number of seconds"),
        (r#"{"monitor_timeout":86401}"#, "up to 86400"),
        (r#"{"framing_format":["xml"]}"#, "there is no framing \"xml\""),
        (r#"{"services":[[]]}"#, "[] is no service"),
        (r#"{"profile":{"x":{"parent":"y"}}}"#, "make it by `aemp profile y …`"),
        (r#"{"profile":{"x":{"parent":"x"}}}"#, "its own ancestor (x → x)"),
        (r#"{"profile":{"x":{"parent":"y"},"y":{"parent":"z"},"z":{"parent":"y"}}}"#, "(y → z → y)"),
    ] {
        let error = resolve(&good(text), "x").unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
    assert!(resolve(&good(r#"{"monitor_timeout":86400,"secret":"é"}"#), "x").is_ok());
}

/// What stands in the table for people is what nodes do.
#[test]
fn the_defaults_are_those_of_a_node() {
    let default = |key| Setting::of(key).unwrap().default;
    let limits = mp_proto::Limits::default();
    assert_eq!(default("monitor_timeout"), limits.monitor_timeout.as_secs_f64().to_string());
    assert_eq!(default("connect_interval"), limits.connect_time.as_secs_f64().to_string());
}

/// Without a place for the file, what is given elsewhere counts.
#[test]
fn without_a_place_the_configuration_is_empty() {
    let config = ConfigFile::homeless();
    let node = config.resolve(Some("x"), &[], None, &mut zeros).unwrap();
    assert!(matches!(node.require_secret(&config), Err(ConfigError::NoHome)));
    assert!(matches!(config.require_profile("x"), Err(ConfigError::NoHome)));
    assert!(matches!(config.save(), Err(ConfigError::NoHome)));
}

#[test]
fn a_profile_that_does_not_exist_is_named_with_the_nearest_one() {
    let error = |text, name| good(text).require_profile(name).unwrap_err().to_string();
    assert!(error("{}", "x").contains("there is none at all yet"));
    assert!(error(r#"{"profile":{"seed":{}}}"#, "sed").contains("did you mean \"seed\"?"));
    assert!(error(r#"{"profile":{"a":{},"b":{}}}"#, "worker").contains("there are a, b"));
}

/// [CF-09]
#[test]
fn writing_keeps_to_the_link_and_to_the_owner() {
    let directory = tempfile::tempdir().unwrap();
    let real = directory.path().join("real");
    let link = directory.path().join("link");
    fs::write(&real, "{} # old\n").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o644)).unwrap();
    symlink("real", &link).unwrap();
    ConfigFile::load(&link).unwrap().save().unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&real).unwrap(), "{\n  \"version\": 1\n}\n");
    // The comments are not lost for good.
    assert_eq!(fs::read_to_string(directory.path().join("real~")).unwrap(), "{} # old\n");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
    let dangling = directory.path().join("dangling");
    symlink("new", &dangling).unwrap();
    ConfigFile::load(&dangling).unwrap().save().unwrap();
    assert_eq!(mode_of(&directory.path().join("new")), 0o600);
    symlink("circle", directory.path().join("circle")).unwrap();
    assert!(ConfigFile::load(&directory.path().join("circle")).is_err());
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// [CF-17]: and what cannot be kept is told.
#[test]
fn a_file_keeps_its_mode_but_for_others_and_a_secret() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rc");
    for (before, key, after) in [
        (0o644, "seeds", 0o644),
        (0o640, "secret", 0o640),
        (0o600, "secret", 0o600),
        (0o644, "secret", 0o640),
        (0o666, "cert", 0o660),
        (0o400, "seeds", 0o600),
    ] {
        fs::write(&path, "{}").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(before)).unwrap();
        let insert = |config: &mut ConfigFile| {
            config.keys_mut(&Scope::Global).insert(key.to_owned(), json!("x"));
            Ok::<_, ConfigError>(())
        };
        let ((), _, replaced) = ConfigFile::edit(&path, insert).unwrap();
        let replaced = replaced.expect("it has changed");
        assert_eq!((mode_of(&path), replaced.mode), (after, Some(after)), "{before:o} {key}");
        assert_eq!(replaced.mode_before, (before != after).then_some(before), "{before:o} {key}");
        assert_eq!(replaced.owner_before, None);
    }
}

/// [CF-17]: only root can give files away, so only root sees it.
#[test]
fn a_file_keeps_its_owner() {
    use std::os::unix::fs::{MetadataExt, chown};
    const NOBODY: u32 = 65534;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rc");
    fs::write(&path, "{\"secret\":\"s\"}").unwrap();
    if chown(&path, Some(NOBODY), Some(NOBODY)).is_err() {
        return;
    }
    ConfigFile::load(&path).unwrap().save().unwrap();
    let found = fs::metadata(&path).unwrap();
    assert_eq!((found.uid(), found.gid()), (NOBODY, NOBODY));
}

/// [CF-18]
#[test]
fn a_file_in_which_nothing_changes_is_not_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rc");
    let old = "{ # mine\n \"seeds\": [\"a:1\"]}";
    fs::write(&path, old).unwrap();
    let insert = |config: &mut ConfigFile| {
        config.keys_mut(&Scope::Global).insert("seeds".to_owned(), json!(["a:1"]));
        Ok::<_, ConfigError>(())
    };
    assert_eq!(ConfigFile::edit(&path, insert).unwrap().2, None);
    assert_eq!(fs::read_to_string(&path).unwrap(), old);
    let none = directory.path().join("none");
    assert_eq!(ConfigFile::edit(&none, |_| Ok::<_, ConfigError>(())).unwrap().2, None);
    assert!(!none.exists());
}

/// [CF-11]
#[test]
fn a_list_is_one_word_with_commas_or_json_and_not_both() {
    let read =
        |key: &str, word: &str| Setting::of(key).unwrap().value(word).map_err(|error| error.to_string());
    let items =
        |key: &str, word: &str| Setting::of(key).unwrap().items(word).map_err(|error| error.to_string());
    for (key, word, value) in [
        ("seeds", "a:1,b:2", json!(["a:1", "b:2"])),
        ("seeds", "a:1, b:2", json!(["a:1", "b:2"])),
        ("seeds", "[\"a:1\",\"b:2\"]", json!(["a:1", "b:2"])),
        ("binds", "[::1]:2,[::2]:3", json!(["[::1]:2", "[::2]:3"])),
        ("binds", "[4040]", json!([4040])),
        ("seeds", "", json!([])),
        ("services", "[[\"a\",1],\"b\"]", json!([["a", 1], "b"])),
        ("framing_format", "[\"json\"]", json!(["json"])),
    ] {
        assert_eq!(read(key, word), Ok(value), "{key} {word}");
    }
    for (key, word) in [
        ("seeds", "[\"a:1\",\"b:2\"],c:3"),
        ("seeds", "\"a:1\""),
        ("binds", "{\"a\":1}"),
        ("services", "[\"a\",\"b\"],c"),
        ("services", "[a,b]"),
        ("services", "c,[\"a\",1]"),
        ("framing_format", "[json]"),
        ("auth_offer", "[\"hmac_sha3_512\""),
    ] {
        let error = read(key, word).unwrap_err();
        assert!(
            error.contains(word) && error.contains("either a,b or [\"a\",\"b\"]"),
            "{key} {word}: {error}"
        );
        assert_eq!(items(key, word), Err(error), "{key} {word}");
    }
    for (key, word) in [("seeds", "a:1,,b:2"), ("seeds", "a:1,"), ("binds", ","), ("services", "a,,b")] {
        assert!(read(key, word).is_err(), "{key} {word}");
    }
    assert_eq!(items("services", "[\"a\",\"b\"]"), Ok(vec![json!(["a", "b"])]));
    assert_eq!(items("services", "[[\"a\",1],\"b\"]"), Ok(vec![json!(["a", 1]), json!("b")]));
    for (key, word) in [("seeds", "[]"), ("seeds", ""), ("services", "[]"), ("services", "")] {
        assert!(items(key, word).is_err(), "{key} {word}");
    }
}

/// [CF-19]
#[test]
fn what_is_for_perl_alone_is_set_and_kept() {
    let secure = Setting::of("secure").unwrap();
    assert_eq!((secure.value("1").unwrap(), secure.value("0").unwrap()), (json!(1), json!(0)));
    assert!(secure.is_perls() && secure.value("yes").unwrap_err().to_string().contains("neither 0 nor 1"));
    // Whatever Perl takes for true.
    resolve(&good(r#"{"secret":"s","secure":"yes","nodelay":true,"autocork":[1]}"#), "x").unwrap();
}

#[test]
fn settings_that_differ_are_named() {
    let of = |text: &str| good(text).effective(Some("p"), &[]).unwrap();
    let one = of(r#"{"seeds":["a:1"],"x":1,"profile":{"p":{"secret":"s"}}}"#);
    let other = of(r#"{"seeds":["a:1"],"x":2,"secret":"s","profile":{"p":{"binds":["b"],"secret":"t"}}}"#);
    assert_eq!(one.differing(&other), ["binds", "secret", "x"]);
    assert!(one.differing(&one).is_empty());
}

/// [CF-09]
#[test]
fn only_a_regular_file_is_replaced() {
    for path in ["/dev/null", "/"] {
        let error = ConfigFile::empty(Path::new(path)).save().unwrap_err();
        assert!(matches!(error, ConfigError::NotRegular { .. }), "{error}");
    }
    let error = ConfigFile::empty(Path::new("/no/such/place")).save().unwrap_err().to_string();
    assert!(error.starts_with("cannot write /no/such/place: "), "{error}");
}

/// [CF-10]
#[test]
fn a_change_that_fails_leaves_the_file_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rc");
    let old = "{ # mine\n}\n";
    fs::write(&path, old).unwrap();
    let result = ConfigFile::edit(&path, |config| {
        config.keys_mut(&Scope::Profile("x".to_owned())).insert("secret".to_owned(), json!("s"));
        Err::<(), _>(ConfigError::NoHome)
    });
    assert!(result.is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), old);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no others", |number| number.is_finite()).prop_map(Value::from),
        "\\PC{0,8}|[\"#,\\[\\]\t\n\\\\]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z#,\"]{0,4}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// [CF-08]
    #[test]
    fn every_key_comes_back(
        globals in proptest::collection::btree_map("[a-z_#]{1,6}", any_json(), 0..4),
        profile in proptest::collection::btree_map("[a-z_#]{1,6}", any_json(), 0..4),
    ) {
        let mut root: Map<String, Value> = globals.into_iter().collect();
        root.insert("version".to_owned(), json!(1));
        root.insert("profile".to_owned(), json!({ "x": profile }));
        let config = ConfigFile { path: PathBuf::from("rc"), root: Root(root), comments: false, blank: false };
        let text = config.to_json();
        let back = file(&text).unwrap();
        prop_assert_eq!(&back.root, &config.root);
        prop_assert!(!back.comments);
        prop_assert_eq!(back.to_json(), text);
    }

    /// [CF-12]
    #[test]
    fn no_text_makes_the_reader_fall_over(text in "[\\[\\]{},:\"#\\\\ \ta1\n]{0,40}", tail in proptest::collection::vec(any::<u8>(), 0..4)) {
        let bytes = [text.as_bytes(), &tail].concat();
        if let Ok(config) = ConfigFile::parse(Path::new("rc"), &bytes) {
            drop(resolve(&config, "a"));
        }
    }

    /// [CF-02]
    #[test]
    fn strict_json_means_the_same_in_both_forms(value in any_json()) {
        let text = value.to_string();
        let strict = Strict::new(&text);
        prop_assert_eq!(serde_json::from_slice::<Value>(&strict.json).unwrap(), value);
    }
}

/// [CF-16] [HS-20]
#[test]
fn advertised_addresses_and_an_old_secret_are_read() {
    let config =
        good(r#"{"secret":"new","old_secret":"old","advertise":["a.example:4040,b.example:1","[::1]:2"]}"#);
    let node = resolve(&config, "x").unwrap();
    assert_eq!(NodeConfig::expand(&node.advertise), ["a.example:4040", "b.example:1", "[::1]:2"]);
    assert_eq!(node.old_secret.map(|secret| secret.expose().to_owned()).as_deref(), Some("old"));
    assert_eq!(resolve(&good("{}"), "x").unwrap().advertise, []);
    for (text, part) in [
        (r#"{"advertise":["*:4040"]}"#, "others need a host and a port"),
        (r#"{"advertise":["0.0.0.0:4040"]}"#, "others need a host and a port"),
        (r#"{"advertise":["[::]:4040"]}"#, "others need a host and a port"),
        (r#"{"advertise":["a.example"]}"#, "others need a host and a port"),
        (r#"{"advertise":"a.example:1"}"#, "a text where a list belongs"),
        (r#"{"old_secret":""}"#, "cannot be empty"),
        (r#"{"old_secret":1234}"#, "a number where a text belongs"),
    ] {
        let error = resolve(&good(text), "x").unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
        assert!(!error.contains("1234"), "{error}");
    }
}

/// Neither debug output nor errors show what is secret, wherever in the file it stands.
#[test]
fn no_debug_output_and_no_error_shows_what_is_secret() {
    let config = good(
        r#"{"secret":"hush-1","profile":{"p":{"secret":"hush-2","old_secret":"hush-3","cert":"hush-4"}}}"#,
    );
    let shown = format!("{config:?} {:?} {:?}", config.effective(Some("p"), &[]), resolve(&config, "p"));
    assert!(!shown.contains("hush"), "{shown}");
    for wrong in [
        r#"{"secret":["hush-5"]}"#,
        r#"{"secret":{"hush-5":1}}"#,
        r#"{"secret":"hush-5","#,
        r#"{"secret":"hush-5" "hush-6"}"#,
        r#"{"secret":"hush-5\q"}"#,
        r#"{"secret":"hush-5","profile":{"p":{"parent":"q","secret":"hush-6"}}}"#,
    ] {
        let error = file(wrong).and_then(|config| resolve(&config, "p")).expect_err(wrong);
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hush"), "{shown}");
    }
}
