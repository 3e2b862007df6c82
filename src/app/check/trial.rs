//! A trial: documents of the sample are written into a throw-away index that is like the one they are meant for.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use http::Method;
use serde_json::{Map, Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::finding::Finding;
use super::sample::{Sample, moved};
use crate::config::RunOptions;
use crate::event::family::Family;
use crate::opensearch::bulk::BulkClient;
use crate::opensearch::client::{Answer, Client};
use crate::opensearch::judge::Fault;
use crate::pipeline::op::BulkOp;
use crate::pipeline::ports::Bulk;
use crate::pipeline::verdict::{Reply, Verdict};
use crate::upkeep::templates::{Kind, Template};

const ABOUT: &str = "trial";
/// What the names begin with: of no family, of no pattern of the dashboards, and none that retention parses.
pub const PREFIX: &str = "essink-check-";
/// Throw-away indices of one check, one for each family or index that is there. Each costs the cluster a state change.
const MOST: usize = 12;
/// Documents of one request; a document has a megabyte or two at most.
const TOGETHER: usize = 10;
/// Reasons named in a line; JSON has that of every document.
const REASONS: usize = 3;
/// A request that was given up has arrived or been lost after this time.
const SETTLED: Duration = Duration::from_secs(1);
/// Settings that decide what a document may be. Others are of its disk, its copies and its life.
const SETTINGS: [&str; 4] = ["analysis", "mapping", "default_pipeline", "final_pipeline"];

/// What the documents are tried against.
pub struct Ground<'a> {
    /// The cluster.
    pub client: &'a Client,
    /// The run.
    pub run: &'a RunOptions,
    /// Templates as a run would install them.
    pub wanted: Vec<Template>,
    /// Whether the cluster's own are what the indices of a run will be made of.
    pub in_place: bool,
    /// Makes names that nobody has.
    pub chance: u64,
}

/// How a trial ended.
pub struct Outcome {
    /// What it has shown.
    pub findings: Vec<Finding>,
    /// Whether a signal asked to stop.
    pub interrupted: bool,
}

/// Tries the documents of the sample, notes in it which are refused, and leaves nothing behind.
pub async fn run(ground: &Ground<'_>, ops: &[BulkOp], sample: &mut Sample) -> Outcome {
    if let Some(prefix) = taken(ground.run) {
        let what = format!("no document was tried: the prefix {prefix:?} would take the throw-away index in");
        let finding = Finding::warning(ABOUT, what, "use another prefix, or --no-write");
        return Outcome { findings: vec![finding], interrupted: false };
    }
    let (stop, mut made) = (CancellationToken::new(), Vec::new());
    if let Err(error) = watch(&stop) {
        let finding = Finding::warning(ABOUT, format!("no document was tried: {error}"), "try again");
        return Outcome { findings: vec![finding], interrupted: false };
    }
    let mut findings: Vec<Finding> = leftovers(ground.client).await.into_iter().collect();
    findings.extend(write(ground, ops, sample, &mut made, &stop).await);
    findings.extend(removed(ground.client, &made).await);
    let interrupted = stop.is_cancelled();
    if interrupted {
        // A request that was given up may arrive behind its removal, and make the index again.
        sleep(SETTLED).await;
        removed(ground.client, &made).await;
    }
    Outcome { findings, interrupted }
}

/// From now on a signal stops the trial and not the program.
fn watch(stop: &CancellationToken) -> io::Result<()> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        stop.cancel();
    });
    Ok(())
}

/// Throw-away indices that are there already: of a check that was killed, or of one that runs.
async fn leftovers(client: &Client) -> Option<Finding> {
    let path = format!("/_cat/indices/{PREFIX}*?format=json&h=index&expand_wildcards=all");
    let rows = client.get(&path).await.ok().filter(Answer::is_success)?.json();
    let names: Vec<&str> = rows.as_array()?.iter().filter_map(|row| row["index"].as_str()).collect();
    (!names.is_empty()).then(|| {
        let what = format!("throw-away indices of another check are there: {}", names.join(", "));
        Finding::warning(ABOUT, what, "delete them, unless that check still runs")
    })
}

/// The configured prefix that would take the throw-away index in, if any does.
fn taken(run: &RunOptions) -> Option<String> {
    let families = run.names.families.iter().map(|(_, prefix)| prefix.to_owned());
    let mut all = families.chain([run.names.dead_letter_prefix.clone()]);
    all.find(|prefix| PREFIX.starts_with(prefix.as_str()) || prefix.starts_with(PREFIX))
}

async fn write(
    ground: &Ground<'_>,
    ops: &[BulkOp],
    sample: &mut Sample,
    made: &mut Vec<String>,
    stop: &CancellationToken,
) -> Vec<Finding> {
    let mut groups: BTreeMap<(&str, Family), Vec<usize>> = BTreeMap::new();
    for (at, op) in ops.iter().enumerate() {
        groups.entry((&op.index, op.family)).or_default().push(at);
    }
    let (mut findings, mut like): (Vec<Finding>, BTreeMap<String, String>) = (Vec::new(), BTreeMap::new());
    for ((index, family), at) in groups {
        if stop.is_cancelled() {
            return findings;
        }
        let (key, body) = match like_index(ground, index, family, &mut findings).await {
            Ok(like) => like,
            Err(why) => {
                findings.push(Finding::warning(
                    ABOUT,
                    format!("documents for {index} were not tried: {why}"),
                    "check again",
                ));
                continue;
            }
        };
        let name = match like.get(&key) {
            Some(name) => name.clone(),
            None if like.len() == MOST => {
                let what =
                    format!("documents for {index} were not tried: a check makes {MOST} throw-away indices at most");
                findings.push(Finding::warning(ABOUT, what, "give a smaller --sample"));
                continue;
            }
            None => {
                let name = format!("{PREFIX}{:016x}-{}", ground.chance, made.len());
                // Before it is asked for: no answer may come, and it be there all the same.
                made.push(name.clone());
                if let Err(finding) = make(ground.client, &name, &body, index).await {
                    findings.push(finding);
                    continue;
                }
                like.insert(key, name.clone());
                name
            }
        };
        let tried = stop.run_until_cancelled(try_ops(ground.client, &name, ops, &at, sample)).await;
        findings.extend(tried.unwrap_or_default());
    }
    findings.extend(summary(sample));
    findings
}

/// Settings and mapping that a document for `index` would meet, and what tells them from others.
async fn like_index(
    ground: &Ground<'_>,
    index: &str,
    family: Family,
    findings: &mut Vec<Finding>,
) -> Result<(String, Value), String> {
    let get = async |path: String| ground.client.get(&path).await.map_err(|error| error.detail);
    let only =
        |answer: &Answer| answer.json().as_object().and_then(|all| all.values().next()).cloned().unwrap_or_default();
    let mapping = get(format!("/{index}/_mapping")).await?;
    let own = || composed(&ground.wanted, ground.run.names.families.of(family));
    let (key, template) = match mapping.status {
        200 => {
            let mut found = only(&mapping);
            let settings = get(format!("/{index}/_settings")).await?;
            found["settings"] = only(&settings)["settings"].take();
            findings.extend(blocked(index, &found["settings"]["index"]["blocks"]));
            (index, found)
        }
        404 if !ground.in_place => (family.name(), own()),
        404 => {
            let path = format!("/_index_template/_simulate_index/{index}");
            let simulated = ground.client.send(Method::POST, &path, None).await.map_err(|error| error.detail)?;
            match simulated.status {
                200 => (family.name(), simulated.json()["template"].take()),
                // Not everybody may; these are the same.
                401 | 403 => (family.name(), own()),
                _ => return Err(format!("the cluster does not simulate its templates, {}", said(&simulated))),
            }
        }
        _ => return Err(said(&mapping)),
    };
    Ok((key.to_owned(), body_like(&template)))
}

/// A block that keeps events out of an index that is there.
fn blocked(index: &str, blocks: &Value) -> Option<Finding> {
    let (name, _) =
        blocks.as_object()?.iter().find(|(name, on)| *name != "read" && *name != "metadata" && **on == "true")?;
    let what = format!("index {index} takes no writes: it has the block index.blocks.{name}");
    Some(Finding::warning(
        ABOUT,
        what,
        "free disk (essink prune), and lift the block; a run holds its events until then",
    ))
}

/// The template of a prefix with the components it names, as the cluster puts them together.
fn composed(wanted: &[Template], prefix: &str) -> Value {
    let Some(index) = wanted.iter().find(|t| t.kind == Kind::Index && t.prefix == prefix) else { return Value::Null };
    let names = index.body["composed_of"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let parts = names.filter_map(|name| wanted.iter().find(|t| t.kind == Kind::Component && t.name == name));
    let mut whole = json!({});
    parts.chain([index]).for_each(|part| merge(&mut whole, &part.body["template"]));
    whole
}

/// Objects are merged member by member, lists of rules go one behind the other, and the rest is replaced.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(from)) => into.extend(from.iter().cloned()),
        (into, from) => *into = from.clone(),
    }
}

/// What an index is made with that takes the same documents: one shard, no copies, hidden from stars.
fn body_like(template: &Value) -> Value {
    let mut index = Map::new();
    let settings = &template["settings"];
    // Templates have them under `index` or not, dotted or not.
    let sources = [&settings["index"], settings];
    for source in sources.iter().filter_map(|source| source.as_object()) {
        for (name, value) in source {
            let bare = name.strip_prefix("index.").unwrap_or(name);
            if SETTINGS.contains(&bare.split('.').next().unwrap_or(bare)) {
                index.entry(bare).or_insert_with(|| value.clone());
            }
        }
    }
    index.insert("number_of_shards".to_owned(), json!(1));
    index.insert("number_of_replicas".to_owned(), json!(0));
    index.insert("hidden".to_owned(), json!(true));
    let mappings = if template["mappings"].is_object() { template["mappings"].clone() } else { json!({}) };
    json!({"settings": {"index": index}, "mappings": mappings})
}

async fn make(client: &Client, name: &str, body: &Value, like: &str) -> Result<(), Finding> {
    let answer = client.send_json(Method::PUT, &format!("/{name}"), body).await;
    let answer = answer.map_err(|error| Finding::warning(ABOUT, error.detail, "check again"))?;
    if answer.is_success() {
        return Ok(());
    }
    let what = format!("no index like {like} can be made, so its documents were not tried: {}", said(&answer));
    let kind = Fault::of_answer(&answer.body).kind().to_owned();
    Err(match (answer.status, kind.as_str()) {
        (401 | 403, _) => {
            Finding::warning(ABOUT, what, format!("allow the user {PREFIX}*, or give --no-write")).of_right()
        }
        (_, "validation_exception") => {
            Finding::problem(ABOUT, what, "make room for shards: essink prune, or raise cluster.max_shards_per_node")
        }
        _ => Finding::problem(ABOUT, what, "mend the templates: a run could not make its index either"),
    })
}

/// Writes some ops into `name`, and notes what is refused.
async fn try_ops(client: &Client, name: &str, ops: &[BulkOp], at: &[usize], sample: &mut Sample) -> Vec<Finding> {
    let (bulk, mut findings) = (BulkClient::new(client.clone(), None), Vec::new());
    for some in at.chunks(TOGETHER) {
        let sent: Vec<BulkOp> = some.iter().filter_map(|at| ops.get(*at)).map(|op| moved(op, name)).collect();
        let verdicts = match bulk.send(&sent).await {
            Reply::Items(verdicts) => verdicts,
            Reply::Whole(verdict) => vec![verdict; sent.len()],
        };
        for (at, verdict) in some.iter().zip(verdicts) {
            let Some(document) = sample.documents.get_mut(*at) else { continue };
            match verdict {
                Verdict::Indexed | Verdict::AlreadyThere => {}
                Verdict::Refused(refusal) => document.refused = Some(format!("{}: {}", refusal.kind, refusal.reason)),
                Verdict::TooLarge(why) => document.refused = Some(format!("too large: {why}")),
                Verdict::Busy(why) | Verdict::Halt(why) | Verdict::Blocked { reason: why, .. } => {
                    let what = format!("a document for {} was not tried: {why}", document.index);
                    findings.push(Finding::warning(
                        ABOUT,
                        what.replace(name, "the throw-away index"),
                        "mend it and check again",
                    ));
                    return findings;
                }
            }
        }
    }
    findings
}

/// How many would be refused, and why.
fn summary(sample: &Sample) -> Vec<Finding> {
    let mut reasons: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for document in &sample.documents {
        if let Some(why) = &document.refused {
            *reasons.entry((&document.index, why)).or_default() += 1;
        }
    }
    let total = sample.documents.len();
    if reasons.is_empty() {
        return vec![Finding::ok(ABOUT, format!("none of {total} documents is refused by the cluster"))];
    }
    let refused: usize = reasons.values().sum();
    let mut most: Vec<_> = reasons.into_iter().collect();
    most.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let named: Vec<String> =
        most.iter().take(REASONS).map(|((index, why), n)| format!("{n} for {index}: {why}")).collect();
    let rest = if most.len() > REASONS { ", and others" } else { "" };
    let what = format!("{refused} of {total} documents would be refused: {}{rest}", named.join("; "));
    let cure = "essink init-templates names indices whose fields have other types; a run would index such an event as one text, \
                or keep it as a dead letter";
    vec![Finding::warning(ABOUT, what, cure)]
}

/// Removes what was made, by exact name.
async fn removed(client: &Client, made: &[String]) -> Option<Finding> {
    let mut left = Vec::new();
    for name in made {
        match client.send(Method::DELETE, &format!("/{name}"), None).await {
            Ok(answer) if answer.is_success() || answer.status == 404 => {}
            Ok(answer) => left.push(format!("{name} ({})", said(&answer))),
            Err(error) => left.push(format!("{name} ({})", error.detail)),
        }
    }
    Some(match (made.len(), left.is_empty()) {
        (0, _) => return None,
        (n, true) => Finding::ok(ABOUT, format!("{n} throw-away indices were made and removed again")),
        (_, false) => {
            let what = format!("throw-away indices could not be removed: {}", left.join(", "));
            Finding::warning(ABOUT, what, "delete them by hand")
        }
    })
}

fn said(answer: &Answer) -> String {
    let fault = Fault::of_answer(&answer.body);
    let reason: String = fault.reason().chars().take(300).collect();
    format!("HTTP {} {}: {reason}", answer.status, fault.kind())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upkeep::templates::{TemplateOptions, all};

    #[test]
    fn a_throw_away_index_takes_what_decides_about_documents_and_nothing_else() {
        let template = json!({
            "settings": {
                "index": {"number_of_shards": "3", "refresh_interval": "30s", "mapping": {"total_fields": {"limit": "5"}}},
                "index.analysis.x": 1, "default_pipeline": "p", "index.blocks.write": true,
            },
            "mappings": {"dynamic": "strict"},
        });
        let index = json!({
            "number_of_shards": 1, "number_of_replicas": 0, "hidden": true,
            "mapping": {"total_fields": {"limit": "5"}}, "analysis.x": 1, "default_pipeline": "p",
        });
        assert_eq!(body_like(&template), json!({"settings": {"index": index}, "mappings": {"dynamic": "strict"}}));
    }

    #[test]
    fn our_own_template_is_put_together_as_the_cluster_does() {
        let wanted = all(&TemplateOptions::default());
        let whole = composed(&wanted, "ses-");
        let index = wanted.iter().find(|t| t.prefix == "ses-").unwrap();
        let rules = |value: &Value| value["mappings"]["dynamic_templates"].as_array().map_or(0, Vec::len);
        let parts =
            wanted.iter().filter(|t| t.kind == Kind::Component).map(|t| rules(&t.body["template"])).sum::<usize>();
        assert_eq!(rules(&whole), parts + rules(&index.body["template"]), "no rule is lost");
        assert_eq!(whole["mappings"]["properties"]["@timestamp"]["type"], "date", "of a component");
        assert!(whole["mappings"]["properties"]["msg"]["properties"]["id"].is_object());
        assert_eq!(composed(&wanted, "other-"), Value::Null);
    }
}
