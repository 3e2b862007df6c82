//! What an answer says.

use serde::Serialize;

/// Rows of a panel, in its order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// What each key of a row is called: the splits, or the members that are shown of a document.
    pub keys: Vec<String>,
    /// What each value of a row is.
    pub columns: Vec<Column>,
    /// One a bucket; one alone where nothing is split.
    pub rows: Vec<Row>,
    /// What is in no row; none when all is.
    pub other: Option<Other>,
}

/// One number of every row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// What it is called.
    pub label: String,
    /// `messages`, `US dollars`, `%`, `time` (epoch milliseconds) and so on.
    pub unit: String,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What tells it from the others.
    pub keys: Vec<Key>,
    /// One a column; `None` is not known: a rate of nothing, the greatest of none.
    pub values: Vec<Option<f64>>,
}

/// What tells a row from others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum Key {
    /// A moment, or the first of an interval, in epoch milliseconds.
    Time(i64),
    /// Anything else.
    Text(String),
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// What the rows leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Other {
    /// Documents in no row, because only so many values are shown.
    pub documents: u64,
    /// By how many documents a row may be short at most; 0 where every row is exact. None where a cluster does not say,
    /// which is where rows are in the order of a number: they are exact while no index has more than [`SHARD_SIZE`]
    /// values.
    ///
    /// [`SHARD_SIZE`]: super::SHARD_SIZE
    pub off_by: Option<u64>,
}
