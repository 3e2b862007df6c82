//! Reads a body within its limits.

use bytes::{Bytes, BytesMut};
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
    /// Whether the operator set that limit, and not the provider's rules.
    pub chosen: bool,
    /// When it must be whole.
    pub deadline: Instant,
}

/// Reads it all, or says why not.
pub async fn read(mut incoming: Incoming, bounds: &Bounds, mut hold: Hold) -> Result<Body, Answer> {
    let Bounds { limit, chosen, deadline } = *bounds;
    let too_large = || match chosen {
        true => Answer::over_limit(),
        false => Answer::too_large(format!("the body is larger than {limit} bytes")).and_close(),
    };
    if incoming.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    let mut whole = BytesMut::new();
    let mut first: Option<Bytes> = None;
    while let Some(frame) = timeout_at(deadline, incoming.frame()).await.map_err(|_| Answer::slow())? {
        // Who breaks off in the middle is not there to read the answer.
        let frame = frame.map_err(|_| Answer::malformed("the body broke off").and_close())?;
        let Ok(data) = frame.into_data() else { continue };
        let so_far = first.as_ref().map_or(whole.len(), Bytes::len);
        if so_far + data.len() > limit {
            return Err(too_large());
        }
        hold.take(data.len()).map_err(Answer::and_close)?;
        match first.take() {
            None if whole.is_empty() => first = Some(data),
            before => {
                whole.extend_from_slice(before.as_deref().unwrap_or_default());
                whole.extend_from_slice(&data);
            }
        }
    }
    Ok(Body { bytes: first.unwrap_or_else(|| whole.freeze()), hold })
}
