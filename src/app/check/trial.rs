//! A trial: documents of the sample are written into a throw-away index that is like the one they are meant for.

mod like;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use http::Method;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::finding::Finding;
use super::sample::{Sample, moved};
use crate::app::exit::UNFINISHED;
use crate::config::RunOptions;
use crate::event::family::Family;
use crate::opensearch::bulk::BulkClient;
use crate::opensearch::client::{Answer, Client};
use crate::opensearch::judge::Fault;
use crate::pipeline::op::BulkOp;
use crate::pipeline::ports::Bulk;
use crate::pipeline::verdict::{Reply, Verdict};
use crate::upkeep::templates::Template;

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
    /// When time is up; what was made is removed all the same.
    pub until: Instant,
}

/// How a trial ended.
pub struct Outcome {
    /// What it has shown.
    pub findings: Vec<Finding>,
    /// Whether a signal asked to stop.
    pub interrupted: bool,
    /// Whether time was up before its end.
    pub late: bool,
}

/// Tries the documents of the sample, notes in it which are refused, and leaves nothing behind.
pub async fn run(ground: &Ground<'_>, ops: &[BulkOp], sample: &mut Sample) -> Outcome {
    if let Some(prefix) = taken(ground.run) {
        let what = format!("no document was tried: the prefix {prefix:?} would take the throw-away index in");
        let finding = Finding::warning(ABOUT, what, "use another prefix, or --no-write");
        return Outcome { findings: vec![finding], interrupted: false, late: false };
    }
    let (stop, mut made) = (CancellationToken::new(), Vec::new());
    if let Err(error) = watch(&stop, ground.chance) {
        let finding = Finding::warning(ABOUT, format!("no document was tried: {error}"), "try again");
        return Outcome { findings: vec![finding], interrupted: false, late: false };
    }
    let mut findings: Vec<Finding> = leftovers(ground.client).await.into_iter().collect();
    let in_time = stop.child_token();
    let clock = in_time.clone();
    let until = ground.until;
    let alarm = tokio::spawn(async move {
        sleep_until(until).await;
        clock.cancel();
    });
    findings.extend(write(ground, ops, sample, &mut made, &in_time).await);
    alarm.abort();
    let (interrupted, ended) = (stop.is_cancelled(), in_time.is_cancelled());
    findings.extend(removed(ground.client, &made).await);
    if ended || stop.is_cancelled() {
        // A request that was given up may arrive behind its removal, and make the index again.
        sleep(SETTLED).await;
        removed(ground.client, &made).await;
    }
    Outcome { findings, interrupted: interrupted || stop.is_cancelled(), late: ended && !interrupted }
}

/// From now on a signal stops the trial and not the program; a second one ends it. A hang-up is one: a terminal that
/// goes away must not leave events in throw-away indices.
fn watch(stop: &CancellationToken, chance: u64) -> io::Result<()> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hangup = signal(SignalKind::hangup())?;
    let stop = stop.clone();
    tokio::spawn(async move {
        for more in [true, false] {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
                _ = hangup.recv() => {}
            }
            stop.cancel();
            // A terminal that has gone away takes no words, and that ends nothing.
            let mut err = io::stderr();
            drop(match more {
                true => writeln!(err, "essink: removing what was made; once more ends at once"),
                false => writeln!(err, "essink: {}", left_behind(chance)),
            });
        }
        std::process::exit(i32::from(UNFINISHED));
    });
    Ok(())
}

/// What a check that is ended at once may leave.
fn left_behind(chance: u64) -> String {
    format!(
        "ended at once: hidden indices {PREFIX}{chance:016x}-* with events of the sample may be left, delete them by hand"
    )
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
    let mut tried = 0;
    for ((index, family), at) in groups {
        if stop.is_cancelled() {
            return findings;
        }
        let (key, body) = match like::index(ground, index, family, &mut findings).await {
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
        let trial = try_ops(ground.client, &name, ops, &at, sample, &mut tried);
        findings.extend(stop.run_until_cancelled(trial).await.unwrap_or_default());
    }
    findings.extend(summary(sample, tried));
    findings
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
async fn try_ops(
    client: &Client,
    name: &str,
    ops: &[BulkOp],
    at: &[usize],
    sample: &mut Sample,
    tried: &mut usize,
) -> Vec<Finding> {
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
                stopped => {
                    findings.extend(untried(&stopped, &document.index, name));
                    return findings;
                }
            }
            *tried += 1;
        }
    }
    findings
}

/// What it means that a document was neither taken nor refused: where a run would halt, it does not work.
fn untried(verdict: &Verdict, index: &str, name: &str) -> Option<Finding> {
    let told = |what: String| what.replace(name, "the throw-away index");
    match verdict {
        // The right to the throw-away index is none that a run needs.
        Verdict::Halt(why) if why.contains("security_exception") => {
            let what = told(format!("a document for {index} was not tried: {why}"));
            Some(Finding::warning(ABOUT, what, format!("allow the user {PREFIX}*, or give --no-write")).of_right())
        }
        Verdict::Halt(why) => {
            let what = told(format!("a run would halt at the first event for {index}: {why}"));
            Some(Finding::problem(ABOUT, what, "mend the index and the template it comes from, and check again"))
        }
        Verdict::Busy(why) | Verdict::Blocked { reason: why, .. } => {
            let what = told(format!("a document for {index} was not tried: {why}"));
            Some(Finding::warning(ABOUT, what, "mend it and check again"))
        }
        Verdict::Indexed | Verdict::AlreadyThere | Verdict::Refused(_) | Verdict::TooLarge(_) => None,
    }
}

/// How many would be refused, and why.
fn summary(sample: &Sample, tried: usize) -> Vec<Finding> {
    let mut reasons: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for document in &sample.documents {
        if let Some(why) = &document.refused {
            *reasons.entry((&document.index, why)).or_default() += 1;
        }
    }
    // What was not tried has a line of its own, and is not among those that are taken.
    let total = tried;
    match (reasons.is_empty(), total) {
        (true, 0) => return Vec::new(),
        (true, _) => return vec![Finding::ok(ABOUT, format!("none of {total} documents is refused by the cluster"))],
        (false, _) => {}
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
    let (mut left, mut silent) = (Vec::new(), false);
    for name in made {
        // Whoever does not answer once is not asked a dozen times, while somebody waits.
        if silent {
            left.push(name.clone());
            continue;
        }
        match client.send(Method::DELETE, &format!("/{name}"), None).await {
            Ok(answer) if answer.is_success() || answer.status == 404 => {}
            Ok(answer) => left.push(format!("{name} ({})", said(&answer))),
            Err(error) => {
                silent = true;
                left.push(format!("{name} ({})", error.detail));
            }
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
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn where_a_run_would_halt_it_does_not_work() {
        let level = |verdict| untried(&verdict, "ses-2026-01-01", "essink-check-1-0").map(|finding| finding.level);
        let halt =
            "index essink-check-1-0: status 400 illegal_argument_exception: pipeline with id [nope] does not exist";
        assert_eq!(level(Verdict::Halt(halt.to_owned())), Some(Level::Problem));
        assert_eq!(level(Verdict::Halt("status 403 security_exception: no".to_owned())), Some(Level::Warning));
        assert_eq!(level(Verdict::Busy("503".to_owned())), Some(Level::Warning));
        assert_eq!(level(Verdict::Indexed), None);
        let said = untried(&Verdict::Halt(halt.to_owned()), "ses-2026-01-01", "essink-check-1-0").unwrap();
        assert!(said.what.contains("ses-2026-01-01") && !said.what.contains("essink-check-1-0"), "{said:?}");
    }

    #[test]
    fn what_was_not_tried_is_not_said_to_be_taken() {
        let sample = Sample::default();
        assert_eq!(summary(&sample, 0), []);
        assert_eq!(summary(&sample, 3)[0].what, "none of 3 documents is refused by the cluster");
    }

    #[test]
    fn a_check_that_is_ended_at_once_names_what_may_be_left() {
        assert!(left_behind(7).contains("essink-check-0000000000000007-*"));
    }
}
