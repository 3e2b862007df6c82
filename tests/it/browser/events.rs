//! The Events tab: panels that say what happened, and say so when the cluster does not answer.

use std::collections::{BTreeMap, BTreeSet};

use essink::panel::{self, Chart, Panel, Range, What};
use serde_json::{Value, json};
use testkit::month::Month;

use super::reach::charts_have_tables;
use super::*;
use crate::panels::load::{DAY, load};
use crate::panels::scene::Scene;
use crate::panels::{FIRST_DAY, SOME_DAYS, truths};

const READY: &str = "(() => { const all = [...document.querySelectorAll('#view-events [data-panel]')]; \
                     return all.length > 0 && all.every(panel => panel.dataset.state === 'ready'); })()";

/// The cells of each panel's table, by panel; where it has none, its figures by their names.
const TABLES: &str = "Object.fromEntries([...document.querySelectorAll('#view-events [data-panel]')].map(panel => \
    [panel.dataset.panel, panel.dataset.chart === 'number' \
      ? [...panel.querySelectorAll('[data-column]')].map(figure => [figure.dataset.column, figure.textContent]) \
      : [...panel.querySelectorAll('tbody tr')].map(row => [...row.cells].map(cell => cell.textContent))]))";

#[tokio::test]
async fn the_panels_show_what_happened_and_say_when_the_cluster_is_away() {
    let world = World::new().await;
    let loaded = load(&world.search, Month::new(7, SOME_DAYS.messages, FIRST_DAY, SOME_DAYS.days), &SOME_DAYS).await;
    let worker = world.worker(&[]);
    let range = Range { from: loaded.first, to: loaded.first + i64::from(SOME_DAYS.days) * DAY };
    let page = world.open(&format!("#events/overview?from={}&to={}", range.from, range.to)).await;
    holds(&page, READY).await;

    let tables = value(&page, TABLES).await;
    let overview = panel::dashboards().iter().find(|dashboard| dashboard.id == "overview").expect("it is there");
    assert_eq!(tables.as_object().map(serde_json::Map::len), Some(overview.panels.len()));
    let mut wrong = Vec::new();
    for panel in &overview.panels {
        let name = format!("overview/{}", panel.id);
        let expected = truths::of(&name).expect("a truth")(&Scene::new(&loaded, panel.over, range));
        assert!(!expected.is_nothing(), "{name} would be empty");
        wrong
            .extend(differences(panel, &expected.rows, &tables[&name]).into_iter().map(|why| format!("{name}: {why}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    charts_have_tables(&page, "#view-events").await;
    what_is_folded_is_opened(&page).await;

    // Events themselves are not shown unless somebody says so.
    let status = "fetch('/page/panels/message/timeline?from=0&to=1&message=x').then(answer => answer.status)";
    assert_eq!(value(&page, status).await, json!(403));
    let told = page.complaints();
    // The browser complains of every answer that is no 200, also of one that came too late on a busy machine.
    assert!(told.iter().all(|complaint| complaint.of == "network"), "{told:?}");

    world.search.crash().await.expect("crashed");
    page.click("#chooser button[type=submit]").await.expect("a click");
    holds(&page, "document.querySelector('#view-events [data-panel][data-state=error]')").await;
    let said = value(&page, "document.querySelector('#view-events [data-state=error]').innerText").await;
    assert!(said.as_str().is_some_and(|said| said.contains("What to do")), "{said}");
    // One voice says it, not one of each panel.
    assert_eq!(value(&page, "document.querySelectorAll('#view-events [role=status]').length").await, json!(1));
    holds(&page, "document.querySelector('#said').textContent.includes('What to do')").await;
    // By itself, once it is back.
    holds(&page, READY).await;
    assert_eq!(value(&page, TABLES).await, tables);
    // 75 where the cluster, just back, is slow to take the last positions: how a worker ends is for other tests.
    let ended = terminate(worker).await;
    assert!(matches!(ended, Some(0 | 75)), "{ended:?} {}", world.log());
}

/// Long tables and caveats: by the keyboard, and all of them on paper.
async fn what_is_folded_is_opened(page: &Page) {
    let rows = "[...document.querySelectorAll('[data-panel=\"overview/by-status\"] tbody tr')]";
    let seen = format!("{rows}.filter(row => row.checkVisibility()).length");
    let more = "document.querySelector('[data-panel=\"overview/by-status\"] button')";
    let all = value(page, &format!("{rows}.length")).await;
    assert!(all.as_u64() > Some(12), "{all} rows are no long table");
    assert_eq!(value(page, &seen).await, json!(10));
    assert_eq!(value(page, &format!("{more}.textContent")).await, json!(format!("Show all {all} rows")));
    value(page, &format!("{more}.focus()")).await;
    page.press("Enter").await.expect("a key");
    assert_eq!(value(page, &seen).await, all);
    assert_eq!(value(page, &format!("{more}.getAttribute('aria-expanded')")).await, json!("true"));
    page.press("Enter").await.expect("a key");
    assert_eq!(value(page, &seen).await, json!(10));

    // The first sentence is there at once, the last is not.
    let caveat = "document.querySelector('[data-panel=\"overview/sent\"] .caveat')";
    let reads = |text: &str| {
        format!(
            "[...{caveat}.querySelectorAll('summary, p')].some(e => e.checkVisibility({{contentVisibilityAuto: true}}) && e.innerText.includes('{text}'))"
        )
    };
    assert_eq!(value(page, &reads("Distinct messages, not events")).await, json!(true));
    assert_eq!(value(page, &reads("half a per cent")).await, json!(false));
    value(page, &format!("{caveat}.querySelector('summary').focus()")).await;
    page.press("Enter").await.expect("a key");
    holds(page, &reads("half a per cent")).await;
    let folded = "document.querySelectorAll('details:not([open])').length";
    let before = value(page, folded).await;
    value(page, "dispatchEvent(new Event('beforeprint'))").await;
    assert_eq!(value(page, folded).await, json!(0), "paper cannot be opened");
    value(page, "dispatchEvent(new Event('afterprint'))").await;
    assert_eq!(value(page, folded).await, before);
}

/// Waits are short from now on.
const HURRY: &str =
    "(() => { const wait = setTimeout; window.setTimeout = (act, ms) => wait(act, Math.min(ms, 200)); })()";

/// How often panels were asked.
const ASKED: &str =
    "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/page/panels/')).length";

#[tokio::test]
async fn the_focus_stays_and_no_address_breaks_the_page() {
    let world = World::new().await;
    let worker = world.worker(&["--page-events"]);
    let page = world.open("#events/message").await;
    holds(&page, "document.querySelector('#input-message')").await;
    page.click("#input-message").await.expect("a click");
    page.type_text("m-1").await.expect("typed");
    page.press("Enter").await.expect("a key");
    holds(&page, "location.hash.includes('message=m-1')").await;
    assert_eq!(value(&page, "document.activeElement.id").await, json!("input-message"));

    value(&page, HURRY).await;
    value(&page, "location.hash = '#events/overview?days=1'").await;
    holds(&page, READY).await;
    let summary = "document.querySelector('#view-events [data-panel] summary')";
    value(&page, &format!("window.first = {summary}; first.focus(); window.before = {ASKED}; 0")).await;
    // Each panel again, and again.
    holds(&page, &format!("{ASKED} >= before + 2 * document.querySelectorAll('[data-panel]').length")).await;
    assert_eq!(value(&page, "document.activeElement === first").await, json!(true));

    value(&page, "location.hash = '#events/overview?days=3'").await;
    holds(&page, "document.querySelector('#span').selectedOptions[0].textContent === 'Last 3 days'").await;
    for bad in
        ["#events/%E0", "#events/overview?from=1&to=1e18", "#events/overview?days=1e9", "#events/overview?days=-2"]
    {
        value(&page, &format!("location.hash = '{bad}'")).await;
        holds(&page, "document.querySelector('#span').value === '7'").await;
        holds(&page, READY).await;
        value(&page, "location.hash = '#events/overview?days=3'").await;
        holds(&page, "document.querySelector('#span').value === '3'").await;
    }
    is_clean(&page);
    assert_eq!(terminate(worker).await, Some(0), "{}", world.log());
}

type Rows = BTreeMap<Vec<String>, Vec<Option<f64>>>;

/// What a table says otherwise than the facts do.
fn differences(panel: &Panel, expected: &Rows, table: &Value) -> Vec<String> {
    let rows = table.as_array().expect("rows").iter().map(|row| {
        let cells = row.as_array().expect("cells").iter();
        cells.map(|cell| cell.as_str().expect("a text").to_owned()).collect::<Vec<_>>()
    });
    let mut shown = BTreeMap::new();
    let is_figures = panel.chart == Chart::Number;
    if is_figures {
        // One number a row, beside its name.
        shown.insert(Vec::new(), rows.map(|row| row[1].clone()).collect());
    } else {
        let keys = panel.splits.len();
        shown.extend(rows.map(|row| (row[..keys].iter().map(|key| moment(key)).collect(), row[keys..].to_vec())));
    }
    let mut wrong = Vec::new();
    for (key, values) in expected {
        let cells: Vec<String> = shown.remove(key).unwrap_or_default();
        let values = if is_figures { values.clone() } else { in_columns(panel, values) };
        let same = cells.len() == values.len() && cells.iter().zip(&values).all(|(cell, value)| is(cell, *value));
        if !same {
            wrong.push(format!("{key:?} {cells:?}, not {values:?}"));
        }
    }
    wrong.extend(shown.iter().map(|(key, cells)| format!("{key:?} {cells:?}, which is not so")));
    wrong
}

/// A row's values as a table has them: what shares are of stands once, before the first that is of it.
fn in_columns(panel: &Panel, values: &[Option<f64>]) -> Vec<Option<f64>> {
    let (mut shown, mut bases, mut values) = (Vec::new(), BTreeSet::new(), values.iter().copied());
    for measure in &panel.measures {
        let number = values.next().expect("a number a measure");
        if let Some(base) = measure.what.base() {
            let of = values.next().expect("what the share is of");
            let is_rate = matches!(measure.what, What::Rate { .. });
            if bases.insert(if is_rate { measure.label.rsplit(" of ").next().unwrap_or(base) } else { base }) {
                shown.push(of);
            }
        }
        shown.push(number);
    }
    shown
}

/// A day as the facts have it.
fn moment(key: &str) -> String {
    let day = key.parse::<chrono::NaiveDate>();
    day.map_or_else(
        |_| key.to_owned(),
        |day| day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis().to_string(),
    )
}

/// Whether a cell says a number, rounded as people want it.
fn is(cell: &str, value: Option<f64>) -> bool {
    let Some(value) = value else { return cell == "–" };
    if let Some(less) = cell.strip_prefix("<$") {
        return value > 0.0 && less.parse::<f64>().is_ok_and(|most| value < most);
    }
    let number: String = cell.chars().filter(|c| c.is_ascii_digit() || *c == '.' || *c == '-').collect();
    let decimals = number.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let half = 0.500_001 / 10_f64.powi(i32::try_from(decimals).expect("few"));
    number.parse::<f64>().is_ok_and(|number| (number - value).abs() <= if decimals == 0 { 1e-9 } else { half })
}
