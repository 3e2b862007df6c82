//! What the servers do to an object when they take it in: it is of a version that all of them know, and what the
//! migrations of later ones (Kibana 7.10 to 8.x) reach into is there.

use super::*;

/// The newest version that OpenSearch Dashboards knows of each type, in all its versions: it parted from Kibana there.
/// An object of a later one is refused.
const KNOWN: [(&str, [u32; 3]); 4] =
    [("dashboard", [7, 9, 3]), ("index-pattern", [7, 6, 0]), ("search", [7, 9, 3]), ("visualization", [7, 10, 0])];

fn version(text: &str) -> [u32; 3] {
    let parts: Vec<_> = text.split('.').map(|part| part.parse().unwrap()).collect();
    parts.try_into().unwrap()
}

#[test]
fn no_object_is_of_a_version_that_a_server_does_not_know() {
    for object in usual() {
        let kind = object["type"].as_str().unwrap();
        let of = version(object["migrationVersion"][kind].as_str().unwrap());
        let (_, known) = KNOWN.iter().find(|(known, _)| *known == kind).unwrap();
        assert!(of <= *known, "{}: {of:?}", object["id"]);
        // Kibana 7.3 gave panels of dashboards their form; 7.0 references to what was an id before.
        assert!(of >= [7, 3, 0], "{}: {of:?} would be rewritten", object["id"]);
    }
}

/// `migrateSchema` of 7.12 takes the name out of every schema that is an object.
fn schemas(value: &Value) -> Vec<&Value> {
    match value {
        Value::Object(object) => {
            let own = object.get("schema").into_iter();
            own.chain(object.iter().filter(|(name, _)| *name != "schema").flat_map(|(_, inner)| schemas(inner)))
                .collect()
        }
        Value::Array(list) => list.iter().flat_map(schemas).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn later_kibanas_find_what_their_migrations_reach_into() {
    let mut charts = 0;
    for (_, panel, object) in panels().into_iter().filter(|(_, _, object)| object["type"] == "visualization") {
        let state = vis_state(&object);
        let params = &state["params"];
        assert!(schemas(&state["aggs"]).iter().all(|schema| schema.is_string()), "{}", panel.id);
        // 7.3: of a filter that is a text it would make an object.
        assert!(params.get("filter").is_none() && params.get("series").is_none(), "{}", panel.id);
        // 7.12: bars and lines go to another plugin, which takes these apart without asking whether they are there.
        if let Some("histogram" | "line") = params["type"].as_str() {
            let axes = |name: &str| params[name].as_array().unwrap().clone();
            let [category, value] = ["categoryAxes", "valueAxes"].map(axes);
            assert!(category.iter().chain(&value).all(|axis| axis["labels"].is_object() && axis["title"].is_object()));
            assert!(value.iter().all(|axis| axis["scale"]["mode"] == "normal"), "{}", panel.id);
            let lying = state["type"] == "horizontal_bar";
            assert!(
                category.iter().all(|axis| axis["labels"]["filter"] == !lying),
                "{}: as 7.12 decorates it",
                panel.id
            );
            for name in ["grid", "labels", "thresholdLine"] {
                assert!(params[name].is_object(), "{}: {name}", panel.id);
            }
            assert!(params["times"].is_array() && axes("seriesParams").len() == panel.measures.len(), "{}", panel.id);
            charts += 1;
        }
    }
    assert!(charts > 5, "{charts}");
}

/// 7.11 takes the references of a dashboard's panels out and puts them in again: those that begin with `panel_`, each with
/// the type that its panel then has.
#[test]
fn the_references_of_a_dashboard_survive() {
    for dashboard in usual().iter().filter(|object| object["type"] == "dashboard") {
        let references = dashboard["references"].as_array().unwrap();
        for panel in hidden(dashboard, "/attributes/panelsJSON").as_array().unwrap() {
            assert!(panel["panelRefName"].as_str().unwrap().starts_with("panel_"), "{panel}");
            let found = references.iter().find(|reference| reference["name"] == panel["panelRefName"]).unwrap();
            assert!(found["type"].is_string() && found["id"].is_string(), "{panel}");
            // An own title that is empty would be taken for a hidden one (7.17.3).
            assert_eq!(panel["embeddableConfig"], json!({}), "{panel}");
        }
    }
}
