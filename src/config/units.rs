//! Reads the values that options carry: times, sizes, counts, days, addresses.
//!
//! Every refusal is the end of a sentence that begins with the option and its value, so it says what
//! is wrong and how to write it right.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, NaiveDate};

use crate::event::time::{Day, Millis};

/// Decimal megabyte: `MB`.
pub const MB: u64 = 1_000_000;
/// Binary megabyte: `MiB`.
pub const MIB: u64 = 1 << 20;

const TIME_UNITS: [(&str, u64); 6] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];

const SIZE_UNITS: [(&str, u64); 7] =
    [("b", 1), ("kb", 1_000), ("mb", MB), ("gb", 1_000_000_000), ("kib", 1 << 10), ("mib", MIB), ("gib", 1 << 30)];

/// A hundred years: more is a slip of the hand.
const MOST_DAYS: u64 = 36_500;

/// How many whole days before today stay, 1 to 36,500.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeepDays(u32);

impl KeepDays {
    /// The number of days, at least 1.
    pub fn days(self) -> u32 {
        self.0
    }
}

impl fmt::Display for KeepDays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}d", self.0)
    }
}

/// Reads `500ms`, `10s`, `1h30m`, `30d`, `2w`.
///
/// Months and years are refused, not guessed: they have no fixed length, and `M` beside `m` is a trap.
pub fn duration(text: &str) -> Result<Duration, String> {
    const FORM: &str = "write a duration as 500ms, 10s, 1h30m or 30d";
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(format!("is empty; {FORM}"));
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (number, after) = split_where(rest, |c| !c.is_ascii_digit());
        let (unit, after) = split_where(after, |c| c.is_ascii_digit() || c.is_whitespace());
        if number.is_empty() {
            return Err(format!("is not a duration; {FORM}"));
        }
        if unit.is_empty() {
            return Err(format!("has no unit after {number}; {FORM}"));
        }
        let Some((_, millis)) = TIME_UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(format!("has the unknown unit {unit:?}; known are ms, s, m, h, d and w"));
        };
        let part = number.parse::<u64>().ok().and_then(|n| n.checked_mul(*millis));
        total = part.and_then(|p| total.checked_add(p)).ok_or("is too long to count in milliseconds")?;
        rest = after.trim_start();
    }
    Ok(Duration::from_millis(total))
}

/// A duration between two bounds, both allowed.
pub fn duration_in(text: &str, least: Duration, most: Duration) -> Result<Duration, String> {
    let value = duration(text)?;
    if value < least {
        return Err(format!("is shorter than {}, the least that is allowed", spell_duration(least)));
    }
    if value > most {
        return Err(format!("is longer than {}, the most that is allowed", spell_duration(most)));
    }
    Ok(value)
}

/// Reads `30d`: whole days, at least one.
pub fn keep_days(text: &str) -> Result<KeepDays, String> {
    const FORM: &str = "write the days to keep as 30d";
    let millis = duration(text).map_err(|why| format!("{why}; {FORM}"))?.as_millis();
    let day = u128::from(86_400_000_u32);
    if millis == 0 {
        return Err(format!("would keep nothing; {FORM}, at least 1d"));
    }
    if millis % day != 0 {
        return Err(format!("is not a whole number of days; {FORM}"));
    }
    match u32::try_from(millis / day) {
        Ok(days) if u64::from(days) <= MOST_DAYS => Ok(KeepDays(days)),
        _ => Err(format!("is longer than {MOST_DAYS}d, the most that is allowed")),
    }
}

/// The shortest spelling [`duration`] reads back as the same value.
pub fn spell_duration(value: Duration) -> String {
    let mut left = u64::try_from(value.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, millis) in TIME_UNITS.iter().rev().filter(|(unit, _)| *unit != "w") {
        if left >= *millis {
            text.push_str(&format!("{}{unit}", left / millis));
            left %= millis;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Reads `5MB` (decimal), `5MiB` (binary) or a plain number of bytes, in any case of letters.
pub fn bytes(text: &str) -> Result<u64, String> {
    const FORM: &str = "write a size as 5MB (5,000,000 bytes) or 5MiB (5,242,880 bytes)";
    let (number, unit) = split_where(text.trim(), |c| !c.is_ascii_digit());
    if number.is_empty() {
        return Err(format!("is not a size; {FORM}"));
    }
    let unit = unit.trim_start().to_ascii_lowercase();
    let unit = if unit.is_empty() { "b" } else { unit.as_str() };
    let Some((_, scale)) = SIZE_UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(format!("has the unknown unit {unit:?}; {FORM}"));
    };
    let value = number.parse::<u64>().ok().and_then(|n| n.checked_mul(*scale));
    value.ok_or_else(|| format!("is too large; {FORM}"))
}

/// A size between two bounds, both allowed.
pub fn bytes_in(text: &str, least: u64, most: u64) -> Result<u64, String> {
    let value = bytes(text)?;
    if value < least {
        return Err(format!("is smaller than {}, the least that is allowed", spell_bytes(least)));
    }
    if value > most {
        return Err(format!("is larger than {}, the most that is allowed", spell_bytes(most)));
    }
    Ok(value)
}

/// The shortest spelling [`bytes`] reads back as the same value.
pub fn spell_bytes(value: u64) -> String {
    let names = [("GiB", 1 << 30), ("GB", 1_000_000_000), ("MiB", MIB), ("MB", MB), ("KiB", 1 << 10), ("kB", 1_000)];
    let whole = names.iter().find(|(_, scale)| value >= *scale && value.is_multiple_of(*scale));
    whole.map_or_else(|| format!("{value} bytes"), |(name, scale)| format!("{}{name}", value / scale))
}

/// A whole number between two bounds, both allowed.
pub fn count<T>(text: &str, least: T, most: T) -> Result<T, String>
where
    T: std::str::FromStr + PartialOrd + fmt::Display,
{
    let text = text.trim();
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<T>() {
        Ok(value) if digits && value >= least && value <= most => Ok(value),
        _ => Err(format!("is not a whole number from {least} to {most}")),
    }
}

/// Reads `true` or `false`, and what people write for them in an environment.
pub fn flag(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("is neither true nor false".to_owned()),
    }
}

/// One of the named choices.
pub fn choice<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    if let Some((_, value)) = choices.iter().find(|(name, _)| *name == text.trim()) {
        return Ok(*value);
    }
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    Err(format!("is none of {}", names.join(", ")))
}

/// `2026-11-21T08:00:00Z`, with any offset.
pub fn rfc3339(text: &str) -> Result<Millis, String> {
    DateTime::parse_from_rfc3339(text.trim())
        .map(|t| Millis(t.timestamp_millis()))
        .map_err(|_| "is not a time of RFC 3339; write it as 2026-11-21T08:00:00Z".to_owned())
}

/// A time of RFC 3339, or a day, which begins at midnight UTC.
pub fn time_or_day(text: &str) -> Result<Millis, String> {
    match NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d") {
        Ok(date) => Ok(Millis(i64::from(Day::of(date).0) * 86_400_000)),
        Err(_) => rfc3339(text).map_err(|why| format!("{why}, or a day as 2026-11-21")),
    }
}

/// A path; only an empty one is refused here, whoever opens it says the rest.
pub fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("is empty; name a file or a directory".to_owned()) } else { Ok(PathBuf::from(text)) }
}

/// `127.0.0.1:9464`, `[::1]:9464`, or `none`.
pub fn listen(text: &str) -> Result<Option<SocketAddr>, String> {
    if text.trim() == "none" {
        return Ok(None);
    }
    let form = "is no address and port; write 127.0.0.1:9464, 0.0.0.0:9464, [::]:9464 or none";
    text.trim().parse().map(Some).map_err(|_| form.to_owned())
}

/// `127.0.0.1:8080`, `0.0.0.0:8443`, `[::]:8443`.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    let form = "is no address and port; write 127.0.0.1:8080, 0.0.0.0:8443 or [::]:8443";
    text.trim().parse().map_err(|_| form.to_owned())
}

/// The base URL of a server: scheme, host, port and perhaps a path; without a slash at its end.
pub fn url(text: &str) -> Result<String, String> {
    const FORM: &str = "write it as https://host:9200";
    let trimmed = text.trim();
    if trimmed.contains('@') {
        return Err("carries a user or a password, and addresses end up in logs; leave them out".to_owned());
    }
    let uri: http::Uri = trimmed.parse().map_err(|_| format!("is not a URL; {FORM}"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(format!("does not begin with http:// or https://; {FORM}"));
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err(format!("names no host; {FORM}"));
    }
    if trimmed.contains(['?', '#']) {
        return Err(format!("has a query or a fragment, which a base URL cannot have; {FORM}"));
    }
    Ok(trimmed.trim_end_matches('/').to_owned())
}

fn split_where(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests;
