//! Every number of every panel: a month whose truth is known goes through essink into a real cluster, each panel's own
//! search is sent there, and what the panel reads in the answer is compared with plain additions over the facts.
//!
//! The facts are told by the generator and the additions stand in [`truths`]: neither knows a query, and neither asks
//! essink what an event means.

mod load;
mod scene;
mod truths;

use std::collections::BTreeSet;

use chrono::NaiveDate;
use essink::panel::{self, Over, Range};
use http::Method;
use testkit::month::Month;
use testkit::search::{Server, shared};

use self::load::{DAY, Loaded};
use self::scene::{Scene, compare};
use crate::requests::ask;

/// How much is made: a month on one server, some days on the others.
pub struct Size {
    pub messages: usize,
    pub days: u32,
    /// Of the first so many days Pinpoint's events are in indices that Firehose has made.
    pub old_days: u32,
}

/// About 30,000 events.
const MONTH: Size = Size { messages: 9_000, days: 31, old_days: 8 };
/// About 2,500.
pub const SOME_DAYS: Size = Size { messages: 800, days: 4, old_days: 2 };

const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 10, 1).expect("a date");

#[tokio::test]
async fn every_panel_says_what_happened() {
    let search = shared().lease().await.expect("OpenSearch");
    say_what_happened(&search, &MONTH).await;
}

/// Needs a cluster without templates.
pub async fn say_what_happened(search: &Server, size: &Size) {
    let month = Month::new(7, size.messages, FIRST_DAY, size.days);
    let t0 = std::time::Instant::now();
    let loaded = load::load(search, month, size).await;
    eprintln!("LOADED {:?}", t0.elapsed());
    let mut wrong = Vec::new();
    let ranges = ranges(&loaded, size);
    for (number, range) in ranges.into_iter().enumerate() {
        for dashboard in panel::dashboards() {
            for panel in &dashboard.panels {
                let name = format!("{}/{}", dashboard.id, panel.id);
                let found = show(&loaded, &name, panel, range, number == 0).await;
                wrong.extend(found.into_iter().map(|why| format!("{name} {range:?}: {why}")));
            }
        }
    }
    eprintln!("ASKED {:?}", t0.elapsed());
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// All of it, a day of essink's indices, a day of Firehose's, and from the middle of one of these to the middle of one of
/// those; the times of arrival are those of the test.
fn ranges(loaded: &Loaded, size: &Size) -> Vec<Range> {
    let day = |n: u32| loaded.first + i64::from(n) * DAY;
    let (first, last) = (size.old_days / 2, size.old_days + (size.days - size.old_days) / 2);
    vec![
        Range { from: day(0), to: day(size.days) },
        Range { from: day(last), to: day(last + 1) },
        Range { from: day(first), to: day(first + 1) },
        Range { from: day(first) + DAY / 3 + 1_234, to: day(last) + DAY / 2 + 567 },
    ]
}

/// What is wrong with a panel.
async fn show(loaded: &Loaded, name: &str, panel: &panel::Panel, range: Range, is_all: bool) -> Vec<String> {
    let Some(truth) = truths::of(name) else { return vec![format!("no truth for {name}")] };
    // What is told by its arrival came while the test ran.
    let range = if matches!(panel.over, Over::Arrivals | Over::DeadLetters) { loaded.arrived() } else { range };
    let scene = Scene::new(loaded, panel.over, range);
    let expected = truth(&scene);
    if is_all && expected.is_nothing() {
        return vec!["the month has nothing of it, which proves nothing".to_owned()];
    }
    let body = panel.search(&range, &expected.inputs);
    let path = format!("/{}/_search?ignore_unavailable=true", indices(panel.over));
    let answer = ask(&loaded.client, Method::POST, &path, Some(&body)).await;
    match panel.read(&answer) {
        Ok(table) => compare(panel, loaded, &expected, &table),
        Err(unreadable) => vec![format!("{unreadable}: {}", answer["_shards"])],
    }
}

fn indices(over: Over) -> &'static str {
    match over {
        Over::Messages => "pinpoint-*,eum-*,ses-*,bird-*,vonage-*,pendula-*,connect-*",
        Over::Pinpoint => "pinpoint-*",
        Over::Arrivals => "pinpoint-*,eum-*,ses-*,bird-*,vonage-*,pendula-*,connect-*,unrecognized-*",
        Over::DeadLetters => "essink-dead-letters-*",
    }
}

#[test]
fn every_panel_has_a_truth_and_every_truth_a_panel() {
    let all = panel::dashboards().iter();
    let panels: BTreeSet<_> = all.flat_map(|d| d.panels.iter().map(move |p| format!("{}/{}", d.id, p.id))).collect();
    let truths: BTreeSet<_> = truths::names().map(str::to_owned).collect();
    assert_eq!(panels, truths);
}
