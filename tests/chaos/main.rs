//! Three workers, a real cluster, a real Kinesis API, and everything that can happen to them; then counting by id.
//!
//! One short round with `cargo test`; by hand `cargo test --test chaos -- --rounds 20 [--events 40000] [--seed 7]`. Each
//! round prints what it did and what came of it.

mod oracle;
mod round;

#[path = "../it/support.rs"]
#[allow(dead_code, reason = "the other tests use the rest")]
mod support;

use testkit::search::{Kind, Options, Server};

/// What is asked for on the command line.
struct Args {
    rounds: u64,
    events: usize,
    seed: u64,
}

fn main() {
    let Some(args) = args() else { return };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(rounds(&args));
}

/// Nothing when a filter of `cargo test` asks for another test. `cargo test` hands its own flags to every binary.
fn args() -> Option<Args> {
    let mut args = Args { rounds: 1, events: 16_000, seed: 1 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|n| n.parse::<u64>().ok()).expect("a number after the flag");
        match word.as_str() {
            "--rounds" => args.rounds = number(),
            "--events" => args.events = usize::try_from(number()).expect("fits"),
            "--seed" => args.seed = number(),
            "--list" => return None,
            flag if flag.starts_with('-') => {}
            filter if "chaos".contains(filter) => {}
            _ => return None,
        }
    }
    Some(args)
}

async fn rounds(args: &Args) {
    // A queue of one behind one thread: the cluster itself rejects items, as a busy one does.
    let sets = [
        ("thread_pool.write.queue_size", "1"),
        ("thread_pool.write.size", "1"),
        ("cluster.info.update.interval", "10s"),
    ];
    let sets = sets.map(|(name, value)| (name, value.to_owned())).to_vec();
    let search = Server::start(Kind::OpenSearch3, Options { sets, ..Options::default() }).await.expect("OpenSearch");
    for n in 0..args.rounds {
        search.wipe().await.expect("an empty node");
        let seed = args.seed + n;
        let told = round::run(&search, seed, args.events).await;
        println!("chaos round {} of {}, seed {seed}: {told}", n + 1, args.rounds);
    }
    println!("test result: ok. {} passed; 0 failed", args.rounds);
}
