//! When things begin: more by day than by night, less at the weekend, a little more every week.

use chrono::{Datelike as _, NaiveDate, NaiveTime, Weekday};
use fastrand::Rng;

use super::book::{DAY, HOUR, SECOND};

/// Of so many stories one begins in the last seconds of a day, so that it goes on in the next.
const MIDNIGHT: usize = 25;

/// How much begins in each hour of a day.
const HOURS: [u32; 24] = [2, 1, 1, 1, 1, 2, 4, 7, 11, 14, 13, 11, 12, 11, 10, 10, 11, 13, 14, 13, 10, 7, 5, 3];

/// Chooses.
pub(super) struct Clock {
    first: i64,
    days: u32,
    /// Of each day, the sum of the weights up to it.
    weights: Vec<u32>,
}

impl Clock {
    pub(super) fn new(first_day: NaiveDate, days: u32) -> Self {
        let first = first_day.and_time(NaiveTime::MIN).and_utc().timestamp_millis();
        let mut sum = 0;
        let dates = first_day.iter_days().take(days as usize).enumerate();
        let weights = dates.map(|(number, date)| {
            let usual = if matches!(date.weekday(), Weekday::Sat | Weekday::Sun) { 55 } else { 100 };
            // A newsletter every other Tuesday.
            let mailing =
                if date.weekday() == Weekday::Tue && date.iso_week().week().is_multiple_of(2) { 60 } else { 0 };
            sum += usual + mailing + number as u32;
            sum
        });
        Self { first, days, weights: weights.collect() }
    }

    /// From and to, the end excluded.
    pub(super) fn span(&self) -> (i64, i64) {
        (self.first, self.first + i64::from(self.days) * DAY)
    }

    /// When story `number` begins.
    pub(super) fn start(&self, number: usize, chance: &mut Rng) -> i64 {
        let place = chance.u32(..self.weights.last().copied().unwrap_or(1).max(1));
        let day = self.weights.partition_point(|sum| *sum <= place);
        let midnight = self.first + day as i64 * DAY;
        if number % MIDNIGHT == MIDNIGHT - 1 {
            return midnight + DAY - chance.i64(1..3 * SECOND);
        }
        let mut place = chance.u32(..HOURS.iter().sum::<u32>());
        let hour = HOURS.iter().take_while(|share| {
            let is_before = place >= **share;
            place = place.saturating_sub(**share);
            is_before
        });
        midnight + hour.count() as i64 * HOUR + chance.i64(0..HOUR)
    }
}
