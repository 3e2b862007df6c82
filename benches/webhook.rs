//! The real server of webhooks under load, beside a server that answers and does nothing else: requests a second,
//! latency, CPU a request, and the server's memory. `cargo bench --bench webhook [-- REQUESTS]`.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use testkit::cpu::seconds_of_threads;
use testkit::kinesis::Kinesis;

/// Senders at the same time, each on a connection of its own.
const SENDERS: usize = 32;

fn main() {
    let n = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(20_000);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let kinesis = runtime.block_on(async {
        let kinesis = Kinesis::start().await.expect("a Kinesis");
        kinesis.client().create_stream("bench", 4).await.expect("a stream");
        kinesis
    });
    let batch = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samples/sparkpost-batch-9-types.json"));
    let batch = bytes::Bytes::from(batch.expect("a sample"));
    println!("{n} requests of {} bytes from {SENDERS} senders", batch.len());

    let null = null_server();
    let before = seconds_of_threads("null").unwrap_or(0.0);
    let figures = runtime.block_on(load(&format!("http://{null}/bird"), &batch, n));
    report("null server", &figures, seconds_of_threads("null").unwrap_or(0.0) - before, n);

    let address = free_port();
    let mut child = essink(&kinesis.url(), &address);
    let figures = runtime.block_on(load(&format!("http://{address}/bird"), &batch, n));
    let (cpu, peak) = used(&child);
    report("essink webhook", &figures, cpu, n);
    println!("essink webhook: peak {} MB, {} events in the stream", peak / 1000, 9 * n);
    child.kill().and_then(|()| child.wait()).expect("ended");
}

/// What the senders saw.
struct Figures {
    wall: Duration,
    latencies: Vec<Duration>,
}

async fn load(url: &str, body: &bytes::Bytes, n: usize) -> Figures {
    let next = Arc::new(AtomicUsize::new(0));
    let begin = Instant::now();
    let senders = (0..SENDERS).map(|_| {
        let (next, url, body) = (next.clone(), url.to_owned(), body.clone());
        tokio::spawn(async move {
            let client = testkit::http::client().expect("a client");
            let mut latencies = Vec::new();
            while next.fetch_add(1, Ordering::Relaxed) < n {
                let sent = Instant::now();
                let request = client.post(&url).bearer_auth("token").body(body.clone());
                let answer = request.send().await.expect("an answer");
                assert_eq!(answer.status(), 200);
                latencies.push(sent.elapsed());
            }
            latencies
        })
    });
    let senders: Vec<_> = senders.collect();
    let mut latencies = Vec::with_capacity(n);
    for sender in senders {
        latencies.extend(sender.await.expect("a sender"));
    }
    latencies.sort();
    Figures { wall: begin.elapsed(), latencies }
}

fn report(what: &str, figures: &Figures, cpu: f64, n: usize) {
    let at = |share: f64| figures.latencies[((n - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{what:>15}: {:>7.0} requests/s, p50 {:.1} ms, p99 {:.1} ms, {:.0} us CPU a request",
        n as f64 / figures.wall.as_secs_f64(),
        at(0.5),
        at(0.99),
        cpu / n as f64 * 1e6,
    );
}

fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound").to_string()
}

/// Reads the body, answers 200.
fn null_server() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("set");
    let address = listener.local_addr().expect("bound");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().thread_name("null").enable_all().build().expect("a runtime");
    std::thread::Builder::new()
        .name("null".into())
        .spawn(move || {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                let router = axum::Router::new().fallback(async |_body: bytes::Bytes| "ok");
                axum::serve(listener, router).await.expect("serves");
            });
        })
        .expect("a thread");
    address
}

fn essink(kinesis: &str, address: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_essink"));
    command.args(["webhook", "--stream", "bench", "--kinesis-endpoint-url", kinesis, "--webhook-listen", address]);
    command.args(["--http-listen", "none", "--log-level", "warn"]).env("ESSINK_BIRD_TOKEN", "token");
    command.env("AWS_ACCESS_KEY_ID", "bench").env("AWS_SECRET_ACCESS_KEY", "bench").env("AWS_REGION", "us-east-1");
    let child = command.stdin(Stdio::null()).spawn().expect("essink starts");
    let begin = Instant::now();
    while std::net::TcpStream::connect(address).is_err() {
        assert!(begin.elapsed() < Duration::from_secs(10), "essink does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

/// CPU seconds so far and the most memory, in kB.
fn used(child: &Child) -> (f64, u64) {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", child.id())).expect("running");
    let stat = read("stat");
    // Fields 14 and 15, in clock ticks of a hundredth of a second; the name in front may hold spaces.
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
    let status = read("status");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line");
    let peak = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    ((ticks(11) + ticks(12)) / 100.0, peak)
}
