//! The time of arrival that an object's name tells.
//!
//! Firehose calls an object `PREFIX/YYYY/MM/DD/HH/NAME-VERSION-YYYY-MM-DD-HH-MM-SS-UUID`, all in UTC; a prefix of one's own may
//! write the hour as `year=YYYY/month=MM/day=DD/hour=HH`.

use chrono::NaiveDate;

use crate::event::time::{Day, Millis};

/// Where a time of arrival was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Told {
    /// The stamp in the object's own name: when Firehose began to fill it.
    Stamp,
    /// The hour in its path.
    Hour,
    /// Nothing in the name: when the object was last modified.
    Modified,
}

/// Arrival of what is in the object with this key.
pub fn arrival(key: &str, modified: Millis) -> (Millis, Told) {
    let (path, name) = key.rsplit_once('/').unwrap_or(("", key));
    if let Some(at) = stamp(name) {
        return (at, Told::Stamp);
    }
    match hour(path) {
        Some(at) => (at, Told::Hour),
        None => (modified, Told::Modified),
    }
}

/// The last moment of arrival of what is in the index `name`, where it ends in the suffix of a day or of an hour.
pub fn of_index(name: &str) -> Option<Millis> {
    let parts: Vec<&str> = name.rsplitn(5, '-').collect();
    let day = |year: &str, month: &str, day: &str| Some((number(year, 4)?, number(month, 2)?, number(day, 2)?));
    let (date, hour) = match parts[..] {
        [h, d, m, y, _] if day(y, m, d).is_some() => (day(y, m, d)?, number(h, 2)?),
        [d, m, y, ..] => (day(y, m, d)?, 23),
        _ => return None,
    };
    let begins = time(date.0, date.1, date.2, hour, 59, 59)?;
    Some(Millis(begins.0 + 999))
}

/// `…-YYYY-MM-DD-HH-MM-SS-UUID`, perhaps with an extension.
fn stamp(name: &str) -> Option<Millis> {
    let parts: Vec<&str> = name.split('.').next()?.split('-').collect();
    // The six of the time and the five of the UUID, behind a name of at least one.
    let at = parts.len().checked_sub(11).filter(|at| *at >= 1)?;
    let uuid = &parts[at + 6..];
    let is_uuid = uuid
        .iter()
        .zip([8, 4, 4, 4, 12])
        .all(|(part, n)| part.len() == n && part.bytes().all(|b| b.is_ascii_hexdigit()));
    let numbers: Vec<u32> =
        parts[at..at + 6].iter().zip([4, 2, 2, 2, 2, 2]).filter_map(|(p, n)| number(p, n)).collect();
    let &[year, month, day, hour, minute, second] = &numbers[..] else { return None };
    if is_uuid { time(year, month, day, hour, minute, second) } else { None }
}

/// The last `YYYY/MM/DD/HH` in a path, plain or as `year=YYYY/month=MM/day=DD/hour=HH`.
fn hour(path: &str) -> Option<Millis> {
    let parts: Vec<&str> = path.split('/').collect();
    let read = |window: &[&str]| {
        let named = |at: usize, name: &str, n: usize| {
            let part = window.get(at)?;
            number(part.strip_prefix(name).unwrap_or(part), n)
        };
        time(named(0, "year=", 4)?, named(1, "month=", 2)?, named(2, "day=", 2)?, named(3, "hour=", 2)?, 0, 0)
    };
    parts.windows(4).rev().find_map(read)
}

/// Exactly `width` digits.
fn number(text: &str, width: usize) -> Option<u32> {
    let digits = text.len() == width && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

fn time(year: u32, month: u32, day: u32, hour: u32, minute: u32, second: u32) -> Option<Millis> {
    // Firehose is from 2015; a longer year is no year.
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day).filter(|_| year >= 2014)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second);
    Some(Millis(i64::from(Day::of(date).0) * 86_400_000 + seconds * 1_000))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MODIFIED: Millis = Millis(1_800_000_000_000);

    fn told(key: &str) -> (String, Told) {
        let (at, told) = arrival(key, MODIFIED);
        (at.rfc3339(), told)
    }

    #[test]
    fn the_stamp_of_the_name_comes_first_then_the_hour_of_the_path_then_the_last_change() {
        let name = "pinpoint-firehose-1-2020-05-18-09-59-58-0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";
        let stamp = ("2020-05-18T09:59:58.000Z".to_owned(), Told::Stamp);
        assert_eq!(told(&format!("backup/2020/05/18/09/{name}")), stamp);
        assert_eq!(told(name), stamp);
        assert_eq!(told(&format!("a/{name}.gz")), stamp);
        assert_eq!(told(&format!("failed_elasticsearch-failed/2021/01/01/00/{name}")), stamp, "the name wins");
        let hour = ("2020-05-18T09:00:00.000Z".to_owned(), Told::Hour);
        assert_eq!(told("backup/2020/05/18/09/part-0001.gz"), hour);
        assert_eq!(told("2020/05/18/09/x"), hour);
        assert_eq!(told("a/year=2020/month=05/day=18/hour=09/x"), hour);
        assert_eq!(told("2019/01/01/00/more/2020/05/18/09/x"), hour, "the innermost");
        let modified = (MODIFIED.rfc3339(), Told::Modified);
        for key in [
            "",
            "x",
            "2020/05/18/x",
            "2020/13/18/09/x",
            "2020/05/18/24/x",
            "0020/05/18/09/x",
            "name-1-2020-05-18-09-59-60-0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
            "name-1-2020-02-30-09-59-58-0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
            "name-1-2020-05-18-09-59-58-not-a-uuid-at-all",
            "2020-05-18-09-59-58-0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
        ] {
            assert_eq!(told(key), modified, "{key}");
        }
    }

    #[test]
    fn the_suffix_of_an_index_tells_its_last_moment() {
        let check = |index: &str, expected: Option<&str>| {
            assert_eq!(of_index(index).map(Millis::rfc3339).as_deref(), expected, "{index}");
        };
        check("pinpoint-2020-05-18", Some("2020-05-18T23:59:59.999Z"));
        check("my-pin-2020-05-18", Some("2020-05-18T23:59:59.999Z"));
        check("pinpoint-2020-05-18-07", Some("2020-05-18T07:59:59.999Z"));
        check("my-12-2020-05-18", Some("2020-05-18T23:59:59.999Z"));
        for none in [
            "pinpoint",
            "pinpoint-2020-05",
            "pinpoint-2020-w21",
            "pinpoint-2020-13-18",
            "pinpoint-2020-02-30",
            "pinpoint-2020-05-18-24",
            "pinpoint-2020-05-18-new",
            "",
        ] {
            check(none, None);
        }
    }

    proptest! {
        #[test]
        fn what_firehose_writes_is_read_back(seconds in 1_400_000_000_i64..4_000_000_000, name in "[a-z][a-z0-9-]{0,20}", version in 1..99_u32) {
            let at = Millis(seconds * 1_000);
            let text = at.rfc3339();
            let stamp = text[..19].replace([':', 'T'], "-");
            let key = format!("p/{}/{name}-{version}-{stamp}-0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", text[..13].replace(['-', 'T'], "/"));
            prop_assert_eq!(arrival(&key, MODIFIED), (at, Told::Stamp));
            let (path, _) = key.rsplit_once('/').expect("a path");
            let hour = Millis(at.0 / 3_600_000 * 3_600_000);
            prop_assert_eq!(arrival(&format!("{path}/other"), MODIFIED), (hour, Told::Hour));
        }

        #[test]
        fn any_name_is_read_without_a_panic(key in "\\PC{0,80}") {
            arrival(&key, MODIFIED);
        }
    }
}
