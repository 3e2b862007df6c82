//! The id of an event: a function of its own bytes and of nothing else.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::time::Millis;

/// Sixteen bytes: six of event time (milliseconds, big-endian), ten of SHA-256 over the event's bytes.
///
/// Lucene keeps an id that is canonical unpadded base64url as its raw bytes, so ids of one hour lie
/// together and `create` stays cheap as the index grows. Without a readable time the prefix is zero:
/// the clock would give a replay another id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId([u8; 16]);

impl EventId {
    /// Characters of the written form.
    pub const LEN: usize = 22;

    /// The id of the event whose bytes, as they came and without surrounding white space, are `bytes`.
    pub fn of(bytes: &[u8], time: Option<Millis>) -> Self {
        let mut id = [0; 16];
        let millis = time.map_or(0, |t| t.0.max(0)).to_be_bytes();
        id[..6].copy_from_slice(&millis[2..]);
        id[6..].copy_from_slice(&Sha256::digest(bytes)[..10]);
        Self(id)
    }

    /// Whether `text` has the form of a written id: 22 characters of base64url.
    pub fn is_written(text: &str) -> bool {
        text.len() == Self::LEN && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    }

    /// Appends the 22 characters of the id to `out`.
    pub fn write(self, out: &mut Vec<u8>) {
        let mut text = [0; Self::LEN];
        if URL_SAFE_NO_PAD.encode_slice(self.0, &mut text).is_ok() {
            out.extend_from_slice(&text);
        }
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
