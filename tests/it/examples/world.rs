//! Where the examples are run: servers, and a directory with the files that they name.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::json;
use testkit::dynamodb::DynamoDb;
use testkit::events::{Events, Plan};
use testkit::fake_dashboards::{FakeDashboards, Product, Setup};
use testkit::kinesis::Kinesis;
use testkit::s3::S3;
use testkit::search::{Lease, shared};
use tokio::process::Command;

use crate::support::*;

/// Events of the stream pinpoint-events, beside the record that is none.
pub const EVENTS: usize = 20;
/// A record that becomes the dead letter of the examples: its id is made of these bytes.
const NO_EVENT: &[u8] = b"no event";

pub struct World {
    dir: tempfile::TempDir,
    search: Lease<'static>,
    kinesis: Kinesis,
    dynamodb: DynamoDb,
    s3: S3,
    dashboards: FakeDashboards,
    ports: [String; 2],
}

impl World {
    pub async fn new() -> Self {
        let (search, kinesis) = (shared().lease().await.expect("OpenSearch"), Kinesis::start().await.expect("Kinesis"));
        let dir = tempfile::tempdir().expect("a directory");
        let world = Self {
            dashboards: FakeDashboards::start(Setup::of(Product::Kibana)).await.expect("Kibana's API"),
            dynamodb: DynamoDb::start().await.expect("DynamoDB"),
            s3: S3::start(&["backup"]).expect("S3"),
            ports: [free_address(), free_address()],
            dir,
            search,
            kinesis,
        };
        world.fill().await;
        world
    }

    async fn fill(&self) {
        let days = "2026-11-20".parse().expect("a date").."2026-11-24".parse().expect("a date");
        let plan = Plan { enriched: false, ..Plan::days(1, EVENTS, days.start..days.end) };
        let records: Vec<_> = Events::new(plan).map(|event| (event.partition_key.clone(), event.record())).collect();
        let client = self.kinesis.client();
        client.create_stream("pinpoint-events", 2).await.expect("stream");
        client.create_stream("my-events", 4).await.expect("stream");
        client.put_records("pinpoint-events", &records).await.expect("put");
        client.put_records("pinpoint-events", &[("k".to_owned(), NO_EVENT.to_vec())]).await.expect("put");
        // An index that prune finds too old, and one of Firehose's months.
        for index in ["pinpoint-2020-01-01", "pinpoint-2020-02"] {
            self.search.send(http::Method::PUT, &format!("/{index}"), &json!({})).await.expect("an old index");
        }
        let record = |n: usize| records[n].1.clone();
        let one = String::from_utf8(record(0)).expect("text");
        let key = "pinpoint/2026/11/21/08/pinpoint-1-2026-11-21-08-30-00-0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
        self.s3.put("backup", key, &record(1));
        self.write("samples/pinpoint.json", &record(0));
        self.write("events.ndjson", format!("{one}\n{{\"client\":{{\"client_id\":\"c\"}}}}\n").as_bytes());
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&[record(1), record(2)].concat()).expect("memory takes it");
        self.write("events.ndjson.gz", &gzip.finish().expect("memory takes it"));
        self.write(
            "failed/2026/11/21/08/pinpoint-1-2026-11-21-08-30-00-0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
            &record(3),
        );
        self.write("essink.toml", b"stream = \"clicks\"\nkeep = \"30d\"\n");
        self.write("bird.token", b"hunter2\n");
        for made in [
            ".local/share/bash-completion/completions/x",
            ".zfunc/x",
            ".config/fish/completions/x",
            ".local/share/man/man1/x",
        ] {
            self.write(made, b"");
        }
        self.write("bin/x", b"");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_essink"), self.path("bin/essink")).expect("a link");
        if !Path::new("/usr/bin/man").exists() {
            // What `man -l -` does with its input is its own affair; a machine without it has this one.
            self.write("bin/man", b"#!/bin/sh\ncat\n");
            let chmod = std::process::Command::new("chmod").args(["+x"]).arg(self.path("bin/man")).status();
            assert!(chmod.expect("chmod runs").success());
        }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("it has a parent")).expect("a directory");
        std::fs::write(path, bytes).expect("a file");
    }

    /// A shell that will run `line` here.
    fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("bash");
        command.args(["-o", "pipefail", "-c", line]).current_dir(self.dir.path()).env_clear().kill_on_drop(true);
        command.stdin(Stdio::null());
        let essink = essink(&[]);
        command.envs(essink.as_std().get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("HOME", self.dir.path());
        command.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", self.path("bin").display()));
        command.env("ESSINK_OPENSEARCH_URL", self.search.url());
        command.env("ESSINK_KINESIS_ENDPOINT_URL", self.kinesis.url());
        command.env("ESSINK_DYNAMODB_ENDPOINT_URL", self.dynamodb.url());
        command.env("ESSINK_S3_ENDPOINT_URL", self.s3.url());
        command.env("ESSINK_DASHBOARDS_URL", self.dashboards.url());
        command.env("ESSINK_HTTP_LISTEN", &self.ports[0]).env("ESSINK_WEBHOOK_LISTEN", &self.ports[1]);
        command.env("ESSINK_LEASE_TIMEOUT", "3s").env("ESSINK_YES", "true");
        command
    }

    /// Runs it to its end, which must be exit code 0, and which must have said all of `words`.
    pub async fn run(&self, line: &str, words: &[&str]) {
        let mut command = self.shell(line);
        command.env("ESSINK_UNTIL_CAUGHT_UP", "true");
        let done = finish(command).await;
        let said = format!("{}{}", done.out, done.err);
        assert_eq!(done.code, Some(0), "{line}\n{said}");
        for word in words {
            assert!(said.contains(word), "{line}: nothing of {word:?} in\n{said}");
        }
    }

    /// Runs it until it says `word`, and then stops it as a service manager would.
    pub async fn run_until(&self, line: &str, word: &str) {
        let log = self.path("log");
        let mut command = self.shell(&format!("exec {line}"));
        command.stdout(Stdio::null()).stderr(std::fs::File::create(&log).expect("a log file"));
        let child = command.spawn().expect("bash starts");
        let said = || std::fs::read_to_string(&log).expect("a log");
        until(&format!("{line} says {word:?}"), || async { said().contains(word) }).await;
        assert_eq!(terminate(child).await, Some(0), "{line}\n{}", said());
    }

    /// Has the loader of the configuration read it, with every file that it names.
    pub fn parse(&self, line: &str) {
        let args = line.split(' ').map(std::ffi::OsString::from);
        let loaded = essink::config::load(args, std::iter::empty(), &|_| Ok("hunter2\n".to_owned()));
        assert!(loaded.is_ok(), "{line}: {}", loaded.expect_err("refused"));
    }
}

fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound").to_string()
}
