//! Encoding and decoding, beside serde_json and ciborium on the same data.
//!
//! ```text
//! cargo bench -p mp-bench --bench codec
//! ```
//!
//! Three messages: `small` is `["ping", 42]`, `medium` an order of some 500 bytes with a little of everything, `64 KiB`
//! a text of that length. `typed` goes between bytes and the user's type, `dynamic` between bytes and a
//! [`Message`] (`serde_json::Value`, `ciborium::Value`). The baselines write and read the whole frame, that is, a tuple
//! of the port's name and the message. `cut` is what a connection does with bytes that come in: find the frame's end,
//! and check it.

use std::hint::black_box;
use std::time::Duration;

use bytes::BytesMut;
use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion};
use mp_bench::criterion;
use mp_bench::messages::{Order, PORT};
use mp_proto::codec::FrameScanner;
use mp_proto::{Frame, Framing, Message};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

const FRAMINGS: [Framing; 3] = [Framing::Json, Framing::Cbor, Framing::Postcard];
const LARGE: usize = 65_536;

fn main() {
    let mut criterion = criterion(Duration::from_millis(200), Duration::from_millis(500));
    let (ping, frame) = (("ping", 42), (PORT, "ping", 42));
    all_of::<(String, u32), (IgnoredAny, String, u32)>(&mut criterion, "small", &ping, &frame);
    let order = Order::sample();
    let (message, frame) = (("order", &order), (PORT, "order", &order));
    all_of::<(String, Order), (IgnoredAny, String, Order)>(&mut criterion, "medium", &message, &frame);
    let text: String = ('a'..='z').cycle().take(LARGE).collect();
    let (message, frame) = (("data", 7, &text), (PORT, "data", 7, &text));
    all_of::<(String, u32, String), (IgnoredAny, String, u32, String)>(
        &mut criterion,
        "64 KiB",
        &message,
        &frame,
    );
    criterion.final_summary();
}

/// Measures one message. `frame` is what it is with the port's name before it; `T` and `F` are what these are read as.
fn all_of<T: DeserializeOwned, F: DeserializeOwned>(
    criterion: &mut Criterion,
    name: &str,
    message: &impl Serialize,
    frame: &impl Serialize,
) {
    let mut group = criterion.benchmark_group(format!("encode/{name}"));
    encode(&mut group, message);
    encode_elsewhere(&mut group, frame);
    group.finish();
    let mut group = criterion.benchmark_group(format!("decode/{name}"));
    decode::<T>(&mut group, message);
    decode_elsewhere::<F>(&mut group, frame);
    group.finish();
    let mut group = criterion.benchmark_group(format!("cut/{name}"));
    for framing in FRAMINGS {
        let bytes = bytes_of(framing, message);
        let mut scanner = FrameScanner::new(framing).expect("compiled in");
        group.bench_function(framing.name(), |b| {
            let cut = |mut input: BytesMut| {
                let frame = scanner.next(&mut input, usize::MAX).expect("well-formed").expect("whole");
                frame.check().expect("well-formed").len()
            };
            b.iter_batched(|| bytes.clone(), cut, BatchSize::SmallInput);
        });
    }
    group.finish();
}

fn bytes_of(framing: Framing, message: &impl Serialize) -> BytesMut {
    let mut out = BytesMut::new();
    Frame::write(framing, PORT, message, None, usize::MAX, &mut out).expect("encodes");
    out
}

/// Into one buffer, again and again, as into the buffer of a connection.
fn encode(group: &mut BenchmarkGroup<'_, WallTime>, message: &impl Serialize) {
    let dynamic = Message::new(message).expect("encodes");
    for framing in FRAMINGS {
        let mut out = BytesMut::new();
        group.bench_function(format!("{framing} typed"), |b| {
            b.iter(|| {
                out.clear();
                Frame::write(framing, PORT, black_box(message), None, usize::MAX, &mut out).expect("encodes");
                out.len()
            });
        });
        group.bench_function(format!("{framing} dynamic"), |b| {
            b.iter(|| {
                out.clear();
                Frame::write(framing, PORT, black_box(&dynamic), None, usize::MAX, &mut out)
                    .expect("encodes");
                out.len()
            });
        });
    }
}

fn encode_elsewhere(group: &mut BenchmarkGroup<'_, WallTime>, frame: &impl Serialize) {
    fn both<T: Serialize>(
        group: &mut BenchmarkGroup<'_, WallTime>,
        form: &str,
        json: &T,
        cbor: &impl Serialize,
    ) {
        let mut out = Vec::new();
        group.bench_function(format!("baseline: serde_json {form}"), |b| {
            b.iter(|| {
                out.clear();
                serde_json::to_writer(&mut out, black_box(json)).expect("encodes");
                out.len()
            });
        });
        group.bench_function(format!("baseline: ciborium {form}"), |b| {
            b.iter(|| {
                out.clear();
                ciborium::into_writer(black_box(cbor), &mut out).expect("encodes");
                out.len()
            });
        });
    }
    both(group, "typed", frame, frame);
    let json = serde_json::to_value(frame).expect("encodes");
    let cbor = ciborium::Value::serialized(frame).expect("encodes");
    both(group, "dynamic", &json, &cbor);
}

fn decode<T: DeserializeOwned>(group: &mut BenchmarkGroup<'_, WallTime>, message: &impl Serialize) {
    for framing in FRAMINGS {
        let mut scanner = FrameScanner::new(framing).expect("compiled in");
        let frame =
            scanner.next(&mut bytes_of(framing, message), usize::MAX).expect("well-formed").expect("whole");
        group.bench_function(format!("{framing} typed"), |b| {
            b.iter(|| black_box(&frame).decode::<T>().expect("the type"));
        });
        group.bench_function(format!("{framing} dynamic"), |b| {
            b.iter(|| black_box(&frame).message().expect("well-formed"));
        });
    }
}

fn decode_elsewhere<F: DeserializeOwned>(group: &mut BenchmarkGroup<'_, WallTime>, frame: &impl Serialize) {
    fn both<J: DeserializeOwned, C: DeserializeOwned>(
        group: &mut BenchmarkGroup<'_, WallTime>,
        form: &str,
        frame: &impl Serialize,
    ) {
        let json = serde_json::to_vec(frame).expect("encodes");
        group.bench_function(format!("baseline: serde_json {form}"), |b| {
            b.iter(|| serde_json::from_slice::<J>(black_box(&json)).expect("the type"));
        });
        let mut cbor = Vec::new();
        ciborium::into_writer(frame, &mut cbor).expect("encodes");
        group.bench_function(format!("baseline: ciborium {form}"), |b| {
            b.iter(|| ciborium::from_reader::<C, _>(black_box(&cbor[..])).expect("the type"));
        });
    }
    both::<F, F>(group, "typed", frame);
    both::<serde_json::Value, ciborium::Value>(group, "dynamic", frame);
}
