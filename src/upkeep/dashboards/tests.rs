use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::*;
use crate::event::family::{self, Family};
use crate::panel::{Chart, Dashboard, Panel};

mod asks;
mod fields;
mod form;
mod page;

const CHECKED_IN: &str = "dashboards/essink.ndjson";

fn of(prefixes: &Prefixes) -> Vec<Value> {
    let text = ndjson(prefixes);
    text.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(|l| serde_json::from_slice(l).unwrap()).collect()
}

fn usual() -> Vec<Value> {
    of(&Prefixes::default())
}

fn acme() -> Prefixes {
    let families = family::Prefixes::by(|family| format!("acme-{}-", family.name()));
    Prefixes { families, dead_letters: "acme-letters-".into() }
}

/// JSON hidden in a string.
fn hidden(object: &Value, pointer: &str) -> Value {
    object.pointer(pointer).and_then(Value::as_str).map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
}

fn vis_state(object: &Value) -> Value {
    hidden(object, "/attributes/visState")
}

/// Every panel with its object.
fn panels() -> Vec<(&'static Dashboard, &'static Panel, Value)> {
    let objects: BTreeMap<_, _> = usual().into_iter().map(|o| (o["id"].as_str().unwrap().to_owned(), o)).collect();
    let all = crate::panel::dashboards().iter().flat_map(|d| d.panels.iter().map(move |p| (d, p)));
    all.map(|(d, p)| (d, p, objects[&format!("essink-{}-{}", d.id, p.id)].clone())).collect()
}

#[test]
fn the_file_is_what_the_definitions_say() {
    let made = String::from_utf8(ndjson(&Prefixes::default()).to_vec()).unwrap();
    if std::env::var_os("WRITE_PAGES").is_some() {
        std::fs::write(CHECKED_IN, &made).expect(CHECKED_IN);
    } else {
        let found = std::fs::read_to_string(CHECKED_IN).expect(CHECKED_IN);
        assert!(found == made, "{CHECKED_IN} is not of the definitions: WRITE_PAGES=1 cargo test --lib dashboards");
    }
}

#[test]
fn another_prefix_has_its_own_patterns_ids_and_titles() {
    let (usual, acme) = (usual(), of(&acme()));
    let ids = |objects: &[Value]| {
        objects.iter().map(|o| (o["type"].to_string(), o["id"].to_string())).collect::<BTreeSet<_>>()
    };
    assert_eq!(usual.len(), acme.len());
    assert!(ids(&usual).is_disjoint(&ids(&acme)));
    assert!(acme.iter().all(|object| object["id"].as_str().unwrap().starts_with("essink-")));
    let titles: BTreeMap<_, _> = acme
        .iter()
        .filter(|object| object["type"] == "index-pattern")
        .map(|object| (object["attributes"]["timeFieldName"].to_string(), object["attributes"]["title"].clone()))
        .collect();
    assert_eq!(titles["\"arrival_timestamp\""], "acme-pinpoint-*");
    assert_eq!(
        titles["\"essink.arrived\""],
        "acme-pinpoint-*,acme-eum-*,acme-ses-*,acme-bird-*,acme-vonage-*,acme-pendula-*,acme-connect-*,acme-unrecognized-*"
    );
    let dashboard = acme.iter().find(|object| object["type"] == "dashboard").unwrap();
    assert_eq!(dashboard["attributes"]["title"], "essink: Overview (acme-pinpoint-*)");
    // Nothing looks at the usual indices any more.
    for object in &acme {
        let spec = vis_state(object)["params"]["spec"].to_string();
        assert!(!spec.contains("\\\"pinpoint-*"), "{}", object["id"]);
    }
    // One prefix alone is another set too.
    let families = family::Prefixes::default().with(Family::Ses, "mail-");
    let one = of(&Prefixes { families, ..Prefixes::default() });
    assert!(ids(&usual).is_disjoint(&ids(&one)) && ids(&acme).is_disjoint(&ids(&one)));
}

#[test]
fn panels_ask_the_indices_they_are_over() {
    let patterns = |over| patterns(over, &Prefixes::default());
    let messages = "pinpoint-*,eum-*,ses-*,bird-*,vonage-*,pendula-*,connect-*";
    assert_eq!(patterns(Over::Messages), messages);
    assert_eq!(patterns(Over::Arrivals), format!("{messages},unrecognized-*"));
    assert_eq!(patterns(Over::Pinpoint), "pinpoint-*");
    assert_eq!(patterns(Over::DeadLetters), "essink-dead-letters-*");
}

#[test]
fn the_file_is_the_export() {
    let dir = tempfile::tempdir().unwrap();
    let into = dir.path().join("new");
    let written = export(&into, &acme()).unwrap();
    assert_eq!(written, [into.join("essink.ndjson")]);
    assert_eq!(std::fs::read(&written[0]).unwrap(), ndjson(&acme()));
}

use crate::panel::Over;

/// Panels neither overlap nor leave the grid, nor a hole in it; and the order of definitions gives each a neighbour, so that
/// none is wider than it should be.
#[test]
fn every_panel_has_a_place_of_its_own_and_the_grid_no_holes() {
    for object in usual().iter().filter(|object| object["type"] == "dashboard") {
        let mut taken = BTreeSet::new();
        for panel in hidden(object, "/attributes/panelsJSON").as_array().unwrap() {
            let at = |name: &str| panel["gridData"][name].as_u64().unwrap();
            assert!(at("x") + at("w") <= 48, "{panel}");
            for x in at("x")..at("x") + at("w") {
                for y in at("y")..at("y") + at("h") {
                    assert!(taken.insert((x, y)), "{}: {panel} is over another", object["id"]);
                }
            }
        }
        let height = taken.iter().map(|(_, y)| y + 1).max().unwrap();
        assert_eq!(taken.len() as u64, 48 * height, "{} has a hole", object["id"]);
    }
}

/// A panel that should be half as wide as its dashboard and stands alone would be drawn over all of it.
#[test]
fn halves_stand_in_pairs() {
    for dashboard in crate::panel::dashboards() {
        let sizes: Vec<_> = dashboard.panels.iter().map(layout::size).collect();
        for ((panel, size), place) in dashboard.panels.iter().zip(&sizes).zip(layout::places(sizes.iter().copied())) {
            let is_alone = size.w < 48 && place.w == 48;
            assert!(!is_alone, "{}/{} has no neighbour: change the order", dashboard.id, panel.id);
        }
    }
}
