//! A small stream of chance from a seed (splitmix64): the clock and the system's randomness are the application's.

/// Where in its stream.
#[derive(Debug, Clone)]
pub(super) struct Chance(pub u64);

impl Chance {
    /// A share in `[0, 1)`.
    pub fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_a_function_of_its_seed_and_stays_a_share() {
        let shares = |seed| {
            let mut chance = Chance(seed);
            (0..1000).map(|_| chance.share()).collect::<Vec<_>>()
        };
        assert_eq!(shares(1), shares(1));
        assert_ne!(shares(1), shares(2));
        assert!(shares(3).iter().all(|s| (0.0..1.0).contains(s)));
    }
}
