//! What Kibana and OpenSearch Dashboards ask the cluster for a saved object, written from their source as it was in
//! version 7.10, where the two parted.
//!
//! - aggregations: `AggConfigs.toDsl`, `AggConfig.write`, `JsonParamType`, `terms`, `date_histogram`, `filters`
//!   (src/plugins/data/common/search/aggs)
//! - queries: `buildEsQuery`, `buildQueryFromLucene`, `decorateQuery` (src/plugins/data/common/es_query)
//! - specifications: `EsQueryParser` (src/plugins/vis_type_vega/public/data_model)
//!
//! One thing is left out: where there would be more bars than `histogram:maxBars`, they make them wider.

mod aggs;

use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};

pub use self::aggs::aggs;

/// What a dashboard's own query and filters are, as clauses of `bool`.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Of the query bar, in Lucene.
    pub must: Vec<Value>,
    /// Filters.
    pub filter: Vec<Value>,
    /// Filters that are turned round.
    pub must_not: Vec<Value>,
}

/// JSON that is kept as a text.
///
/// # Panics
/// When it is no JSON.
pub fn hidden(object: &Value, pointer: &str) -> Value {
    let text = object.pointer(pointer).and_then(Value::as_str);
    text.map_or(Value::Null, |text| serde_json::from_str(text).unwrap_or_else(|error| panic!("{pointer}: {error}")))
}

/// The moments of the time picker, of which the last is in it too, in epoch milliseconds.
pub fn range(first: i64, last: i64) -> Value {
    let iso = |at| {
        DateTime::from_timestamp_millis(at)
            .map(|at| at.to_rfc3339_opts(SecondsFormat::Millis, true))
            .unwrap_or_default()
    };
    json!({"gte": iso(first), "lte": iso(last), "format": "strict_date_optional_time"})
}

/// One query of Lucene; an empty one is everything.
pub fn query(of: &Value) -> Value {
    assert_eq!(of["language"], "lucene", "{of}");
    match of["query"].as_str() {
        Some("") => json!({"match_all": {}}),
        _ => json!({"query_string": {"query": of["query"], "analyze_wildcard": true}}),
    }
}

/// The body for a classic visualization: its own query and the dashboard's, the time, its aggregations.
pub fn visualization(object: &Value, time: &str, range: &Value, context: &Context) -> Value {
    let state = hidden(object, "/attributes/visState");
    let own = hidden(object, "/attributes/kibanaSavedObjectMeta/searchSourceJSON");
    let all = state["aggs"].as_array().map(Vec::as_slice).unwrap_or_default();
    let must: Vec<_> = std::iter::once(query(&own["query"])).chain(context.must.iter().cloned()).collect();
    let mut filter = vec![json!({"match_all": {}}), json!({"range": {time: range}})];
    filter.extend(context.filter.iter().cloned());
    json!({
        "size": 0,
        "aggs": aggs(all),
        "track_total_hits": true,
        "query": {"bool": {"must": must, "filter": filter, "should": [], "must_not": context.must_not}}
    })
}

/// The specification of a visualization of the type `vega`, parsed.
///
/// # Panics
/// When it is no JSON, or names no schema.
pub fn specification(object: &Value) -> Value {
    let state = hidden(object, "/attributes/visState");
    let spec = hidden(&state, "/params/spec");
    assert!(spec["$schema"].is_string(), "{}: your specification requires a $schema", object["id"]);
    spec
}

/// The body for a specification: its own, with the dashboard's clauses and time where their marks stand.
///
/// # Panics
/// Where the parser would throw.
pub fn specified(spec: &Value, range: &Value, context: &Context) -> Value {
    let url = &spec["data"]["url"];
    assert!(url["%context%"].is_null() && url["%timefield%"].is_null(), "they must not be used when body.query is set");
    let mut body = url["body"].clone();
    inject(&mut body["query"], range, Some(context));
    inject(&mut body["aggs"], range, None);
    body
}

/// `_injectContextVars`: clauses only where it is a query.
fn inject(value: &mut Value, range: &Value, context: Option<&Context>) {
    match value {
        Value::Array(list) => {
            let clauses = |item: &Value| Some(clauses(item.as_str()?, context?));
            let each = std::mem::take(list).into_iter();
            *list = each.flat_map(|item| clauses(&item).unwrap_or_else(|| vec![item])).collect();
            list.iter_mut().for_each(|item| inject(item, range, context));
        }
        Value::Object(object) => {
            for inner in object.values_mut() {
                match &inner["%timefilter%"] {
                    Value::Null => inject(inner, range, context),
                    Value::Bool(true) => *inner = range.clone(),
                    other => panic!("%timefilter% {other}"),
                }
            }
        }
        _ => {}
    }
}

fn clauses(mark: &str, context: &Context) -> Vec<Value> {
    match mark {
        "%dashboard_context-must_clause%" => context.must.clone(),
        // Without a filter too there is this one.
        "%dashboard_context-filter_clause%" => {
            std::iter::once(json!({"match_all": {}})).chain(context.filter.iter().cloned()).collect()
        }
        "%dashboard_context-must_not_clause%" => context.must_not.clone(),
        other => vec![json!(other)],
    }
}
