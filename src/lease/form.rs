//! The written forms of a position and of a lease, the same in the cluster and in a file.

use serde::{Deserialize, Serialize};

use super::table::Row;
use crate::event::time::Millis;
use crate::pipeline::position::{Position, Sequence, ShardId};

/// `{"at": "after", "sequence": "49…"}`: `at` says which of the other two there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Written {
    at: At,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sequence: Option<String>,
    /// Milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<i64>,
}

/// A row without its shard. What was written before there were leases has a position only, and is free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lease {
    #[serde(flatten)]
    position: Written,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(default)]
    counter: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wanted_by: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parents: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum At {
    TrimHorizon,
    Time,
    From,
    After,
    End,
}

impl From<&Position> for Written {
    fn from(position: &Position) -> Self {
        let (at, sequence, time) = match position {
            Position::TrimHorizon => (At::TrimHorizon, None, None),
            Position::At(time) => (At::Time, None, Some(time.0)),
            Position::From(sequence) => (At::From, Some(sequence.to_string()), None),
            Position::After(sequence) => (At::After, Some(sequence.to_string()), None),
            Position::End => (At::End, None, None),
        };
        Self { at, sequence, time }
    }
}

impl Written {
    /// The position, or what is wrong with the written form.
    pub(super) fn position(self) -> Result<Position, &'static str> {
        match (self.at, self.sequence, self.time) {
            (At::TrimHorizon, None, None) => Ok(Position::TrimHorizon),
            (At::End, None, None) => Ok(Position::End),
            (At::Time, None, Some(time)) => Ok(Position::At(Millis(time))),
            (at @ (At::From | At::After), Some(sequence), None) => {
                let sequence = Sequence::parse(sequence).ok_or("`sequence` is not a sequence number")?;
                Ok(if at == At::From { Position::From(sequence) } else { Position::After(sequence) })
            }
            _ => Err("`at`, `sequence` and `time` do not fit each other"),
        }
    }
}

impl From<&Row> for Lease {
    fn from(row: &Row) -> Self {
        Self {
            position: (&row.position).into(),
            owner: row.owner.clone(),
            counter: row.counter,
            wanted_by: row.wanted_by.clone(),
            parents: row.parents.iter().map(ShardId::to_string).collect(),
        }
    }
}

impl Lease {
    /// The row of `shard`, or what is wrong with the written form.
    pub(super) fn row(self, shard: ShardId) -> Result<Row, &'static str> {
        let Self { position, owner, counter, wanted_by, parents } = self;
        let parents = parents.iter().map(|parent| ShardId::from(parent.as_str())).collect();
        Ok(Row { shard, owner, counter, wanted_by, position: position.position()?, parents })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_written_so_and_comes_back_and_one_without_owner_is_free() {
        fn check(row: &Row, text: &str) {
            assert_eq!(serde_json::to_string(&Lease::from(row)).unwrap(), text);
            let back: Lease = serde_json::from_str(text).unwrap();
            assert_eq!(back.row(row.shard.clone()).as_ref(), Ok(row), "{text}");
        }
        let shard = ShardId::from("c");
        let free =
            Row { shard, owner: None, counter: 0, wanted_by: None, position: Position::End, parents: Vec::new() };
        check(&free, r#"{"at":"end","counter":0}"#);
        let (owner, wanted_by) = (Some("one".to_owned()), Some("two".to_owned()));
        let parents = vec![ShardId::from("a"), ShardId::from("b")];
        let position = Position::After(Sequence::parse("495").unwrap());
        let owned = Row { owner, counter: 7, wanted_by, position, parents, ..free.clone() };
        let text = r#"{"at":"after","sequence":"495","owner":"one","counter":7,"wanted_by":"two","parents":["a","b"]}"#;
        check(&owned, text);
        let bare: Lease = serde_json::from_str(r#"{"at":"end","written_by":"an earlier one"}"#).unwrap();
        assert_eq!(bare.row(free.shard.clone()), Ok(free));
    }

    #[test]
    fn the_written_form_is_this_and_comes_back() {
        fn check(position: Position, text: &str) {
            assert_eq!(serde_json::to_string(&Written::from(&position)).unwrap(), text);
            let back: Written = serde_json::from_str(text).unwrap();
            assert_eq!(back.position(), Ok(position), "{text}");
        }
        check(Position::TrimHorizon, r#"{"at":"trim-horizon"}"#);
        check(Position::At(Millis(1_700_000_000_123)), r#"{"at":"time","time":1700000000123}"#);
        check(Position::After(Sequence::parse("495").unwrap()), r#"{"at":"after","sequence":"495"}"#);
        check(Position::From(Sequence::parse("495").unwrap()), r#"{"at":"from","sequence":"495"}"#);
        check(Position::End, r#"{"at":"end"}"#);
    }

    #[test]
    fn half_a_position_is_none() {
        fn check(text: &str) {
            let written: Written = serde_json::from_str(text).unwrap();
            assert!(written.position().is_err(), "{text}");
        }
        check(r#"{"at":"after"}"#);
        check(r#"{"at":"after","sequence":"0495"}"#);
        check(r#"{"at":"after","time":1}"#);
        check(r#"{"at":"time"}"#);
        check(r#"{"at":"end","sequence":"495"}"#);
        assert!(serde_json::from_str::<Written>(r#"{"at":"latest"}"#).is_err());
    }
}
