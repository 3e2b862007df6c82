//! What numbers are divided by.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::query;
use super::search::Range;

/// One division of a panel's numbers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Split {
    /// What it is called.
    pub label: String,
    /// By what.
    #[serde(flatten)]
    pub by: By,
}

/// By what numbers are divided.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case", deny_unknown_fields)]
pub enum By {
    /// The most frequent values of a field.
    Terms {
        /// Which.
        field: String,
        /// How many; what is left out is counted as "other".
        size: u32,
        /// What stands for documents without the field; they are left out when unset.
        #[serde(default)]
        missing: Option<String>,
        /// Whether values are in their own order and not by their number.
        #[serde(default)]
        sorted: bool,
    },
    /// Named queries, in their order; a document may be in several.
    Steps {
        /// Which.
        steps: Vec<Named>,
    },
    /// Time in UTC.
    Time {
        /// The panel's own time when unset.
        #[serde(default)]
        field: Option<String>,
        /// How long a bucket is, at least.
        each: Interval,
    },
}

/// A query with a name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// What it is called.
    pub label: String,
    /// A query of Lucene.
    pub query: String,
}

/// How long a bucket of time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interval {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// A UTC day.
    Day,
    /// A calendar month in UTC.
    Month,
}

/// Buckets of a chart; more cannot be told apart, and every one costs the cluster.
const BARS: i64 = 1_500;
const HOUR: i64 = 3_600_000;

impl Interval {
    /// This one, or the next that has few enough buckets in `range`.
    pub fn within(self, range: &Range) -> Self {
        let length = range.to.saturating_sub(range.from);
        match self {
            Self::Minute if length / (HOUR / 60) > BARS => Self::Hour.within(range),
            Self::Hour if length / HOUR > BARS => Self::Day,
            as_it_is => as_it_is,
        }
    }

    /// As `calendar_interval` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "1m",
            Self::Hour => "1h",
            Self::Day => "1d",
            Self::Month => "1M",
        }
    }
}

/// What each shard says of its most frequent values, where fewer are asked for: so many are counted exactly.
pub const SHARD_SIZE: u32 = 500;
/// A field of which at most so many values are asked for has few: a channel, a status, a currency.
const FEW: u32 = 20;

impl Split {
    /// Whether there may be thousands of values, so that a cluster must choose the most frequent by their documents
    /// before it keeps anything for each.
    pub const fn is_wide(&self) -> bool {
        matches!(self.by, By::Terms { size, sorted: false, .. } if size > FEW)
    }

    /// How many buckets it may have.
    pub fn most(&self) -> u32 {
        match &self.by {
            By::Terms { size, .. } => *size,
            By::Steps { steps } => u32::try_from(steps.len()).unwrap_or(u32::MAX),
            // A month of days, a month of hours.
            By::Time { each: Interval::Day | Interval::Month, .. } => 62,
            By::Time { .. } => 1_500,
        }
    }

    /// The aggregation, without what is in it. `order`: what the most frequent are told by, `_count` or a measure.
    pub fn agg(&self, time: &str, range: &Range, order: &str) -> Value {
        match &self.by {
            By::Terms { field, size, missing, sorted } => {
                let order = if *sorted { json!({"_key": "asc"}) } else { json!({order: "desc"}) };
                let shard_size = SHARD_SIZE.max(*size);
                let mut terms = json!({"field": field, "size": size, "shard_size": shard_size, "order": order});
                if let Some(missing) = missing {
                    terms["missing"] = json!(missing);
                }
                json!({"terms": terms})
            }
            By::Steps { steps } => {
                let named: Map<_, _> =
                    steps.iter().map(|step| (step.label.clone(), query::string(&step.query))).collect();
                json!({"filters": {"filters": named}})
            }
            // No zone is UTC; an old index that has its times as `long` refuses even that by name.
            By::Time { field, each } => json!({"date_histogram": {
                "field": field.as_deref().unwrap_or(time),
                "calendar_interval": each.within(range).name(),
                "min_doc_count": 1
            }}),
        }
    }
}
