//! Tells a thousand bad events from one wrong mapping.
//!
//! Most documents of an index refused for one reason is likelier a wrong template or the wrong cluster. Then the
//! worker halts before it has emptied the stream into degraded documents and dead letters.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Runs watched at a time. There are a few names of errors and a few indices written at a time; past this it is no
/// run of refusals but a sea of them, and the oldest days go first.
const MOST_RUNS: usize = 1_000;

/// When refusals are too many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BreakerLimits {
    /// Share of an index' documents, 0 to 1; `None` never halts.
    pub share: Option<f64>,
    /// Documents judged before the share says anything.
    pub count: u64,
}

/// Counts refusals, for all deliveries together.
#[derive(Debug)]
pub struct Breaker {
    limits: BreakerLimits,
    runs: Mutex<BTreeMap<(Arc<str>, String), Run>>,
}

/// Documents of one index since the first of them was refused under this name of error.
#[derive(Debug, Default, Clone, Copy)]
struct Run {
    judged: u64,
    refused: u64,
}

/// One index' share of a bulk reply.
#[derive(Debug, Default)]
pub struct Tally {
    /// Documents that were judged for good: settled or refused.
    pub judged: u64,
    /// Refused ones, by the server's name for the error, with the first sentence of each.
    pub refused: BTreeMap<String, (u64, String)>,
}

impl Breaker {
    /// Nothing counted yet.
    pub fn new(limits: BreakerLimits) -> Self {
        Self { limits, runs: Mutex::default() }
    }

    /// Whether a run of refusals is open: until then only a reply with a refusal in it has anything to count.
    pub fn is_counting(&self) -> bool {
        !self.runs.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Counts a reply. An error is a sentence for the operator: nothing of this reply's refusals may settle.
    pub fn count(&self, tallies: &BTreeMap<Arc<str>, Tally>) -> Result<(), String> {
        let Some(share) = self.limits.share else { return Ok(()) };
        // Held for some additions, once a reply.
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        for (index, tally) in tallies {
            for kind in tally.refused.keys() {
                runs.entry((index.clone(), kind.clone())).or_default();
            }
            let first = (index.clone(), String::new());
            let mut over = Vec::new();
            for (key, run) in runs.range_mut(first..).take_while(|((of, _), _)| of == index) {
                run.judged += tally.judged;
                run.refused += tally.refused.get(&key.1).map_or(0, |(n, _)| *n);
                if run.judged < self.limits.count {
                    continue;
                }
                if run.is_past(share) {
                    let reason = tally.refused.get(&key.1).map_or(key.1.as_str(), |(_, reason)| reason);
                    return Err(tripped(index, *run, reason));
                }
                over.push(key.clone());
            }
            for key in over {
                runs.remove(&key);
            }
        }
        while runs.len() > MOST_RUNS {
            runs.pop_first();
        }
        Ok(())
    }
}

impl Run {
    #[expect(clippy::cast_precision_loss, reason = "counts of documents are far below 2^52")]
    fn is_past(self, share: f64) -> bool {
        self.refused as f64 >= share * self.judged as f64
    }
}

fn tripped(index: &str, run: Run, reason: &str) -> String {
    format!(
        "index {index} refused {} of the last {} documents for one reason, which is likelier a wrong mapping or the wrong cluster than so \
         many bad events; what was refused now is not settled: see essink init-templates, mend the mapping (a reindex keeps what is there), or \
         raise --breaker-share, then start again: {reason}",
        run.refused, run.judged
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: BreakerLimits = BreakerLimits { share: Some(0.5), count: 100 };

    fn reply(index: &str, judged: u64, refused: &[(&str, u64)]) -> BTreeMap<Arc<str>, Tally> {
        let refused = refused.iter().map(|(kind, n)| ((*kind).to_owned(), (*n, format!("{kind}: why")))).collect();
        BTreeMap::from([(Arc::from(index), Tally { judged, refused })])
    }

    #[test]
    fn most_of_an_index_refused_for_one_reason_trips_at_the_count_and_not_before() {
        let breaker = Breaker::new(LIMITS);
        for _ in 0..9 {
            assert_eq!(breaker.count(&reply("a", 10, &[("mapper", 10)])), Ok(()));
        }
        let why = breaker.count(&reply("a", 10, &[("mapper", 10)])).expect_err("tripped");
        assert!(why.contains("index a refused 100 of the last 100") && why.ends_with("mapper: why"), "{why}");
        let at_once = Breaker::new(LIMITS).count(&reply("a", 5_000, &[("mapper", 2_500)]));
        assert!(at_once.is_err());
    }

    #[test]
    fn a_trickle_or_many_reasons_or_another_index_does_not() {
        let breaker = Breaker::new(LIMITS);
        for _ in 0..1_000 {
            assert_eq!(breaker.count(&reply("a", 100, &[("mapper", 49)])), Ok(()));
            assert_eq!(breaker.count(&reply("b", 100, &[("x", 40), ("y", 40)])), Ok(()));
            assert_eq!(breaker.count(&reply("c", 100, &[])), Ok(()));
        }
        assert!(breaker.count(&reply("c", 100, &[("mapper", 50)])).is_err(), "what is over is forgotten");
    }

    #[test]
    fn off_means_never() {
        let breaker = Breaker::new(BreakerLimits { share: None, ..LIMITS });
        assert_eq!(breaker.count(&reply("a", 5_000, &[("mapper", 5_000)])), Ok(()));
    }

    #[test]
    fn runs_are_bounded() {
        let breaker = Breaker::new(BreakerLimits { count: u64::MAX, ..LIMITS });
        for n in 0..2 * MOST_RUNS {
            breaker.count(&reply(&format!("index {n}"), 1, &[("mapper", 1)])).expect("below the count");
        }
        assert_eq!(breaker.runs.lock().expect("lock").len(), MOST_RUNS);
    }
}
