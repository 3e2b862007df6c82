//! Times and days of events. Milliseconds since 1970 in UTC; days in UTC.

use std::fmt;

use chrono::{Datelike, NaiveDate};
use serde::{Serialize, Serializer};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Millis(pub i64);

impl Millis {
    /// The UTC day this instant falls on.
    pub fn day(self) -> Day {
        let days = self.0.div_euclid(86_400_000).clamp(i64::from(i32::MIN), i64::from(i32::MAX));
        Day(i32::try_from(days).unwrap_or_default())
    }

    /// Appends RFC 3339 in UTC with milliseconds, as documents carry it: `2026-11-21T10:00:00.000Z`.
    ///
    /// Written by hand because every document has two of them; a format string costs ten times as much.
    pub fn write_rfc3339(self, out: &mut Vec<u8>) {
        let date = self.day().date();
        let ms = u32::try_from(self.0.rem_euclid(86_400_000)).unwrap_or_default();
        let year = u32::try_from(date.year().clamp(0, 9999)).unwrap_or_default();
        write_digits(year, 4, b'-', out);
        write_digits(date.month(), 2, b'-', out);
        write_digits(date.day(), 2, b'T', out);
        write_digits(ms / 3_600_000, 2, b':', out);
        write_digits(ms / 60_000 % 60, 2, b':', out);
        write_digits(ms / 1000 % 60, 2, b'.', out);
        write_digits(ms % 1000, 3, b'Z', out);
    }

    /// [`Self::write_rfc3339`] as text.
    pub fn rfc3339(self) -> String {
        let mut out = Vec::with_capacity(24);
        self.write_rfc3339(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// `number` in `width` decimal digits, and the character behind it.
fn write_digits(number: u32, width: u32, behind: u8, out: &mut Vec<u8>) {
    for place in (0..width).rev() {
        let digit = number / 10_u32.pow(place) % 10;
        out.push(b'0' + u8::try_from(digit).unwrap_or_default());
    }
    out.push(behind);
}

/// A calendar day in UTC, as days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(pub i32);

impl Day {
    /// The day as a calendar date.
    pub fn date(self) -> NaiveDate {
        NaiveDate::from_epoch_days(self.0).unwrap_or(NaiveDate::MAX)
    }

    /// The day of a calendar date.
    pub fn of(date: NaiveDate) -> Self {
        Self(date.to_epoch_days())
    }

    /// This day minus `days`.
    pub fn minus(self, days: u32) -> Self {
        Self(self.0.saturating_sub_unsigned(days))
    }
}

/// `YYYY-MM-DD`, the form index names end in.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.date().format("%Y-%m-%d"))
    }
}

/// As it is written: `YYYY-MM-DD`.
impl Serialize for Day {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rfc3339_is_what_a_calendar_library_reads(ms in 0..253_402_300_799_999_i64) {
            let read = DateTime::parse_from_rfc3339(&Millis(ms).rfc3339()).expect("RFC 3339");
            prop_assert_eq!(read.timestamp_millis(), ms);
        }

        #[test]
        fn the_day_is_the_date_of_the_written_time(ms in 0..253_402_300_799_999_i64) {
            prop_assert_eq!(Millis(ms).day().to_string(), &Millis(ms).rfc3339()[..10]);
        }
    }

    #[test]
    fn days_begin_at_midnight_utc() {
        assert_eq!(Millis(1_767_225_599_999).day().to_string(), "2025-12-31");
        assert_eq!(Millis(1_767_225_600_000).day().to_string(), "2026-01-01");
        assert_eq!(Millis(-1).day().to_string(), "1969-12-31");
        assert_eq!(Millis(1_767_225_600_000).day().minus(31).to_string(), "2025-12-01");
    }
}
