//! Reads a body within its limits.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use tokio::time::{Instant, timeout_at};

use super::answer::Answer;
use super::budget::Hold;

/// A whole body, and the room it takes.
#[derive(Debug)]
pub struct Body {
    /// Its bytes.
    pub bytes: Bytes,
    /// The room; what is inflated or decoded takes more of it.
    pub hold: Hold,
}

/// How much, and until when.
pub struct Bounds {
    /// Bytes.
    pub limit: usize,
    /// What is said of more.
    pub beyond: Answer,
    /// When it must be whole.
    pub deadline: Instant,
}

/// Reads it all, or says why not.
pub async fn read(mut incoming: Incoming, bounds: Bounds, mut hold: Hold) -> Result<Body, Answer> {
    let Bounds { limit, beyond, deadline } = bounds;
    let announced = incoming.size_hint();
    if announced.lower() > limit as u64 {
        return Err(beyond);
    }
    // A length that is announced is never exceeded; without one room is given back at the end.
    let most = announced.exact().and_then(|length| usize::try_from(length).ok()).unwrap_or(limit);
    let mut whole = Vec::new();
    while let Some(frame) = timeout_at(deadline, incoming.frame()).await.map_err(|_| Answer::slow())? {
        // Who breaks off in the middle is not there to read the answer.
        let frame = frame.map_err(|_| Answer::malformed("the body broke off").and_close())?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > limit {
            return Err(beyond);
        }
        make_room(&mut whole, data.len(), most, &mut hold).map_err(Answer::and_close)?;
        whole.extend_from_slice(&data);
    }
    let spare = whole.capacity() - whole.len();
    whole.shrink_to_fit();
    hold.give(spare);
    Ok(Body { bytes: whole.into(), hold })
}

/// Room for `bytes` more in what will have `most`: twice as much as before, so that it is seldom moved. What is
/// allocated counts, not what is filled.
fn make_room(whole: &mut Vec<u8>, bytes: usize, most: usize, hold: &mut Hold) -> Result<(), Answer> {
    let (needed, before) = (whole.len() + bytes, whole.capacity());
    if needed > before {
        let capacity = needed.max(before.saturating_mul(2).min(most));
        hold.take(capacity - before)?;
        whole.reserve_exact(capacity - whole.len());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::telemetry::metrics::{Exposed, WebhookMetrics};
    use crate::webhook::budget::Budget;
    use crate::webhook::receiver::Admitted;

    proptest! {
        #[test]
        fn what_is_allocated_is_held(pieces in prop::collection::vec(1_usize..2_000, 1..40), exact in any::<bool>()) {
            let metrics = WebhookMetrics::new();
            let mut hold = Budget::new(1 << 20, metrics.clone()).hold(Admitted::Known);
            let total: usize = pieces.iter().sum();
            let (most, mut whole) = (if exact { total } else { 100_000 }, Vec::new());
            for piece in pieces {
                prop_assert!(make_room(&mut whole, piece, most, &mut hold).is_ok());
                prop_assert!(whole.capacity() - whole.len() >= piece);
                whole.extend(std::iter::repeat_n(b'x', piece));
                let held = format!("essink_webhook_body_bytes {}\n", whole.capacity());
                prop_assert!(metrics.page(true).contains(&held), "{held}");
            }
            prop_assert!(!exact || whole.capacity() == total);
        }
    }
}
