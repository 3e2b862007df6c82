//! From the aggregations of a visualization to those of a search.

use serde_json::{Map, Value, json};

use super::query;

/// `toDsl`: buckets inside each other in their order, metrics side by side in the innermost.
///
/// # Panics
/// At what no visualization of ours has.
pub fn aggs(all: &[Value]) -> Map<String, Value> {
    let (metrics, buckets): (Vec<_>, Vec<_>) =
        all.iter().filter(|agg| agg["enabled"] == true).partition(|agg| agg["schema"] == "metric");
    let mut inner: Map<_, _> = metrics.into_iter().filter_map(metric).collect();
    for agg in buckets.into_iter().rev() {
        let (mut made, mut beside) = bucket(agg, all);
        beside.append(&mut inner);
        if !beside.is_empty() {
            made["aggs"] = Value::Object(beside);
        }
        inner = Map::from_iter([(text(&agg["id"]), made)]);
    }
    inner
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Counts are in every answer already.
fn metric(agg: &Value) -> Option<(String, Value)> {
    let params = &agg["params"];
    let kind = text(&agg["type"]);
    let field = json!({"field": params["field"]});
    let made = match kind.as_str() {
        "count" => return None,
        "cardinality" | "sum" | "max" => json!({kind: merged(field, params)}),
        other => panic!("{other} is no metric that is known here"),
    };
    Some((text(&agg["id"]), made))
}

/// The parameter `json` is merged over what the others wrote, and its nulls take out. What is no JSON is passed over.
fn merged(written: Value, params: &Value) -> Value {
    let more = params["json"].as_str().and_then(|more| serde_json::from_str(more).ok());
    more.map_or(written.clone(), |more| combine(written, more).expect("an object"))
}

fn combine(a: Value, b: Value) -> Option<Value> {
    match (a, b) {
        (Value::Object(mut a), Value::Object(b)) => {
            for (name, more) in b {
                match combine(a.remove(&name).unwrap_or_default(), more) {
                    Some(value) => drop(a.insert(name, value)),
                    None => drop(a.remove(&name)),
                }
            }
            Some(Value::Object(a))
        }
        (_, Value::Null) => None,
        (_, b) => Some(b),
    }
}

/// The aggregation, and the metric that it is ordered by, which it holds too.
fn bucket(agg: &Value, all: &[Value]) -> (Value, Map<String, Value>) {
    let params = &agg["params"];
    match text(&agg["type"]).as_str() {
        "terms" => terms(params, all),
        "filters" => {
            let filters = params["filters"].as_array().expect("filters");
            let clause = |filter: &Value| {
                json!({"bool": {
                    "must": [query(&filter["input"])], "filter": [], "should": [], "must_not": []
                }})
            };
            let named: Map<_, _> = filters.iter().map(|f| (text(&f["label"]), clause(f))).collect();
            (json!({"filters": merged(json!({"filters": named}), params)}), Map::new())
        }
        "date_histogram" => {
            let interval = format!("1{}", params["interval"].as_str().expect("an interval"));
            let written = json!({
                "field": params["field"], "calendar_interval": interval, "time_zone": "America/Los_Angeles",
                "min_doc_count": params["min_doc_count"]
            });
            (json!({"date_histogram": merged(written, params)}), Map::new())
        }
        other => panic!("{other} is no bucket that is known here"),
    }
}

/// `missingBucket` and `otherBucket` write nothing here: the first only where it is on, the second asks once more.
fn terms(params: &Value, all: &[Value]) -> (Value, Map<String, Value>) {
    assert_eq!(params["missingBucket"], false, "it would write its own `missing`");
    let by = params["orderBy"].as_str().expect("an order");
    // An aggregation of its own, or the metric of that id.
    let orders = Some(&params["orderAgg"]).filter(|own| own.is_object()).or(all.iter().find(|agg| agg["id"] == by));
    let measured = orders.and_then(metric);
    let order = match (orders, &measured) {
        (None, _) => by,
        (Some(_), None) => "_count",
        (Some(_), Some((id, _))) => id.as_str(),
    };
    let written = json!({"field": params["field"], "size": params["size"], "order": {order: params["order"]}});
    (json!({"terms": merged(written, params)}), measured.into_iter().collect())
}
