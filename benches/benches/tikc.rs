//! Storable images and posts between kernels of TIKC, beside the same in Perl.
//!
//! ```text
//! cargo bench -p mp-benches --bench tikc
//! ```
//!
//! `storable`: the image of a post with some arguments, written and read; `posts`: 10,000 of them over loopback, from one of
//! our kernels to another, until the last has arrived. Then the ratios to Perl are printed, if there is one with POE: to
//! `nfreeze` and `thaw` of the same post, and to the kernels of `mp-tikc/tests/perl/kernel.pl`.

use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use mp_benches::{criterion, runtime};
use mp_proto::codec::storable::{FrozenList, ThawLimits, freeze, thaw};
use mp_tikc::{Kernel, Map, Server, Session, Value};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

const POSTS: u32 = 10_000;
const IMAGES: u32 = 100_000;
/// Freezes and thaws as many posts as it is told, and prints the seconds.
const PERL_STORABLE: &str = "use Storable qw(nfreeze thaw); use Time::HiRes 'time'; my $t = time; for (1 .. shift) { \
    my $i = nfreeze({action=>'post', alias=>'counter', event=>'add', args=>[$_, 'apple', {k=>[1,2]}]}); thaw($i) } \
    print time - $t";
/// The same with the arguments alone, which is what our types are written as.
const PERL_ARGS: &str = "use Storable qw(nfreeze thaw); use Time::HiRes 'time'; my $t = time; for (1 .. shift) { \
    my $i = nfreeze([$_, 'apple', {k=>[1,2]}]); thaw($i) } print time - $t";
const PERL_KERNEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../mp-tikc/tests/perl/kernel.pl");

fn main() {
    let mut criterion = criterion(Duration::from_millis(200), Duration::from_secs(1));
    storable(&mut criterion);
    posts(&mut criterion);
    criterion.final_summary();
    beside_perl();
}

fn post(number: i64) -> Value {
    let inner: Map = [("k", vec![Value::from(1), 2.into()])].into_iter().collect();
    let args = vec![number.into(), "apple".into(), inner.into()];
    let post = [
        ("action", "post".into()),
        ("alias", "counter".into()),
        ("event", "add".into()),
        ("args", args.into()),
    ];
    let post: Map = post.into_iter().collect::<Vec<(&str, Value)>>().into_iter().collect();
    post.into()
}

/// What is posted, as a user would have it.
type Args = (u32, &'static str, Inner);
type Owned = (u32, String, Inner);

#[derive(Serialize, Deserialize)]
struct Inner {
    k: Vec<u8>,
}

fn args(number: u32) -> Args {
    (number, "apple", Inner { k: vec![1, 2] })
}

fn storable(criterion: &mut Criterion) {
    let (value, limits) = (post(5), ThawLimits::default());
    let image = freeze(&value).expect("it can be written");
    let mut group = criterion.benchmark_group("storable");
    group.bench_function("freeze", |bencher| bencher.iter(|| freeze(black_box(&value))));
    group.bench_function("thaw", |bencher| bencher.iter(|| thaw(black_box(&image), &limits)));
    group.bench_function("freeze a type", |bencher| bencher.iter(|| FrozenList::new(black_box(&args(5)))));
    let list = FrozenList::new(&args(5)).expect("it can be written");
    group.bench_function("thaw a type", |bencher| bencher.iter(|| black_box(&list).decode::<Owned>()));
    group.finish();
}

/// Two kernels on loopback, and the session that is posted to.
struct Joined {
    from: Kernel,
    session: Session,
    _ends: (Server, mp_tikc::Client),
}

async fn join() -> Joined {
    let (to, from) = (Kernel::new().expect("random bytes"), Kernel::new().expect("random bytes"));
    let any = "127.0.0.1:0".parse().expect("an address");
    let server = to.serve().address(any).start().await.expect("it listens");
    let session = to.session("counter").expect("the alias is free");
    let client = from.connect(server.address().clone()).start().expect("it may");
    assert!(client.connected().await, "the kernel runs");
    Joined { from, session, _ends: (server, client) }
}

fn run_posts(runtime: &Runtime, joined: &mut Joined, count: u32) {
    runtime.block_on(async {
        let from = joined.from.clone();
        let sending = async {
            for number in 0..count {
                from.post("counter", "add", (number, "apple")).await.expect("it is there");
            }
        };
        let receiving = async {
            for _ in 0..count {
                joined.session.recv().await.expect("the kernel runs");
            }
        };
        tokio::join!(sending, receiving);
    });
}

fn posts(criterion: &mut Criterion) {
    let runtime = runtime();
    let mut joined = runtime.block_on(join());
    let mut group = criterion.benchmark_group("posts");
    group.throughput(Throughput::Elements(POSTS.into()));
    group.bench_function("rust", |bencher| bencher.iter(|| run_posts(&runtime, &mut joined, POSTS)));
    group.finish();
}

#[expect(clippy::print_stdout, reason = "a report on the terminal")]
fn beside_perl() {
    let ours = seconds(|| {
        for number in 0..IMAGES {
            let image = freeze(&post(number.into())).expect("it can be written");
            black_box(thaw(&image, &ThawLimits::default()).expect("it can be read"));
        }
    });
    for (what, ours, perl) in
        [("a post as values", ours, PERL_STORABLE), ("arguments as types", typed(), PERL_ARGS)]
    {
        match perl_seconds(perl) {
            Some(perl) => {
                println!("storable, {what}: {:.1} times as fast as Perl's nfreeze and thaw", perl / ours);
            }
            None => println!("storable, {what}: no Perl to compare with"),
        }
    }
    let runtime = runtime();
    let mut joined = runtime.block_on(join());
    let ours = seconds(|| run_posts(&runtime, &mut joined, IMAGES));
    match perl_posts() {
        Some(perl) => println!("posts: {:.1} times as fast as kernels of Perl", perl / ours),
        None => println!("posts: no Perl with POE to compare with"),
    }
}

/// What a program of Perl prints that is told how many images to make.
fn perl_seconds(program: &str) -> Option<f64> {
    let output = Command::new("perl").args(["-e", program, &IMAGES.to_string()]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.parse().ok()
}

/// Seconds to write and read as many lists of arguments as a kernel does it: from types, and as types.
fn typed() -> f64 {
    seconds(|| {
        for number in 0..IMAGES {
            let list = FrozenList::new(&args(number)).expect("it can be written");
            black_box(list.decode::<Owned>().expect("it can be read"));
        }
    })
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn seconds(job: impl FnOnce()) -> f64 {
    let begin = Instant::now();
    job();
    begin.elapsed().as_secs_f64()
}

/// Seconds that a Perl kernel takes to post as many events to another one.
fn perl_posts() -> Option<f64> {
    let start = |words: &[&str]| -> Option<Child> {
        let mut command = Command::new("perl");
        command.arg(PERL_KERNEL).args(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()
    };
    let mut server = start(&["server", "0", "srv"])?;
    let mut told = BufReader::new(server.stdout.take()?).lines().map_while(Result::ok);
    let ready = told.next()?;
    let port: String = ready.chars().filter(char::is_ascii_digit).collect();
    let mut client = start(&["client", &format!("127.0.0.1:{port}"), "cli"])?;
    let mut of_client = BufReader::new(client.stdout.take()?).lines().map_while(Result::ok);
    of_client.find(|line| line.contains("setup"))?;
    let mut stdin = client.stdin.take()?;
    let mut all_came = None;
    let taken = seconds(|| {
        let command = format!(r#"{{"cmd":"burst","alias":"srv","count":{IMAGES}}}"#);
        let last = format!("\"n\":{IMAGES}");
        all_came = writeln!(stdin, "{command}").ok().and_then(|()| told.find(|line| line.contains(&last)));
    });
    for mut process in [server, client] {
        drop(process.kill());
        drop(process.wait());
    }
    all_came.map(|_| taken)
}
