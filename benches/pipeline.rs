//! The whole path: the real program reads a filled stream of a real Kinesis API and writes to a bulk
//! endpoint that keeps nothing. What is counted is the program's own CPU and memory, beside the CPU of
//! the servers in the same run. `cargo bench --bench pipeline [-- EVENTS]`.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use testkit::cpu::seconds_of_threads;
use testkit::events::{Events, Plan};
use testkit::fake_bulk::{FakeBulk, Mode};
use testkit::kinesis::Kinesis;

const SHARDS: usize = 4;

fn main() {
    let n_events = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(200_000);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (kinesis, mean) = runtime.block_on(fill(n_events));
    let sink = FakeBulk::start(Mode::Null).expect("a bulk endpoint");
    let dir = tempfile::tempdir().expect("a directory");
    println!("{n_events} events of {mean} bytes on average, {SHARDS} shards");
    for round in 1..=3 {
        let before = (servers(), sink.items(), sink.requests());
        let state = format!("file:{}", dir.path().join(format!("{round}.json")).display());
        let letters = format!("dir:{}", dir.path().display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_essink"));
        command.args(["run", "--stream", "bench", "--until-caught-up", "--no-init-templates", "--http-listen", "none"]);
        command.args(["--kinesis-endpoint-url", &kinesis.url(), "--opensearch-url", &sink.url()]);
        command.args(["--state", &state, "--dead-letters", &letters, "--log-level", "warn"]);
        command.env("AWS_ACCESS_KEY_ID", "bench").env("AWS_SECRET_ACCESS_KEY", "bench").env("AWS_REGION", "us-east-1");
        let used = watch(command);
        assert_eq!(sink.items() - before.1, n_events as u64, "every event was sent once");
        let million = 1e6 / n_events as f64;
        println!(
            "round {round}: {:.1} CPU-s a million events, peak {} MB, {:.0} events/s; beside it the servers took {:.1} CPU-s a million, {} requests",
            used.cpu * million,
            used.peak_kb / 1000,
            n_events as f64 / used.wall.as_secs_f64(),
            (servers() - before.0) * million,
            sink.requests() - before.2,
        );
    }
}

async fn fill(n_events: usize) -> (Kinesis, usize) {
    let kinesis = Kinesis::start().await.expect("a Kinesis");
    kinesis.client().create_stream("bench", SHARDS).await.expect("a stream");
    let day = |text: &str| text.parse::<NaiveDate>().expect("a date");
    let plan = Plan { enriched: false, ..Plan::days(1, n_events, day("2026-11-01")..day("2026-11-04")) };
    let records: Vec<_> = Events::new(plan).map(|event| (event.partition_key.clone(), event.record())).collect();
    kinesis.client().put_records("bench", &records).await.expect("put");
    let bytes: usize = records.iter().map(|(_, data)| data.len()).sum();
    (kinesis, bytes / n_events)
}

/// CPU seconds of the two servers so far.
fn servers() -> f64 {
    seconds_of_threads("kinesis").unwrap_or(0.0) + seconds_of_threads("fake-bulk").unwrap_or(0.0)
}

struct Used {
    cpu: f64,
    peak_kb: u64,
    wall: Duration,
}

/// Runs the program and reads its last own account from `/proc`: the kernel keeps it until it is waited for.
fn watch(mut command: Command) -> Used {
    let began = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn().expect("essink starts");
    let proc = format!("/proc/{}", child.id());
    let mut used = Used { cpu: 0.0, peak_kb: 0, wall: Duration::ZERO };
    loop {
        let stat = std::fs::read_to_string(format!("{proc}/stat")).expect("a Linux with /proc");
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
        // utime and stime, in hundredths of a second; a zombie still has them.
        used.cpu = (ticks(11) + ticks(12)) / 100.0;
        let status = std::fs::read_to_string(format!("{proc}/status")).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kb = peak.and_then(|text| text.split_whitespace().next()).and_then(|kb| kb.parse().ok());
        used.peak_kb = kb.unwrap_or(used.peak_kb);
        if fields.first() == Some(&"Z") {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    used.wall = began.elapsed();
    assert!(child.wait().expect("waited for").success(), "essink failed");
    used
}
