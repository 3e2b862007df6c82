//! Running essink as its users do, and counting what the cluster holds.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::kinesis::Kinesis;
use testkit::search::Server;
use tokio::process::{Child, Command};

/// Far more than any step takes; a test that hangs must end.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// How a run of essink ended.
#[derive(Debug)]
pub struct Done {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Done {
    /// Fails unless essink ended with this code and said all of `words` on standard error.
    pub fn expect(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        for word in words {
            assert!(self.err.contains(word), "nothing of {word:?} in: {}", self.err);
        }
        self
    }
}

/// `essink` with these arguments and nothing of the tester's environment.
pub fn essink(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_essink"));
    command.args(args).env_clear().stdin(Stdio::null()).kill_on_drop(true);
    command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test").env("AWS_REGION", "us-east-1");
    // The SDK must not look for files or for a metadata service of this machine.
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_CONFIG_FILE", "/dev/null");
    command.env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    command
}

/// Runs a command to its end.
pub async fn finish(mut command: Command) -> Done {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("essink starts");
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
    let output = output.expect("essink ends in time").expect("essink can be waited for");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Done { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// The arguments of `essink run` against these servers.
pub fn run_args<'a>(kinesis: &'a str, search: &'a str, stream: &'a str) -> Vec<&'a str> {
    let mut args = vec!["run", "--stream", stream, "--kinesis-endpoint-url", kinesis];
    args.extend(["--opensearch-url", search, "--http-listen", "none", "--replicas", "0"]);
    args
}

/// `essink run --until-caught-up` with more arguments, to its end.
pub async fn catch_up(kinesis: &Kinesis, search: &Server, stream: &str, more: &[&str]) -> Done {
    let url = kinesis.url();
    let mut args = run_args(&url, search.url(), stream);
    args.push("--until-caught-up");
    args.extend(more);
    finish(essink(&args)).await
}

/// A run that goes on beside the test, with its log in a file.
pub fn start(args: &[&str], log: &Path) -> Child {
    let log = std::fs::File::create(log).expect("a log file");
    let mut command = essink(args);
    command.stdout(Stdio::null()).stderr(log);
    command.spawn().expect("essink starts")
}

/// Sends SIGTERM and waits for the end.
pub async fn terminate(mut child: Child) -> Option<i32> {
    let pid = child.id().expect("still running").to_string();
    let killed = Command::new("kill").args(["-TERM", &pid]).status().await.expect("kill runs");
    assert!(killed.success());
    tokio::time::timeout(PATIENCE, child.wait()).await.expect("ends in time").expect("can be waited for").code()
}

/// Documents under an index pattern, after a refresh; 0 when no index matches.
pub async fn count(search: &Server, pattern: &str) -> u64 {
    let refresh = format!("/{pattern}/_refresh?ignore_unavailable=true&allow_no_indices=true");
    search.get(&refresh).await.expect("refresh");
    let path = format!("/{pattern}/_count?ignore_unavailable=true&allow_no_indices=true");
    search.get(&path).await.expect("count")["count"].as_u64().expect("a number")
}

/// Every document under a pattern: index, id and source. For small indices.
pub async fn documents(search: &Server, pattern: &str) -> Vec<Value> {
    count(search, pattern).await;
    let path = format!("/{pattern}/_search?size=10000&allow_no_indices=true");
    let found = search.get(&path).await.expect("search");
    found["hits"]["hits"].as_array().expect("hits").clone()
}

/// Buckets of a terms aggregation.
pub async fn terms(search: &Server, pattern: &str, field: &str) -> Vec<(String, u64)> {
    let body = json!({"size": 0, "aggs": {"a": {"terms": {"field": field, "size": 1000}}}});
    let found = search.send(reqwest::Method::POST, &format!("/{pattern}/_search"), &body).await.expect("search");
    let buckets = found["aggregations"]["a"]["buckets"].as_array().expect("buckets").clone();
    let pair = |b: &Value| (b["key"].as_str().expect("a text").to_owned(), b["doc_count"].as_u64().expect("a number"));
    buckets.iter().map(pair).collect()
}

/// Polls until `done` says so; fails after [`PATIENCE`].
pub async fn until<F: Future<Output = bool>>(what: &str, mut done: impl FnMut() -> F) {
    let polled = tokio::time::timeout(PATIENCE, async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    assert!(polled.await.is_ok(), "{what}: not within {PATIENCE:?}");
}

/// Every published sample whose name begins with one of `prefixes`, each event by itself, as its file has it; but not
/// the payload that Pinpoint posts to a web hook, which is never an event of a stream.
pub fn samples(prefixes: &[&str]) -> Vec<Value> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samples");
    let mut names: Vec<_> = std::fs::read_dir(dir).expect("samples").map(|e| e.expect("entry").path()).collect();
    names.sort();
    let mut events = Vec::new();
    for path in names {
        let name = path.file_name().and_then(|n| n.to_str()).expect("a name").to_owned();
        if !prefixes.iter().any(|p| name.starts_with(p)) || name.contains("custom-channel") {
            continue;
        }
        let value: Value = serde_json::from_slice(&std::fs::read(&path).expect("readable")).expect("JSON");
        match value {
            Value::Array(list) => events.extend(list),
            one => events.push(one),
        }
    }
    events
}

/// The names the Pinpoint family's samples begin with.
pub const PINPOINT_SAMPLES: [&str; 4] = ["pinpoint-", "mobile-", "amplify-", "seed-session"];

/// Bytes that do not compress, always the same.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    });
    next.take(length).collect()
}
