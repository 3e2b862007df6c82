//! Each object is what Kibana 7.10 and OpenSearch Dashboards call one: the members of its type, and no other.
//!
//! Written down from the mappings that both register for their types (`dashboard`, `index-pattern`, `search`,
//! `visualization`), from the visualization types' `visConfig.defaults` and schemas, and from the parameters of
//! aggregation types.

use super::*;

mod shape;

use shape::Shape::{self, Any, Name, Null, Number, Object, One, Text, Truth, Whole};
use shape::{ConcatAll, json_of, list_of};

fn query() -> Shape {
    Object(vec![("query", Text), ("language", One(&["lucene", "kuery"]))], vec![])
}

fn source(may: Vec<(&'static str, Shape)>) -> Shape {
    let inside = json_of(Object(vec![("query", query()), ("filter", list_of(Null))], may));
    Object(vec![("searchSourceJSON", inside)], vec![])
}

const INDEX: &[&str] = &["kibanaSavedObjectMeta.searchSourceJSON.index"];

/// An object of any type: the envelope of an export.
fn object(kind: &'static [&'static str], version: &'static [&'static str], attributes: Shape) -> Shape {
    let reference = Object(
        vec![("name", Name), ("type", One(&["index-pattern", "visualization", "search"])), ("id", Name)],
        vec![],
    );
    let versions = Object(vec![(kind[0], One(version))], vec![]);
    Object(
        vec![
            ("type", One(kind)),
            ("id", Name),
            ("attributes", attributes),
            ("references", list_of(reference)),
            ("migrationVersion", versions),
        ],
        vec![],
    )
}

fn index_pattern() -> Shape {
    object(&["index-pattern"], &["7.6.0"], Object(vec![("title", Name), ("timeFieldName", Name)], vec![]))
}

fn search() -> Shape {
    let sort = list_of(list_of(Name));
    let meta = source(vec![("highlightAll", Truth), ("version", Truth), ("indexRefName", One(INDEX))]);
    let attributes = vec![
        ("title", Name),
        ("description", Text),
        ("hits", Number),
        ("columns", list_of(Name)),
        ("sort", sort),
        ("version", Number),
        ("kibanaSavedObjectMeta", meta),
    ];
    object(&["search"], &["7.9.3"], Object(attributes, vec![]))
}

fn dashboard() -> Shape {
    let grid = Object(vec![("x", Number), ("y", Number), ("w", Number), ("h", Number), ("i", Name)], vec![]);
    let panel = Object(
        vec![
            ("version", One(&["7.9.3"])),
            ("gridData", grid),
            ("panelIndex", Name),
            ("embeddableConfig", Object(vec![], vec![])),
            ("panelRefName", Name),
        ],
        vec![],
    );
    let attributes = vec![
        ("title", Name),
        ("description", Text),
        ("hits", Number),
        ("version", Number),
        ("timeRestore", Truth),
        ("timeFrom", Name),
        ("timeTo", Name),
        ("refreshInterval", Object(vec![("pause", Truth), ("value", Number)], vec![])),
        ("optionsJSON", json_of(Object(vec![("hidePanelTitles", Truth), ("useMargins", Truth)], vec![]))),
        ("panelsJSON", json_of(list_of(panel))),
        ("kibanaSavedObjectMeta", source(vec![])),
    ];
    object(&["dashboard"], &["7.9.3"], Object(attributes, vec![]))
}

fn visualization() -> Shape {
    let attributes = vec![
        ("title", Name),
        ("description", Text),
        ("version", Number),
        ("uiStateJSON", json_of(Object(vec![], vec![]))),
        ("visState", json_of(Any(vec![metric(), table(), axes(), vega(), markdown()]))),
        ("kibanaSavedObjectMeta", source(vec![("indexRefName", One(INDEX))])),
    ];
    object(&["visualization"], &["7.8.0"], Object(attributes, vec![]))
}

fn state(kind: &'static [&'static str], params: Shape, agg: Shape) -> Shape {
    Object(vec![("title", Name), ("type", One(kind)), ("params", params), ("aggs", list_of(agg))], vec![])
}

fn agg(kind: &'static [&'static str], schema: &'static [&'static str], params: Shape) -> Shape {
    Object(
        vec![("id", Name), ("enabled", Truth), ("type", One(kind)), ("schema", One(schema)), ("params", params)],
        vec![],
    )
}

/// Aggregations as these visualizations may have them: metrics, and buckets under the names of their schemas.
fn aggs(buckets: &'static [&'static str]) -> Shape {
    let exact = json_of(Object(vec![("precision_threshold", Number)], vec![]));
    let measured = agg(
        &["sum", "max", "cardinality"],
        &["metric"],
        Object(vec![("field", Name)], vec![("json", exact), ("customLabel", Name)]),
    );
    let count = agg(&["count"], &["metric"], Object(vec![], vec![("customLabel", Name)]));
    let more = json_of(Object(vec![], vec![("shard_size", Number), ("missing", Name)]));
    let terms = Object(
        vec![("field", Name), ("orderBy", Name), ("order", One(&["asc", "desc"])), ("size", Number)],
        vec![
            ("otherBucket", Truth),
            ("otherBucketLabel", Name),
            ("missingBucket", Truth),
            ("missingBucketLabel", Name),
            ("orderAgg", agg(&["count"], &["orderAgg"], Object(vec![], vec![]))),
            ("json", more),
            ("customLabel", Name),
        ],
    );
    let filter = Object(vec![("input", query()), ("label", Name)], vec![]);
    let zone = json_of(Object(vec![("time_zone", Null)], vec![]));
    let time = Object(
        vec![("field", Name), ("interval", One(&["auto", "ms", "s", "m", "h", "d", "w", "M", "y"]))],
        vec![
            ("drop_partials", Truth),
            ("min_doc_count", Number),
            ("extended_bounds", Object(vec![], vec![])),
            ("json", zone),
            ("customLabel", Name),
        ],
    );
    Any(vec![
        measured,
        count,
        agg(&["terms"], buckets, terms),
        // Their labels are the filters' own: it has no customLabel.
        agg(&["filters"], buckets, Object(vec![("filters", list_of(filter))], vec![])),
        agg(&["date_histogram"], buckets, time),
    ])
}

fn metric() -> Shape {
    let style = Object(
        vec![("bgFill", Name), ("bgColor", Truth), ("labelColor", Truth), ("subText", Text), ("fontSize", Number)],
        vec![],
    );
    let range = Object(vec![("from", Number), ("to", Number)], vec![]);
    let metric = Object(
        vec![
            ("percentageMode", Truth),
            ("useRanges", Truth),
            ("colorSchema", Name),
            ("metricColorMode", One(&["None", "Labels", "Background"])),
            ("colorsRange", list_of(range)),
            ("labels", Object(vec![("show", Truth)], vec![])),
            ("invertColors", Truth),
            ("style", style),
        ],
        vec![],
    );
    let params = Object(
        vec![("addTooltip", Truth), ("addLegend", Truth), ("type", One(&["metric"])), ("metric", metric)],
        vec![],
    );
    state(&["metric"], params, aggs(&["group"]))
}

fn table() -> Shape {
    let sort = Object(vec![("columnIndex", Null), ("direction", Null)], vec![]);
    let params = Object(
        vec![
            ("perPage", Number),
            ("showPartialRows", Truth),
            ("showMetricsAtAllLevels", Truth),
            ("sort", sort),
            ("showTotal", Truth),
            ("totalFunc", One(&["sum", "avg", "min", "max", "count"])),
            ("percentageCol", Text),
        ],
        vec![],
    );
    state(&["table"], params, aggs(&["bucket", "split"]))
}

const SIDES: &[&str] = &["top", "left", "right", "bottom"];

fn axes() -> Shape {
    let labels = || Object(vec![("show", Truth), ("rotate", Number), ("filter", Truth), ("truncate", Number)], vec![]);
    let axis = |kind, more: Vec<(&'static str, Shape)>, scale: Vec<(&'static str, Shape)>, title| {
        let scale = Object([vec![("type", One(&["linear", "log", "square root"]))], scale].concat_all(), vec![]);
        let members = vec![
            ("id", Name),
            ("type", One(kind)),
            ("position", One(SIDES)),
            ("show", Truth),
            ("style", Object(vec![], vec![])),
            ("scale", scale),
            ("labels", labels()),
            ("title", title),
        ];
        list_of(Object([members, more].concat_all(), vec![]))
    };
    let category = axis(&["category"], vec![], vec![], Object(vec![], vec![]));
    let modes = vec![("mode", One(&["normal", "percentage", "wiggle", "silhouette"]))];
    let value = axis(&["value"], vec![("name", Name)], modes, Object(vec![("text", Name)], vec![]));
    let series = Object(
        vec![
            ("show", Truth),
            ("type", One(&["histogram", "line", "area"])),
            ("mode", One(&["normal", "stacked"])),
            ("data", Object(vec![("label", Name), ("id", Name)], vec![])),
            ("valueAxis", One(&["ValueAxis-1"])),
            ("drawLinesBetweenPoints", Truth),
            ("lineWidth", Number),
            ("showCircles", Truth),
        ],
        vec![],
    );
    let threshold = Object(
        vec![
            ("show", Truth),
            ("value", Number),
            ("width", Number),
            ("style", One(&["full", "dashed"])),
            ("color", Name),
        ],
        vec![],
    );
    let params = Object(
        vec![
            ("type", One(&["histogram", "line"])),
            ("grid", Object(vec![("categoryLines", Truth)], vec![])),
            ("categoryAxes", category),
            ("valueAxes", value),
            ("seriesParams", list_of(series)),
            ("addTooltip", Truth),
            ("addLegend", Truth),
            ("legendPosition", One(SIDES)),
            ("times", list_of(Null)),
            ("addTimeMarker", Truth),
            ("labels", Object(vec![("show", Truth)], vec![])),
            ("thresholdLine", threshold),
        ],
        vec![],
    );
    state(&["histogram", "line", "horizontal_bar"], params, aggs(&["segment", "group", "split"]))
}

fn vega() -> Shape {
    state(&["vega"], Object(vec![("spec", json_of(spec()))], vec![]), Null)
}

/// What Kibana's own parser asks of a specification; the rest is Vega-Lite's, which this page does not repeat.
fn spec() -> Shape {
    let mark = || {
        Any(vec![
            One(&["bar"]),
            Object(
                vec![("type", One(&["text", "line", "point"]))],
                vec![
                    ("fontSize", Number),
                    ("align", One(&["left"])),
                    ("dx", Number),
                    ("point", Truth),
                    ("opacity", Number),
                    ("color", Name),
                ],
            ),
        ])
    };
    let field = || {
        let axis = Object(vec![("labelExpr", Name), ("labelLimit", Number), ("maxExtent", Number)], vec![]);
        let scale = Object(vec![("type", One(&["utc"]))], vec![]);
        let field = Object(
            vec![("field", Name), ("type", One(&["nominal", "quantitative", "temporal"]))],
            vec![("title", Any(vec![Name, Null])), ("sort", Null), ("scale", scale), ("axis", axis)],
        );
        let condition = Object(vec![("test", Name), ("value", Number)], vec![]);
        Any(vec![field, Object(vec![("value", Number)], vec![("condition", condition)])])
    };
    let encoding = || {
        Object(
            vec![],
            vec![("x", field()), ("y", field()), ("text", field()), ("color", field()), ("opacity", field())],
        )
    };
    let calculate = Object(vec![("calculate", Name), ("as", Name)], vec![]);
    let fold = Object(vec![("fold", list_of(Name)), ("as", list_of(Name))], vec![]);
    let flatten = Object(vec![("flatten", list_of(Name))], vec![("as", list_of(Name))]);
    let added = || Object(vec![("op", One(&["sum", "max"])), ("field", Name), ("as", Name)], vec![]);
    let aggregate = Object(vec![("aggregate", list_of(added())), ("groupby", list_of(Name))], vec![]);
    let joined = Object(vec![("joinaggregate", list_of(added()))], vec![]);
    let body = Object(vec![("size", Number), ("track_total_hits", Truth), ("query", Whole), ("aggs", Whole)], vec![]);
    let url = Object(vec![("index", Name), ("body", body)], vec![]);
    let data = Object(vec![("url", url)], vec![]);
    Object(
        vec![
            ("$schema", One(&["https://vega.github.io/schema/vega-lite/v4.json"])),
            ("data", data),
            ("transform", list_of(Any(vec![calculate, fold, flatten, aggregate, joined]))),
            ("encoding", encoding()),
        ],
        vec![("mark", mark()), ("layer", list_of(Object(vec![("mark", mark())], vec![("encoding", encoding())])))],
    )
}

fn markdown() -> Shape {
    let params = Object(vec![("fontSize", Number), ("openLinksInNewTab", Truth), ("markdown", Name)], vec![]);
    state(&["markdown"], params, Null)
}

fn check(object: &Value) -> Result<(), String> {
    let shape = match object["type"].as_str() {
        Some("index-pattern") => index_pattern(),
        Some("search") => search(),
        Some("dashboard") => dashboard(),
        Some("visualization") => visualization(),
        other => return Err(format!("{other:?} is no type")),
    };
    let id = object["id"].as_str().unwrap_or("?");
    shape.check(object, id)
}

#[test]
fn every_object_has_the_form_of_its_type() {
    for object in usual().iter().chain(&of(&acme())) {
        check(object).unwrap();
    }
}

/// Takes the hidden JSON out, changes it, and puts it back.
fn with_state(object: &Value, change: impl FnOnce(&mut Value)) -> Value {
    let (mut object, mut state) = (object.clone(), vis_state(object));
    change(&mut state);
    object["attributes"]["visState"] = json!(state.to_string());
    object
}

#[test]
fn another_form_is_told() {
    let objects = usual();
    let of = |id: &str| objects.iter().find(|object| object["id"] == id).unwrap();
    let refused = |object: &Value, why: &str| {
        let said = check(object).unwrap_err();
        assert!(said.contains(why), "{said}");
    };
    let table = of("essink-overview-by-status");
    refused(&with_state(table, |state| state["params"]["perpage"] = json!(1)), "unknown perpage");
    refused(&with_state(table, |state| state["aggs"][0]["params"]["fild"] = json!("x")), "unknown fild");
    refused(&with_state(table, |state| state["aggs"][2]["schema"] = json!("segment")), "segment");
    refused(&with_state(table, |state| state["aggs"][2]["params"]["json"] = json!("{")), "json");
    let mut dashboard = of("essink-overview").clone();
    dashboard["coreMigrationVersion"] = json!("8.0.0");
    refused(&dashboard, "unknown coreMigrationVersion");
    let mut pattern = of("essink-messages").clone();
    pattern["attributes"].as_object_mut().unwrap().remove("timeFieldName");
    refused(&pattern, "no timeFieldName");
    pattern["type"] = json!("lens");
    refused(&pattern, "is no type");
}

#[test]
fn every_reference_resolves_and_every_name_is_a_reference() {
    for objects in [usual(), of(&acme())] {
        let known: BTreeSet<_> = objects.iter().map(|o| (o["type"].to_string(), o["id"].to_string())).collect();
        assert_eq!(known.len(), objects.len(), "two objects share an id");
        for object in &objects {
            let references = object["references"].as_array().unwrap();
            for reference in references {
                assert!(known.contains(&(reference["type"].to_string(), reference["id"].to_string())), "{reference}");
            }
            let names: Vec<_> = references.iter().map(|reference| reference["name"].clone()).collect();
            let source = hidden(object, "/attributes/kibanaSavedObjectMeta/searchSourceJSON");
            let panels = hidden(object, "/attributes/panelsJSON");
            let panels = panels.as_array().into_iter().flatten().map(|panel| panel["panelRefName"].clone());
            let used: Vec<_> = source.get("indexRefName").cloned().into_iter().chain(panels).collect();
            assert_eq!(used, names, "{}", object["id"]);
        }
    }
}

/// Ids name each other: an order an aggregation, a series a measure.
#[test]
fn ids_inside_a_visualization_resolve() {
    for (_, panel, object) in panels() {
        let state = vis_state(&object);
        let aggs = state["aggs"].as_array().map(Vec::as_slice).unwrap_or_default();
        let ids: BTreeSet<_> = aggs.iter().map(|agg| agg["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), aggs.len(), "{}", panel.id);
        for params in aggs.iter().map(|agg| &agg["params"]) {
            let Some(by) = params["orderBy"].as_str() else { continue };
            let own = by == "custom" && params["orderAgg"]["type"] == "count";
            assert!(own || by == "_key" || ids.contains(by), "{}: {by}", panel.id);
        }
        for series in state["params"]["seriesParams"].as_array().into_iter().flatten() {
            assert!(ids.contains(series["data"]["id"].as_str().unwrap()), "{}", panel.id);
        }
        let segments = aggs.iter().filter(|agg| agg["schema"] == "segment").count();
        assert!(segments <= 1, "{}: one x axis", panel.id);
    }
}

#[test]
fn every_panel_of_a_dashboard_is_on_it() {
    let objects = usual();
    for dashboard in crate::panel::dashboards() {
        let id = format!("essink-{}", dashboard.id);
        let object = objects.iter().find(|o| o["type"] == "dashboard" && o["id"] == id.as_str()).unwrap();
        let shown = object["references"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap().to_owned());
        let ids = dashboard.panels.iter().map(|panel| panel.id.as_str()).chain(["about"]);
        assert_eq!(shown.collect::<Vec<_>>(), ids.map(|panel| format!("{id}-{panel}")).collect::<Vec<_>>());
    }
}
