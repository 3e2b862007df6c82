//! Saved objects of Kibana 7.10, which Kibana up to 8.x and OpenSearch Dashboards 1.x to 3.x read: of each panel one,
//! of each dashboard one, and the index patterns they look at.

use serde_json::{Value, json};

use super::names::Names;
use super::{layout, vega, visualization};
use crate::panel::{Chart, Dashboard, Over, Panel};

/// The reference to an index pattern, as objects name it.
const INDEX: &str = "kibanaSavedObjectMeta.searchSourceJSON.index";

/// Every object, what is referred to before what refers.
pub fn all(dashboards: &[Dashboard], names: &Names) -> Vec<Value> {
    let mut objects: Vec<Value> = Over::ALL.iter().map(|over| index_pattern(*over, names)).collect();
    for dashboard in dashboards {
        objects.extend(dashboard.panels.iter().map(|panel| of_panel(dashboard, panel, names)));
        objects.push(about(dashboard, names));
        objects.push(of_dashboard(dashboard, names));
    }
    objects
}

fn index_pattern(over: Over, names: &Names) -> Value {
    json!({
        "type": "index-pattern",
        "id": names.id(over.name()),
        "attributes": {"title": names.patterns(over), "timeFieldName": over.time()},
        "references": [],
        "migrationVersion": {"index-pattern": "7.6.0"}
    })
}

/// What kind of object a panel is.
pub fn kind(panel: &Panel) -> &'static str {
    if panel.chart == Chart::Events { "search" } else { "visualization" }
}

fn of_panel(dashboard: &Dashboard, panel: &Panel, names: &Names) -> Value {
    let title = names.title(&format!("{}: {}", dashboard.title, panel.title));
    match panel.chart {
        Chart::Events => search(dashboard, panel, &title, names),
        _ if panel.measures.iter().all(|measure| measure.what.is_classic()) => {
            let state = visualization::state(panel, &title);
            let source = json!({
                "query": {"query": panel.query, "language": "lucene"}, "filter": [], "indexRefName": INDEX
            });
            let references = json!([{"name": INDEX, "type": "index-pattern", "id": names.id(panel.over.name())}]);
            of_state(&names.id(&format!("{}-{}", dashboard.id, panel.id)), &state, &words(panel), &source, &references)
        }
        _ => {
            let state = vega::state(panel, &title, &names.patterns(panel.over));
            let id = names.id(&format!("{}-{}", dashboard.id, panel.id));
            of_state(&id, &state, &words(panel), &no_query(), &json!([]))
        }
    }
}

/// What a reader must know, where they look for it: in the description of the panel.
fn words(panel: &Panel) -> String {
    format!("{} {}", panel.question, panel.caveat)
}

fn no_query() -> Value {
    json!({"query": {"query": "", "language": "kuery"}, "filter": []})
}

fn of_state(id: &str, state: &Value, description: &str, source: &Value, references: &Value) -> Value {
    json!({
        "type": "visualization",
        "id": id,
        "attributes": {
            "title": state["title"],
            "description": description,
            "version": 1,
            "uiStateJSON": "{}",
            "visState": state.to_string(),
            "kibanaSavedObjectMeta": {"searchSourceJSON": source.to_string()}
        },
        "references": references,
        "migrationVersion": {"visualization": "7.8.0"}
    })
}

fn search(dashboard: &Dashboard, panel: &Panel, title: &str, names: &Names) -> Value {
    let time = panel.over.time();
    let source = json!({
        "query": {"query": panel.query, "language": "lucene"}, "filter": [], "highlightAll": true, "version": true,
        "indexRefName": INDEX
    });
    // The time has a column of its own.
    let columns: Vec<_> = panel.show.iter().filter(|member| *member != time).collect();
    json!({
        "type": "search",
        "id": names.id(&format!("{}-{}", dashboard.id, panel.id)),
        "attributes": {
            "title": title,
            "description": words(panel),
            "hits": 0,
            "columns": columns,
            "sort": [[time, if panel.newest_first { "desc" } else { "asc" }]],
            "version": 1,
            "kibanaSavedObjectMeta": {"searchSourceJSON": source.to_string()}
        },
        "references": [{"name": INDEX, "type": "index-pattern", "id": names.id(panel.over.name())}],
        "migrationVersion": {"search": "7.9.3"}
    })
}

/// What each number means and must not be used for, at the foot of its dashboard.
fn about(dashboard: &Dashboard, names: &Names) -> Value {
    let mut text = format!("{}\n", dashboard.about);
    for panel in &dashboard.panels {
        text.push_str(&format!("\n- **{}** ({}): {} {}", panel.title, panel.unit, panel.question, panel.caveat));
    }
    let title = names.title(&format!("{}: what the numbers mean", dashboard.title));
    let state = visualization::markdown(&title, &text);
    let id = names.id(&format!("{}-about", dashboard.id));
    of_state(&id, &state, &dashboard.about, &no_query(), &json!([]))
}

fn of_dashboard(dashboard: &Dashboard, names: &Names) -> Value {
    let shown = dashboard.panels.iter().map(|panel| (kind(panel), panel.id.as_str(), layout::size(panel)));
    let shown: Vec<_> = shown.chain([("visualization", "about", layout::WHOLE)]).collect();
    let places = layout::places(shown.iter().map(|(_, _, size)| *size));
    let (mut panels, mut references) = (Vec::new(), Vec::new());
    for (at, ((kind, id, _), place)) in shown.iter().zip(places).enumerate() {
        let name = format!("panel_{at}");
        panels.push(json!({
            "version": "7.9.3",
            "gridData": {"x": place.x, "y": place.y, "w": place.w, "h": place.h, "i": at.to_string()},
            "panelIndex": at.to_string(),
            "embeddableConfig": {},
            "panelRefName": name
        }));
        references.push(json!({"name": name, "type": kind, "id": names.id(&format!("{}-{id}", dashboard.id))}));
    }
    json!({
        "type": "dashboard",
        "id": names.id(&dashboard.id),
        "attributes": {
            "title": names.title(&format!("essink: {}", dashboard.title)),
            "description": dashboard.about,
            "hits": 0,
            "version": 1,
            "timeRestore": true,
            "timeFrom": "now-7d",
            "timeTo": "now",
            "refreshInterval": {"pause": true, "value": 0},
            "optionsJSON": json!({"hidePanelTitles": false, "useMargins": true}).to_string(),
            "panelsJSON": Value::Array(panels).to_string(),
            "kibanaSavedObjectMeta": {"searchSourceJSON": no_query().to_string()}
        },
        "references": references,
        "migrationVersion": {"dashboard": "7.9.3"}
    })
}
