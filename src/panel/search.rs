//! The body of a panel's search.

use serde_json::{Map, Value, json};

use super::events::{self, Inputs};
use super::measure::{EXACT, EXACT_OF_MANY, What};
use super::split::By;
use super::{Chart, Panel, query};

/// A time, in epoch milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub from: i64,
    /// The first that is not in it.
    pub to: i64,
}

impl Panel {
    /// The body of `_search`, whole. Send it with `ignore_unavailable=true`. `inputs` are what a reader types.
    pub fn search(&self, range: &Range, inputs: &Inputs) -> Value {
        let filter = self.filter(range, inputs);
        if self.chart == Chart::Events {
            return events::search(self, filter);
        }
        let mut body = json!({"size": 0, "track_total_hits": true, "query": {"bool": {"filter": filter}}});
        let aggs = self.aggs(range);
        if !aggs.is_empty() {
            body["aggs"] = Value::Object(aggs);
        }
        body
    }

    /// Everything a document must be to count.
    fn filter(&self, range: &Range, inputs: &Inputs) -> Vec<Value> {
        // Numbers: an old index may have its times as `long`, which takes nothing else and no format.
        let mut filter = vec![json!({"range": {self.over.time(): {"gte": range.from, "lt": range.to}}})];
        filter.extend(self.counted());
        filter.extend(self.inputs.iter().map(|input| input.clause(inputs)));
        filter
    }

    /// The panel's own query; none when every document counts.
    pub fn counted(&self) -> Option<Value> {
        (!self.query.is_empty()).then(|| query::string(&self.query))
    }

    /// Splits inside each other, measures in the innermost, all under the names that Kibana gives: numbers from 1 on,
    /// measures first.
    pub fn aggs(&self, range: &Range) -> Map<String, Value> {
        self.aggs_from(0, range)
    }

    fn aggs_from(&self, depth: usize, range: &Range) -> Map<String, Value> {
        let Some(split) = self.splits.get(depth) else { return self.measured() };
        let inner = self.aggs_from(depth + 1, range);
        let mut agg = split.agg(self.over.time(), range, &self.order(split));
        let inner = self.ordered_by(split, inner);
        if !inner.is_empty() {
            agg["aggs"] = Value::Object(inner);
        }
        Map::from_iter([(self.split_name(depth), agg)])
    }

    fn measured(&self) -> Map<String, Value> {
        let within = self.splits.iter().map(super::Split::most).product();
        let named = self.measures.iter().enumerate();
        named.filter_map(|(at, measure)| Some((measure_name(at), measure.what.agg(within, self.exact())?))).collect()
    }

    /// Up to how many different values a bucket tells apart.
    pub fn exact(&self) -> u32 {
        if self.splits.iter().any(super::Split::is_wide) { EXACT_OF_MANY } else { EXACT }
    }

    /// An outer split is in the order of the same number, so it has it too.
    fn ordered_by(&self, split: &super::Split, mut inner: Map<String, Value>) -> Map<String, Value> {
        let order = self.order(split);
        if matches!(split.by, By::Terms { sorted: false, .. })
            && let Some(agg) =
                self.measures.first().filter(|_| order != "_count").and_then(|first| first.what.agg(1, self.exact()))
        {
            inner.entry(order).or_insert(agg);
        }
        inner
    }

    /// Whether the values that are shown are those with most documents though the rows are of another number.
    pub fn is_chosen_by_documents(&self, split: &super::Split) -> bool {
        split.is_wide() && matches!(self.measures.first().map(|first| &first.what), Some(What::Distinct { .. }))
    }

    /// What the most frequent values are told by: the first measure where a cluster can, else documents.
    pub fn order(&self, split: &super::Split) -> String {
        match self.measures.first().map(|first| &first.what) {
            Some(What::Distinct { .. }) if self.is_chosen_by_documents(split) => "_count".into(),
            Some(What::Distinct { .. } | What::Sum { .. } | What::Max { .. }) => measure_name(0),
            _ => "_count".into(),
        }
    }

    /// What the split at `depth` is called in a search.
    pub fn split_name(&self, depth: usize) -> String {
        (self.measures.len() + depth + 1).to_string()
    }
}

/// What the measure at `at` is called in a search.
pub fn measure_name(at: usize) -> String {
    (at + 1).to_string()
}
