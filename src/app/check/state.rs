//! The store of positions: there, ours, writable; and who else is at work.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::finding::{Finding, Tried, permission};
use crate::app::status::signs::Signs;
use crate::app::stores::{self, Table, Whose};
use crate::config::{RunOptions, StateOptions};
use crate::kinesis::lineage::{self, Shard};
use crate::lease::file::FileTable;
use crate::lease::table::{LeaseTable, Row};
use crate::opensearch::client::Client;
use crate::pipeline::ports::StoreError;
use crate::pipeline::position::Position;

const ABOUT: &str = "state";
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Owners renew every third of the time after which they count as dead.
const STILL: (u32, u32) = (2, 3);

/// What is in the store, and what was found.
#[derive(Default)]
pub struct State {
    /// The table.
    pub rows: Vec<Row>,
    /// Lines of the report.
    pub findings: Vec<Finding>,
}

/// Looks at the store; writes nothing that stays. Without the stream's ARN nothing can be said of its positions.
pub async fn look(client: &Client, run: &RunOptions, arn: Option<&str>, write: bool) -> State {
    let mut state = State::default();
    let stream = arn.unwrap_or_default().to_owned();
    let whose = Whose { stream, group: run.stream.group.clone(), begin: Position::TrimHorizon };
    if let StateOptions::File(path) = &run.state {
        state.findings.push(file(path, write));
        if arn.is_none() {
            return state;
        }
    }
    let table = match stores::table_to_look_at(&run.state, &whose, client).await {
        Ok(table) => table,
        Err(failure) => {
            let cure = "mend it, or name another place with --state";
            state.findings.push(Finding::problem(ABOUT, failure.to_string(), cure));
            return state;
        }
    };
    if !place(&table, run, &mut state.findings).await || arn.is_none() {
        return state;
    }
    match watch(&table, run.lease_timeout).await {
        Ok((rows, alive)) => {
            if matches!(table, Table::Dynamo(_)) {
                state.findings.push(permission(ABOUT, "dynamodb:DescribeTable, Scan", "keep leases", Tried::Granted));
            }
            state.findings.extend(who(&table, run, &rows, &alive).await);
            state.rows = rows;
        }
        Err(error) => state.findings.push(refused(&error)),
    }
    state
}

fn refused(error: &StoreError) -> Finding {
    Finding::problem(ABOUT, error.to_string(), "mend what --state names, or name another place").of_right()
}

/// Whether the place is there, or can be made. False when there is nothing to look at.
async fn place(table: &Table, run: &RunOptions, found: &mut Vec<Finding>) -> bool {
    let there = match table {
        Table::Index(index) => timeout(PATIENCE, index.has_index()).await,
        Table::Dynamo(dynamo) => timeout(PATIENCE, dynamo.has_table()).await,
        Table::File(_) => return true,
    };
    let there = there.unwrap_or_else(|_| Err(StoreError::Busy(format!("no answer within {} s", PATIENCE.as_secs()))));
    match (there, table, &run.state) {
        (Err(error), ..) => found.push(refused(&error)),
        (Ok(true), Table::Dynamo(dynamo), StateOptions::Table(place)) => {
            found.push(Finding::ok(ABOUT, format!("table {} is there", place.name)));
            for (action, tried) in dynamo.probe().await {
                let tried = match tried {
                    Ok(()) => Tried::Granted,
                    Err(StoreError::Halt(why)) => Tried::Denied(why),
                    Err(StoreError::Busy(why)) => Tried::Unknown(why),
                };
                found.push(permission(ABOUT, &format!("dynamodb:{action}"), "keep leases", tried));
            }
            return true;
        }
        (Ok(true), _, StateOptions::Index(index)) => {
            found.push(Finding::ok(ABOUT, format!("index {index} is there")));
            return true;
        }
        (Ok(false), _, StateOptions::Table(place)) => {
            found.push(Finding::ok(ABOUT, format!("table {} is not there yet: a run makes it", place.name)));
            let why = Tried::Unknown("that would make the table".to_owned());
            found.push(permission(
                ABOUT,
                "dynamodb:CreateTable, PutItem, UpdateItem, DeleteItem, Scan",
                "keep leases",
                why,
            ));
        }
        (Ok(false), _, StateOptions::Index(index)) => {
            found.push(Finding::ok(ABOUT, format!("index {index} is not there yet: a run makes it")));
        }
        _ => return true,
    }
    false
}

/// Whether a file of positions can be written, and nobody else does.
fn file(path: &Path, write: bool) -> Finding {
    let shown = path.display();
    if FileTable::is_held(path) {
        let what = format!("file {shown} is in use by a worker that runs");
        return Finding::problem(ABOUT, what, "stop it first, or give this one a --group and a file of its own");
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !write {
        return match directory.is_dir() {
            true => Finding::ok(
                ABOUT,
                format!("the directory of {shown} is there; whether it can be written was not tried"),
            ),
            false => Finding::problem(ABOUT, format!("the directory of {shown} is not there"), "make it"),
        };
    }
    let probe = directory.join(format!(".essink-check-{}", std::process::id()));
    let tried = std::fs::File::create_new(&probe).and_then(|_| std::fs::remove_file(&probe));
    match tried {
        Ok(()) => Finding::ok(ABOUT, format!("file {shown} can be written")),
        Err(error) => Finding::problem(
            ABOUT,
            format!("file {shown} cannot be written: {error}"),
            "make its directory, or allow it",
        ),
    }
}

/// The rows, and the owners that are alive: looked at until that is known.
async fn watch(table: &Table, lease_timeout: Duration) -> Result<(Vec<Row>, BTreeSet<String>), StoreError> {
    let still = lease_timeout * STILL.0 / STILL.1 + LOOK_EVERY;
    let mut signs = Signs::default();
    loop {
        let rows = timeout(PATIENCE, table.list()).await;
        let rows =
            rows.unwrap_or_else(|_| Err(StoreError::Busy(format!("no answer within {} s", PATIENCE.as_secs()))))?;
        let now = Instant::now();
        signs.look(&rows, now);
        if !signs.open(still, now) {
            let alive = rows.iter().filter(|row| signs.alive(&row.shard, still, now) == Some(true));
            let alive = alive.filter_map(|row| row.owner.clone()).collect();
            return Ok((rows, alive));
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Who else is at work in the group.
async fn who(table: &Table, run: &RunOptions, rows: &[Row], alive: &BTreeSet<String>) -> Vec<Finding> {
    let group = &run.stream.group;
    let mut found = Vec::new();
    let strangers: BTreeSet<String> = match table {
        Table::Dynamo(dynamo) => dynamo.strangers().await.into_iter().collect(),
        _ => BTreeSet::new(),
    };
    for stranger in &strangers {
        let what = format!("a worker of a KCL application, {stranger}, renews leases in the table");
        found.push(Finding::warning(ABOUT, what, "stop that application: a run leaves its shards to it"));
    }
    let ours: Vec<&str> = alive.difference(&strangers).map(String::as_str).collect();
    if !ours.is_empty() {
        let what = format!("group {group} has {} living workers: {}", ours.len(), ours.join(", "));
        found.push(Finding::warning(
            ABOUT,
            what,
            "another run shares the shards with them; give another --group to read beside them",
        ));
    }
    if rows.is_empty() {
        found.push(Finding::ok(ABOUT, format!("group {group} has no positions yet: a run begins at --start")));
    }
    found
}

/// What the positions say beside the shards of the stream, which must have been listed after them. Pure.
pub fn positions(rows: &[Row], shards: &[Shard], group: &str) -> Vec<Finding> {
    if rows.is_empty() {
        return Vec::new();
    }
    let known: BTreeMap<_, _> = rows.iter().map(|row| (row.shard.clone(), row.position.clone())).collect();
    if let Some(shard) = lineage::reborn(shards, &known).first() {
        let what = format!(
            "shard {shard} is stored as read to its end, and takes records: the stream was made anew under its old name"
        );
        return vec![Finding::problem(ABOUT, what, "start with another --group")];
    }
    let gone =
        known.iter().filter(|(shard, at)| **at != Position::End && shards.iter().all(|listed| listed.id != **shard));
    let gone = gone.count();
    let mut found = vec![Finding::ok(
        ABOUT,
        format!("group {group} has positions of {} shards: a run goes on from them", rows.len()),
    )];
    if gone > 0 && !shards.is_empty() {
        let what = format!("{gone} shards left the stream before they were read to their end");
        found.push(Finding::warning(ABOUT, what, "their records have expired; raise the stream's retention"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    fn row(shard: &str, position: Position) -> Row {
        Row { shard: shard.into(), owner: None, counter: 0, wanted_by: None, position, parents: Vec::new() }
    }

    fn shard(id: &str, closed: bool) -> Shard {
        Shard { id: id.into(), parents: Vec::new(), closed }
    }

    #[test]
    fn positions_are_read_beside_the_shards_of_the_stream() {
        let levels = |rows: &[Row], shards: &[Shard]| -> Vec<Level> {
            positions(rows, shards, "g").into_iter().map(|finding| finding.level).collect()
        };
        let open = [shard("a", false)];
        assert_eq!(levels(&[], &open), []);
        assert_eq!(levels(&[row("a", Position::TrimHorizon)], &open), [Level::Ok]);
        assert_eq!(levels(&[row("a", Position::End)], &open), [Level::Problem], "reborn");
        assert_eq!(levels(&[row("a", Position::End)], &[shard("a", true)]), [Level::Ok]);
        let gone = [row("a", Position::TrimHorizon), row("b", Position::TrimHorizon), row("c", Position::End)];
        assert_eq!(levels(&gone, &open), [Level::Ok, Level::Warning]);
    }

    #[test]
    fn a_file_is_tried_and_nothing_is_left_of_that() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.json");
        assert_eq!(file(&path, true).level, Level::Ok);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left");
        assert_eq!(file(&dir.path().join("missing/state.json"), true).level, Level::Problem);
        assert_eq!(file(&dir.path().join("missing/state.json"), false).level, Level::Problem);
        let held = FileTable::open(&path, "s", "g").unwrap();
        assert_eq!(file(&path, true).level, Level::Problem);
        drop(held);
        assert_eq!(file(&path, true).level, Level::Ok);
    }
}
