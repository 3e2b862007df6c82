//! Which day an event belongs to, and whose clock says so.

use chrono::{DateTime, NaiveDateTime};

use super::time::Millis;
use super::walk::unquoted;

/// How far a stamp may lie from the arrival in Kinesis and still be believed.
#[derive(Debug, Clone, Copy)]
pub struct ClockBounds {
    /// A device's stamp may be this much older, in milliseconds.
    pub lag: i64,
    /// Any stamp may be this much newer, in milliseconds.
    pub lead: i64,
}

/// Whose clock made a stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// A service's: believed however old, because a replay belongs in its old day.
    Service,
    /// A phone's or a browser's: off by hours or by decades.
    Device,
}

/// The time an event is filed under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filed {
    /// `@timestamp` of the document; its UTC day names the index.
    pub at: Millis,
    /// Whose time that is, when an event that should have one has none that is believed.
    pub instead: Option<Instead>,
}

/// What an event is filed under instead of its own stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instead {
    /// The arrival in Kinesis.
    Arrival,
    /// The time of what it was wrapped in.
    Envelope,
}

impl Instead {
    /// Its name in `essink.clock`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arrival => "corrected",
            Self::Envelope => "envelope",
        }
    }
}

impl ClockBounds {
    /// Files an event with this stamp that arrived in Kinesis at `arrived`.
    pub fn file(&self, stamp: Option<Millis>, clock: Clock, arrived: Millis) -> Filed {
        let newest = arrived.0.saturating_add(self.lead);
        let oldest = match clock {
            Clock::Service => i64::MIN,
            Clock::Device => arrived.0.saturating_sub(self.lag),
        };
        match stamp {
            Some(at) if (oldest..=newest).contains(&at.0) => Filed { at, instead: None },
            _ => Filed { at: arrived, instead: Some(Instead::Arrival) },
        }
    }

    /// Files an event that came in an envelope of this time, which stands in for a service's stamp that cannot be read or
    /// believed. A device's event keeps to the arrival, by which its stamps are bounded too.
    pub fn file_wrapped(
        &self,
        stamp: Option<Millis>,
        clock: Clock,
        envelope: Option<Millis>,
        arrived: Millis,
    ) -> Filed {
        let own = self.file(stamp, clock, arrived);
        match (own.instead, clock) {
            (Some(_), Clock::Service) => self.file_by_envelope(envelope, arrived).unwrap_or(own),
            _ => own,
        }
    }

    /// Files an event whose own time nobody knows how to read.
    pub fn file_unknown(&self, envelope: Option<Millis>, arrived: Millis) -> Filed {
        self.file_by_envelope(envelope, arrived).unwrap_or(Filed { at: arrived, instead: None })
    }

    /// By the time of an envelope, within the bounds of a service's clock.
    fn file_by_envelope(&self, envelope: Option<Millis>, arrived: Millis) -> Option<Filed> {
        let filed = self.file(Some(envelope?), Clock::Service, arrived);
        filed.instead.is_none().then_some(Filed { instead: Some(Instead::Envelope), ..filed })
    }
}

/// 2014-01-01T00:00:00Z: Kinesis is from the last weeks of 2013, so an older stamp is a wrong unit or a clock never set.
const OLDEST: i64 = 1_388_534_400_000;
/// An id has six bytes for its time (until the year 10889).
const NEWEST: i64 = (1 << 48) - 1;

/// Reads a stamp as producers write it: milliseconds as a number or as digits in a string, or RFC 3339.
///
/// `value` is the JSON text. `None` for anything else, and for times before 2014.
pub fn stamp(value: &[u8]) -> Option<Millis> {
    let text = text(value)?;
    let millis = match text.parse::<i64>() {
        Ok(millis) => millis,
        Err(_) => DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis(),
    };
    believable(millis)
}

/// Reads a stamp in whole seconds, as a number or as digits in a string; `None` as for [`stamp`].
///
/// No number is both: what is seconds of a time after 2014 is milliseconds of one before 1980, and the other way round.
pub fn seconds(value: &[u8]) -> Option<Millis> {
    believable(text(value)?.parse::<i64>().ok()?.checked_mul(1000)?)
}

/// Reads a time of UTC that does not name its zone, `2018-10-25 12:10:29`; `None` as for [`stamp`].
pub fn zoneless(value: &[u8]) -> Option<Millis> {
    let time = NaiveDateTime::parse_from_str(text(value)?, "%Y-%m-%d %H:%M:%S").ok()?;
    believable(time.and_utc().timestamp_millis())
}

/// The text of a number, or of a string without escapes.
fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(unquoted(value)).ok()
}

fn believable(millis: i64) -> Option<Millis> {
    (OLDEST..=NEWEST).contains(&millis).then_some(Millis(millis))
}

/// Reads a stamp that is seconds since 1970, as a number or as digits in a string, or RFC 3339; the rest as [`stamp`].
pub fn seconds_or_rfc3339(value: &[u8]) -> Option<Millis> {
    if text(value)?.parse::<i64>().is_ok() { seconds(value) } else { stamp(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const BOUNDS: ClockBounds = ClockBounds { lag: 7 * 24 * HOUR, lead: HOUR };
    const ARRIVED: Millis = Millis(1_800_000_000_000);

    fn check(stamp: Option<i64>, clock: Clock, expected: Option<i64>) {
        let filed = BOUNDS.file(stamp.map(Millis), clock, ARRIVED);
        let (at, instead) = expected.map_or((ARRIVED, Some(Instead::Arrival)), |at| (Millis(at), None));
        assert_eq!(filed, Filed { at, instead }, "{stamp:?} {clock:?}");
    }

    #[test]
    fn a_service_is_believed_however_old_and_a_device_for_a_week() {
        let ago = |ms| Some(ARRIVED.0 - ms);
        check(ago(0), Clock::Service, ago(0));
        check(ago(9 * 365 * 24 * HOUR), Clock::Service, ago(9 * 365 * 24 * HOUR));
        check(ago(7 * 24 * HOUR), Clock::Device, ago(7 * 24 * HOUR));
        check(ago(7 * 24 * HOUR + 1), Clock::Device, None);
    }

    #[test]
    fn nobody_is_believed_about_the_future() {
        for clock in [Clock::Service, Clock::Device] {
            check(Some(ARRIVED.0 + HOUR), clock, Some(ARRIVED.0 + HOUR));
            check(Some(ARRIVED.0 + HOUR + 1), clock, None);
            check(None, clock, None);
        }
    }

    #[test]
    fn an_envelope_stands_in_for_a_services_stamp_and_for_nothing_else() {
        let (own, envelope) = (Millis(ARRIVED.0 - HOUR), Millis(ARRIVED.0 - 999 * HOUR));
        let future = Millis(ARRIVED.0 + HOUR + 1);
        let check = |stamp, clock, envelope, at, instead| {
            let filed = BOUNDS.file_wrapped(stamp, clock, envelope, ARRIVED);
            assert_eq!(filed, Filed { at, instead }, "{stamp:?} {clock:?} {envelope:?}");
        };
        let (arrival, wrapped) = (Some(Instead::Arrival), Some(Instead::Envelope));
        check(None, Clock::Service, Some(envelope), envelope, wrapped);
        check(None, Clock::Service, None, ARRIVED, arrival);
        check(None, Clock::Service, Some(future), ARRIVED, arrival);
        check(Some(own), Clock::Service, Some(envelope), own, None);
        check(Some(future), Clock::Service, Some(envelope), envelope, wrapped);
        check(Some(future), Clock::Service, None, ARRIVED, arrival);
        check(Some(future), Clock::Device, Some(envelope), ARRIVED, arrival);
        check(None, Clock::Device, Some(envelope), ARRIVED, arrival);
        check(Some(own), Clock::Device, Some(envelope), own, None);
        let check = |envelope, at, instead| {
            assert_eq!(BOUNDS.file_unknown(envelope, ARRIVED), Filed { at, instead }, "{envelope:?}");
        };
        check(Some(envelope), envelope, wrapped);
        check(Some(future), ARRIVED, None);
        check(None, ARRIVED, None);
    }

    #[test]
    fn stamps_are_read_in_every_form_producers_use() {
        let read = |text: &str| stamp(text.as_bytes()).map(|m| m.0);
        assert_eq!(read("1567780274582"), Some(1_567_780_274_582));
        assert_eq!(read(r#""1567780274582""#), Some(1_567_780_274_582));
        assert_eq!(read(r#""2026-07-06T19:51:59.839Z""#), Some(1_783_367_519_839));
        assert_eq!(read(r#""2026-07-06T21:51:59.839+02:00""#), Some(1_783_367_519_839));
        assert_eq!(read("1388534400000"), Some(1_388_534_400_000));
        for unreadable in [
            "1388534399999",
            "1567780274",
            "0",
            "-5",
            "null",
            "true",
            "{}",
            "[1567780274582]",
            r#""""#,
            r#""soon""#,
            "1.5e12",
            "99999999999999999999",
            "281474976710656",
            r#""2018-10-25 12:10:29""#,
        ] {
            assert_eq!(read(unreadable), None, "{unreadable}");
        }
    }

    #[test]
    fn seconds_are_no_milliseconds() {
        let read = |text: &str| seconds(text.as_bytes()).map(|m| m.0);
        assert_eq!(read(r#""1759466063""#), Some(1_759_466_063_000));
        assert_eq!(read("1759466063"), Some(1_759_466_063_000));
        assert_eq!(read("1388534400"), Some(OLDEST));
        for unreadable in
            ["1388534399", "1759466063000", "9223372036854775807", "1.5e9", r#""""#, "null", "{}", "[1759466063]"]
        {
            assert_eq!(read(unreadable), None, "{unreadable}");
        }
    }

    #[test]
    fn a_time_without_a_zone_is_utc() {
        let read = |text: &str| zoneless(text.as_bytes()).map(|m| m.0);
        assert_eq!(read(r#""2018-10-25 12:10:29""#), Some(1_540_469_429_000));
        for unreadable in [
            r#""2018-10-25""#,
            r#""2018-13-25 12:10:29""#,
            r#""2018-10-25 12:10""#,
            r#""2018-10-25T12:10:29Z""#,
            r#""1810251310""#,
            r#""1999-10-25 12:10:29""#,
            "1540469429000",
            "null",
        ] {
            assert_eq!(read(unreadable), None, "{unreadable}");
        }
    }

    #[test]
    fn seconds_are_not_taken_for_milliseconds_nor_the_other_way_round() {
        let read = |text: &str| seconds_or_rfc3339(text.as_bytes()).map(|m| m.0);
        assert_eq!(read("1454442600"), Some(1_454_442_600_000));
        assert_eq!(read(r#""1549054731""#), Some(1_549_054_731_000));
        assert_eq!(read(r#""2016-04-18T14:25:07.000+00:00""#), Some(1_460_989_507_000));
        assert_eq!(read("1388534400"), Some(1_388_534_400_000));
        for unreadable in [
            "1454442600000",
            r#""1454442600000""#,
            "1388534399",
            "0",
            "-1454442600",
            "9223372036854775807",
            "1454442600.5",
            "null",
            "{}",
            r#""""#,
            r#""soon""#,
        ] {
            assert_eq!(read(unreadable), None, "{unreadable}");
        }
        assert_eq!(stamp(b"1454442600"), None, "Pinpoint's milliseconds are read as before");
    }
}
