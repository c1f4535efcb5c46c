//! The same against a living perl, if there is one (in CI there must be): 10,000 values each way.

use std::io::Write;
use std::process::{Command, Stdio};

use mp_proto::Value;
use mp_proto::codec::storable::freeze;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::strategy::value;
use crate::support::{as_storable, thawed, unhex};

const VALUES: usize = 10_000;

/// Reads all of our images from its input; prints for each what it is, and its own images of it. Then makes values of
/// its own, and prints the same.
const SCRIPT: &str = r#"
use strict; use warnings; use Storable qw(thaw freeze nfreeze);
binmode STDIN; binmode STDOUT;
my $input = do { local $/; <STDIN> };
sub hexed { my $text = shift; utf8::encode($text); unpack "H*", $text }
sub say_it {
    my $value = shift;
    return "u" unless defined $value;
    return "[" . join(",", map say_it($_), @$value) . "]" if ref $value eq "ARRAY";
    if (ref $value eq "HASH") {
        my %hexed = map { hexed($_) => $value->{$_} } keys %$value;
        return "{" . join(",", map "$_:" . say_it($hexed{$_}), sort keys %hexed) . "}";
    }
    return say_it($$value) if ref $value;
    return "s" . hexed("$value");
}
sub report { my $value = shift; print join(" ", say_it($value), map unpack("H*", $_), nfreeze($value), freeze($value)), "\n" }
my $at = 0;
while ($at < length $input) {
    my $length = unpack "N", substr $input, $at, 4;
    my $value = thaw(substr $input, $at + 4, $length);
    $at += 4 + $length;
    if (defined $value) { report($value) } else { print "nothing\n" }
}
srand 7;
my @shared;
sub text { join "", map chr, map { int rand($_[0]) } 1 .. rand 12 }
sub make {
    my $depth = shift;
    my $kind = int rand($depth > 4 ? 12 : 16);
    return undef if $kind == 0;
    return int(rand 300) - 150 if $kind == 1;
    return int(rand 2**33) - 2**32 if $kind == 2;
    return (int(rand 2**20) - 2**19) / 8 if $kind == 3;
    return text(128) if $kind == 4;
    return text(256) if $kind == 5;
    return text(0xd000) if $kind == 6;
    return "x" x (250 + rand 12) if $kind == 7;
    return rand() < 0.5 if $kind == 8;
    return v1.22.333 if $kind == 9;
    return \make($depth + 2) if $kind == 10;
    return $shared[rand @shared] if $kind == 11 && @shared;
    my $made = $kind & 1 ? [map make($depth + 1), 1 .. rand 5]
        : { map { text(rand() < 0.3 ? 0x300 : 128) => make($depth + 1) } 1 .. rand 5 };
    $made = [$made, $made] if $kind == 12;
    push @shared, $made if @shared < 3;
    return $made;
}
for (1 .. $ARGV[0]) { @shared = (); my $value = make(0); report(ref $value ? $value : \$value) }
"#;

/// As the script says it.
fn say(value: &Value) -> String {
    let text = |text: &str| format!("s{}", hexed(text));
    match value {
        Value::Null => "u".into(),
        Value::Bool(truth) => text(if *truth { "1" } else { "" }),
        Value::Int(number) => text(&number.to_string()),
        Value::UInt(number) => text(&number.to_string()),
        Value::Float(number) => text(&number.to_string()),
        Value::Text(_) | Value::Bytes(_) => text(&value.as_str().unwrap()),
        Value::List(items) => format!("[{}]", items.iter().map(say).collect::<Vec<_>>().join(",")),
        Value::Map(map) => {
            let mut entries: Vec<_> = map.iter().map(|(key, item)| (hexed(key), say(item))).collect();
            entries.sort();
            let entries: Vec<_> = entries.into_iter().map(|(key, item)| format!("{key}:{item}")).collect();
            format!("{{{}}}", entries.join(","))
        }
    }
}

fn hexed(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn values() -> Vec<Value> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    (0..VALUES).map(|_| value().new_tree(&mut runner).unwrap().current()).collect()
}

fn has_perl() -> bool {
    let status = Command::new("perl").args(["-MStorable", "-e", "1"]).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// What perl prints of these images.
fn perl(images: &[u8]) -> String {
    let mut perl = Command::new("perl")
        .args(["-e", SCRIPT, &VALUES.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // It reads all before it prints.
    perl.stdin.take().unwrap().write_all(images).unwrap();
    let output = perl.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// [ST-20]: Perl reads what we wrote as what it is, and we read what Perl then writes; and what Perl made up itself, with
/// shared parts, references, version strings, and strings and keys of all kinds.
#[test]
fn perl_and_we_understand_one_another() {
    let values = values();
    let mut images = Vec::new();
    for value in &values {
        let image = freeze(value).unwrap();
        images.extend(u32::try_from(image.len()).unwrap().to_be_bytes());
        images.extend_from_slice(&image);
    }
    if !has_perl() {
        let missing = "there is no perl with Storable on this machine";
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{missing}");
        println!("skipped: {missing}");
        return;
    }
    let output = perl(&images);
    let lines: Vec<_> = output.lines().collect();
    assert_eq!(lines.len(), 2 * VALUES);
    for (index, line) in lines.iter().enumerate() {
        let [said, network, native] = line.split(' ').collect::<Vec<_>>().try_into().expect(line);
        if let Some(value) = values.get(index) {
            assert_eq!(said, say(&as_storable(value)), "Perl reads {value:?}");
        }
        for image in [network, native] {
            let found = thawed(&unhex(image)).unwrap_or_else(|error| panic!("{error} in {image}"));
            assert_eq!(say(&found), said, "{image}");
        }
    }
}
