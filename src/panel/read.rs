//! From an answer to a table.

use std::cmp::Ordering;

use serde_json::Value;

use super::measure::{Measure, What, price};
use super::search::measure_name;
use super::split::By;
use super::table::{Column, Key, Other, Row, Table};
use super::{Chart, Panel};

/// Why an answer cannot be used. Nothing of the answer is in it: that may be a person's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A part of the indices is missing: the numbers would be too small.
    #[error("{failed} of {total} shards did not answer, so the numbers would be too small: see the cluster's health")]
    Shards {
        /// So many.
        failed: u64,
        /// Of so many.
        total: u64,
    },
    /// The cluster gave up.
    #[error("the cluster took too long, so the numbers would be too small: choose a shorter time")]
    TimedOut,
    /// Not the answer to this panel's search.
    #[error("the answer has no {0}: it is not that of this panel's search")]
    Lacks(String),
}

impl Panel {
    /// What the answer says, in the panel's order.
    ///
    /// # Errors
    /// When it is not whole, or not the answer to [`Panel::search`].
    pub fn read(&self, answer: &Value) -> Result<Table, Unreadable> {
        whole(answer)?;
        let total = answer["hits"]["total"]["value"].as_u64().ok_or_else(|| lacks("hits.total.value"))?;
        if self.chart == Chart::Events {
            return self.documents(answer, total);
        }
        if answer["_shards"]["total"] == 0 {
            return Ok(self.of_no_index());
        }
        let mut reading = Reading { panel: self, rows: Vec::new(), other: NOTHING };
        reading.buckets(0, &answer["aggregations"], total, &mut Vec::new())?;
        let Reading { mut rows, other, .. } = reading;
        if let [split] = &self.splits[..]
            && self.is_chosen_by_documents(split)
        {
            // Chosen by their documents, shown by their number.
            rows.sort_by(|a, b| b.values.first().partial_cmp(&a.values.first()).unwrap_or(Ordering::Equal));
        }
        Ok(Table { keys: self.keys(), columns: self.columns(), rows, other: (other != NOTHING).then_some(other) })
    }

    /// No index has the pattern: nothing was said, and clusters leave the aggregations out.
    fn of_no_index(&self) -> Table {
        let nothing = self.measures.iter().flat_map(|measure| measure.what.nothing());
        let row = Row { keys: Vec::new(), values: nothing.collect() };
        let rows = if self.splits.is_empty() { vec![row] } else { Vec::new() };
        Table { keys: self.keys(), columns: self.columns(), rows, other: None }
    }

    fn keys(&self) -> Vec<String> {
        self.splits.iter().map(|split| split.label.clone()).collect()
    }

    fn columns(&self) -> Vec<Column> {
        let unit = |measure: &Measure| measure.unit.clone().unwrap_or_else(|| self.unit.clone());
        let mut columns = Vec::new();
        for measure in &self.measures {
            columns.push(Column { label: measure.label.clone(), unit: unit(measure) });
            if let Some(base) = measure.what.base() {
                columns.push(Column { label: format!("{}: of", measure.label), unit: base.to_owned() });
            }
        }
        columns
    }

    fn documents(&self, answer: &Value, total: u64) -> Result<Table, Unreadable> {
        let hits = answer["hits"]["hits"].as_array().ok_or_else(|| lacks("hits.hits"))?;
        let row = |hit: &Value| {
            let keys = self.show.iter().map(|member| Key::Text(words(&at(&hit["_source"], member)))).collect();
            Row { keys, values: Vec::new() }
        };
        let rows: Vec<_> = hits.iter().map(row).collect();
        let documents = total.saturating_sub(u64::try_from(rows.len()).unwrap_or(u64::MAX));
        let other = (documents > 0).then_some(Other { documents, off_by: Some(0) });
        Ok(Table { keys: self.show.clone(), columns: Vec::new(), rows, other })
    }
}

fn lacks(what: &str) -> Unreadable {
    Unreadable::Lacks(what.to_owned())
}

fn whole(answer: &Value) -> Result<(), Unreadable> {
    if answer["timed_out"] == true {
        return Err(Unreadable::TimedOut);
    }
    let shards = |of: &str| answer["_shards"][of].as_u64();
    let failed = shards("failed").ok_or_else(|| lacks("_shards.failed"))?;
    let total = shards("total").unwrap_or(failed);
    // A shard that is nowhere, as while a cluster comes back, counts as neither failed nor successful in OpenSearch.
    let silent = shards("successful").map_or(0, |successful| total.saturating_sub(successful));
    match failed.max(silent) {
        0 => Ok(()),
        failed => Err(Unreadable::Shards { failed, total }),
    }
}

/// A member of a document, however its path is written: as objects or with dots.
fn at<'a>(source: &'a Value, path: &str) -> std::borrow::Cow<'a, Value> {
    let nested = path.split('.').try_fold(source, |value, name| value.get(name));
    nested.or_else(|| source.get(path)).map_or(std::borrow::Cow::Owned(Value::Null), std::borrow::Cow::Borrowed)
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(words).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// Every row is there, and exact.
const NOTHING: Other = Other { documents: 0, off_by: Some(0) };

struct Reading<'a> {
    panel: &'a Panel,
    rows: Vec<Row>,
    other: Other,
}

impl Reading<'_> {
    /// Of what is in `aggs`, at a depth; `documents` are in it.
    fn buckets(&mut self, depth: usize, aggs: &Value, documents: u64, keys: &mut Vec<Key>) -> Result<(), Unreadable> {
        let Some(split) = self.panel.splits.get(depth) else {
            let values = self.values(aggs, documents)?;
            self.rows.push(Row { keys: keys.clone(), values });
            return Ok(());
        };
        let name = self.panel.split_name(depth);
        let found = &aggs[&name];
        let buckets = &found["buckets"];
        for (at, label) in Self::names(&split.by, buckets)? {
            let bucket = at.of(buckets);
            let documents = bucket["doc_count"].as_u64().ok_or_else(|| lacks("doc_count"))?;
            keys.push(label);
            self.buckets(depth + 1, bucket, documents, keys)?;
            keys.pop();
        }
        self.left_out(found);
        Ok(())
    }

    /// What a `terms` says of the rest. Shards count in it too what they kept to themselves: without a rest all is exact.
    fn left_out(&mut self, found: &Value) {
        let documents = found["sum_other_doc_count"].as_u64().unwrap_or(0);
        if documents > 0 {
            self.other.documents += documents;
            // -1 where the order is that of a number.
            let error = found["doc_count_error_upper_bound"].as_u64();
            self.other.off_by = self.other.off_by.zip(error).map(|(sum, error)| sum + error);
        }
    }

    /// Where each bucket is, and what it is called.
    fn names(by: &By, buckets: &Value) -> Result<Vec<(Place, Key)>, Unreadable> {
        let list = || buckets.as_array().ok_or_else(|| lacks("buckets"));
        let texts = |bucket: &Value| match &bucket["key_as_string"] {
            Value::Null => words(&bucket["key"]),
            text => words(text),
        };
        Ok(match by {
            By::Steps { steps } => {
                steps.iter().map(|step| (Place::Name(step.label.clone()), Key::Text(step.label.clone()))).collect()
            }
            By::Terms { .. } => {
                list()?.iter().enumerate().map(|(at, bucket)| (Place::At(at), Key::Text(texts(bucket)))).collect()
            }
            By::Time { .. } => {
                let start = |bucket: &Value| bucket["key"].as_i64().ok_or_else(|| lacks("key"));
                let named = |(at, bucket)| Ok((Place::At(at), Key::Time(start(bucket)?)));
                list()?.iter().enumerate().map(named).collect::<Result<_, _>>()?
            }
        })
    }

    fn values(&mut self, aggs: &Value, documents: u64) -> Result<Vec<Option<f64>>, Unreadable> {
        let mut values = Vec::new();
        for (at, measure) in self.panel.measures.iter().enumerate() {
            let found = &aggs[measure_name(at)];
            match &measure.what {
                What::Count {} => values.push(number(documents)),
                What::Money { conversation, divide, round, .. } => {
                    let mut sum = self.money(&found["single"], *round)?;
                    if conversation.is_some() {
                        sum += self.money(&found["conversation"], *round)?;
                    }
                    values.push(Some(sum / f64::from(*divide)));
                }
                What::Rate { .. } | What::Per { .. } => {
                    let count = |step: &str| found[step]["n"]["value"].as_f64().ok_or_else(|| lacks("n.value"));
                    let (to, of) = (count("to")?, count("of")?);
                    let whole = if matches!(measure.what, What::Rate { .. }) { 100.0 } else { 1.0 };
                    values.extend([(of > 0.0).then(|| to * whole / of), Some(of)]);
                }
                What::Between { divide, .. } => {
                    let mean = |of: &str| found[of].get("value").map(Value::as_f64).ok_or_else(|| lacks("value"));
                    let length = mean("to")?.zip(mean("from")?).map(|(to, from)| (to - from) / f64::from(*divide));
                    values.push(length);
                }
                _ if found.is_object() => values.push(found["value"].as_f64()),
                _ => return Err(lacks(&measure.label)),
            }
        }
        Ok(values)
    }

    /// Of each price, what was paid for, times the price.
    fn money(&mut self, found: &Value, round: Option<u32>) -> Result<f64, Unreadable> {
        let prices = &found["prices"];
        // Documents whose price is one of those too many to be told apart.
        self.left_out(prices);
        let buckets = prices["buckets"].as_array().ok_or_else(|| lacks("prices"))?;
        let cost = |bucket: &Value| Some(price(bucket["key"].as_f64()?, round) * bucket["paid"]["value"].as_f64()?);
        buckets.iter().map(|bucket| cost(bucket).ok_or_else(|| lacks("paid.value"))).sum()
    }
}

/// Counts of documents are far below what a double holds exactly.
#[allow(clippy::cast_precision_loss, reason = "below 2^53")]
fn number(documents: u64) -> Option<f64> {
    Some(documents as f64)
}

/// Where a bucket is: lists have places, named queries have names.
enum Place {
    At(usize),
    Name(String),
}

impl Place {
    fn of<'a>(&self, buckets: &'a Value) -> &'a Value {
        match self {
            Self::At(at) => &buckets[*at],
            Self::Name(name) => &buckets[name],
        }
    }
}
