//! "Did you mean": for names that nearly are one.

/// Jaro-Winkler, 0 to 1. Below this the nearest name is a guess that misleads.
const NEAR: f64 = 0.85;

/// The name that `given` most likely was meant to be, if any is near.
pub fn nearest<T: AsRef<str>>(given: &str, names: impl Iterator<Item = T>) -> Option<T> {
    let scored = names.map(|name| (strsim::jaro_winkler(given, name.as_ref()), name));
    let best = scored.filter(|(score, _)| *score >= NEAR).max_by(|a, b| a.0.total_cmp(&b.0));
    best.map(|(_, name)| name)
}
