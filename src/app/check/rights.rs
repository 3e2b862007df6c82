//! What the cluster's user may do: asked where the cluster tells, else tried by calls that change nothing.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::finding::{Finding, Level, Tried, permission};
use super::policy;
use crate::app::clock;
use crate::config::RunOptions;
use crate::opensearch::client::{Answer, Client};
use crate::opensearch::judge::Fault;
use crate::opensearch::product::{Distribution, Product};

const ABOUT: &str = "cluster";
const ADD_FIELDS_WHY: &str = "give daily indices that others made the mappings of what it adds";

/// Every right that a run with these options needs, and whether it is there.
///
/// `existing` are indices that are there, those of days and that of positions.
pub async fn find(client: &Client, product: Product, run: &RunOptions, existing: &[Arc<str>]) -> Vec<Finding> {
    if product.serverless {
        let why = "a serverless collection tells rights by its data access policy only";
        return vec![permission(ABOUT, "aoss:*", "write", Tried::Unknown(why.to_owned()))];
    }
    if product.distribution == Distribution::Elasticsearch {
        let body = asked(run);
        let answer = client.send_json(Method::POST, "/_security/user/_has_privileges", &body).await;
        return match answer {
            Ok(answer) if answer.is_success() => told(&body, &answer.json()),
            // No such path, or users turned off: whoever reaches the cluster may do everything.
            Ok(answer) if matches!(answer.status, 400 | 404 | 405 | 500) => tried(client, run, existing).await,
            Ok(answer) => vec![permission(ABOUT, "privileges", "write", Tried::Unknown(said(&answer)))],
            Err(error) => vec![permission(ABOUT, "privileges", "write", Tried::Unknown(error.detail))],
        };
    }
    tried(client, run, existing).await
}

/// What Elasticsearch is asked: the role as the policy has it, without the indices of checks.
fn asked(run: &RunOptions) -> Value {
    let role = policy::Policies::of(run, policy::Aws { arn: "", key: None }, None).elasticsearch_role;
    let indices = role["indices"].as_array().into_iter().flatten();
    let indices: Vec<&Value> = indices.filter(|index| index["names"] != json!(["essink-check-*"])).collect();
    json!({"cluster": role["cluster"], "index": indices})
}

/// One finding a privilege.
fn told(asked: &Value, answer: &Value) -> Vec<Finding> {
    let mut found = Vec::new();
    let texts = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
    };
    let lacks = |names: &[String]| match names.is_empty() {
        true => Tried::Granted,
        false => Tried::Denied(format!("missing on {}", names.join(", "))),
    };
    for privilege in texts(&asked["cluster"]) {
        let missing = if answer["cluster"][&privilege] == true { Vec::new() } else { vec!["the cluster".to_owned()] };
        found.push(permission(ABOUT, &format!("cluster privilege {privilege}"), why(&privilege), lacks(&missing)));
    }
    for index in asked["index"].as_array().into_iter().flatten() {
        let names = texts(&index["names"]);
        for privilege in texts(&index["privileges"]) {
            let missing: Vec<String> =
                names.iter().filter(|name| answer["index"][name][&privilege] != true).cloned().collect();
            let name = format!("index privilege {privilege} on {}", names.join(", "));
            found.push(weighed(&privilege, permission(ABOUT, &name, why(&privilege), lacks(&missing))));
        }
    }
    found
}

/// A run goes on without adding to indices that others made.
fn weighed(privilege: &str, mut finding: Finding) -> Finding {
    if privilege == policy::ADD_FIELDS && finding.level == Level::Problem {
        finding.level = Level::Warning;
    }
    finding
}

fn why(privilege: &str) -> &'static str {
    match privilege {
        "monitor" => "know the cluster",
        "manage_index_templates" => "install its templates",
        "auto_configure" | "create_index" => "make the indices of a day",
        "create_doc" | "write" => "write",
        "read" | "maintenance" => "read positions as they are now",
        "delete_index" => "prune",
        policy::ADD_FIELDS => ADD_FIELDS_WHY,
        _ => "read mappings and aliases",
    }
}

/// A call that is refused for another reason than rights, after the cluster has looked at these.
struct Probe {
    name: String,
    why: &'static str,
    method: Method,
    path: String,
    body: Option<Value>,
}

/// OpenSearch tells nobody what a user may do; the reason of the refusal tells.
async fn tried(client: &Client, run: &RunOptions, existing: &[Arc<str>]) -> Vec<Finding> {
    let mut found = Vec::new();
    for Probe { name, why, method, path, body } in probes(run, existing, clock::chance()) {
        let body = body.map(|body| Bytes::from(if path.ends_with("/_bulk") { lines(&body) } else { body.to_string() }));
        let answer = client.send_once(method, &path, body).await;
        let tried = match &answer {
            Ok(answer) => read(answer),
            Err(error) => Tried::Unknown(error.detail.clone()),
        };
        let privilege = if why == ADD_FIELDS_WHY { policy::ADD_FIELDS } else { "" };
        found.push(weighed(privilege, permission(ABOUT, &name, why, tried)));
    }
    merged(found)
}

fn lines(actions: &Value) -> String {
    actions.as_array().into_iter().flatten().map(|line| format!("{line}\n")).collect()
}

fn probes(run: &RunOptions, existing: &[Arc<str>], chance: u64) -> Vec<Probe> {
    let probe = |name: String, why, method, path: String, body| Probe { name, why, method, path, body };
    // No index of this name can be there, and none is made.
    let absent = format!("essink-check-{chance:016x}");
    let mut probes = Vec::new();
    if run.templates.is_some() {
        let missing = json!({"index_patterns": [absent], "composed_of": [absent]});
        let (index, part) = (format!("/_index_template/{absent}"), format!("/_component_template/{absent}"));
        let nonsense = json!({"template": {"settings": {"index.number_of_shards": 0}}});
        let why = "install its templates";
        probes.push(probe("write index templates".to_owned(), why, Method::PUT, index, Some(missing)));
        probes.push(probe("write component templates".to_owned(), why, Method::PUT, part, Some(nonsense)));
    }
    // Into an index that is there, on a condition that a document which is not there never meets.
    let write = |index: &str, why| {
        let never = json!([{"index": {"_index": index, "_id": absent, "if_seq_no": 0, "if_primary_term": 1}}, {}]);
        probe(format!("write to {index}"), why, Method::POST, "/_bulk".to_owned(), Some(never))
    };
    let unmade = || Some(json!({"settings": {"index.number_of_shards": 0}}));
    for pattern in policy::written(run) {
        let name = format!("{}{absent}", pattern.trim_end_matches('*'));
        let create = format!("create an index in {pattern}");
        probes.push(probe(create, "make the indices of a day", Method::PUT, format!("/{name}"), unmade()));
        let there = existing.iter().rfind(|index| index.starts_with(pattern.trim_end_matches('*')));
        probes.extend(there.map(|index| write(index, "write events")));
        if run.templates.is_some() {
            let add = format!("add fields to indices of {pattern}");
            let path = format!("/{name}/_mapping");
            probes.push(probe(add, ADD_FIELDS_WHY, Method::PUT, path, Some(json!({"properties": {}}))));
        }
        if run.retention.is_some() {
            let delete = format!("delete an index in {pattern}");
            probes.push(probe(delete, "prune", Method::DELETE, format!("/{name}"), None));
        }
    }
    if let Some(index) = policy::state_index(run) {
        probes.push(match existing.iter().any(|there| **there == *index) {
            true => write(index, "store positions"),
            false => probe(
                format!("create an index in {index}"),
                "store positions",
                Method::PUT,
                format!("/{index}"),
                unmade(),
            ),
        });
    }
    probes
}

/// A refusal for want of rights, or anything else, which is none.
fn read(answer: &Answer) -> Tried {
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
        (408 | 429 | 502..=504, _) => Tried::Unknown(said(answer)),
        _ => Tried::Granted,
    }
}

fn said(answer: &Answer) -> String {
    let body = answer.json();
    let reason = body["error"]["reason"].as_str().or_else(|| body["items"][0]["index"]["error"]["reason"].as_str());
    let reason: String = reason.unwrap_or("no reason given").chars().take(200).collect();
    format!("HTTP {}: {reason}", answer.status)
}

/// Granted on every pattern is one line; what is not has a line each.
fn merged(found: Vec<Finding>) -> Vec<Finding> {
    let (granted, other): (Vec<Finding>, Vec<Finding>) =
        found.into_iter().partition(|finding| finding.what.ends_with(": granted"));
    let names = granted.iter().map(|finding| finding.what.trim_end_matches(": granted").to_owned());
    let names: Vec<String> = names.collect();
    let mut merged: Vec<Finding> = Vec::new();
    for verb in ["write", "create", "add", "delete"] {
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
    use super::super::finding::Level;
    use super::super::policy::tests::run;
    use super::*;

    fn answer(status: u16, body: &Value) -> Answer {
        Answer { status, body: body.to_string().into(), retry_after: None }
    }

    fn error(kind: &str) -> Value {
        json!({"error": {"type": kind, "reason": "no permissions for [x]"}})
    }

    #[test]
    fn only_a_refusal_for_want_of_rights_is_one() {
        let denied = |status, body: Value| matches!(read(&answer(status, &body)), Tried::Denied(_));
        assert!(denied(403, error("security_exception")));
        assert!(denied(403, json!({"Message": "not authorized"})), "AWS itself");
        assert!(!denied(400, error("illegal_argument_exception")), "it was let through, and is nonsense");
        assert!(!denied(404, error("index_not_found_exception")));
        assert!(!denied(403, error("cluster_block_exception")), "a full disk is no right");
        let item = |status: u16, kind: &str| json!({"items": [{"index": {"status": status, "error": {"type": kind, "reason": "x"}}}]});
        assert!(denied(200, item(403, "security_exception")));
        assert!(!denied(200, item(409, "version_conflict_engine_exception")));
        assert!(matches!(read(&answer(503, &error("x"))), Tried::Unknown(_)));
    }

    #[test]
    fn what_is_tried_follows_the_options_and_names_no_index_that_is_there() {
        let names = |run: &RunOptions, existing: &[Arc<str>]| -> Vec<String> {
            probes(run, existing, 7).into_iter().map(|probe| probe.name).collect()
        };
        let all = names(&run("--keep 30d"), &["pinpoint-2026-01-01".into(), "essink-state".into()]);
        for name in [
            "write index templates",
            "create an index in ses-*",
            "delete an index in ses-*",
            "add fields to indices of ses-*",
            "write to pinpoint-2026-01-01",
            "write to essink-state",
        ] {
            assert!(all.iter().any(|there| there == name), "no {name} in {all:#?}");
        }
        let few = names(&run("--no-init-templates --state file:/x --dead-letters dir:/y"), &[]);
        assert!(few.iter().all(|name| name.starts_with("create an index in")), "{few:#?}");
        assert!(!few.iter().any(|name| name.contains("dead-letters")), "{few:#?}");
        for probe in probes(&run("--keep 30d"), &[], 7).iter().filter(|probe| probe.method == Method::DELETE) {
            assert!(probe.path.ends_with("essink-check-0000000000000007"), "{}", probe.path);
        }
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

    #[test]
    fn a_privilege_that_is_missing_names_where() {
        let asked = json!({"cluster": ["monitor"], "index": [{"names": ["a-*", "b-*"], "privileges": ["create_doc"]}]});
        let answer =
            json!({"cluster": {"monitor": true}, "index": {"a-*": {"create_doc": true}, "b-*": {"create_doc": false}}});
        let found = told(&asked, &answer);
        assert_eq!((found[0].level, found[1].level), (Level::Ok, Level::Problem));
        assert!(found[1].what.contains("missing on b-*"), "{found:#?}");
        assert_eq!(told(&asked, &json!({}))[0].level, Level::Problem, "what is not said is not granted");
        let asked = json!({"cluster": [], "index": [{"names": ["a-*"], "privileges": ["indices:admin/mapping/put"]}]});
        let found = told(&asked, &json!({}));
        assert_eq!((found[0].level, found[0].right), (Level::Warning, true), "a run goes on without it");
    }
}
