//! Days on disk: what each family has kept, and how much room that takes.

use std::num::NonZeroU32;

use tokio::time::timeout;

use super::{PATIENCE, too_slow};
use crate::app::clock;
use crate::app::columns::columns;
use crate::config::{KeepDays, NameOptions, StatusOptions};
use crate::opensearch::client::Client;
use crate::upkeep::retention::{OnDisk, Size, Wanted, on_disk};

/// What the indices of dead letters are called here.
const LETTERS: &str = "dead letters";

/// Every family and the dead letters, and how long each is kept where somebody says so.
pub fn wanted(names: &NameOptions, keep: Option<KeepDays>, keep_dead_letters: Option<KeepDays>) -> Vec<Wanted> {
    let days = |keep: Option<KeepDays>| keep.and_then(|keep| NonZeroU32::new(keep.days()));
    let families = names.families.iter().map(|(family, prefix)| (family.name(), prefix, days(keep)));
    let letters = (LETTERS, names.dead_letter_prefix.as_str(), days(keep_dead_letters));
    families.chain([letters]).map(|(family, prefix, keep)| Wanted { family, prefix: prefix.to_owned(), keep }).collect()
}

/// Reads it, or says why it is unknown.
pub async fn read(options: &StatusOptions, client: &Client) -> Result<Vec<OnDisk>, String> {
    let wanted = wanted(&options.names, options.keep, options.keep_dead_letters);
    let read = timeout(PATIENCE, on_disk(client, &wanted, clock::now().day())).await;
    read.unwrap_or_else(|_| Err(anyhow::anyhow!(too_slow("the cluster")))).map_err(|error| format!("{error:#}"))
}

/// A line a family that has anything.
pub fn table(all: &[OnDisk]) -> String {
    let some: Vec<&OnDisk> = all.iter().filter(|one| one.days + one.other_indices > 0).collect();
    if some.is_empty() {
        return "\non disk: no daily indices, or none that this user may list\n".to_owned();
    }
    let heads = ["ON DISK", "DAYS", "OLDEST", "NEWEST", "DOCUMENTS", "PRIMARIES", "ALL COPIES", "OLDER THAN KEPT"];
    let rows = some.iter().map(|one| cells(one));
    let mut text = format!("\n{}", columns(std::iter::once(heads.map(str::to_owned)).chain(rows)));
    for one in some.iter().filter(|one| one.other_indices > 0) {
        let (name, indices, size) = (&one.indices, one.other_indices, Size(one.other_bytes));
        text += &format!("{name}: {indices} more that are no days, {size}; {} names them\n", plan(all));
    }
    text
}

/// The command that names every index of these, as it can be typed. It keeps what is kept, or, where nobody said, what
/// examples keep; of dead letters `prune` speaks only when told how long they are kept.
pub fn plan(all: &[OnDisk]) -> String {
    let (letters, families): (Vec<&OnDisk>, Vec<&OnDisk>) = all.iter().partition(|one| one.family == LETTERS);
    let given = |some: &[&OnDisk]| some.iter().find_map(|one| one.keep_days).map(NonZeroU32::get);
    let keep = given(&families).unwrap_or(30);
    let others = letters.iter().any(|one| one.other_indices > 0);
    let of_letters = given(&letters).or(others.then_some(90));
    let of_letters = of_letters.map_or(String::new(), |keep| format!(" --keep-dead-letters {keep}d"));
    format!("essink prune --keep {keep}d{of_letters} --dry-run")
}

fn cells(one: &OnDisk) -> [String; 8] {
    let days = match one.unsized_days {
        0 => one.days.to_string(),
        closed => format!("{} ({closed} closed, of unknown size)", one.days),
    };
    let day = |day: Option<_>| day.map_or("-".to_owned(), |day: crate::event::time::Day| day.to_string());
    let older = match (one.older_days, one.keep_days) {
        (Some(0), Some(keep)) => format!("none ({keep}d)"),
        (Some(days), Some(keep)) => format!("{days}, {} ({keep}d)", Size(one.older_bytes.unwrap_or_default())),
        _ => "-".to_owned(),
    };
    let sizes = [one.primary_bytes, one.bytes].map(|bytes| Size(bytes).to_string());
    let [primaries, all] = sizes;
    [one.indices.clone(), days, day(one.oldest), day(one.newest), one.documents.to_string(), primaries, all, older]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Command};
    use crate::event::time::Day;

    fn pinpoint() -> OnDisk {
        OnDisk {
            family: "pinpoint",
            indices: "pinpoint-*".to_owned(),
            days: 31,
            oldest: Some(Day(20_000)),
            newest: Some(Day(20_030)),
            documents: 1_500,
            primary_bytes: 2_048,
            bytes: 4_096,
            keep_days: NonZeroU32::new(30),
            older_days: Some(0),
            older_bytes: Some(0),
            ..OnDisk::default()
        }
    }

    #[test]
    fn a_family_has_a_line_when_it_has_anything() {
        let more = OnDisk { unsized_days: 1, older_days: Some(2), older_bytes: Some(1_024), ..pinpoint() };
        let kept = OnDisk { keep_days: None, older_days: None, indices: "ses-*".to_owned(), ..pinpoint() };
        let old = OnDisk { indices: "eum-*".to_owned(), other_indices: 3, other_bytes: 5_120, ..OnDisk::default() };
        let nothing = OnDisk { indices: "bird-*".to_owned(), ..OnDisk::default() };
        let text = table(&[pinpoint(), more, kept, old, nothing]);
        let lines: Vec<Vec<&str>> =
            text.lines().map(|line| line.split("  ").filter(|s| !s.is_empty()).collect()).collect();
        let has = |wanted: &[&str]| {
            let found = lines.iter().any(|line| line.iter().map(|cell| cell.trim()).eq(wanted.iter().copied()));
            assert!(found, "{wanted:?} is not in {text}");
        };
        // Day 20,000 after 1970 is the 4th of October 2024.
        has(&["pinpoint-*", "31", "2024-10-04", "2024-11-03", "1500", "2.0 KiB", "4.0 KiB", "none (30d)"]);
        let days = "31 (1 closed, of unknown size)";
        has(&["pinpoint-*", days, "2024-10-04", "2024-11-03", "1500", "2.0 KiB", "4.0 KiB", "2, 1.0 KiB (30d)"]);
        has(&["ses-*", "31", "2024-10-04", "2024-11-03", "1500", "2.0 KiB", "4.0 KiB", "-"]);
        has(&["eum-*: 3 more that are no days, 5.0 KiB; essink prune --keep 30d --dry-run names them"]);
        assert!(!text.contains("bird"), "{text}");
    }

    /// What a line of the table tells to type, and as what `prune` takes it: days of families, days of dead letters.
    fn typed(all: &[OnDisk]) -> (String, (u32, Option<u32>)) {
        let text = table(all);
        let (_, command) = text.split_once("; ").unwrap();
        let (command, _) = command.split_once(" names them\n").unwrap();
        let Command::Prune(prune) = config::tests::typed(command.strip_prefix("essink ").unwrap()) else {
            panic!("{command}");
        };
        assert!(prune.dry_run, "{command}");
        let kept = &prune.retention;
        (command.to_owned(), (kept.keep.days(), kept.keep_dead_letters.map(KeepDays::days)))
    }

    #[test]
    fn what_it_tells_to_type_can_be_typed_and_says_what_is_kept() {
        let days = |keep: u32| NonZeroU32::new(keep);
        let ses = |keep| OnDisk { family: "ses", other_indices: 1, keep_days: days(keep), ..OnDisk::default() };
        let letters = |keep, others| OnDisk {
            family: "dead letters",
            days: 1,
            other_indices: others,
            keep_days: days(keep),
            ..OnDisk::default()
        };
        let (command, kept) = typed(&[ses(0), letters(0, 0)]);
        assert_eq!((command.as_str(), kept), ("essink prune --keep 30d --dry-run", (30, None)));
        assert_eq!(typed(&[ses(7), letters(0, 0)]).1, (7, None));
        assert_eq!(typed(&[ses(7), letters(400, 0)]).1, (7, Some(400)));
        assert_eq!(typed(&[ses(0), letters(400, 0)]).1, (30, Some(400)));
        // Without --keep-dead-letters prune does not look at them.
        assert_eq!(typed(&[ses(7), letters(0, 2)]).1, (7, Some(90)));
    }

    #[test]
    fn nothing_may_also_be_a_right_that_is_missing() {
        assert_eq!(table(&[OnDisk::default()]), "\non disk: no daily indices, or none that this user may list\n");
    }
}
