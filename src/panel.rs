//! Panels: what people ask of the events, each defined once.
//!
//! `dashboards/*.toml` say it in words and queries and are part of the program. From a definition come the body of a
//! search ([`Panel::search`]), what its answer says ([`Panel::read`]), and, in `upkeep`, the saved objects for Kibana
//! and OpenSearch Dashboards. Pure: no clock, no server.

mod definition;
mod events;
mod measure;
mod query;
mod read;
mod search;
mod split;
mod table;

use std::io::Read;
use std::sync::LazyLock;

use flate2::read::GzDecoder;
use serde::Deserialize;

pub use definition::{Invalid, parse};
pub use events::{Input, Inputs};
pub use measure::{EXACT, EXACT_OF_MANY, Measure, What};
pub use query::{Steps, fields};
pub use read::Unreadable;
pub use search::Range;
pub use split::{By, Interval, Named, SHARD_SIZE, Split};
pub use table::{Column, Key, Other, Row, Table};

macro_rules! packed {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/dashboards/", $name, ".toml.gz"))
    };
}

/// The files, in the order in which people are told of them.
const FILES: [&[u8]; 7] = [
    packed!("overview"),
    packed!("email"),
    packed!("texts"),
    packed!("campaigns"),
    packed!("app"),
    packed!("message"),
    packed!("pipeline"),
];
const STEPS: &[u8] = packed!("steps");

/// All dashboards, parsed once.
#[allow(clippy::expect_used, reason = "the files are part of the program, and a test parses them")]
pub fn dashboards() -> &'static [Dashboard] {
    static ALL: LazyLock<Vec<Dashboard>> = LazyLock::new(|| {
        // A file that cannot be parsed fails the test `every_definition_is_valid`.
        parse(&text(STEPS), &FILES.map(text)).expect("dashboards/*.toml are part of the program and were tested")
    });
    &ALL
}

/// What `build.rs` packed, as people wrote it.
#[allow(clippy::expect_used, reason = "the files are part of the program, and a test parses them")]
fn text(packed: &[u8]) -> String {
    let mut text = String::new();
    // A test unpacks and parses every one of them.
    GzDecoder::new(packed).read_to_string(&mut text).expect("packed by build.rs");
    text
}

/// The panel `dashboard/panel`.
pub fn find(dashboard: &str, panel: &str) -> Option<&'static Panel> {
    let of = dashboards().iter().find(|found| found.id == dashboard)?;
    of.panels.iter().find(|found| found.id == panel)
}

/// Panels that are looked at together.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dashboard {
    /// A word for addresses and ids.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// What it is for, in a sentence or two.
    pub about: String,
    /// In the order they are shown.
    #[serde(rename = "panel")]
    pub panels: Vec<Panel>,
}

/// One question and how it is answered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    /// A word for addresses and ids, its dashboard's alone.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// What it answers, in one sentence.
    pub question: String,
    /// What the numbers are of: `messages`, `US dollars`, `%`, `time` for moments in epoch milliseconds.
    pub unit: String,
    /// What a reader must know before using the number.
    pub caveat: String,
    /// How it is drawn.
    pub chart: Chart,
    /// Where it looks.
    pub over: Over,
    /// Which documents count: a query of Lucene, the same in `query_string` and in Kibana; all of them when empty.
    #[serde(default)]
    pub query: String,
    /// The numbers; none for a panel that shows documents.
    #[serde(default)]
    pub measures: Vec<Measure>,
    /// What the numbers are divided by, outermost first.
    #[serde(default)]
    pub splits: Vec<Split>,
    /// What a reader types; without it nothing is found.
    #[serde(default)]
    pub inputs: Vec<Input>,
    /// The members that are shown of a document.
    #[serde(default)]
    pub show: Vec<String>,
    /// Whether documents come newest first.
    #[serde(default)]
    pub newest_first: bool,
}

impl Panel {
    /// Whether its rows are moments.
    pub fn is_over_time(&self) -> bool {
        self.splits.first().is_some_and(|split| matches!(split.by, By::Time { .. }))
    }
}

/// Which indices a panel asks, and by which time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Over {
    /// Every family that has messages, by `@timestamp`.
    Messages,
    /// Pinpoint's indices, also those that another tool wrote, by `arrival_timestamp`.
    Pinpoint,
    /// Every family, also what nobody recognises, by the arrival in Kinesis.
    Arrivals,
    /// Dead letters, by their arrival in Kinesis.
    DeadLetters,
}

impl Over {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Messages, Self::Pinpoint, Self::Arrivals, Self::DeadLetters];

    /// A word for ids.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Pinpoint => "pinpoint",
            Self::Arrivals => "arrivals",
            Self::DeadLetters => "dead-letters",
        }
    }

    /// The field that a range of time is about.
    pub const fn time(self) -> &'static str {
        match self {
            Self::Messages | Self::DeadLetters => "@timestamp",
            Self::Pinpoint => "arrival_timestamp",
            Self::Arrivals => "essink.arrived",
        }
    }
}

/// How a panel is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chart {
    /// Numbers, large.
    Number,
    /// Bars: a bar a row, coloured by the second split.
    Bar,
    /// Lines over time.
    Line,
    /// Rows and columns.
    Table,
    /// The documents themselves.
    Events,
}

#[cfg(test)]
mod tests;
