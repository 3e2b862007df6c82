//! A lease as an item of KCL's table. Pure.
//!
//! The attributes without prefix are KCL's and mean what KCL means by them; those with `essink_` are ours, and KCL leaves
//! them alone. docs/adr/0006-dynamodb.md says why each is as it is.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::keys::Keys;
use crate::lease::form;
use crate::lease::table::Row;
use crate::pipeline::position::{Position, Sequence, ShardId};

/// One item, as the SDK gives and takes it.
pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) const KEY: &str = "leaseKey";
pub(super) const OWNER: &str = "leaseOwner";
pub(super) const COUNTER: &str = "leaseCounter";
pub(super) const CHECKPOINT: &str = "checkpoint";
pub(super) const SUB_SEQUENCE: &str = "checkpointSubSequenceNumber";
pub(super) const SWITCHES: &str = "ownerSwitchesSinceCheckpoint";
/// Since KCL 3: whoever still drains a lease that was given to another.
pub(super) const CHECKPOINT_OWNER: &str = "checkpointOwner";
pub(super) const PARENTS: &str = "parentShardId";
/// Since KCL 3.5, when coordinator and metrics rows came into the same table.
const ENTITY: &str = "entityType";
/// A checkpoint that an application had prepared and not made. KCL takes them away with every checkpoint.
pub(super) const PENDING: [&str; 3] =
    ["pendingCheckpoint", "pendingCheckpointSubSequenceNumber", "pendingCheckpointState"];

/// Of leases of a multi-stream application: what its keys begin with, and the shard.
const KEY_STREAM: &str = "streamName";
const KEY_SHARD: &str = "shardId";

pub(super) const STREAM: &str = "essink_stream";
pub(super) const GROUP: &str = "essink_group";
pub(super) const WANTED_BY: &str = "essink_wanted_by";
/// A position that KCL has no word for.
pub(super) const POSITION: &str = "essink_position";
/// The lease counter at our last write. When it is not the lease counter, KCL has written since.
pub(super) const OUR_COUNTER: &str = "essink_counter";

const TRIM_HORIZON: &str = "TRIM_HORIZON";
const LATEST: &str = "LATEST";
const AT_TIMESTAMP: &str = "AT_TIMESTAMP";
const SHARD_END: &str = "SHARD_END";

/// KCL reads again from the checkpoint's record and skips what lies at or before its sub-sequence number, so this one
/// skips the whole record. More than any record can hold (10 MiB at 6 bytes each), and small enough for every language
/// that KCL's multi-language daemon tells it to.
pub(super) const WHOLE: i64 = i32::MAX as i64;

/// Whose rows they are, and where a shard begins in which KCL has not made a checkpoint.
#[derive(Debug, Clone)]
pub struct Own {
    /// ARN of the stream.
    pub stream: String,
    /// `--group`.
    pub group: String,
    /// KCL knows LATEST and AT_TIMESTAMP of its own configuration only, so here `--start` says it.
    pub begin: Position,
}

/// What an item is to us.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Not a lease of a stream's shard: left alone.
    Other,
    /// A lease. `foreign` when its owner is not a worker of ours.
    Lease { row: Row, foreign: bool },
}

/// Reads an item; an error says what is wrong with it.
pub(super) fn read(item: &Item, own: &Own, keys: &Keys) -> Result<Found, String> {
    let shard = text(item, KEY).and_then(|key| keys.shard(key));
    let Some(shard) = shard.filter(|shard| is_lease(item, shard)) else {
        return Ok(Found::Other);
    };
    for (name, ours) in [(STREAM, &own.stream), (GROUP, &own.group)] {
        if let Some(theirs) = text(item, name).filter(|theirs| theirs != ours) {
            return Err(format!("its {name} is {theirs} and not {ours}: give each group and stream its own table"));
        }
    }
    let counter = number::<u64>(item, COUNTER)?.ok_or_else(|| format!("it has no {COUNTER}"))?;
    let is_ours = number::<u64>(item, OUR_COUNTER)? == Some(counter);
    let owner = text(item, OWNER).filter(|owner| !owner.is_empty()).map(str::to_owned);
    let parents = match item.get(PARENTS) {
        Some(AttributeValue::Ss(parents)) => parents.iter().map(|parent| ShardId::from(parent.as_str())).collect(),
        _ => Vec::new(),
    };
    let foreign = owner.is_some() && !is_ours;
    let row = Row {
        shard: ShardId::from(shard),
        owner,
        counter,
        wanted_by: text(item, WANTED_BY).map(str::to_owned),
        position: position(item, own, is_ours)?,
        parents,
    };
    Ok(Found::Lease { row, foreign })
}

/// A coordinator's and metrics' rows say what they are, or have neither counter nor checkpoint.
pub(super) fn is_lease(item: &Item, shard: &str) -> bool {
    let entity = item.get(ENTITY).is_none_or(|entity| entity.as_s().is_ok_and(|entity| entity == "LEASE"));
    entity && shard.starts_with("shardId-") && (item.contains_key(COUNTER) || item.contains_key(CHECKPOINT))
}

fn position(item: &Item, own: &Own, is_ours: bool) -> Result<Position, String> {
    let checkpoint = text(item, CHECKPOINT).ok_or_else(|| format!("it has no {CHECKPOINT}"))?;
    match checkpoint {
        SHARD_END => return Ok(Position::End),
        TRIM_HORIZON if is_ours => return Ok(wordless(item)?.unwrap_or(Position::TrimHorizon)),
        TRIM_HORIZON => return Ok(Position::TrimHorizon),
        LATEST | AT_TIMESTAMP => return Ok(own.begin.clone()),
        _ => {}
    }
    let sequence = Sequence::parse(checkpoint).ok_or_else(|| format!("{CHECKPOINT} {checkpoint:?} is no position"))?;
    Ok(match number::<i64>(item, SUB_SEQUENCE)? {
        Some(WHOLE) => Position::After(sequence),
        // Perhaps in the middle of an aggregate: what of it was indexed is found there.
        _ => Position::From(sequence),
    })
}

fn wordless(item: &Item) -> Result<Option<Position>, String> {
    let Some(written) = text(item, POSITION) else { return Ok(None) };
    let wrong = |why: String| format!("{POSITION} {written:?} is no position: {why}");
    let written: form::Written = serde_json::from_str(written).map_err(|e| wrong(e.to_string()))?;
    written.position().map(Some).map_err(|why| wrong(why.to_owned()))
}

/// A position in KCL's words, and in ours where it has none: `checkpoint`, its sub-sequence number, `essink_position`.
/// Where KCL has no word, it is told the horizon: read from there, nothing is left out.
pub(super) fn checkpoint(position: &Position) -> (String, i64, Option<String>) {
    // A written form is two words and a number: it always has a JSON.
    let wordless = || serde_json::to_string(&form::Written::from(position)).ok();
    match position {
        Position::TrimHorizon => (TRIM_HORIZON.to_owned(), 0, None),
        Position::At(_) | Position::From(_) => (TRIM_HORIZON.to_owned(), 0, wordless()),
        Position::After(sequence) => (sequence.to_string(), WHOLE, None),
        Position::End => (SHARD_END.to_owned(), 0, None),
    }
}

/// The item of a row that is not there yet, as KCL would have made it.
pub(super) fn fresh(row: &Row, own: &Own, keys: &Keys) -> Item {
    let (checkpoint, sub_sequence, wordless) = checkpoint(&row.position);
    let parents = row.parents.iter().map(ToString::to_string).collect::<Vec<_>>();
    let of_many = if let Keys::Stream(stream) = keys { Some(stream.as_str()) } else { None };
    let attributes = [
        (KEY, Some(s(keys.key(&row.shard)))),
        (OWNER, row.owner.as_deref().map(s)),
        (COUNTER, Some(n(row.counter))),
        (CHECKPOINT, Some(s(checkpoint))),
        (SUB_SEQUENCE, Some(n(sub_sequence))),
        (SWITCHES, Some(n(0))),
        (PARENTS, Some(parents).filter(|parents| !parents.is_empty()).map(AttributeValue::Ss)),
        (KEY_STREAM, of_many.map(s)),
        (KEY_SHARD, of_many.map(|_| s(&*row.shard.0))),
        (STREAM, Some(s(&*own.stream))),
        (GROUP, Some(s(&*own.group))),
        (OUR_COUNTER, Some(n(row.counter))),
        (WANTED_BY, row.wanted_by.as_deref().map(s)),
        (POSITION, wordless.map(s)),
    ];
    attributes.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// The key of a row.
pub(super) fn key(shard: &ShardId, keys: &Keys) -> Item {
    Item::from([(KEY.to_owned(), s(keys.key(shard)))])
}

pub(super) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(super) fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(super) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

fn number<T: std::str::FromStr>(item: &Item, name: &str) -> Result<Option<T>, String> {
    let Some(value) = item.get(name) else { return Ok(None) };
    let parsed = value.as_n().ok().and_then(|text| text.parse().ok());
    parsed.map(Some).ok_or_else(|| format!("{name} is no whole number"))
}

#[cfg(test)]
mod tests;
