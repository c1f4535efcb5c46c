//! Storable images and posts between kernels of TIKC, beside the same in Perl.
//!
//! ```text
//! cargo bench -p mp-bench --bench tikc
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
use mp_bench::{criterion, runtime};
use mp_proto::codec::storable::{FrozenList, ThawLimits, freeze, thaw};
use mp_tikc::{Kernel, Map, Server, Session, Value};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

const POSTS: u32 = 10_000;
const IMAGES: u32 = 100_000;
/// How often each is measured beside Perl, in turn.
const TURNS: usize = 7;
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

/// What `kernel.pl` does, too: one posts `count` with a number that grows, and the other sees that none is missing.
fn run_posts(runtime: &Runtime, joined: &mut Joined, count: u32) {
    let from = joined.from.clone();
    let sending = runtime.spawn(async move {
        for number in 0..count {
            from.post("counter", "count", (number,)).await.expect("it is there");
        }
    });
    runtime.block_on(async {
        for number in 0..count {
            let event = joined.session.recv().await.expect("the kernel runs");
            assert_eq!(event.name(), "count");
            let (got,): (u32,) = event.decode().expect("a number");
            assert_eq!(got, number, "in order");
        }
        sending.await.expect("it posts");
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

fn beside_perl() {
    compare("storable, a post as values", values, || perl_seconds(PERL_STORABLE));
    compare("storable, arguments as types", typed, || perl_seconds(PERL_ARGS));
    let runtime = runtime();
    let mut joined = runtime.block_on(join());
    compare("posts", || seconds(|| run_posts(&runtime, &mut joined, IMAGES)), perl_posts);
}

/// Runs both in turn, and prints the median of the ratios, and of what each takes of 100,000.
#[expect(clippy::print_stdout, reason = "a report on the terminal")]
fn compare(what: &str, mut ours: impl FnMut() -> f64, mut perl: impl FnMut() -> Option<f64>) {
    let pairs: Option<Vec<(f64, f64)>> = (0..TURNS).map(|_| Some((ours(), perl()?))).collect();
    let Some(pairs) = pairs else { return println!("{what}: no Perl to compare with") };
    let median = |of: &dyn Fn(&(f64, f64)) -> f64| {
        let mut all: Vec<f64> = pairs.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let each = 1e6 / f64::from(IMAGES);
    let (ratio, ours, perl) = (median(&|(a, b)| b / a), median(&|(a, _)| *a), median(&|(_, b)| *b));
    println!("{what}: {ratio:.1} times as fast as Perl ({:.3} and {:.3} us each)", ours * each, perl * each);
}

/// What a program of Perl prints that is told how many images to make.
fn perl_seconds(program: &str) -> Option<f64> {
    let output = Command::new("perl").args(["-e", program, &IMAGES.to_string()]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.parse().ok()
}

/// Seconds to make, write and read as many posts by way of values.
fn values() -> f64 {
    seconds(|| {
        for number in 0..IMAGES {
            let image = freeze(&post(number.into())).expect("it can be written");
            black_box(thaw(&image, &ThawLimits::default()).expect("it can be read"));
        }
    })
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
