//! JSON written piece by piece: a generator that formatted a document tree would be slower than what it feeds.

use chrono::Datelike as _;

use super::{DAY_MS, day_of};

/// Writes to the end of a buffer. Text goes in as it is: callers give none that needs escapes.
pub(super) struct Json<'a>(pub(super) &'a mut Vec<u8>);

impl Json<'_> {
    pub(super) fn raw(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    pub(super) fn number(&mut self, number: i64) -> &mut Self {
        if number < 0 {
            self.0.push(b'-');
        }
        self.digits(number.unsigned_abs(), 1)
    }

    /// Decimal, with zeros in front up to `width`.
    pub(super) fn digits(&mut self, mut number: u64, width: usize) -> &mut Self {
        let mut text = [b'0'; 20];
        let mut at = text.len();
        while number > 0 || text.len() - at < width {
            at -= 1;
            text[at] = b'0' + (number % 10) as u8;
            number /= 10;
        }
        self.0.extend_from_slice(&text[at..]);
        self
    }

    /// The lowest `digits` hexadecimal digits, up to 16.
    pub(super) fn hex(&mut self, number: u64, digits: u32) -> &mut Self {
        for place in (0..digits).rev() {
            self.0.push(b"0123456789abcdef"[(number >> (4 * place) & 15) as usize]);
        }
        self
    }

    /// A UUID of version 4 that is a function of `number`.
    pub(super) fn uuid(&mut self, number: u64) -> &mut Self {
        let (high, low) = (mix(number), mix(!number));
        self.hex(high >> 32, 8).raw("-").hex(high >> 16, 4).raw("-4").hex(high, 3).raw("-a");
        self.hex(low >> 48, 3).raw("-").hex(low, 12)
    }

    /// `2026-11-20T08:15:42.107Z`
    pub(super) fn iso(&mut self, ms: i64) -> &mut Self {
        let (day, rest) = (day_of(ms), ms.rem_euclid(DAY_MS).unsigned_abs());
        self.number(day.year().into()).raw("-").digits(day.month().into(), 2).raw("-").digits(day.day().into(), 2);
        self.raw("T").digits(rest / 3_600_000, 2).raw(":").digits(rest / 60_000 % 60, 2).raw(":");
        self.digits(rest / 1000 % 60, 2).raw(".").digits(rest % 1000, 3).raw("Z")
    }

    /// `20261120-081542107`: the end of a session id.
    pub(super) fn compact(&mut self, ms: i64) -> &mut Self {
        let (day, rest) = (day_of(ms), ms.rem_euclid(DAY_MS).unsigned_abs());
        self.number(day.year().into()).digits(day.month().into(), 2).digits(day.day().into(), 2).raw("-");
        self.digits(rest / 3_600_000, 2).digits(rest / 60_000 % 60, 2).digits(rest / 1000 % 60, 2);
        self.digits(rest % 1000, 3)
    }
}

/// Spreads a number over 64 bits (splitmix64's finaliser), so that neighbours get ids that look unrelated.
pub(super) fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
