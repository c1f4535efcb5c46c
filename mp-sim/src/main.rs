use std::time::Instant;
fn main() {
    if std::env::var("LOG").is_ok() {
        tracing_subscriber::fmt()
            .without_time()
            .with_ansi(false)
            .with_env_filter(tracing_subscriber::EnvFilter::new(std::env::var("LOG").unwrap()))
            .init();
    }
    let args: Vec<u64> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let (start, n) = (args[0], args[1]);
    let nodes = args.get(2).map(|n| *n as usize);
    let options = mp_sim::scenario::Options::new(nodes, nodes.map(|_| 5));
    let mut sum = mp_sim::scenario::Report::default();
    let begin = Instant::now();
    for seed in start..start + n {
        match mp_sim::scenario::run(seed, &options, n == 1) {
            Ok(o) => {
                if n == 1 {
                    println!("{}", o.trace)
                } else if n < 20 {
                    println!("{seed} {:?} {:?}", begin.elapsed(), o.value)
                };
                sum.add(&o.value)
            }
            Err(e) => println!("{e}\n{}", e.trace.len()),
        }
    }
    println!("{:?} {sum:?}", begin.elapsed());
}
