//! JSON that producers put into a string.

use super::scan::{ScanLimits, Scanned, scan};

/// The value in the JSON string `string`, checked as strictly as an event; `None` when there is none, or none that may
/// be sent.
pub fn hidden(string: &[u8], limits: &ScanLimits) -> Option<Scanned> {
    let text: String = serde_json::from_slice(string).ok()?;
    let bytes = text.trim().as_bytes();
    let mut scanned = Scanned::default();
    let end = scan(bytes, 0, limits, &mut scanned).ok()?;
    (end == bytes.len()).then_some(scanned)
}
