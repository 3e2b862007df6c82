//! What a panel should see, as facts, and how its rows are compared.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Datelike as _;
use essink::panel::{By, Inputs, Key, Over, Panel, Range, Row, Table, What};
use testkit::month::{Fact, distinct, spent};

use super::load::Loaded;

/// The facts of the documents that a panel asks, in the time that it is asked for.
pub struct Scene<'a> {
    pub facts: Vec<&'a Fact>,
    pub loaded: &'a Loaded,
}

/// What a panel must say.
#[derive(Debug, Default)]
pub struct Expected {
    /// By its keys.
    pub rows: BTreeMap<Vec<String>, Vec<Option<f64>>>,
    /// What is typed.
    pub inputs: Inputs,
    /// Places of keys that are not compared: rows that differ in them alone are added up.
    pub drop: &'static [usize],
    /// Where the one number is a moment of which only this is known.
    pub between: Option<(f64, f64)>,
    /// Where rows are documents: theirs, in any order.
    pub documents: Option<Vec<Vec<String>>>,
    /// Whether these come newest first.
    pub newest_first: bool,
}

impl<'a> Scene<'a> {
    pub fn new(loaded: &'a Loaded, over: Over, range: Range) -> Self {
        let all = loaded.month.truth().facts().iter();
        let is_old = |fact: &Fact| fact.is_pinpoints && fact.at < loaded.cut;
        // Not in the cluster at all.
        let is_none = |fact: &Fact| fact.provider == "pinpoint" && !fact.is_pinpoints && fact.at < loaded.cut;
        let is_in = |fact: &Fact| (range.from..range.to).contains(&fact.at);
        let facts = all.filter(|fact| !is_none(fact)).filter(|fact| match over {
            // Old documents have no `@timestamp`.
            Over::Messages => is_in(fact) && !is_old(fact),
            Over::Pinpoint => is_in(fact) && fact.provider == "pinpoint",
            Over::Arrivals => !is_old(fact),
            Over::DeadLetters => false,
        });
        Self { facts: facts.collect(), loaded }
    }

    /// Those of which this is true.
    pub fn only(&self, is_one: impl Fn(&Fact) -> bool) -> Group<'a> {
        Group(self.facts.iter().copied().filter(|fact| is_one(fact)).collect())
    }
}

impl Expected {
    /// Whether it would be the same of a panel that finds nothing.
    pub fn is_nothing(&self) -> bool {
        let zero = |value: &Option<f64>| value.is_none_or(|value| value == 0.0);
        let rows = self.rows.values().flatten().all(zero);
        rows && self.between.is_none() && self.documents.as_ref().is_none_or(Vec::is_empty)
    }

    /// With a row for each of these keys.
    pub fn with_all(mut self, keys: &[&str], values: &[Option<f64>]) -> Self {
        for key in keys {
            self.rows.entry(vec![(*key).to_owned()]).or_insert_with(|| values.to_vec());
        }
        self
    }
}

/// Some facts.
pub struct Group<'a>(pub Vec<&'a Fact>);

impl<'a> Group<'a> {
    pub fn only(&self, is_one: impl Fn(&Fact) -> bool) -> Self {
        Self(self.0.iter().copied().filter(|fact| is_one(fact)).collect())
    }

    /// A row for each key that its facts have; a fact may have several, or none.
    pub fn by(
        &self,
        keys: impl Fn(&Fact) -> Vec<Vec<String>>,
        values: impl Fn(&Group) -> Vec<Option<f64>>,
    ) -> Expected {
        let mut groups: BTreeMap<Vec<String>, Vec<&Fact>> = BTreeMap::new();
        for fact in &self.0 {
            for key in keys(fact) {
                groups.entry(key).or_default().push(fact);
            }
        }
        let rows = groups.into_iter().map(|(key, facts)| (key, values(&Group(facts)))).collect();
        Expected { rows, ..Expected::default() }
    }

    /// One row.
    pub fn one(&self, values: impl Fn(&Group) -> Vec<Option<f64>>) -> Expected {
        Expected { rows: BTreeMap::from([(Vec::new(), values(self))]), ..Expected::default() }
    }

    pub fn messages(&self) -> f64 {
        number(distinct(self.0.iter().copied()))
    }

    pub fn events(&self) -> f64 {
        number(self.0.len())
    }

    /// In units of the currency.
    pub fn spent(&self, currency: &str) -> f64 {
        let millionths = spent(self.0.iter().copied(), currency);
        #[expect(clippy::cast_precision_loss, reason = "sums are far below 2^53")]
        let units = millionths as f64 / 1e6;
        units
    }

    /// How many different ones there are; not said is none.
    pub fn different<T: Ord>(&self, of: impl Fn(&Fact) -> Option<T>) -> f64 {
        number(self.0.iter().filter_map(|fact| of(fact)).collect::<BTreeSet<_>>().len())
    }

    /// Of a hundred, and of how many.
    pub fn rate(&self, to: impl Fn(&Fact) -> bool, of: impl Fn(&Fact) -> bool) -> [Option<f64>; 2] {
        let (to, of) = (self.only(to).messages(), self.only(of).messages());
        [(of > 0.0).then(|| to * 100.0 / of), Some(of)]
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub fn number(count: usize) -> f64 {
    count as f64
}

/// A text, or what stands for it where nothing is said.
pub fn or(text: &str, missing: &str) -> String {
    if text.is_empty() { missing.to_owned() } else { text.to_owned() }
}

/// The first millisecond of a UTC day, as rows name it.
pub fn day(at: i64) -> String {
    (at - at.rem_euclid(86_400_000)).to_string()
}

/// The same of an hour.
pub fn hour(at: i64) -> String {
    (at - at.rem_euclid(3_600_000)).to_string()
}

/// The same of a month.
pub fn month(at: i64) -> String {
    let first = chrono::DateTime::from_timestamp_millis(at).and_then(|at| at.date_naive().with_day(1));
    first.expect("in range").and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis().to_string()
}

/// `2026-10-20T08:15:42.107Z`
pub fn iso(at: i64) -> String {
    let at = chrono::DateTime::from_timestamp_millis(at).expect("in range");
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

fn text(key: &Key) -> String {
    match key {
        Key::Time(at) => at.to_string(),
        Key::Text(text) => text.clone(),
    }
}

/// What is wrong with a table.
pub fn compare(panel: &Panel, loaded: &Loaded, expected: &Expected, table: &Table) -> Vec<String> {
    if let Some(documents) = &expected.documents {
        return compare_documents(expected, documents, table);
    }
    if let Some((from, to)) = expected.between {
        let is_it =
            matches!(&table.rows[..], [row] if matches!(row.values[..], [Some(at)] if (from..=to).contains(&at)));
        return if is_it { Vec::new() } else { vec![format!("{:?}, not in {from} to {to}", table.rows)] };
    }
    let mut wrong = Vec::new();
    let mut found: BTreeMap<Vec<String>, Vec<Option<f64>>> = BTreeMap::new();
    for row in &table.rows {
        let keys = row.keys.iter().enumerate().filter(|(at, _)| !expected.drop.contains(at));
        let key: Vec<String> = keys.map(|(_, key)| loaded.without_today(&text(key))).collect();
        match found.get_mut(&key) {
            None => drop(found.insert(key, row.values.clone())),
            Some(known) if !expected.drop.is_empty() => add(known, &row.values),
            Some(_) => wrong.push(format!("{key:?} twice")),
        }
    }
    let mut missing = Vec::new();
    for (key, values) in &expected.rows {
        match found.remove(key) {
            Some(found) if alike(panel, &found, values) => {}
            Some(found) => wrong.push(format!("{key:?} {found:?}, not {values:?}")),
            None => missing.push((key, values)),
        }
    }
    wrong.extend(found.iter().map(|(key, values)| format!("{key:?} {values:?}, which is not so")));
    wrong.extend(check_missing(panel, table, &missing));
    if !is_ordered(panel, &table.rows) {
        wrong.push(format!("not in order: {:?}", table.rows));
    }
    wrong
}

fn add(known: &mut [Option<f64>], more: &[Option<f64>]) {
    for (known, more) in known.iter_mut().zip(more) {
        *known = known.zip(*more).map(|(known, more)| known + more);
    }
}

/// The same documents, in the order of their time: those of one moment in any.
fn compare_documents(truth: &Expected, expected: &[Vec<String>], table: &Table) -> Vec<String> {
    let mut found: Vec<Vec<String>> = table.rows.iter().map(|row| row.keys.iter().map(text).collect()).collect();
    let is_ordered = found.is_sorted_by(|a, b| if truth.newest_first { a[0] >= b[0] } else { a[0] <= b[0] });
    let mut expected = expected.to_vec();
    found.sort();
    expected.sort();
    let mut wrong = Vec::new();
    if !is_ordered {
        wrong.push("documents are not in the order of their time".to_owned());
    }
    if found != expected {
        wrong.push(format!("{found:#?}, not {expected:#?}"));
    }
    wrong
}

/// Only what is rarest may be left out, when there are more rows than the panel shows, and the table must say so.
fn check_missing(panel: &Panel, table: &Table, missing: &[(&Vec<String>, &Vec<Option<f64>>)]) -> Vec<String> {
    let most = match &panel.splits[..] {
        [one] => match &one.by {
            By::Terms { size, .. } => *size as usize,
            _ => usize::MAX,
        },
        _ => usize::MAX,
    };
    let is_full = table.rows.len() == most && table.other.is_some_and(|other| other.documents > 0);
    let least = table.rows.iter().filter_map(|row| row.values[0]).fold(f64::INFINITY, f64::min);
    let by_documents = panel.splits.iter().any(|split| panel.is_chosen_by_documents(split));
    let by_other = by_documents || by_its_number(panel).is_none();
    let is_rare = |values: &[Option<f64>]| by_other || values[0].is_some_and(|value| value <= least);
    let not_so = missing.iter().filter(|(_, values)| !(is_full && is_rare(values)));
    not_so.map(|(key, values)| format!("nothing of {key:?} {values:?}")).collect()
}

/// The split whose rows are in the order of the first number.
fn by_its_number(panel: &Panel) -> Option<()> {
    let [split] = &panel.splits[..] else { return None };
    let By::Terms { sorted: false, .. } = &split.by else { return None };
    let first = &panel.measures.first()?.what;
    matches!(first, What::Count {} | What::Distinct { .. } | What::Sum { .. } | What::Max { .. }).then_some(())
}

fn is_ordered(panel: &Panel, rows: &[Row]) -> bool {
    let forward = !panel.is_over_time() || rows.is_sorted_by(|a, b| a.keys[0] <= b.keys[0]);
    let downward = by_its_number(panel).is_none() || rows.is_sorted_by(|a, b| a.values[0] >= b.values[0]);
    let sorted = matches!(panel.splits.first().map(|split| &split.by), Some(By::Terms { sorted: true, .. }));
    // Numbers as numbers, words as words.
    let key = |row: &Row| (text(&row.keys[0]).parse::<u64>().ok(), text(&row.keys[0]));
    forward && downward && (!sorted || rows.is_sorted_by_key(key))
}

/// Whether a row is what it must be.
fn alike(panel: &Panel, found: &[Option<f64>], expected: &[Option<f64>]) -> bool {
    let slack = slack(panel, expected);
    let same = |((found, expected), slack): ((&Option<f64>, &Option<f64>), f64)| match (found, expected) {
        (Some(found), Some(expected)) => (found - expected).abs() <= slack.max(1e-7 * expected.abs().max(1.0)),
        (found, expected) => found.is_none() && expected.is_none(),
    };
    found.len() == expected.len() && found.iter().zip(expected).zip(slack).all(same)
}

/// By how much each value may be off. Sums of doubles are compared as people compare money. Different values are told
/// apart by hashes of which some 30 million exist: of some thousands two may be alike, of some hundreds none are.
fn slack(panel: &Panel, expected: &[Option<f64>]) -> Vec<f64> {
    let mut slack = Vec::new();
    for measure in &panel.measures {
        let at = |place: usize| expected.get(place).copied().flatten().unwrap_or(0.0);
        match measure.what {
            What::Distinct { .. } => slack.push(few(at(slack.len()))),
            What::Rate { .. } => {
                let of = at(slack.len() + 1);
                slack.extend([200.0 * few(of) / of.max(1.0), few(of)]);
            }
            What::Per { .. } => {
                let (share, of) = (at(slack.len()), at(slack.len() + 1));
                slack.extend([(few(share * of) + share * few(of)) / of.max(1.0), few(of)]);
            }
            _ => slack.push(0.0),
        }
    }
    slack
}

fn few(count: f64) -> f64 {
    if count < 1_000.0 { 0.0 } else { (count / 2_000.0).ceil() }
}
