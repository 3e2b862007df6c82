//! What is on disk: the days that each family has, their documents and their bytes.

use std::num::NonZeroU32;

use serde::Serialize;
use serde_json::Value;

use super::listing::{answered, is_of, names};
use super::name::{Rotation, last_day};
use crate::event::time::Day;
use crate::opensearch::client::Client;
use crate::upkeep::names::pattern;

/// Daily indices to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What they are called in a report.
    pub family: &'static str,
    /// What their names begin with.
    pub prefix: String,
    /// How many days before today stay, where that is known.
    pub keep: Option<NonZeroU32>,
}

/// What there is of one family. An index counts as a day where a prune would take its name for one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OnDisk {
    /// Whose: a family's name, or `dead letters`.
    pub family: &'static str,
    /// The pattern of the indices' names.
    pub indices: String,
    /// Daily indices, closed ones among them.
    pub days: usize,
    /// The first of their days.
    pub oldest: Option<Day>,
    /// The last of them.
    pub newest: Option<Day>,
    /// Documents of those whose size is known, each once however many copies there are.
    pub documents: u64,
    /// What their primaries take on disk.
    pub primary_bytes: u64,
    /// What all copies take on disk, primaries and replicas.
    pub bytes: u64,
    /// Days whose documents and size are not known: closed indices.
    pub unsized_days: usize,
    /// How many days before today stay; none where nobody said.
    pub keep_days: Option<NonZeroU32>,
    /// Days older than that.
    pub older_days: Option<usize>,
    /// What all copies of those take on disk.
    pub older_bytes: Option<u64>,
    /// Indices whose names begin as the family's and are no day.
    pub other_indices: usize,
    /// What all copies of those take on disk.
    pub other_bytes: u64,
}

/// Asks for the indices of all of them at once, open and closed. Hidden ones are somebody's machinery.
///
/// # Errors
/// When the cluster does not answer or refuses.
pub async fn on_disk(client: &Client, wanted: &[Wanted], today: Day) -> anyhow::Result<Vec<OnDisk>> {
    let patterns: Vec<String> = wanted.iter().map(|family| names(&family.prefix)).collect();
    let path = format!(
        "/_cat/indices/{}?format=json&bytes=b&h=index,docs.count,pri.store.size,store.size&expand_wildcards=open,closed",
        patterns.join(",")
    );
    let rows = answered(client, &path).await?.json();
    Ok(wanted.iter().map(|family| of(family, &rows, today)).collect())
}

fn of(family: &Wanted, rows: &Value, today: Day) -> OnDisk {
    let oldest_kept = family.keep.map(|keep| today.minus(keep.get()));
    let mut found = OnDisk {
        family: family.family,
        indices: pattern(&family.prefix),
        keep_days: family.keep,
        older_days: oldest_kept.map(|_| 0),
        older_bytes: oldest_kept.map(|_| 0),
        ..OnDisk::default()
    };
    for row in rows.as_array().into_iter().flatten() {
        let Some(name) = row["index"].as_str().filter(|name| is_of(&family.prefix, name)) else { continue };
        let number = |column: &str| row[column].as_str().and_then(|text| text.parse::<u64>().ok());
        let bytes = number("store.size");
        let Ok(day) = last_day(name, &family.prefix, &[Rotation::Day]) else {
            found.other_indices += 1;
            found.other_bytes += bytes.unwrap_or_default();
            continue;
        };
        found.days += 1;
        found.oldest = Some(found.oldest.map_or(day, |oldest| oldest.min(day)));
        found.newest = found.newest.max(Some(day));
        found.documents += number("docs.count").unwrap_or_default();
        found.primary_bytes += number("pri.store.size").unwrap_or_default();
        found.bytes += bytes.unwrap_or_default();
        found.unsized_days += usize::from(bytes.is_none());
        if oldest_kept.is_some_and(|kept| day < kept) {
            found.older_days = found.older_days.map(|days| days + 1);
            found.older_bytes = found.older_bytes.map(|sum| sum + bytes.unwrap_or_default());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use serde_json::json;

    use super::*;

    fn day(y: i32, m: u32, d: u32) -> Day {
        Day::of(NaiveDate::from_ymd_opt(y, m, d).unwrap())
    }

    fn wanted(prefix: &str, keep: u32) -> Wanted {
        Wanted { family: "pinpoint", prefix: prefix.to_owned(), keep: NonZeroU32::new(keep) }
    }

    /// A listing of days, a closed one, look-alikes, another family's and other rotations.
    fn rows() -> Value {
        let row = |name: &str, documents: u64, primaries: u64, all: u64| json!({"index": name, "docs.count": documents.to_string(), "pri.store.size": primaries.to_string(), "store.size": all.to_string()});
        json!([
            row("pinpoint-2026-11-21", 3, 100, 200),
            row("pinpoint-2026-10-22", 5, 1_000, 2_000),
            row("pinpoint-2026-10-21", 7, 10_000, 20_000),
            {"index": "pinpoint-2026-10-20", "docs.count": null, "pri.store.size": null, "store.size": null},
            row("pinpoint-2026-10", 11, 1, 1),
            row("pinpoint-2026-10-20-copy", 11, 1, 2),
            row("pinpoint", 11, 1, 4),
            row("pinpointer-2026-10-20", 11, 1, 8),
            row("archive-2026-10-20", 11, 1, 16),
            row(".ds-pinpoint-2026-10-20", 11, 1, 32),
            row("ses-2026-11-20", 13, 1, 64),
        ])
    }

    #[test]
    fn days_are_what_a_prune_would_take_for_days() {
        let found = of(&wanted("pinpoint-", 30), &rows(), day(2026, 11, 21));
        assert_eq!((found.family, found.indices.as_str(), found.days), ("pinpoint", "pinpoint-*", 4));
        assert_eq!((found.oldest, found.newest), (Some(day(2026, 10, 20)), Some(day(2026, 11, 21))));
        assert_eq!((found.documents, found.primary_bytes, found.bytes), (15, 11_100, 22_200));
        assert_eq!(found.unsized_days, 1, "the closed one");
        // 30 days before the 21st of November is the 22nd of October, and that stays.
        assert_eq!((found.older_days, found.older_bytes), (Some(2), Some(20_000)));
        assert_eq!((found.other_indices, found.other_bytes), (3, 7));
    }

    #[test]
    fn without_a_keep_nothing_is_said_to_be_older_and_without_indices_there_is_no_day() {
        let found = of(&wanted("pinpoint-", 0), &rows(), day(2026, 11, 21));
        assert_eq!((found.keep_days, found.older_days, found.older_bytes), (None, None, None));
        let none = of(&wanted("bird-", 30), &rows(), day(2026, 11, 21));
        assert_eq!((none.days, none.oldest, none.newest, none.older_days), (0, None, None, Some(0)));
        let json = serde_json::to_value(of(&wanted("ses-", 0), &rows(), day(2026, 11, 21))).unwrap();
        assert_eq!((&json["oldest"], &json["bytes"]), (&json!("2026-11-20"), &json!(64)));
    }
}
