//! A panel as a Vega-Lite specification: what no classic visualization can say, rates and money, asked by the very search
//! of the panel.

use serde_json::{Map, Value, json};

use super::layout;
use crate::panel::{Measure, Panel, Range, What};

/// A time of a few days, for which an interval is what its definition says.
const SHORT: Range = Range { from: 0, to: 7 * 86_400_000 };

/// The colour of words: it is seen on the light ground and on the dark one, where Vega-Lite's own black is not.
const INK: &str = "#767D89";

/// A visualization of the type `vega`.
pub fn state(panel: &Panel, title: &str, index: &str) -> Value {
    let spec = spec(panel, index);
    // Kibana shows the text to whoever edits it.
    let text = format!("{spec:#}");
    json!({"title": title, "type": "vega", "params": {"spec": text}, "aggs": []})
}

fn spec(panel: &Panel, index: &str) -> Value {
    let mut spec = json!({
        "$schema": "https://vega.github.io/schema/vega-lite/v4.json",
        // The whole answer is one row: a property of it is missing where no index has the pattern, which is an error.
        "data": {"url": {"index": index, "body": body(panel)}},
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
    let mut steps = buckets(panel);
    steps.extend(others.iter().map(|(at, measure)| calculated(*at, measure)));
    steps.extend(others.iter().filter_map(|(at, measure)| base(*at, measure)));
    let kept: Vec<_> = others.iter().map(|(at, _)| name(*at)).chain(key(panel)).collect();
    for (at, measure) in money {
        steps.extend(added_up(at, measure, &kept));
    }
    let names: Vec<_> = (0..panel.measures.len()).map(name).collect();
    let labels: Map<_, _> = names.iter().cloned().zip(panel.measures.iter().map(|m| json!(m.label))).collect();
    steps.push(json!({"fold": names, "as": ["measure", "value"]}));
    steps.push(json!({"calculate": format!("{}[datum.measure]", Value::Object(labels)), "as": "what"}));
    steps.push(json!({"calculate": words(panel), "as": "text"}));
    if panel.is_over_time() {
        // A point is drawn where there is a number, and a scale where there is none.
        steps.extend([
            json!({"joinaggregate": [{"op": "max", "field": "value", "as": "most"}]}),
            json!({"calculate": "datum.value === null && !isValid(datum.most) ? 0 : datum.value", "as": "point"}),
        ]);
    } else if !panel.splits.is_empty() {
        let row = if names.len() > 1 { "datum.key + ': ' + datum.what" } else { "datum.key" };
        steps.extend([
            json!({"calculate": row, "as": "row"}),
            // Nothing is drawn for a row without a number, not even its words.
            json!({"calculate": "datum.value === null ? 0 : datum.value", "as": "bar"}),
            json!({"joinaggregate": [{"op": "max", "field": "bar", "as": "most"}]}),
            json!({"calculate": "datum.most > 0 ? 1.3 * datum.most : 1", "as": "room"}),
        ]);
    }
    steps
}

/// What a measure is called in the rows: its label may have letters that mean something to Vega.
fn name(at: usize) -> String {
    format!("m{}", at + 1)
}

/// A number in words. A share is nothing without what it is of.
fn words(panel: &Panel) -> String {
    let mut text = format!("datum.value === null ? '–' : format(datum.value, {})", digits(panel));
    let measures = || panel.measures.iter().enumerate();
    let rates: Vec<_> =
        measures().filter(|(_, m)| matches!(m.what, What::Rate { .. })).map(|(at, _)| name(at)).collect();
    if !rates.is_empty() {
        text = format!("{text} + (indexof({}, datum.measure) >= 0 ? ' %' : '')", json!(rates));
    }
    if measures().any(|(_, measure)| measure.what.base().is_some()) {
        let of = format!("datum[datum.measure + '{BASE}']");
        text = format!("({text}) + ({of} >= 0 ? ' of ' + format({of}, ',') : '')");
    }
    text
}

/// How a number is written: money with its small parts, what stands beside it as it is.
fn digits(panel: &Panel) -> String {
    match panel.measures.iter().position(|measure| matches!(measure.what, What::Money { .. })) {
        None => "',.2f'".to_owned(),
        Some(_) if panel.measures.len() == 1 => "',.4f'".to_owned(),
        Some(money) => format!("datum.measure === '{}' ? ',.4f' : ','", name(money)),
    }
}

/// A row a bucket, and one where there is none: nothing to draw is a warning over the panel. No index of the pattern, no
/// aggregations in the answer.
fn buckets(panel: &Panel) -> Vec<Value> {
    if panel.splits.is_empty() {
        return vec![json!({"calculate": "datum.aggregations || {}", "as": "bucket"})];
    }
    let found = format!("datum.aggregations['{}'].buckets", panel.split_name(0));
    let nothing = if panel.is_over_time() { "now()" } else { "'nothing'" };
    let formula = format!("datum.aggregations && length({found}) > 0 ? {found} : [{{key: {nothing}}}]");
    vec![
        json!({"calculate": formula, "as": "bucket"}),
        json!({"flatten": ["bucket"]}),
        json!({"calculate": "datum.bucket.key", "as": "key"}),
    ]
}

/// What was found of a measure; nothing where nothing was asked.
fn found(at: usize) -> String {
    format!("datum.bucket['{}']", at + 1)
}

/// What is added to a share's name for how many it is of.
const BASE: &str = "_of";

fn base(at: usize, measure: &Measure) -> Option<Value> {
    let found = found(at);
    let of = format!("{found} ? {found}.of.n.value : 0");
    measure.what.base().map(|_| json!({"calculate": of, "as": format!("{}{BASE}", name(at))}))
}

/// What a bucket is told by.
fn key(panel: &Panel) -> Option<String> {
    (!panel.splits.is_empty()).then(|| "key".to_owned())
}

fn calculated(at: usize, measure: &Measure) -> Value {
    let found = found(at);
    let formula = match &measure.what {
        What::Count {} => "datum.bucket.doc_count || 0".to_owned(),
        What::Rate { .. } | What::Per { .. } => {
            let whole = if matches!(measure.what, What::Rate { .. }) { 100 } else { 1 };
            format!("{found} && {found}.of.n.value > 0 ? {whole} * {found}.to.n.value / {found}.of.n.value : null")
        }
        What::Between { divide, .. } => {
            format!("!{found} || {found}.to.value === null ? null : ({found}.to.value - {found}.from.value) / {divide}")
        }
        _ => format!("{found} ? {found}.value : null"),
    };
    json!({"calculate": formula, "as": name(at)})
}

/// A row a price, of messages and of conversations side by side; each times what was paid for; all added up again.
fn added_up(at: usize, measure: &Measure, kept: &[String]) -> Vec<Value> {
    let What::Money { conversation, divide, round, .. } = &measure.what else { return Vec::new() };
    let names: Vec<_> = ["single", "conversation"].into_iter().take(1 + usize::from(conversation.is_some())).collect();
    let lists: Vec<_> = names.iter().map(|name| format!("{name}_prices")).collect();
    // Lists without a member would leave no row, and nothing would be drawn where 0 is meant.
    let list = |(name, list): (&&str, &String)| {
        let found = found(at);
        let buckets = format!("{found}.{name}.prices.buckets");
        let formula = format!("{found} && length({buckets}) > 0 ? {buckets} : [{{key: 0, paid: {{value: 0}}}}]");
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
        json!({"aggregate": [{"op": "sum", "field": "cost_of_price", "as": name(at)}], "groupby": kept}),
    ]);
    steps
}

/// Letters of a label: more would leave no room for bars. The middle is left out, because which number it is stands at the
/// end, where Vega-Lite itself would cut.
fn letters(panel: &Panel) -> u32 {
    if layout::size(panel).w < layout::WHOLE.w { 40 } else { 72 }
}

fn view(panel: &Panel) -> Value {
    let text = json!({"field": "text", "type": "nominal"});
    let Some(split) = panel.splits.first() else {
        let what = json!({"field": "what", "type": "nominal", "sort": null, "title": null});
        // "12.34 % of 1,234,567" is long.
        let is_long = panel.measures.iter().any(|measure| measure.what.base().is_some());
        let large = if is_long && layout::size(panel).w < 24 { 15 } else { 24 };
        let words = json!({"type": "text", "fontSize": large, "color": INK});
        return json!({"mark": words, "encoding": {"y": what, "text": text}});
    };
    if panel.is_over_time() {
        let value = json!({"field": "point", "type": "quantitative", "title": panel.unit});
        let seen = json!({"condition": {"test": "datum.value === null", "value": 0}, "value": 1});
        let time = json!({"field": "key", "type": "temporal", "title": split.label, "scale": {"type": "utc"}});
        let what = json!({"field": "what", "type": "nominal", "title": null});
        return json!({"mark": {"type": "line", "point": true}, "encoding": {
            "x": time, "y": value, "color": what, "opacity": seen
        }});
    }
    // In the order of the answer, which is that of the panel.
    let letters = letters(panel);
    let axis = json!({
        "labelExpr": format!("truncate(datum.label, {letters}, 'center')"), "labelLimit": 8 * letters,
        // How far away the title may be.
        "maxExtent": 8 * letters
    });
    let row = json!({"field": "row", "type": "nominal", "title": split.label, "sort": null, "axis": axis});
    let words = json!({"mark": {"type": "text", "align": "left", "dx": 3, "color": INK}, "encoding": {"text": text}});
    if panel.measures.iter().any(|measure| measure.unit.is_some()) {
        // Numbers of different units have no scale in common.
        return json!({"mark": words["mark"], "encoding": {"y": row, "x": {"value": 0}, "text": text}});
    }
    let x = |field: &str| json!({"field": field, "type": "quantitative", "title": panel.unit});
    // The words of the longest bar would be cut off: what nobody sees makes room for them.
    let room = json!({"mark": {"type": "point", "opacity": 0}, "encoding": {"x": x("room")}});
    json!({"encoding": {"y": row, "x": x("bar")}, "layer": [{"mark": "bar"}, words, room]})
}
