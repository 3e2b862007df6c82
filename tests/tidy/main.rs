//! Rules about the tree that no compiler holds. Each is a function with a small test that shows it bites.

mod dependencies;
mod imports;
mod length;
mod panics;
mod papers;
mod tree;

/// Fails with every violation at once.
fn none(violations: &[String]) {
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

/// Shows that a rule finds a violation that contains `part`.
#[track_caller]
fn bites(violations: &[String], part: &str) {
    assert!(violations.iter().any(|v| v.contains(part)), "nothing about {part:?} in {violations:?}");
}
