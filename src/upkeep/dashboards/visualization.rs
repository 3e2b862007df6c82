//! A panel as `visState`: what Kibana calls a classic visualization.

use serde_json::{Value, json};

use crate::panel::{By, Chart, Interval, Measure, Panel, SHARD_SIZE, Split, What};

/// A panel all of whose measures are classic.
pub fn state(panel: &Panel, title: &str) -> Value {
    let (kind, params) = match panel.chart {
        Chart::Number => ("metric", metric()),
        Chart::Table | Chart::Events => ("table", table()),
        Chart::Line => ("line", axes(panel, "line")),
        Chart::Bar if panel.is_over_time() => ("histogram", axes(panel, "histogram")),
        Chart::Bar => ("horizontal_bar", axes(panel, "histogram")),
    };
    let measures = panel.measures.iter().enumerate().map(|(at, measure)| measured(at, measure, panel.exact()));
    let splits = panel.splits.iter().enumerate().map(|(at, split)| divided(panel, at, split));
    let aggs: Vec<_> = measures.chain(splits).collect();
    json!({"title": title, "type": kind, "params": params, "aggs": aggs})
}

/// Text.
pub fn markdown(title: &str, text: &str) -> Value {
    let params = json!({"fontSize": 12, "openLinksInNewTab": false, "markdown": text});
    json!({"title": title, "type": "markdown", "params": params, "aggs": []})
}

fn measured(at: usize, measure: &Measure, exact: u32) -> Value {
    let (kind, mut params) = match &measure.what {
        What::Distinct { field } => {
            // The editor has no field for it, so it is merged into the request.
            ("cardinality", json!({"field": field, "json": json!({"precision_threshold": exact}).to_string()}))
        }
        What::Sum { field } => ("sum", json!({"field": field})),
        What::Max { field } => ("max", json!({"field": field})),
        What::Count {} | What::Money { .. } | What::Rate { .. } | What::Per { .. } | What::Between { .. } => {
            ("count", json!({}))
        }
    };
    params["customLabel"] = json!(measure.label);
    json!({"id": (at + 1).to_string(), "enabled": true, "type": kind, "schema": "metric", "params": params})
}

fn divided(panel: &Panel, at: usize, split: &Split) -> Value {
    let schema = match (panel.chart, at) {
        (Chart::Table, _) => "bucket",
        (_, 0) => "segment",
        _ => "group",
    };
    let (kind, params) = match &split.by {
        By::Terms { field, size, missing, sorted } => {
            let mut params = terms(panel, split, field, *size, missing, *sorted);
            if params["orderBy"] == "custom" {
                let id = format!("{}-orderAgg", panel.split_name(at));
                let counted = json!({"id": id, "enabled": true, "type": "count", "schema": "orderAgg", "params": {}});
                params["orderAgg"] = counted;
            }
            ("terms", params)
        }
        By::Steps { steps } => {
            let filter = |step: &crate::panel::Named| json!({"input": {"query": step.query, "language": "lucene"}, "label": step.label});
            ("filters", json!({"filters": steps.iter().map(filter).collect::<Vec<_>>()}))
        }
        By::Time { field, each } => (
            "date_histogram",
            json!({
                "field": field.as_deref().unwrap_or(panel.over.time()),
                "interval": interval(*each),
                "drop_partials": false,
                "min_doc_count": 1,
                "extended_bounds": {},
                // Takes out the browser's zone: without one days are UTC, and an old index with `long` times answers.
                "json": json!({"time_zone": null}).to_string(),
                "customLabel": split.label
            }),
        ),
    };
    json!({"id": panel.split_name(at), "enabled": true, "type": kind, "schema": schema, "params": params})
}

fn terms(panel: &Panel, split: &Split, field: &str, size: u32, missing: &Option<String>, sorted: bool) -> Value {
    let mut more = json!({"shard_size": SHARD_SIZE.max(size)});
    if let Some(missing) = missing {
        more["missing"] = json!(missing);
    }
    // A count is a measure too, for whoever edits it.
    let counts = panel.measures.first().is_some_and(|first| matches!(first.what, What::Count {}));
    let by = match sorted {
        true => "_key".to_owned(),
        false if counts => "1".to_owned(),
        // By documents, which no measure counts: an order of its own.
        false if panel.order(split) == "_count" => "custom".to_owned(),
        false => panel.order(split),
    };
    json!({
        "field": field,
        "orderBy": by,
        "order": if sorted { "asc" } else { "desc" },
        "size": size,
        // Where documents without the field are a row, "other" would count them once more.
        "otherBucket": missing.is_none() && field != "_index",
        "otherBucketLabel": "other",
        "missingBucket": false,
        "missingBucketLabel": "not said",
        "json": more.to_string(),
        "customLabel": split.label
    })
}

fn interval(each: Interval) -> &'static str {
    match each {
        Interval::Minute => "m",
        Interval::Hour => "h",
        Interval::Day => "d",
        Interval::Month => "M",
    }
}

fn metric() -> Value {
    json!({
        "addTooltip": true,
        "addLegend": false,
        "type": "metric",
        "metric": {
            "percentageMode": false,
            "useRanges": false,
            "colorSchema": "Green to Red",
            "metricColorMode": "None",
            "colorsRange": [{"from": 0, "to": 10000}],
            "labels": {"show": true},
            "invertColors": false,
            "style": {"bgFill": "#000", "bgColor": false, "labelColor": false, "subText": "", "fontSize": 40}
        }
    })
}

fn table() -> Value {
    json!({
        "perPage": 10,
        "showPartialRows": false,
        "showMetricsAtAllLevels": false,
        "sort": {"columnIndex": null, "direction": null},
        "showTotal": false,
        "totalFunc": "sum",
        "percentageCol": ""
    })
}

fn axes(panel: &Panel, kind: &str) -> Value {
    let lying = panel.chart == Chart::Bar && !panel.is_over_time();
    let (category, value) = if lying { ("left", "bottom") } else { ("bottom", "left") };
    // Distinct messages of two channels may be added, so bars are stacked; lines are not.
    let mode = if panel.chart == Chart::Line || panel.splits.len() < 2 { "normal" } else { "stacked" };
    let series = |(at, measure): (usize, &Measure)| {
        json!({
            "show": true,
            "type": kind,
            "mode": mode,
            "data": {"label": measure.label, "id": (at + 1).to_string()},
            "valueAxis": "ValueAxis-1",
            "drawLinesBetweenPoints": true,
            "lineWidth": 2,
            "showCircles": true
        })
    };
    json!({
        "type": kind,
        "grid": {"categoryLines": false},
        "categoryAxes": [{
            "id": "CategoryAxis-1", "type": "category", "position": category, "show": true, "style": {},
            "scale": {"type": "linear"},
            "labels": {"show": true, "filter": !lying, "truncate": 200, "rotate": 0}, "title": {}
        }],
        "valueAxes": [{
            "id": "ValueAxis-1", "name": "LeftAxis-1", "type": "value", "position": value, "show": true, "style": {},
            "scale": {"type": "linear", "mode": "normal"},
            "labels": {"show": true, "rotate": 0, "filter": lying, "truncate": 100}, "title": {"text": panel.unit}
        }],
        "seriesParams": panel.measures.iter().enumerate().map(series).collect::<Vec<_>>(),
        "addTooltip": true,
        "addLegend": true,
        "legendPosition": "right",
        "times": [],
        "addTimeMarker": false,
        "labels": {"show": lying},
        "thresholdLine": {"show": false, "value": 10, "width": 1, "style": "full", "color": "#E7664C"}
    })
}
