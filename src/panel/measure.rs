//! What is counted.

use serde::Deserialize;
use serde_json::{Value, json};

use super::query;

/// One number of a panel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Measure {
    /// What the number is called.
    pub label: String,
    /// Where it is of another unit than its panel.
    #[serde(default)]
    pub unit: Option<String>,
    /// How it is made.
    #[serde(flatten)]
    pub what: What,
}

/// How a number is made of documents.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", deny_unknown_fields)]
pub enum What {
    /// How many documents.
    Count {},
    /// How many different values: to a few in ten thousand up to [`EXACT`], in tables of many values up to [`EXACT_OF_MANY`].
    Distinct {
        /// Of this.
        field: String,
    },
    /// Their sum.
    Sum {
        /// Of this.
        field: String,
    },
    /// The greatest.
    Max {
        /// Of this.
        field: String,
    },
    /// A price, once for each that it was paid for, however many documents say it.
    Money {
        /// The price.
        field: String,
        /// What it is paid for.
        once: String,
        /// What it is paid for where this is there: then once for each of these instead.
        #[serde(default)]
        conversation: Option<String>,
        /// How many units of the field are one of the panel.
        #[serde(default = "one")]
        divide: u32,
        /// Into how many parts of a unit of the field prices are rounded, where indices of different types have one price:
        /// 645.3 is 645.29998 in a `float`. As they are when unset.
        #[serde(default)]
        round: Option<u32>,
    },
    /// Of the messages that are `of`, how many in a hundred are `to`.
    Rate {
        /// What a message is told by.
        distinct: String,
        /// A query: the numerator.
        to: String,
        /// A query: the denominator.
        of: String,
        /// What it is of, in words.
        #[serde(default = "messages")]
        base: String,
    },
    /// How many different ones there are for each of something else, where there is one at all.
    Per {
        /// Of this.
        distinct: String,
        /// For each of this.
        each: String,
        /// What it is for each of, in words.
        base: String,
    },
    /// The mean time from one moment of a document to another, where it has both.
    Between {
        /// The earlier; one of 0 is none.
        from: String,
        /// The later.
        to: String,
        /// How many milliseconds are one of the panel.
        divide: u32,
    },
}

/// Different values are counted one by one up to so many a bucket: the most a cluster takes, in 256 KB a bucket.
pub const EXACT: u32 = 40_000;
/// The same where there may be hundreds of buckets, as of links and domains: 16 KB a bucket. With more of it the cluster
/// would refuse the search, or fall over.
pub const EXACT_OF_MANY: u32 = 3_000;
/// The same of one price, of which there may be hundreds: 64 KB.
const EXACT_OF_A_PRICE: u32 = 10_000;
/// Prices that are told apart, a bucket: with what they are split by, below the 65,535 buckets that a cluster gives.
const PRICES: u32 = 10_000;
const BUCKETS: u32 = 50_000;

const fn one() -> u32 {
    1
}

fn messages() -> String {
    "messages".to_owned()
}

impl What {
    /// Whether a classic visualization has it.
    pub const fn is_classic(&self) -> bool {
        !matches!(self, Self::Money { .. } | Self::Rate { .. } | Self::Per { .. } | Self::Between { .. })
    }

    /// What a share is of, in words: it is nothing without how many these are.
    pub fn base(&self) -> Option<&str> {
        match self {
            Self::Rate { base, .. } | Self::Per { base, .. } => Some(base),
            _ => None,
        }
    }

    /// What it is of nothing: none, or not known.
    pub fn nothing(&self) -> Vec<Option<f64>> {
        match self {
            Self::Count {} | Self::Distinct { .. } | Self::Sum { .. } | Self::Money { .. } => vec![Some(0.0)],
            _ if self.base().is_some() => vec![None, Some(0.0)],
            _ => vec![None],
        }
    }

    /// The aggregation; none for a count. `within`: how many buckets there may be around it. `exact`: up to how many
    /// different values are told apart in each.
    pub fn agg(&self, within: u32, exact: u32) -> Option<Value> {
        Some(match self {
            Self::Count {} => return None,
            Self::Distinct { field } => distinct(field, exact),
            Self::Sum { field } => json!({"sum": {"field": field}}),
            Self::Max { field } => json!({"max": {"field": field}}),
            Self::Money { field, once, conversation, round, .. } => {
                let prices = prices(field, *round, within);
                money(field, &prices, once, conversation.as_deref(), exact.min(EXACT_OF_A_PRICE))
            }
            Self::Rate { distinct: field, to, of, .. } => {
                let step = |text: &str| json!({"filter": query::string(text), "aggs": {"n": distinct(field, exact)}});
                // One bucket around both, so that every measure is one aggregation.
                json!({"filter": {"match_all": {}}, "aggs": {"to": step(to), "of": step(of)}})
            }
            Self::Per { distinct: field, each, .. } => {
                let all = |field: &str| json!({"filter": {"match_all": {}}, "aggs": {"n": distinct(field, exact)}});
                json!({"filter": {"exists": {"field": field}}, "aggs": {"to": all(field), "of": all(each)}})
            }
            // The mean of differences is the difference of means, which needs no script.
            Self::Between { from, to, .. } => {
                let both = json!([{"range": {from: {"gt": 0}}}, {"exists": {"field": to}}]);
                let mean = |field: &str| json!({"avg": {"field": field}});
                json!({"filter": {"bool": {"filter": both}}, "aggs": {"from": mean(from), "to": mean(to)}})
            }
        })
    }
}

fn distinct(field: &str, exact: u32) -> Value {
    json!({"cardinality": {"field": field, "precision_threshold": exact}})
}

/// A bucket a price.
fn prices(field: &str, round: Option<u32>, within: u32) -> Value {
    let Some(parts) = round else {
        let size = PRICES.min(BUCKETS / within.max(1) / 2).max(1);
        return json!({"terms": {"field": field, "size": size, "shard_size": size}});
    };
    // Around each part and not from it on: what a float has is a little less or more.
    let width = 1.0 / f64::from(parts);
    json!({"histogram": {"field": field, "interval": width, "offset": -width / 2.0, "min_doc_count": 1}})
}

/// The price that a bucket of [`prices`] is of, by its key.
pub fn price(key: f64, round: Option<u32>) -> f64 {
    // The key is where the bucket begins.
    round.map(f64::from).map_or(key, |parts| (key * parts + 0.5).round() / parts)
}

fn money(field: &str, prices: &Value, once: &str, conversation: Option<&str>, exact: u32) -> Value {
    // Price times messages is left to the reader: a cluster may be without scripts.
    let by_price = |once: &str| {
        let mut prices = prices.clone();
        prices["aggs"] = json!({"paid": distinct(once, exact)});
        json!({"prices": prices})
    };
    let priced = json!({"range": {field: {"gt": 0}}});
    let Some(conversation) = conversation else {
        return json!({"filter": priced, "aggs": {"single": {"filter": {"match_all": {}}, "aggs": by_price(once)}}});
    };
    let covered = json!({"exists": {"field": conversation}});
    json!({"filter": priced, "aggs": {
        "single": {"filter": {"bool": {"must_not": [covered]}}, "aggs": by_price(once)},
        "conversation": {"filter": covered, "aggs": by_price(conversation)}
    }})
}
