//! The program `mp-bench`: how fast messages go, beside raw sockets.

fn main() -> std::process::ExitCode {
    mp_bench::program::main()
}
