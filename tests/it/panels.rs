//! Every number of every panel: a month whose truth is known goes through essink into a real cluster, each panel's own
//! search is sent there, and what the panel reads in the answer is compared with plain additions over the facts.
//!
//! The facts are told by the generator and the additions stand in [`truths`]: neither knows a query, and neither asks
//! essink what an event means.

mod drawn;
mod edges;
pub mod load;
mod many;
mod mutants;
mod objects;
pub mod scene;
pub mod truths;

use std::collections::BTreeSet;

use chrono::NaiveDate;
use essink::panel::{self, Over, Panel, Range};
use essink::upkeep::dashboards::patterns;
use essink::upkeep::names::Prefixes;
use serde_json::Value;
use testkit::month::Month;
use testkit::search::{Server, shared};

use self::load::{DAY, Loaded};
use self::scene::{Expected, Scene, compare};

/// How much is made: a month on one server, some days on the others. Every day costs an index of each family, and the
/// cluster most of the time.
pub struct Size {
    pub messages: usize,
    pub days: u32,
    /// Of the first so many days Pinpoint's events are in indices that Firehose has made.
    pub old_days: u32,
}

/// About 16,000 events.
const MONTH: Size = Size { messages: 7_000, days: 31, old_days: 8 };
/// About 2,500.
pub const SOME_DAYS: Size = Size { messages: 800, days: 4, old_days: 2 };

/// So that a day of 25 hours somewhere, and the end of a month, are among them.
pub const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 10, 24).expect("a date");

#[tokio::test]
async fn every_panel_its_saved_object_and_the_drawing_of_it_say_what_happened() {
    let search = shared().lease().await.expect("OpenSearch");
    let loaded = say_what_happened(&search, &MONTH).await;
    let ranges = ranges(&loaded, &MONTH);
    is_right(&drawn::wrong(&loaded, [ranges[0], ranges[1]]).await);
    mutants::are_told(&loaded, &ranges).await;
}

/// Puts these days into a cluster without templates, and asks it for panels and for saved objects.
pub async fn say_what_happened(search: &Server, size: &Size) -> Loaded {
    let month = Month::new(7, size.messages, FIRST_DAY, size.days);
    let loaded = load::load(search, month, size).await;
    let ranges = ranges(&loaded, size);
    let mut wrong = objects::wrong(&loaded, [ranges[0], ranges[1]]).await;
    for (number, range) in ranges.into_iter().enumerate() {
        let questions = questions(&loaded, range, number == 0);
        // Not all at once: no cluster of this size would answer them in a minute.
        for some in questions.chunks(10) {
            for (question, answer) in some.iter().zip(ask(&loaded, some).await) {
                let found = question.wrong(&loaded, &answer, number == 0);
                wrong.extend(found.into_iter().map(|why| format!("{} {:?}: {why}", question.name, question.range)));
            }
        }
    }
    is_right(&wrong);
    loaded
}

fn is_right(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// All of it, a day of essink's indices, a day of Firehose's, and from the middle of the last of these to the middle of
/// one of those.
fn ranges(loaded: &Loaded, size: &Size) -> Vec<Range> {
    let day = |n: u32| loaded.first + i64::from(n) * DAY;
    let (first, last) = (size.old_days / 2, size.old_days + (size.days - size.old_days) / 2);
    vec![
        Range { from: day(0), to: day(size.days) },
        Range { from: day(last), to: day(last + 1) },
        Range { from: day(first), to: day(first + 1) },
        Range { from: day(size.old_days - 1) + DAY / 3 + 1_234, to: day(size.old_days + 1) + DAY / 2 + 567 },
    ]
}

/// One panel, about one time.
struct Question {
    name: String,
    panel: &'static Panel,
    range: Range,
    /// What it must say; none when nobody has written it down.
    expected: Option<Expected>,
    /// What the cluster is asked.
    body: String,
}

/// Every panel. What is told by its arrival came while the test ran, and is asked for once.
fn questions(loaded: &Loaded, range: Range, is_first: bool) -> Vec<Question> {
    let all = panel::dashboards().iter().flat_map(|d| d.panels.iter().map(move |p| (format!("{}/{}", d.id, p.id), p)));
    let by_arrival = |name: &str| matches!(truths::over(name), Over::Arrivals | Over::DeadLetters);
    let asked = all.filter(|(name, _)| is_first || !by_arrival(name)).map(|(name, panel)| {
        let range = if by_arrival(&name) { loaded.arrived() } else { range };
        question(loaded, name, panel, range)
    });
    asked.collect()
}

fn question(loaded: &Loaded, name: String, panel: &'static Panel, range: Range) -> Question {
    let expected = truths::of(&name).map(|truth| truth(&Scene::new(loaded, truths::over(&name), range)));
    let inputs = expected.as_ref().map(|expected| expected.inputs.clone()).unwrap_or_default();
    let body = panel.search(&range, &inputs).to_string();
    Question { name, panel, range, expected, body }
}

/// The answers of the cluster, each panel's own search in one request.
async fn ask(loaded: &Loaded, questions: &[Question]) -> Vec<Value> {
    let line =
        |question: &Question| objects::search(&patterns(question.panel.over, &Prefixes::default()), &question.body);
    let answers = objects::searched(loaded, questions.iter().map(line).collect()).await;
    assert_eq!(answers.len(), questions.len());
    answers
}

impl Question {
    /// What is wrong with what the panel reads in the answer.
    fn wrong(&self, loaded: &Loaded, answer: &Value, is_all: bool) -> Vec<String> {
        if is_all && self.expected.as_ref().is_some_and(Expected::is_nothing) {
            return vec!["the month has nothing of it, which proves nothing".to_owned()];
        }
        self.compared(loaded, answer).unwrap_or_else(|why| vec![why])
    }

    /// By what the panel's rows differ from the truth; an error where there are no rows to compare.
    fn compared(&self, loaded: &Loaded, answer: &Value) -> Result<Vec<String>, String> {
        let expected = self.expected.as_ref().ok_or_else(|| format!("no truth for {}", self.name))?;
        let table = self.panel.read(answer);
        let table = table.map_err(|unreadable| format!("{unreadable}: {} {}", answer["_shards"], answer["error"]))?;
        Ok(compare(self.panel, loaded, expected, &table))
    }
}

#[test]
fn every_panel_has_a_truth_and_every_truth_a_panel() {
    let all = panel::dashboards().iter();
    let panels: BTreeSet<_> = all.flat_map(|d| d.panels.iter().map(move |p| format!("{}/{}", d.id, p.id))).collect();
    let truths: BTreeSet<_> = truths::names().map(str::to_owned).collect();
    assert_eq!(panels, truths);
}
