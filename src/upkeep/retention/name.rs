//! Names of rotated indices: a prefix and a period, or nothing we know.

use chrono::{Datelike, NaiveDate, Weekday};
use serde::Serialize;

use crate::event::time::Day;

/// How often a new index begins: Firehose's choices, in its own suffixes (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    /// `YYYY-MM-DD-HH`.
    Hour,
    /// `YYYY-MM-DD`: what essink writes.
    Day,
    /// `YYYY-wWW`, weeks of ISO 8601. Where the writer counted weeks from Sunday, its week of that number
    /// ends no later than this one, so nothing goes too early; its week 53 may be no ISO week and stays.
    Week,
    /// `YYYY-MM`.
    Month,
    /// No suffix. Such an index has no day and is never pruned; naming it only makes the plan say so.
    None,
}

/// Why a name is not one that may be pruned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unparsed {
    /// What follows the prefix is no period.
    Foreign,
    /// A period of a rotation that was not named.
    NotNamed(Rotation),
    /// It holds every day there was.
    Unrotated,
}

impl Rotation {
    /// The word for it on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::None => "none",
        }
    }

    /// The rotation of that word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Hour, Self::Day, Self::Week, Self::Month, Self::None].into_iter().find(|r| r.word() == word)
    }
}

/// The last day the index `name` of the family `prefix` can hold, when the name parses to its end.
pub fn last_day(name: &str, prefix: &str, rotations: &[Rotation]) -> Result<Day, Unparsed> {
    if Some(name) == prefix.strip_suffix('-') {
        return Err(Unparsed::Unrotated);
    }
    let (rotation, day) = name.strip_prefix(prefix).and_then(period).ok_or(Unparsed::Foreign)?;
    if rotations.contains(&rotation) { Ok(day) } else { Err(Unparsed::NotNamed(rotation)) }
}

/// The rotation a suffix belongs to and its period's last day. The lengths differ, so no two can match.
fn period(suffix: &str) -> Option<(Rotation, Day)> {
    let (year, rest) = suffix.as_bytes().split_at_checked(4)?;
    let year = i32::try_from(number(year)?).ok()?;
    let date = |m: [u8; 2], d: [u8; 2]| NaiveDate::from_ymd_opt(year, number(&m)?, number(&d)?);
    let (rotation, last) = match *rest {
        [b'-', m1, m2] => (Rotation::Month, last_of_month(date([m1, m2], *b"01")?)?),
        [b'-', b'w', w1, w2] => (Rotation::Week, NaiveDate::from_isoywd_opt(year, number(&[w1, w2])?, Weekday::Sun)?),
        [b'-', m1, m2, b'-', d1, d2] => (Rotation::Day, date([m1, m2], [d1, d2])?),
        [b'-', m1, m2, b'-', d1, d2, b'-', h1, h2] if number(&[h1, h2])? < 24 => {
            (Rotation::Hour, date([m1, m2], [d1, d2])?)
        }
        _ => return None,
    };
    Some((rotation, Day::of(last)))
}

fn last_of_month(first: NaiveDate) -> Option<NaiveDate> {
    first.with_day(u32::from(first.num_days_in_month()))
}

/// At most four ASCII digits, nothing else.
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, b| b.is_ascii_digit().then(|| sum * 10 + u32::from(b - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Rotation; 5] = [Rotation::Hour, Rotation::Day, Rotation::Week, Rotation::Month, Rotation::None];

    fn day(y: i32, m: u32, d: u32) -> Result<Day, Unparsed> {
        Ok(Day::of(NaiveDate::from_ymd_opt(y, m, d).unwrap()))
    }

    #[test]
    fn names_that_parse_wholly() {
        let check = |name, expected| assert_eq!(last_day(name, "pinpoint-", &ALL), expected, "{name}");
        check("pinpoint-2026-01-01", day(2026, 1, 1));
        check("pinpoint-2024-02-29", day(2024, 2, 29));
        check("pinpoint-2026-01-01-00", day(2026, 1, 1));
        check("pinpoint-2026-01-01-23", day(2026, 1, 1));
        check("pinpoint-2024-02", day(2024, 2, 29));
        check("pinpoint-2026-12", day(2026, 12, 31));
        // ISO weeks: 2020 has 53 and its last ends in January; 2021's first ends on 10 January.
        check("pinpoint-2020-w53", day(2021, 1, 3));
        check("pinpoint-2021-w01", day(2021, 1, 10));
    }

    #[test]
    fn names_that_do_not() {
        for suffix in [
            "",
            "2026-13-01",
            "2021-02-29",
            "2026-00-10",
            "2026-01-00",
            "2026-01-32",
            "2020.01.01",
            "2020-1-1",
            "20200101",
            "2020-01-01-copy",
            "2020-01-01-24",
            "2020-01-01-0",
            "2020-01-01-000",
            "2020-01-01-new",
            "backup-2020-01-01",
            "-2020-01-01",
            "+020-01-01",
            " 2020-01-01",
            "2020-01-01 ",
            "2020-01-0١",
            "2021-w53",
            "2021-w00",
            "2021-W01",
            "2020-13",
            "2020-00",
            "2020",
            "02020-01-01",
            "2020-01-01\n",
        ] {
            let name = format!("pinpoint-{suffix}");
            assert_eq!(last_day(&name, "pinpoint-", &ALL), Err(Unparsed::Foreign), "{name}");
        }
        for name in ["xpinpoint-2020-01-01", "Pinpoint-2020-01-01", "2020-01-01", "pinpoint2020-01-01"] {
            assert_eq!(last_day(name, "pinpoint-", &ALL), Err(Unparsed::Foreign), "{name}");
        }
    }

    #[test]
    fn only_the_rotations_that_are_named() {
        let names = [
            (Rotation::Day, "pinpoint-2026-01-01"),
            (Rotation::Hour, "pinpoint-2026-01-01-00"),
            (Rotation::Week, "pinpoint-2020-w05"),
            (Rotation::Month, "pinpoint-2020-05"),
        ];
        for (named, _) in names {
            for (rotation, name) in names {
                let read = last_day(name, "pinpoint-", &[named]);
                match rotation == named {
                    true => assert!(read.is_ok(), "{name} under {named:?}"),
                    false => assert_eq!(read, Err(Unparsed::NotNamed(rotation)), "{name} under {named:?}"),
                }
            }
        }
        assert_eq!(last_day("pinpoint", "pinpoint-", &[Rotation::Day]), Err(Unparsed::Unrotated));
        assert_eq!(last_day("pinpoint", "pinpoint-", &ALL), Err(Unparsed::Unrotated));
    }

    #[test]
    fn words_of_rotations() {
        assert_eq!(Rotation::parse("week"), Some(Rotation::Week));
        assert_eq!(Rotation::parse("weekly"), None);
    }
}
