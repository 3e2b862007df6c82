//! A saved object asks what its panel asks: its aggregations, written out as `AggConfigs` of Kibana 7.10 do it
//! (src/plugins/data/common/search/aggs), are those of the panel's search.

use serde_json::Map;

use super::*;
use crate::panel::{Inputs, Range};

/// A day, for which the page takes every interval as it is told. Kibana makes bars wider where there would be more than its
/// `histogram:maxBars`, 100 unless set: that is its own doing, and the caveats say it.
const DAY: Range = Range { from: 1_793_577_600_000, to: 1_793_664_000_000 };

/// `toDsl`: buckets inside each other in their order, metrics in the innermost.
fn dsl(aggs: &[Value]) -> Map<String, Value> {
    let is_bucket = |agg: &&Value| agg["schema"] != "metric";
    let buckets: Vec<_> = aggs.iter().filter(is_bucket).collect();
    let metrics: Map<_, _> = aggs.iter().filter(|agg| agg["schema"] == "metric").filter_map(metric).collect();
    let mut inner = metrics;
    for agg in buckets.into_iter().rev() {
        let (mut made, mut beside) = bucket(agg, aggs);
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

/// Counts are in every answer already; `median` is a percentile.
fn metric(agg: &Value) -> Option<(String, Value)> {
    let params = &agg["params"];
    let kind = text(&agg["type"]);
    let body = json!({"field": params["field"]});
    let made = match kind.as_str() {
        "count" => return None,
        "median" => json!({"percentiles": merged(json!({"field": params["field"], "percents": [50]}), params)}),
        "cardinality" | "sum" | "max" | "avg" => json!({kind: merged(body, params)}),
        other => panic!("{other} is no metric that this test knows"),
    };
    Some((text(&agg["id"]), made))
}

/// The parameter `json` is merged over what the others wrote, and its nulls take out.
fn merged(mut body: Value, params: &Value) -> Value {
    if let Some(more) = params["json"].as_str() {
        let more: Map<String, Value> = serde_json::from_str(more).expect("an object");
        let body = body.as_object_mut().expect("an object");
        body.extend(more);
        body.retain(|_, value| !value.is_null());
    }
    body
}

/// The aggregation, and the metric that it is ordered by, which it holds too.
fn bucket(agg: &Value, all: &[Value]) -> (Value, Map<String, Value>) {
    let params = &agg["params"];
    match text(&agg["type"]).as_str() {
        "terms" => {
            let by = params["orderBy"].as_str().expect("an order");
            let orders = all.iter().find(|agg| agg["id"] == by).and_then(metric);
            // `_key`, or the id of a metric; a count is `_count`.
            let order = if by == "_key" || orders.is_some() { by } else { "_count" };
            let body = json!({"field": params["field"], "size": params["size"], "order": {order: params["order"]}});
            (json!({"terms": merged(body, params)}), orders.into_iter().collect())
        }
        "filters" => {
            let filters = params["filters"].as_array().expect("filters");
            let named: Map<_, _> = filters.iter().map(|f| (text(&f["label"]), query(&f["input"]))).collect();
            (json!({"filters": {"filters": named}}), Map::new())
        }
        "date_histogram" => {
            let interval = format!("1{}", params["interval"].as_str().expect("an interval"));
            let body = json!({
                "field": params["field"], "calendar_interval": interval, "time_zone": "the browser's",
                "min_doc_count": params["min_doc_count"]
            });
            (json!({"date_histogram": merged(body, params)}), Map::new())
        }
        other => panic!("{other} is no bucket that this test knows"),
    }
}

/// `buildEsQuery` of one query of Lucene, without the empty clauses around it.
fn query(input: &Value) -> Value {
    assert_eq!(input["language"], "lucene");
    json!({"query_string": {"query": input["query"], "analyze_wildcard": true}})
}

#[test]
fn a_classic_visualization_asks_what_its_panel_asks() {
    let mut tried = 0;
    for (dashboard, panel, object) in panels() {
        let state = vis_state(&object);
        if panel.chart == Chart::Events || state["type"] == "vega" {
            continue;
        }
        let place = format!("{}/{}", dashboard.id, panel.id);
        let mut search = panel.search(&DAY, &Inputs::new());
        let asked = search.get_mut("aggs").map_or(json!({}), Value::take);
        assert_eq!(Value::Object(dsl(state["aggs"].as_array().unwrap())), asked, "{place}");
        let source = hidden(&object, "/attributes/kibanaSavedObjectMeta/searchSourceJSON");
        let mine = &search["query"]["bool"]["filter"];
        match panel.query.is_empty() {
            true => assert_eq!(source["query"]["query"], "", "{place}"),
            false => assert_eq!(mine[1], query(&source["query"]), "{place}"),
        }
        assert_eq!(mine.as_array().unwrap().len(), 1 + usize::from(!panel.query.is_empty()), "{place}");
        tried += 1;
    }
    assert!(tried > 20, "{tried}");
}

/// What Kibana does to the body of a specification: the context of a dashboard without filters is nothing, and the time
/// is the reader's.
fn injected(mut body: Value, range: &Value) -> Value {
    let filters = body["query"]["bool"]["filter"].as_array_mut().expect("filters");
    filters.retain(|filter| filter != "%dashboard_context-filter_clause%");
    for filter in filters {
        let times = filter.get_mut("range").and_then(Value::as_object_mut).into_iter().flatten();
        times.filter(|(_, at)| **at == json!({"%timefilter%": true})).for_each(|(_, at)| *at = range.clone());
    }
    let query = body["query"]["bool"].as_object_mut().expect("a query");
    for (clause, mark) in
        [("must", "%dashboard_context-must_clause%"), ("must_not", "%dashboard_context-must_not_clause%")]
    {
        assert_eq!(query.remove(clause), Some(json!([mark])), "the dashboard's own filters");
    }
    body
}

#[test]
fn a_specification_asks_what_its_panel_asks() {
    let mut tried = 0;
    for (dashboard, panel, object) in panels() {
        let state = vis_state(&object);
        if state["type"] != "vega" {
            continue;
        }
        let spec: Value = serde_json::from_str(state["params"]["spec"].as_str().unwrap()).unwrap();
        let range = json!({"gte": DAY.from, "lt": DAY.to});
        let asked = injected(spec["data"]["url"]["body"].clone(), &range);
        assert_eq!(asked, panel.search(&DAY, &Inputs::new()), "{}/{}", dashboard.id, panel.id);
        assert_eq!(spec["data"]["url"]["index"], patterns(panel.over, &Prefixes::default()));
        // The context cannot be used beside a query.
        assert_eq!(spec["data"]["url"].get("%context%"), None);
        tried += 1;
    }
    assert!(tried > 10, "{tried}");
}

#[test]
fn a_saved_search_shows_what_its_panel_shows() {
    let mut tried = 0;
    for (_, panel, object) in panels().into_iter().filter(|(_, panel, _)| panel.chart == Chart::Events) {
        let mut columns = object["attributes"]["columns"].as_array().unwrap().clone();
        columns.insert(0, json!(panel.over.time()));
        assert_eq!(columns, panel.show.iter().map(|member| json!(member)).collect::<Vec<_>>(), "{}", panel.id);
        let order = panel.search(&DAY, &Inputs::new())["sort"][0][panel.over.time()]["order"].clone();
        assert_eq!(object["attributes"]["sort"], json!([[panel.over.time(), order]]));
        tried += 1;
    }
    assert!(tried > 2, "{tried}");
}

/// What a specification makes of the answer, written from the rules of Vega-Lite's transforms: `flatten` gives a row a
/// member and fills the shorter list with nulls, `aggregate` adds up what has the same `groupby`, `fold` gives a row a
/// field.
#[test]
fn a_specification_multiplies_and_adds_as_a_panel_does() {
    let transform = |id: &str| {
        let (_, _, object) = panels().into_iter().find(|(_, _, object)| object["id"] == id).unwrap();
        let spec: Value = serde_json::from_str(vis_state(&object)["params"]["spec"].as_str().unwrap()).unwrap();
        (spec["data"]["format"]["property"].clone(), spec["transform"].clone())
    };
    let rate = "datum['1'].of.n.value > 0 ? 100 * datum['1'].to.n.value / datum['1'].of.n.value : null";
    let (from, steps) = transform("essink-texts-by-country");
    assert_eq!(from, "aggregations.3.buckets", "two measures come before the split");
    assert_eq!(steps[0], json!({"calculate": rate, "as": "delivered of sent"}));
    // What each is of is kept beside it and is no row of its own.
    assert_eq!(steps[3], json!({"calculate": "datum['2'].of.n.value", "as": "failed of sent: of"}));
    assert_eq!(steps[4], json!({"fold": ["delivered of sent", "failed of sent"], "as": ["what", "value"]}));
    let text = "(datum.value === null ? '–' : format(datum.value, ',.2f')) + \
                (datum[datum.what + ': of'] >= 0 ? ' of ' + format(datum[datum.what + ': of'], ',') : '')";
    assert_eq!(steps[5], json!({"calculate": text, "as": "text"}));
    assert_eq!(steps[6], json!({"calculate": "datum.key + ': ' + datum.what", "as": "row"}));

    let (from, steps) = transform("essink-app-sessions");
    assert_eq!(from, "aggregations");
    let length = "datum['1'].to.value === null ? null : (datum['1'].to.value - datum['1'].from.value) / 60000";
    assert_eq!(steps[0], json!({"calculate": length, "as": "mean length"}));
    let each = "datum['2'].of.n.value > 0 ? datum['2'].to.n.value / datum['2'].of.n.value : null";
    assert_eq!(steps[1], json!({"calculate": each, "as": "each, of Pinpoint's SDKs"}));
    assert_eq!(steps[3], json!({"calculate": "datum['2'].of.n.value", "as": "each, of Pinpoint's SDKs: of"}));

    let (from, steps) = transform("essink-overview-cost");
    assert_eq!(from, "aggregations");
    let cost = "((datum.single ? datum.single.key * datum.single.paid.value : 0) + \
                (datum.conversation ? datum.conversation.key * datum.conversation.paid.value : 0)) / 1";
    // `flatten` makes no row of lists without a member: then one that costs nothing is in them.
    let list = |part: &str| {
        let buckets = format!("datum['1'].{part}.prices.buckets");
        format!("length({buckets}) > 0 ? {buckets} : [{{key: 0, paid: {{value: 0}}}}]")
    };
    assert_eq!(
        steps.as_array().unwrap()[..5],
        [
            json!({"calculate": list("single"), "as": "single_prices"}),
            json!({"calculate": list("conversation"), "as": "conversation_prices"}),
            json!({"flatten": ["single_prices", "conversation_prices"], "as": ["single", "conversation"]}),
            json!({"calculate": cost, "as": "cost_of_price"}),
            json!({"aggregate": [{"op": "sum", "field": "cost_of_price", "as": "cost"}], "groupby": []}),
        ]
    );

    // What is no money is worked out first and kept.
    let (from, steps) = transform("essink-overview-cost-other");
    assert_eq!(from, "aggregations.3.buckets");
    assert_eq!(steps[0], json!({"calculate": "datum['2'].value", "as": "messages"}));
    assert_eq!(steps[4]["groupby"], json!(["messages", "key"]));
    let (_, steps) = transform("essink-texts-pinpoint-cost");
    let cost = "((datum.single ? round(datum.single.key * 100 + 0.5) / 100 * datum.single.paid.value : 0)) / 100000";
    assert_eq!(steps[2], json!({"calculate": cost, "as": "cost_of_price"}), "thousandths of a cent");
}
