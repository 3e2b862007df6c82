//! A saved object asks what its panel asks: what `testkit::kibana` writes down of it, by the rules of Kibana 7.10, is the
//! panel's search. The same is run against clusters by `tests/it/panels/objects.rs`.

use testkit::kibana::{self, Context};

use super::*;
use crate::panel::{Inputs, Range};

/// A day, for which the page takes every interval as it is told. Kibana makes bars wider where there would be more than its
/// `histogram:maxBars`, 100 unless set: that is its own doing, and the caveats say it.
const DAY: Range = Range { from: 1_793_577_600_000, to: 1_793_664_000_000 };

/// A filter of Kibana's is a `bool` of one clause.
fn simple(value: &Value) -> Value {
    match value {
        Value::Object(object) => match value["bool"]["must"].as_array().map(Vec::as_slice) {
            Some([one]) => one.clone(),
            _ => object.iter().map(|(name, inner)| (name.clone(), simple(inner))).collect(),
        },
        other => other.clone(),
    }
}

#[test]
fn a_classic_visualization_asks_what_its_panel_asks() {
    let mut tried = 0;
    for (dashboard, panel, object) in panels() {
        if panel.chart == Chart::Events || vis_state(&object)["type"] == "vega" {
            continue;
        }
        let place = format!("{}/{}", dashboard.id, panel.id);
        let mut search = panel.search(&DAY, &Inputs::new());
        let asked = kibana::visualization(&object, panel.over.time(), &json!({}), &Context::default());
        assert_eq!(simple(&asked["aggs"]), search.get_mut("aggs").map_or(json!({}), Value::take), "{place}");
        let filter = search["query"]["bool"]["filter"].as_array().unwrap();
        let mine = filter.get(1).cloned().unwrap_or_else(|| json!({"match_all": {}}));
        assert_eq!(asked["query"]["bool"]["must"], json!([mine]), "{place}");
        assert_eq!(filter.len(), 1 + usize::from(!panel.query.is_empty()), "{place}");
        tried += 1;
    }
    assert!(tried > 20, "{tried}");
}

#[test]
fn a_specification_asks_what_its_panel_asks() {
    let mut tried = 0;
    for (dashboard, panel, object) in panels() {
        if vis_state(&object)["type"] != "vega" {
            continue;
        }
        let place = format!("{}/{}", dashboard.id, panel.id);
        let spec = kibana::specification(&object);
        let mut asked = kibana::specified(&spec, &json!({"gte": DAY.from, "lt": DAY.to}), &Context::default());
        // A dashboard without filters adds nothing but this one, and two empty lists.
        let of_dashboard = asked["query"]["bool"].as_object_mut().unwrap();
        assert_eq!(of_dashboard.remove("must"), Some(json!([])), "{place}");
        assert_eq!(of_dashboard.remove("must_not"), Some(json!([])), "{place}");
        assert_eq!(of_dashboard["filter"].as_array_mut().unwrap().remove(0), json!({"match_all": {}}), "{place}");
        assert_eq!(asked, panel.search(&DAY, &Inputs::new()), "{place}");
        assert_eq!(spec["data"]["url"]["index"], patterns(panel.over, &Prefixes::default()));
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

fn transform(id: &str) -> Vec<Value> {
    let (_, _, object) = panels().into_iter().find(|(_, _, object)| object["id"] == id).unwrap();
    let spec = kibana::specification(&object);
    assert_eq!(spec["data"].as_object().unwrap().len(), 1, "a property that is missing is an error");
    spec["transform"].as_array().unwrap().clone()
}

/// What a specification makes of the answer, written from the rules of Vega-Lite's transforms: `flatten` gives a row a
/// member and fills the shorter list with nulls, `aggregate` adds up what has the same `groupby`, `fold` gives a row a
/// field.
#[test]
fn a_specification_divides_as_a_panel_does() {
    let steps = transform("essink-texts-by-country");
    // Two measures come before the split. Where there is no bucket there is one row all the same.
    let found = "datum.aggregations['3'].buckets";
    let rows = format!("datum.aggregations && length({found}) > 0 ? {found} : [{{key: 'nothing'}}]");
    let rate = "datum.bucket['1'] && datum.bucket['1'].of.n.value > 0 \
                ? 100 * datum.bucket['1'].to.n.value / datum.bucket['1'].of.n.value : null";
    assert_eq!(
        steps[..4],
        [
            json!({"calculate": rows, "as": "bucket"}),
            json!({"flatten": ["bucket"]}),
            json!({"calculate": "datum.bucket.key", "as": "key"}),
            json!({"calculate": rate, "as": "m1"}),
        ]
    );
    // What each is of is kept beside it and is no row of its own.
    let of = "datum.bucket['2'] ? datum.bucket['2'].of.n.value : 0";
    let label = r#"{"m1":"delivered of sent","m2":"failed of sent"}[datum.measure]"#;
    let text = "(datum.value === null ? '–' : format(datum.value, ',.2f') + \
                (indexof([\"m1\",\"m2\"], datum.measure) >= 0 ? ' %' : '')) + \
                (datum[datum.measure + '_of'] >= 0 ? ' of ' + format(datum[datum.measure + '_of'], ',') : '')";
    assert_eq!(
        steps[6..],
        [
            json!({"calculate": of, "as": "m2_of"}),
            json!({"fold": ["m1", "m2"], "as": ["measure", "value"]}),
            json!({"calculate": label, "as": "what"}),
            json!({"calculate": text, "as": "text"}),
            json!({"calculate": "datum.key + ': ' + datum.what", "as": "row"}),
            json!({"calculate": "datum.value === null ? 0 : datum.value", "as": "bar"}),
            json!({"joinaggregate": [{"op": "max", "field": "bar", "as": "most"}]}),
            json!({"calculate": "datum.most > 0 ? 1.3 * datum.most : 1", "as": "room"}),
        ]
    );

    let steps = transform("essink-app-sessions");
    let found = "datum.bucket['1']";
    let length =
        format!("!{found} || {found}.to.value === null ? null : ({found}.to.value - {found}.from.value) / 60000");
    assert_eq!(steps[1], json!({"calculate": length, "as": "m1"}));
    let found = "datum.bucket['2']";
    let each = format!("{found} && {found}.of.n.value > 0 ? 1 * {found}.to.n.value / {found}.of.n.value : null");
    assert_eq!(steps[2], json!({"calculate": each, "as": "m2"}));
    let of = format!("{found} ? {found}.of.n.value : 0");
    assert_eq!(steps[4], json!({"calculate": of, "as": "m2_of"}));
    // What is no share of a hundred has no sign of one.
    let text = steps.iter().find(|step| step["as"] == "text").unwrap()["calculate"].as_str().unwrap();
    assert!(!text.contains('%') && text.contains("datum[datum.measure + '_of'] >= 0 ? ' of '"), "{text}");
}

#[test]
fn a_specification_multiplies_and_adds_as_a_panel_does() {
    let steps = transform("essink-overview-cost");
    let cost = "((datum.single ? datum.single.key * datum.single.paid.value : 0) + \
                (datum.conversation ? datum.conversation.key * datum.conversation.paid.value : 0)) / 1";
    // `flatten` makes no row of lists without a member: then one that costs nothing is in them.
    let list = |part: &str| {
        let buckets = format!("datum.bucket['1'].{part}.prices.buckets");
        format!("datum.bucket['1'] && length({buckets}) > 0 ? {buckets} : [{{key: 0, paid: {{value: 0}}}}]")
    };
    assert_eq!(
        steps[..6],
        [
            json!({"calculate": "datum.aggregations || {}", "as": "bucket"}),
            json!({"calculate": list("single"), "as": "single_prices"}),
            json!({"calculate": list("conversation"), "as": "conversation_prices"}),
            json!({"flatten": ["single_prices", "conversation_prices"], "as": ["single", "conversation"]}),
            json!({"calculate": cost, "as": "cost_of_price"}),
            json!({"aggregate": [{"op": "sum", "field": "cost_of_price", "as": "m1"}], "groupby": []}),
        ]
    );

    // What is no money is worked out first and kept.
    let steps = transform("essink-overview-cost-other");
    assert_eq!(steps[3], json!({"calculate": "datum.bucket['2'] ? datum.bucket['2'].value : null", "as": "m2"}));
    assert_eq!(steps[7]["groupby"], json!(["m2", "key"]));
    let steps = transform("essink-texts-pinpoint-cost");
    let cost = "((datum.single ? round(datum.single.key * 100 + 0.5) / 100 * datum.single.paid.value : 0)) / 100000";
    assert_eq!(steps[5], json!({"calculate": cost, "as": "cost_of_price"}), "thousandths of a cent");
}
