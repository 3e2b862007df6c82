//! Where the cluster does not tell what a user may do, calls are made, and the reason of each refusal tells.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::probes::{self, LetThrough, Probe};
use super::{ABOUT, said};
use crate::app::check::finding::{Finding, Tried};
use crate::app::check::found::OUT_OF_TIME;
use crate::app::clock;
use crate::config::RunOptions;
use crate::opensearch::client::{Answer, Client};
use crate::opensearch::judge::Fault;

/// After so many calls in a row without an answer the others are not made.
const SILENT: u32 = 2;

/// One finding a right, those that are granted in few lines.
pub async fn all(client: &Client, run: &RunOptions, existing: &[Arc<str>], until: Instant) -> Vec<Finding> {
    let (mut found, mut silent) = (Vec::new(), 0);
    for Probe { name, used, method, path, body, let_through } in probes::all(run, existing, clock::chance()) {
        let body = body.map(|body| Bytes::from(if path.ends_with("/_bulk") { lines(&body) } else { body.to_string() }));
        let tried = match (Instant::now() < until, silent < SILENT) {
            (false, _) => Tried::Unknown(OUT_OF_TIME.to_owned()),
            (true, false) => Tried::Unknown("the cluster has not answered the calls before".to_owned()),
            (true, true) => match timeout_at(until, client.send_once(method, &path, body)).await {
                Ok(Ok(answer)) => {
                    silent = 0;
                    read(&answer, let_through)
                }
                Ok(Err(error)) => {
                    silent += 1;
                    Tried::Unknown(error.detail)
                }
                Err(_) => Tried::Unknown(OUT_OF_TIME.to_owned()),
            },
        };
        found.push(used.finding(&name, tried));
    }
    merged(found)
}

fn lines(actions: &Value) -> String {
    actions.as_array().into_iter().flatten().map(|line| format!("{line}\n")).collect()
}

/// A refusal for want of rights, the answer to a call that was let through, or one that tells nothing.
fn read(answer: &Answer, let_through: LetThrough) -> Tried {
    let body = answer.json();
    let item = &body["items"][0]["index"];
    let (status, kind) = match item["status"].as_u64() {
        Some(status) => {
            (u16::try_from(status).unwrap_or(0), item["error"]["type"].as_str().unwrap_or_default().to_owned())
        }
        None => (answer.status, Fault::of_answer(&answer.body).kind().to_owned()),
    };
    match (status, kind.as_str()) {
        (401 | 403, "security_exception") => Tried::Denied(said(answer)),
        (401 | 403, "") => Tried::Denied(format!("HTTP {status}")),
        (status, kind) if let_through.is(status, kind, &body) => Tried::Granted,
        (_, kind) => {
            Tried::Unknown(format!("the answer was another one than a cluster gives there: {} {kind}", said(answer)))
        }
    }
}

/// Granted on every pattern is one line; what is not has a line each.
fn merged(found: Vec<Finding>) -> Vec<Finding> {
    let (granted, other): (Vec<Finding>, Vec<Finding>) =
        found.into_iter().partition(|finding| finding.what.ends_with(": granted"));
    let names = granted.iter().map(|finding| finding.what.trim_end_matches(": granted").to_owned());
    let names: Vec<String> = names.collect();
    let mut merged: Vec<Finding> = Vec::new();
    for verb in ["write", "create", "add", "read", "refresh", "delete"] {
        let some: Vec<&str> = names.iter().filter(|name| name.starts_with(verb)).map(String::as_str).collect();
        let (Some(first), rest) = (some.first(), some.get(1..).unwrap_or_default()) else { continue };
        let places = rest.iter().map(|name| name.rsplit(' ').next().unwrap_or(name));
        let list = match verb {
            "write" => some.join(", "),
            _ => std::iter::once(*first).chain(places).collect::<Vec<_>>().join(", "),
        };
        merged.push(Finding::ok(ABOUT, format!("{list}: granted")));
    }
    merged.extend(other);
    merged
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::super::super::finding::{Level, permission};
    use super::*;
    use crate::config::tests::run;
    use crate::opensearch::client::Connection;

    fn answer(status: u16, body: &Value) -> Answer {
        Answer { status, body: body.to_string().into(), retry_after: None }
    }

    fn error(kind: &str) -> Value {
        json!({"error": {"type": kind, "reason": "no permissions for [x]"}})
    }

    #[test]
    fn only_a_refusal_for_want_of_rights_is_one_and_only_the_expected_answer_is_a_grant() {
        use LetThrough::{Conflict, NoIndex, Nonsense, Search};
        let tried = |status, body: Value, probe| match read(&answer(status, &body), probe) {
            Tried::Granted => "granted",
            Tried::Denied(_) => "denied",
            Tried::Unknown(_) => "unknown",
        };
        for probe in [Nonsense, NoIndex, Conflict, Search] {
            assert_eq!(tried(403, error("security_exception"), probe), "denied");
            assert_eq!(tried(403, json!({"Message": "not authorized"}), probe), "denied", "AWS itself");
            // Of a proxy, of a cluster in trouble, of a server that is another one.
            for (status, body) in [
                (404, json!("<html>")),
                (405, json!({"error": "method not allowed"})),
                (200, json!("<html>")),
                (500, error("null_pointer_exception")),
                (503, error("x")),
                (403, error("cluster_block_exception")),
            ] {
                assert_eq!(tried(status, body.clone(), probe), "unknown", "{status} {body}");
            }
        }
        assert_eq!(tried(400, error("illegal_argument_exception"), Nonsense), "granted");
        assert_eq!(tried(400, json!("<html>"), Nonsense), "unknown");
        assert_eq!(tried(404, error("index_not_found_exception"), NoIndex), "granted");
        assert_eq!(tried(404, error("index_not_found_exception"), Nonsense), "unknown");
        let hits = json!({"hits": {"hits": []}});
        assert_eq!((tried(200, hits.clone(), Search), tried(200, hits, NoIndex)), ("granted", "unknown"));
        let item = |status: u16, kind: &str| json!({"items": [{"index": {"status": status, "error": {"type": kind, "reason": "x"}}}]});
        assert_eq!(tried(200, item(403, "security_exception"), Conflict), "denied");
        assert_eq!(tried(200, item(409, "version_conflict_engine_exception"), Conflict), "granted");
        assert_eq!(tried(200, item(403, "cluster_block_exception"), Conflict), "unknown");
    }

    /// Takes connections and answers nothing; how many it has taken.
    async fn silent_server() -> (Client, Arc<std::sync::atomic::AtomicUsize>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut connection = Connection::to(format!("http://{}", listener.local_addr().unwrap()));
        connection.timeout = Duration::from_millis(100);
        let taken = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = taken.clone();
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                held.push(stream);
            }
        });
        (Client::new(connection).unwrap(), taken)
    }

    #[tokio::test]
    async fn a_cluster_that_hangs_is_not_asked_everything() {
        let (client, taken) = silent_server().await;
        let far = Instant::now() + Duration::from_secs(3_600);
        let whole = probes::all(&run(""), &[], 7).len();
        let found = all(&client, &run(""), &[], far).await;
        assert_eq!((found.len(), taken.load(std::sync::atomic::Ordering::SeqCst)), (whole, 2));
        assert!(found.iter().all(|one| one.what.contains("not tried, because")), "{found:#?}");
        let found = all(&client, &run(""), &[], Instant::now()).await;
        assert!(found.iter().all(|one| one.what.ends_with("not tried, because out of time")), "{found:#?}");
        assert_eq!(taken.load(std::sync::atomic::Ordering::SeqCst), 2, "without time nothing is asked");
    }

    #[test]
    fn what_is_granted_is_a_line_and_what_is_not_has_its_own() {
        let right = |name: &str, tried| permission(ABOUT, name, "work", tried);
        let found = merged(vec![
            right("create an index in a-*", Tried::Granted),
            right("create an index in b-*", Tried::Denied("no".to_owned())),
            right("create an index in c-*", Tried::Granted),
            right("write to d", Tried::Granted),
        ]);
        let lines: Vec<(Level, &str)> = found.iter().map(|f| (f.level, f.what.as_str())).collect();
        assert_eq!(
            lines[..2],
            [(Level::Ok, "write to d: granted"), (Level::Ok, "create an index in a-*, c-*: granted")]
        );
        assert_eq!((lines.len(), lines[2].0), (3, Level::Problem));
    }
}
