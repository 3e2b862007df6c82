//! A panel as a Vega-Lite specification: what no classic visualization can say, rates and money, asked by the very search
//! of the panel.

use serde_json::{Value, json};

use crate::panel::{By, Measure, Panel, Range, What};

/// A time of a few days, for which an interval is what its definition says.
const SHORT: Range = Range { from: 0, to: 7 * 86_400_000 };

/// A visualization of the type `vega`.
pub fn state(panel: &Panel, title: &str, index: &str) -> Value {
    let spec = spec(panel, index);
    // Kibana shows the text to whoever edits it.
    let text = format!("{spec:#}");
    json!({"title": title, "type": "vega", "params": {"spec": text}, "aggs": []})
}

fn spec(panel: &Panel, index: &str) -> Value {
    let property = match panel.splits.is_empty() {
        true => "aggregations".to_owned(),
        false => format!("aggregations.{}.buckets", panel.split_name(0)),
    };
    let mut spec = json!({
        "$schema": "https://vega.github.io/schema/vega-lite/v4.json",
        "data": {"url": {"index": index, "body": body(panel)}, "format": {"property": property}},
        "transform": transform(panel)
    });
    // One view, because only such a one is fitted into its panel.
    if let Value::Object(view) = view(panel) {
        view.into_iter().for_each(|(name, value)| spec[name] = value);
    }
    spec
}

/// The panel's search, with the dashboard's own filters and its time.
fn body(panel: &Panel) -> Value {
    let mut filter =
        vec![json!("%dashboard_context-filter_clause%"), json!({"range": {panel.over.time(): {"%timefilter%": true}}})];
    filter.extend(panel.counted());
    json!({
        "size": 0,
        "track_total_hits": true,
        "query": {"bool": {
            "must": ["%dashboard_context-must_clause%"],
            "must_not": ["%dashboard_context-must_not_clause%"],
            "filter": filter
        }},
        "aggs": panel.aggs(&SHORT)
    })
}

/// A number a measure, then a row a number: `what` it is, its `value`, and that in words.
fn transform(panel: &Panel) -> Vec<Value> {
    let (money, others): (Vec<_>, Vec<_>) =
        panel.measures.iter().enumerate().partition(|(_, measure)| matches!(measure.what, What::Money { .. }));
    let mut steps: Vec<_> = others.iter().map(|(at, measure)| calculated(*at, measure)).collect();
    steps.extend(others.iter().filter_map(|(at, measure)| base(*at, measure)));
    let kept: Vec<_> = others.iter().map(|(_, measure)| measure.label.as_str()).chain(key(panel)).collect();
    for (at, measure) in money {
        steps.extend(added_up(at, measure, &kept));
    }
    let labels: Vec<_> = panel.measures.iter().map(|measure| &measure.label).collect();
    steps.push(json!({"fold": labels, "as": ["what", "value"]}));
    let format = if panel.measures.iter().any(|m| matches!(m.what, What::Money { .. })) { ",.4f" } else { ",.2f" };
    let mut text = format!("datum.value === null ? '–' : format(datum.value, '{format}')");
    if panel.measures.iter().any(|m| m.what.base().is_some()) {
        // A rate is nothing without what it is of.
        text = format!(
            "({text}) + (datum[datum.what + '{BASE}'] >= 0 ? ' of ' + format(datum[datum.what + '{BASE}'], ',') : '')"
        );
    }
    steps.push(json!({"calculate": text, "as": "text"}));
    if !panel.splits.is_empty() {
        let row = if labels.len() > 1 { "datum.key + ': ' + datum.what" } else { "datum.key" };
        steps.push(json!({"calculate": row, "as": "row"}));
    }
    steps
}

/// What is added to a rate's name for how many it is of.
const BASE: &str = ": of";

fn base(at: usize, measure: &Measure) -> Option<Value> {
    let of = format!("datum['{}'].of.n.value", at + 1);
    measure.what.base().map(|_| json!({"calculate": of, "as": format!("{}{BASE}", measure.label)}))
}

/// What a bucket is told by.
fn key(panel: &Panel) -> Option<&'static str> {
    (!panel.splits.is_empty()).then_some("key")
}

fn calculated(at: usize, measure: &Measure) -> Value {
    let found = format!("datum['{}']", at + 1);
    let formula = match &measure.what {
        What::Count {} => "datum.doc_count".to_owned(),
        What::Rate { .. } => {
            format!("{found}.of.n.value > 0 ? 100 * {found}.to.n.value / {found}.of.n.value : null")
        }
        What::Per { .. } => format!("{found}.of.n.value > 0 ? {found}.to.n.value / {found}.of.n.value : null"),
        What::Between { divide, .. } => {
            format!("{found}.to.value === null ? null : ({found}.to.value - {found}.from.value) / {divide}")
        }
        What::Median { .. } => format!("{found}.values['50.0']"),
        _ => format!("{found}.value"),
    };
    json!({"calculate": formula, "as": measure.label})
}

/// A row a price, of messages and of conversations side by side; each times what was paid for; all added up again.
fn added_up(at: usize, measure: &Measure, kept: &[&str]) -> Vec<Value> {
    let What::Money { conversation, divide, round, .. } = &measure.what else { return Vec::new() };
    let names: Vec<_> = ["single", "conversation"].into_iter().take(1 + usize::from(conversation.is_some())).collect();
    let lists: Vec<_> = names.iter().map(|name| format!("{name}_prices")).collect();
    // Lists without a member would leave no row, and nothing would be drawn where 0 is meant.
    let list = |(name, list): (&&str, &String)| {
        let buckets = format!("datum['{}'].{name}.prices.buckets", at + 1);
        let formula = format!("length({buckets}) > 0 ? {buckets} : [{{key: 0, paid: {{value: 0}}}}]");
        json!({"calculate": formula, "as": list})
    };
    let price = |name: &str| match round {
        None => format!("datum.{name}.key"),
        Some(parts) => format!("round(datum.{name}.key * {parts} + 0.5) / {parts}"),
    };
    let cost = |name: &&str| format!("(datum.{name} ? {} * datum.{name}.paid.value : 0)", price(name));
    let costs = names.iter().map(cost).collect::<Vec<_>>().join(" + ");
    let mut steps: Vec<_> = names.iter().zip(&lists).map(list).collect();
    steps.extend([
        json!({"flatten": lists, "as": names}),
        json!({"calculate": format!("({costs}) / {divide}"), "as": "cost_of_price"}),
        json!({"aggregate": [{"op": "sum", "field": "cost_of_price", "as": measure.label}], "groupby": kept}),
    ]);
    steps
}

fn view(panel: &Panel) -> Value {
    let text = json!({"field": "text", "type": "nominal"});
    let Some(split) = panel.splits.first() else {
        let what = json!({"field": "what", "type": "nominal", "sort": null, "title": null});
        return json!({"mark": {"type": "text", "fontSize": 24}, "encoding": {"y": what, "text": text}});
    };
    let value = json!({"field": "value", "type": "quantitative", "title": panel.unit});
    if matches!(split.by, By::Time { .. }) {
        let time = json!({"field": "key", "type": "temporal", "title": split.label, "scale": {"type": "utc"}});
        let what = json!({"field": "what", "type": "nominal", "title": null});
        return json!({"mark": {"type": "line", "point": true}, "encoding": {"x": time, "y": value, "color": what}});
    }
    // In the order of the answer, which is that of the panel.
    let row = json!({"field": "row", "type": "nominal", "title": split.label, "sort": null});
    let words = json!({"mark": {"type": "text", "align": "left", "dx": 3}, "encoding": {"text": text}});
    if panel.measures.iter().any(|measure| measure.unit.is_some()) {
        // Numbers of different units have no scale in common.
        return json!({"mark": words["mark"], "encoding": {"y": row, "text": text}});
    }
    json!({"encoding": {"y": row, "x": value}, "layer": [{"mark": "bar"}, words]})
}
