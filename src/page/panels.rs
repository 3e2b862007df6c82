//! `GET /page/dashboards` and `GET /page/panels/{dashboard}/{panel}`: the questions of room `panel`, asked of the cluster.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::session::answer;
use super::{Desk, Trouble};
use crate::event::envelope::form;
use crate::event::families::can_be_personal;
use crate::panel::{self, By, Chart, Dashboard, Inputs, Over, Panel, Range, Table};

/// Searches under way at the same time: the cluster has other work.
pub(super) const SEARCHES: usize = 3;

/// Searches under way and those that wait: with all who watch, fewer than the places of the server.
pub(super) const WAITING: usize = 12;

/// From the question to the answer, with the wait for the others: below what a connection lasts.
const PATIENCE: Duration = Duration::from_secs(15);

/// Three years of days.
const LONGEST_MILLIS: i64 = 1_100 * 86_400_000;

/// Why a panel is empty. It names what [`is_private`] goes by; `assets/events.js` says the same without asking.
const PRIVATE: &str = "this panel can show what is a person's (a message, a sender, a link, page or referrer, \
                       a user's country, what a server or carrier answered), which is off";

/// What a reader types: the longest, characters.
const TYPED: usize = 2_000;

/// `GET /page/dashboards`
pub async fn dashboards(State(desk): State<Arc<Desk>>) -> Response {
    let all: Vec<Value> = panel::dashboards().iter().map(|dashboard| described(dashboard, desk.events)).collect();
    answer(StatusCode::OK, &all)
}

fn described(dashboard: &Dashboard, events: bool) -> Value {
    let panel = |panel: &Panel| {
        let input = |input: &panel::Input| json!({"id": input.id, "label": input.label});
        json!({
            "id": panel.id,
            "title": panel.title,
            "question": panel.question,
            "unit": panel.unit,
            "caveat": panel.caveat,
            "chart": chart(panel.chart),
            "inputs": panel.inputs.iter().map(input).collect::<Vec<_>>(),
            "hidden": is_private(panel) && !events,
        })
    };
    json!({
        "id": dashboard.id,
        "title": dashboard.title,
        "about": dashboard.about,
        "panels": dashboard.panels.iter().map(panel).collect::<Vec<_>>(),
    })
}

fn chart(chart: Chart) -> &'static str {
    match chart {
        Chart::Number => "number",
        Chart::Bar => "bar",
        Chart::Line => "line",
        Chart::Table => "table",
        Chart::Events => "events",
    }
}

/// What is in a document, what is known of one message or one person, or rows that may each be of a person.
pub(super) fn is_private(panel: &Panel) -> bool {
    panel.chart == Chart::Events || !panel.inputs.is_empty() || fields(panel).any(can_be_personal)
}

/// The fields whose values a panel shows. Dead letters are not documents of a family: what divides them is essink's own.
pub(super) fn fields(panel: &Panel) -> impl Iterator<Item = &str> {
    let of_events = panel.splits.iter().filter(|_| panel.over != Over::DeadLetters);
    of_events.filter_map(|split| match &split.by {
        By::Terms { field, .. } => Some(field.as_str()),
        By::Steps { .. } | By::Time { .. } => None,
    })
}

/// `GET /page/panels/{dashboard}/{panel}`
pub async fn show(
    State(desk): State<Arc<Desk>>,
    Path((dashboard, panel)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    let Some(panel) = panel::find(&dashboard, &panel) else {
        return refused(StatusCode::NOT_FOUND, "there is no such panel", "see /page/dashboards");
    };
    if is_private(panel) && !desk.events {
        let cure = "start essink with --page-events to let this page show what is in events";
        return refused(StatusCode::FORBIDDEN, PRIVATE, cure);
    }
    let (range, inputs) = match asked(panel, &query.unwrap_or_default()) {
        Ok(asked) => asked,
        Err(error) => return refused(StatusCode::BAD_REQUEST, error, "choose another time, or type something shorter"),
    };
    let answered = timeout(PATIENCE, desk.ask(panel, &range, &inputs)).await;
    let late = || {
        let error = format!("no answer in {} s", PATIENCE.as_secs());
        Err(Trouble { error, cure: "choose a shorter time, or look whether the cluster is busy".to_owned() })
    };
    match answered.unwrap_or_else(|_| late()) {
        Ok(table) => {
            let (interval, empty) = (interval(panel, &range), empty(panel));
            answer(StatusCode::OK, &json!({"table": table, "interval": interval, "empty": empty}))
        }
        Err(trouble) => answer(StatusCode::SERVICE_UNAVAILABLE, &trouble),
    }
}

/// How long a bucket of time is, where rows are of time.
fn interval(panel: &Panel, range: &Range) -> Option<&'static str> {
    panel.splits.iter().find_map(|split| match &split.by {
        By::Time { each, .. } => Some(each.within(range).name()),
        _ => None,
    })
}

/// What each column has where nothing happened: there is no row then.
fn empty(panel: &Panel) -> Vec<Option<f64>> {
    panel.measures.iter().flat_map(|measure| measure.what.nothing()).collect()
}

fn refused(status: StatusCode, error: &str, cure: &str) -> Response {
    answer(status, &Trouble { error: error.to_owned(), cure: cure.to_owned() })
}

impl Desk {
    async fn ask(&self, panel: &Panel, range: &Range, inputs: &Inputs) -> Result<Table, Trouble> {
        let Ok(_waits) = self.waiting.try_acquire() else {
            let error = format!("{WAITING} questions wait for the cluster already");
            return Err(Trouble { error, cure: "this panel is asked again by itself in a few seconds".to_owned() });
        };
        // Never closed.
        let _place = self.searches.acquire().await;
        let found = self.outside.search(panel.over, panel.search(range, inputs)).await?;
        let table = panel.read(&found);
        table.map_err(|error| Trouble {
            error: error.to_string(),
            cure: "look at the cluster's health; this panel is asked again by itself".to_owned(),
        })
    }
}

/// The time and what was typed, as the address says it.
fn asked(panel: &Panel, query: &str) -> Result<(Range, Inputs), &'static str> {
    let mut pairs = Vec::new();
    form::pairs(query, &mut pairs);
    let of = |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let time =
        |name: &str| of(name).and_then(|text| text.parse().ok()).ok_or("from and to are milliseconds since 1970");
    let range = Range { from: time("from")?, to: time("to")? };
    if range.from < 0 || range.to <= range.from || range.to - range.from > LONGEST_MILLIS {
        return Err("the time ends before it begins, or is longer than three years");
    }
    let typed = panel.inputs.iter().filter_map(|input| Some((input.id.clone(), of(&input.id)?.to_owned())));
    let inputs: Inputs = typed.collect();
    if inputs.values().any(|text| text.chars().count() > TYPED) {
        return Err("what was typed is too long");
    }
    Ok((range, inputs))
}
