//! The four real servers: they start empty, can be made empty again, stop, and never outlive their process.
//!
//! Each test starts a node of its own.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use testkit::search::{Kind, Options, Server};

/// Leaves behind whatever a test can leave behind, some of it in the way of its own deletion.
async fn make_a_mess(server: &Server) {
    let put = async |path: &str, body: Value| server.send(Method::PUT, path, &body).await.unwrap();
    put("/_component_template/mess-part", json!({ "template": { "settings": { "number_of_replicas": 0 } } })).await;
    let template = json!({ "index_patterns": ["mess-*"], "composed_of": ["mess-part"], "priority": 900 });
    put("/_index_template/mess", template).await;
    put("/_template/old-mess", json!({ "index_patterns": ["old-mess-*"], "order": 1 })).await;
    put("/mess-1", json!({ "aliases": { "mess-alias": {} } })).await;
    put("/mess-hidden", json!({ "settings": { "index.hidden": true } })).await;
    put("/.essink-hidden", json!({ "settings": { "index.hidden": true } })).await;
    put("/mess-read-only", json!({ "settings": { "index.blocks.read_only": true } })).await;
    put("/_cluster/settings", json!({ "transient": { "cluster.blocks.read_only_allow_delete": true } })).await;
}

async fn names(server: &Server) -> Value {
    server.get("/_cat/indices?h=index&format=json&expand_wildcards=all").await.unwrap()
}

async fn starts_wipes_and_stops(kind: Kind, version: Option<&str>) {
    let sets = vec![("http.max_content_length", "1mb".into())];
    let server = Server::start(kind, Options { sets, ..Options::default() }).await.unwrap();
    eprintln!("{kind:?} was green after {:.1?}", server.started_in());
    if let Some(version) = version {
        assert_eq!(server.get("/").await.unwrap()["version"]["number"], version);
    }
    let limit = server.get("/_nodes/http").await.unwrap();
    let node = limit["nodes"].as_object().unwrap().values().next().unwrap();
    assert_eq!(node["http"]["max_content_length_in_bytes"], 1 << 20, "the setting did not arrive");

    let before = names(&server).await;
    make_a_mess(&server).await;
    assert_eq!(names(&server).await.as_array().unwrap().len(), before.as_array().unwrap().len() + 4);
    server.wipe().await.unwrap();
    assert_eq!(names(&server).await, before);
    let missing =
        ["/_index_template/mess", "/_component_template/mess-part", "/_template/old-mess", "/_alias/mess-alias"];
    for path in missing {
        assert!(server.get(path).await.unwrap_err().to_string().contains("404"), "{path}");
    }
    // The write block is gone too.
    server.send(Method::PUT, "/after", &json!({})).await.unwrap();

    let address = server.url().strip_prefix("http://").unwrap().to_owned();
    server.stop().await.unwrap();
    assert!(std::net::TcpStream::connect(address).is_err(), "the node still listens after stop");
}

#[tokio::test]
async fn opensearch_3() {
    starts_wipes_and_stops(Kind::OpenSearch3, Some("3.6.0")).await;
}

#[tokio::test]
async fn opensearch_2() {
    starts_wipes_and_stops(Kind::OpenSearch2, Some("2.19.6")).await;
}

#[tokio::test]
async fn elasticsearch_8() {
    starts_wipes_and_stops(Kind::Elasticsearch8, None).await;
}

#[tokio::test]
async fn elasticsearch_7() {
    starts_wipes_and_stops(Kind::Elasticsearch7, Some("7.17.29")).await;
}

#[tokio::test]
async fn a_node_that_cannot_start_says_why() {
    let sets = vec![("no.such.setting", "1".into())];
    let error = Server::start(Kind::OpenSearch3, Options { sets, ..Options::default() }).await.unwrap_err();
    assert!(error.to_string().contains("unknown setting [no.such.setting]"), "{error}");
}

#[tokio::test]
async fn a_server_with_users_asks_for_the_password() {
    let options = Options { password: Some("correct-horse-7"), ..Options::default() };
    let server = Server::start(Kind::Elasticsearch8, options).await.unwrap();
    let status = async |user: &str, password: &str| {
        let client = testkit::http::client_for(user, password, None).unwrap();
        client.get(format!("{}/_cluster/health", server.url())).send().await.unwrap().status().as_u16()
    };
    assert_eq!(status("admin", "correct-horse-7").await, 200);
    assert_eq!(status("limited", "correct-horse-7").await, 200);
    assert_eq!(status("admin", "wrong").await, 401);
    server.send(Method::PUT, "/mess-1", &json!({})).await.unwrap();
    server.wipe().await.unwrap();
    assert!(server.get("/mess-1").await.unwrap_err().to_string().contains("404"));
    server.stop().await.unwrap();
}

#[test]
fn a_missing_jdk_or_maven_is_named_with_its_cure() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stack/start-opensearch.sh");
    let empty = tempdir();
    let check = |min_version: &str, vars: &[(&str, &str)], expected: &str| {
        let mut command = Command::new(&script);
        command.args(["--version", min_version, "--fetch-only"]).env("SEARCH_CACHE", &empty);
        let output = command.envs(vars.iter().copied()).output().unwrap();
        assert_eq!(output.status.code(), Some(69));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(expected) && said.contains("install"), "{said}");
    };
    check("3", &[("MVN", "no-such-mvn")], "Maven is needed to fetch the server");
    // No machine has a JDK this new: the oldest a version may ask for is its own number here.
    let common = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stack/common.sh");
    let find = format!(". '{}'; find_java 900 999 'OpenSearch'", common.display());
    let output = Command::new("bash").args(["-c", &find]).output().unwrap();
    assert_eq!(output.status.code(), Some(69));
    assert!(String::from_utf8_lossy(&output.stderr).contains("apt install openjdk-900-jdk-headless"));
    std::fs::remove_dir_all(&empty).unwrap();
}

fn tempdir() -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("testkit-empty-{}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// The other half of the next test: a process that starts a node, says where, and waits to be killed.
#[tokio::test]
#[ignore = "run by a_node_does_not_survive_kill_9_of_its_process"]
async fn child_that_holds_a_node() {
    let server = Server::start(Kind::OpenSearch3, Options::default()).await.unwrap();
    println!("node at {} and {}", server.url(), server.scratch().display());
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_node_does_not_survive_kill_9_of_its_process() {
    use std::io::{BufRead as _, BufReader};

    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--ignored", "--exact", "--nocapture", "child_that_holds_a_node"]);
    let mut child = child.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.map_while(Result::ok).find(|line| line.contains("node at ")).expect("the child did not start");
    let (url, scratch) = line.split_once("node at ").unwrap().1.split_once(" and ").unwrap();
    let (address, scratch) = (url.strip_prefix("http://").unwrap(), Path::new(scratch));
    assert!(std::net::TcpStream::connect(address).is_ok() && scratch.is_dir());

    child.kill().unwrap(); // SIGKILL
    child.wait().unwrap();
    let begun = Instant::now();
    while std::net::TcpStream::connect(address).is_ok() || scratch.exists() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the node or its data is still there");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

mod shared {
    use super::*;

    /// Who has a node has it alone, and finds it empty.
    #[tokio::test]
    async fn leases_are_of_two_nodes_each_found_empty_and_a_panic_blocks_nobody() {
        let taken: Mutex<BTreeSet<String>> = Mutex::default();
        let seen = Mutex::new(BTreeSet::new());
        let take = async |name: &str| {
            let lease = testkit::search::shared().lease().await.unwrap();
            assert!(taken.lock().unwrap().insert(lease.url().to_owned()), "{name} has a node that another has");
            seen.lock().unwrap().insert(lease.url().to_owned());
            assert!(!names(&lease).await.to_string().contains("left-by"), "{name} found something");
            lease.send(Method::PUT, &format!("/left-by-{name}"), &json!({})).await.unwrap();
            taken.lock().unwrap().remove(lease.url());
            assert_ne!(name, "two", "on purpose");
        };
        let run = |name| {
            // Each on a thread and runtime of its own, as tests are.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(take(name));
        };
        let outcomes = std::thread::scope(|scope| {
            let threads = ["one", "two", "three", "four"].map(|name| scope.spawn(|| run(name)));
            threads.map(|thread| thread.join().is_ok())
        });
        assert_eq!(outcomes, [true, false, true, true]);
        assert_eq!(seen.lock().unwrap().len(), 2);
    }
}
