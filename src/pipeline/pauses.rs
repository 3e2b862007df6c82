//! How long to wait before trying again: exponential, with jitter, never longer than a cap.

use std::time::Duration;

/// Shape of the pauses between tries.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// The first pause, at most.
    pub first: Duration,
    /// Every pause, at most.
    pub cap: Duration,
}

/// An endless run of pauses. Each lies between half of its step and the step, so that workers that
/// were refused together do not come back together; the steps double up to the cap.
#[derive(Debug, Clone)]
pub struct Pauses {
    step: Duration,
    cap: Duration,
    chance: u64,
}

impl Backoff {
    /// The pauses of one delivery; `seed` tells its jitter from the others'.
    pub fn pauses(&self, seed: u64) -> Pauses {
        Pauses { step: self.first.min(self.cap), cap: self.cap, chance: seed }
    }
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let half = self.step / 2;
        let pause = half + half.mul_f64(self.fraction());
        self.step = (self.step * 2).min(self.cap);
        Some(pause)
    }
}

impl Pauses {
    /// In `0..1`, by SplitMix64.
    fn fraction(&mut self) -> f64 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.chance;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from(u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or_default()) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pauses_grow_to_the_cap_and_stay_within_their_step(seed in any::<u64>(), first in 1_u64..1000, cap in 1000_u64..60_000) {
            let ms = Duration::from_millis;
            let backoff = Backoff { first: ms(first), cap: ms(cap) };
            let mut step = ms(first);
            for pause in backoff.pauses(seed).take(40) {
                prop_assert!(step / 2 <= pause && pause <= step);
                step = (step * 2).min(ms(cap));
            }
            prop_assert_eq!(step, ms(cap));
        }
    }

    #[test]
    fn two_deliveries_do_not_come_back_together() {
        let backoff = Backoff { first: Duration::from_secs(1), cap: Duration::from_secs(30) };
        assert!(backoff.pauses(1).zip(backoff.pauses(2)).take(10).all(|(a, b)| a != b));
    }
}
