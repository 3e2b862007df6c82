//! The saved objects, run: what Kibana would ask for each goes to the cluster, what it would draw of each specification is
//! drawn by Vega, and both must say what happened.

use std::collections::BTreeMap;
use std::fmt::Display;

use essink::panel::{self, By, Chart, Interval, Over, Panel, Range};
use essink::upkeep::dashboards::{ndjson, patterns};
use essink::upkeep::names::Prefixes;
use http::Method;
use serde_json::{Value, json};
use testkit::kibana::{self, Context};
use testkit::month::Fact;

use super::load::Loaded;
use super::scene::{Expected, Scene, compare};
use super::truths;

/// An object that stands for a panel.
pub struct Object {
    pub name: String,
    pub panel: &'static Panel,
    pub object: Value,
    /// Pixels that its panel gives it, in a window of 1440.
    pub size: (u32, u32),
}

/// One question: its object's, about one time.
pub struct Asked<'a> {
    pub of: &'a Object,
    pub range: Range,
    pub body: Value,
    pub expected: Expected,
}

/// What a reader narrowed a dashboard down to, and which facts that leaves.
pub struct Narrowed {
    pub context: Context,
    pub keeps: fn(&Fact) -> bool,
}

impl Narrowed {
    /// Not at all.
    pub fn none() -> Self {
        Self { context: Context::default(), keeps: |_| true }
    }

    /// By the query bar, a filter, and a filter turned round.
    pub fn some() -> Self {
        let must = vec![json!({"query_string": {"query": "NOT msg.provider:vonage", "analyze_wildcard": true}})];
        let filter = vec![json!({"exists": {"field": "msg.id"}})];
        let must_not = vec![json!({"match_phrase": {"msg.provider": {"query": "bird"}}})];
        let keeps = |fact: &Fact| !matches!(fact.provider, "vonage" | "bird") && !fact.messages.is_empty();
        Self { context: Context { must, filter, must_not }, keeps }
    }
}

impl Object {
    pub fn is_vega(&self) -> bool {
        kibana::hidden(&self.object, "/attributes/visState")["type"] == "vega"
    }

    pub fn over(&self) -> Over {
        truths::over(&self.name)
    }

    /// Old documents and letters have no fields that [`Narrowed::some`] asks for.
    pub fn may_be_narrowed(&self) -> bool {
        self.over() == Over::Messages
    }

    /// Whether its interval is not made longer, for which there must be few enough bars.
    fn is_in_bars(&self, range: Range) -> bool {
        let longest = match self.panel.splits.first().map(|split| &split.by) {
            // Of a day's arrivals: the test has no shorter time, and asks as if there were no such limit.
            Some(By::Time { each: Interval::Minute, .. }) => 1_500 * 60_000,
            Some(By::Time { each: Interval::Hour, .. }) => 100 * 3_600_000,
            _ => i64::MAX,
        };
        range.to - range.from <= longest
    }
}

/// Every visualization, with the panel that it stands for.
pub fn all() -> Vec<Object> {
    let file = ndjson(&Prefixes::default());
    let lines = file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let objects: Vec<Value> = lines.map(|line| serde_json::from_slice(line).expect("an object")).collect();
    let sizes: BTreeMap<String, (u32, u32)> =
        objects.iter().filter(|object| object["type"] == "dashboard").flat_map(sizes).collect();
    let panels = panel::dashboards().iter().flat_map(|d| d.panels.iter().map(move |p| (d.id.as_str(), p)));
    let shown = panels.filter(|(_, panel)| panel.chart != Chart::Events);
    let object = |(dashboard, panel): (&str, &'static Panel)| {
        let id = format!("essink-{dashboard}-{}", panel.id);
        let object = objects.iter().find(|object| object["id"] == id.as_str()).expect("an object for each panel");
        Object { name: format!("{dashboard}/{}", panel.id), panel, object: object.clone(), size: sizes[&id] }
    };
    shown.map(object).collect()
}

/// What a dashboard gives each of its panels: 48 columns in its width, rows of 20 pixels, 8 between, and a title.
fn sizes(dashboard: &Value) -> Vec<(String, (u32, u32))> {
    let panels = kibana::hidden(dashboard, "/attributes/panelsJSON");
    let references = dashboard["references"].as_array().expect("references");
    let size = |panel: &Value| {
        let id =
            references.iter().find(|known| known["name"] == panel["panelRefName"]).expect("a reference")["id"].as_str();
        let of = |name: &str| u32::try_from(panel["gridData"][name].as_u64().expect("a number")).expect("a small one");
        (id.expect("an id").to_owned(), (of("w") * 1_424 / 48 - 8, of("h") * 28 - 8 - 32))
    };
    panels.as_array().expect("panels").iter().map(size).collect()
}

/// What these objects ask about the first of these times for which they have few enough bars, and what must come of it.
pub fn ask<'a>(
    objects: impl Iterator<Item = &'a Object>,
    loaded: &Loaded,
    ranges: &[Range],
    narrowed: &Narrowed,
) -> Vec<Asked<'a>> {
    let mut asked = Vec::new();
    for of in objects {
        let by_arrival = matches!(of.over(), Over::Arrivals | Over::DeadLetters);
        let found = ranges.iter().copied().find(|range| of.is_in_bars(*range)).expect("a short time");
        let range = if by_arrival { loaded.arrived() } else { found };
        // The picker's last moment is in it.
        let time = kibana::range(range.from, range.to - 1);
        let body = match of.is_vega() {
            true => kibana::specified(&kibana::specification(&of.object), &time, &narrowed.context),
            false => kibana::visualization(&of.object, of.panel.over.time(), &time, &narrowed.context),
        };
        let truth = truths::of(&of.name).unwrap_or_else(|| panic!("no truth for {}", of.name));
        let mut scene = Scene::new(loaded, of.over(), range);
        scene.facts.retain(|fact| (narrowed.keeps)(fact));
        asked.push(Asked { of, range, body, expected: truth(&scene) });
    }
    asked
}

/// The answers of the cluster, asked as Kibana does.
pub async fn answers(loaded: &Loaded, asked: &[Asked<'_>]) -> Vec<Value> {
    let mut all = Vec::new();
    // Not all at once: no cluster of this size would answer them in a minute.
    for some in asked.chunks(10) {
        let line = |one: &Asked| search(&patterns(one.of.over(), &Prefixes::default()), &one.body);
        all.extend(searched(loaded, some.iter().map(line).collect()).await);
    }
    assert_eq!(all.len(), asked.len());
    all
}

/// A search in `_msearch`.
pub fn search(index: &str, body: impl Display) -> String {
    let head = json!({"index": index.split(',').collect::<Vec<_>>(), "ignore_unavailable": true});
    format!("{head}\n{body}\n")
}

pub async fn searched(loaded: &Loaded, lines: String) -> Vec<Value> {
    let answer = loaded.client.send(Method::POST, "/_msearch", Some(lines.into())).await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.json());
    let Value::Array(answers) = answer.json()["responses"].take() else { panic!("{}", answer.json()) };
    answers
}

/// What is wrong with what the cluster answers to the objects' own questions, on a dashboard that is narrowed down and on
/// one that is not.
pub async fn wrong(loaded: &Loaded, ranges: [Range; 2]) -> Vec<String> {
    let objects = all();
    let mut asked = ask(objects.iter(), loaded, &ranges, &Narrowed::none());
    assert_eq!(asked.len(), objects.len());
    asked.extend(ask(objects.iter().filter(|object| object.may_be_narrowed()), loaded, &ranges, &Narrowed::some()));
    let mut wrong = Vec::new();
    for (one, answer) in asked.iter().zip(answers(loaded, &asked).await) {
        let found = match one.of.panel.read(&answer) {
            Ok(table) => compare(one.of.panel, loaded, &one.expected, &table),
            Err(unreadable) => vec![format!("{unreadable}: {}", answer["error"])],
        };
        wrong.extend(found.into_iter().map(|why| format!("object {} {:?}: {why}", one.of.name, one.range)));
    }
    wrong
}
