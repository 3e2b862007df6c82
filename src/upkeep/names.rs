//! Names of index families, of their patterns and of the templates that serve them.

use std::fmt;

use crate::event::family;

/// What the names of all daily indices begin with; what follows is the day, `YYYY-MM-DD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefixes {
    /// Of events.
    pub families: family::Prefixes,
    /// Of what could not be indexed.
    pub dead_letters: String,
}

impl Default for Prefixes {
    fn default() -> Self {
        Self { families: family::Prefixes::default(), dead_letters: "essink-dead-letters-".into() }
    }
}

/// Why a set of prefixes cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// Not the beginning of an index name.
    #[error(
        "prefix {0:?} cannot begin an index name: 1 to 200 of a-z, 0-9, '.', '_', '-', and none of the last three first"
    )]
    Unusable(String),
    /// Indices of one family would match the pattern of another.
    #[error("prefix {0:?} begins prefix {1:?}: an index would belong to two families, so change one of them")]
    Overlap(String, String),
    /// One family's template would replace the other's.
    #[error("prefixes {0:?} and {1:?} would both have the index template {2:?}: change one of them")]
    SameTemplate(String, String, String),
    /// Essink's own state would match the pattern.
    #[error("prefix {0:?} begins {STATE:?}, where essink keeps its positions: choose a longer one")]
    Reserved(String),
}

/// The index that holds positions, unless configured otherwise.
const STATE: &str = "essink-state";

impl Prefixes {
    /// Every prefix, in the order templates are reported in.
    pub fn all(&self) -> Vec<&str> {
        self.families.iter().map(|(_, prefix)| prefix).chain([self.dead_letters.as_str()]).collect()
    }

    /// The pattern of every prefix, with `between` between two.
    pub fn patterns(&self, between: &str) -> String {
        self.all().into_iter().map(pattern).collect::<Vec<_>>().join(between)
    }

    /// Refuses prefixes that no index can have, and two that would share indices or a template.
    pub fn check(&self) -> Result<(), PrefixError> {
        let all = self.all();
        for prefix in &all {
            check(prefix)?;
            if STATE.starts_with(prefix) {
                return Err(PrefixError::Reserved((*prefix).into()));
            }
        }
        let pairs = || all.iter().enumerate().flat_map(|(at, a)| all[at + 1..].iter().map(move |b| (*a, *b)));
        for (a, b) in pairs().flat_map(|(a, b)| [(a, b), (b, a)]) {
            if b.starts_with(a) {
                return Err(PrefixError::Overlap(a.into(), b.into()));
            }
        }
        if let Some((a, b)) = pairs().find(|(a, b)| template_name(a) == template_name(b)) {
            return Err(PrefixError::SameTemplate(a.into(), b.into(), template_name(a)));
        }
        Ok(())
    }
}

/// Refuses what no index name can begin with. An empty prefix above all: its pattern is every index.
pub fn check(prefix: &str) -> Result<(), PrefixError> {
    if usable(prefix) { Ok(()) } else { Err(PrefixError::Unusable(prefix.into())) }
}

/// 200 bytes leave room for every rotation's suffix below the servers' limit of 255 bytes a name.
/// A leading dot would make the index hidden and its wildcard blind; `-` and `_` are refused by servers.
fn usable(prefix: &str) -> bool {
    let tail = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
    let head = prefix.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    head && prefix.len() <= 200 && prefix.bytes().all(tail)
}

/// The pattern that matches every index of a family.
pub fn pattern(prefix: &str) -> String {
    format!("{prefix}*")
}

/// The name of a family's index template. Two prefixes give two names, so that they can live in one cluster; only
/// `x-` and `essink-x-` would share one, which [`Prefixes::check`] refuses.
pub fn template_name(prefix: &str) -> String {
    let trimmed = prefix.strip_suffix('-').unwrap_or(prefix);
    if trimmed.starts_with("essink-") { trimmed.to_owned() } else { format!("essink-{trimmed}") }
}

/// Whether some name matches both patterns, in which `*` stands for any text.
pub fn overlap(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    // `row[j]`: the rest of `left` and `right[j..]` have a name in common.
    let mut row = vec![false; right.len() + 1];
    row[right.len()] = true;
    for j in (0..right.len()).rev() {
        row[j] = right[j] == b'*' && row[j + 1];
    }
    for &l in left.iter().rev() {
        let below = row;
        row = vec![false; right.len() + 1];
        row[right.len()] = l == b'*' && below[right.len()];
        for j in (0..right.len()).rev() {
            let r = right[j];
            row[j] = match (l, r) {
                (b'*', _) | (_, b'*') => below[j] || row[j + 1],
                _ => l == r && below[j + 1],
            };
        }
    }
    row[0]
}

impl fmt::Display for Prefixes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.patterns(", "))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::family::Family;

    /// Whether `pattern` matches `name`, by trying every length for each star.
    fn matches(pattern: &[u8], name: &[u8]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some((b'*', rest)) => (0..=name.len()).any(|n| matches(rest, &name[n..])),
            Some((byte, rest)) => name.first() == Some(byte) && matches(rest, &name[1..]),
        }
    }

    /// Every name over `ab` of at most `longest` letters.
    fn names(longest: usize) -> Vec<Vec<u8>> {
        let mut all = vec![vec![]];
        let mut from = 0;
        for _ in 0..longest {
            let until = all.len();
            for at in from..until {
                for letter in *b"ab" {
                    let mut name: Vec<u8> = all[at].clone();
                    name.push(letter);
                    all.push(name);
                }
            }
            from = until;
        }
        all
    }

    #[test]
    fn overlaps_of_real_patterns() {
        let check = |left, right, expected| assert_eq!(overlap(left, right), expected, "{left} {right}");
        check("pinpoint-*", "pinpoint*", true);
        check("pinpoint-*", "*", true);
        check("pinpoint-*", "*-2020-*", true);
        check("pinpoint-*", "pinpoint-2020-01-01", true);
        check("pinpoint-*", "pinpoint_*", false);
        check("pinpoint-*", "pinpoint", false);
        check("pinpoint-*", "logs-*-*", false);
        check("*a", "*b", false);
        check("", "*", true);
        check("", "", true);
        check("", "a", false);
    }

    proptest! {
        /// Two patterns of at most four signs that meet at all meet in a name of at most eight letters.
        #[test]
        fn overlap_is_what_trying_every_name_says(left in "[ab*]{0,4}", right in "[ab*]{0,4}") {
            let common = names(8).iter().any(|n| matches(left.as_bytes(), n) && matches(right.as_bytes(), n));
            prop_assert_eq!(overlap(&left, &right), common);
            prop_assert_eq!(overlap(&right, &left), common);
        }
    }

    #[test]
    fn template_names_differ_by_prefix() {
        let check = |prefix, expected: &str| assert_eq!(template_name(prefix), expected);
        check("pinpoint-", "essink-pinpoint");
        check("essink-dead-letters-", "essink-dead-letters");
        check("acme-pinpoint-", "essink-acme-pinpoint");
        check("pinpoint_", "essink-pinpoint_");
    }

    fn with(family: Family, prefix: &str) -> Result<(), PrefixError> {
        let families = family::Prefixes::default().with(family, prefix);
        Prefixes { families, ..Prefixes::default() }.check()
    }

    #[test]
    fn prefixes_that_cannot_work_are_refused() {
        assert_eq!(Prefixes::default().check(), Ok(()));
        for bad in ["", "-a", "_a", ".hidden-", "Pinpoint-", "a*", "a,b", "a/b", "ü-", &"a".repeat(201)] {
            assert_eq!(with(Family::Pinpoint, bad), Err(PrefixError::Unusable(bad.into())));
        }
        assert_eq!(with(Family::Pinpoint, "essink-"), Err(PrefixError::Reserved("essink-".into())));
    }

    /// Of nine prefixes no two may meet, whichever they are and whichever of them is the longer one.
    #[test]
    fn a_prefix_that_begins_another_is_refused() {
        let overlap = |short: &str, long: &str| Err(PrefixError::Overlap(short.into(), long.into()));
        for family in Family::ALL {
            assert_eq!(with(family, &format!("new-{}-", family.name())), Ok(()));
            assert_eq!(with(family, "essink-d"), overlap("essink-d", "essink-dead-letters-"));
            for other in Family::ALL.into_iter().filter(|other| *other != family) {
                let theirs = format!("{}-", other.name());
                assert_eq!(with(family, &theirs), overlap(&theirs, &theirs));
                let (shorter, longer) = (&theirs[..theirs.len() - 1], format!("{theirs}x-"));
                assert_eq!(with(family, shorter), overlap(shorter, &theirs));
                assert_eq!(with(family, &longer), overlap(&theirs, &longer));
            }
        }
    }

    #[test]
    fn two_families_never_share_a_template() {
        let both = PrefixError::SameTemplate("essink-ses-".into(), "ses-".into(), "essink-ses".into());
        assert_eq!(with(Family::Pinpoint, "essink-ses-"), Err(both));
        let both = PrefixError::SameTemplate(
            "dead-letters-".into(),
            "essink-dead-letters-".into(),
            "essink-dead-letters".into(),
        );
        assert_eq!(with(Family::Connect, "dead-letters-"), Err(both));
    }

    #[test]
    fn all_nine_are_told() {
        let told = Prefixes::default().to_string();
        assert_eq!(
            told,
            "pinpoint-*, eum-*, ses-*, bird-*, vonage-*, pendula-*, connect-*, unrecognized-*, essink-dead-letters-*"
        );
    }
}
