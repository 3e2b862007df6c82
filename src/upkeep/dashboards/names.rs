//! What saved objects are called, which depends on what the indices are called.

use sha2::{Digest, Sha256};

use crate::event::family::Family;
use crate::panel::Over;
use crate::upkeep::names::{Prefixes, pattern};

/// What every id begins with.
const ID: &str = "essink";

/// The names of one set of objects.
#[derive(Debug, Clone)]
pub struct Names {
    prefixes: Prefixes,
    /// Nothing for the usual prefixes.
    suffix: String,
}

impl Names {
    /// For indices of these prefixes. Two sets of prefixes have two sets of objects, so that both can be in one place.
    pub fn new(prefixes: &Prefixes) -> Self {
        let suffix = if *prefixes == Prefixes::default() {
            String::new()
        } else {
            let hash = Sha256::digest(prefixes.patterns(","));
            hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
        };
        Self { prefixes: prefixes.clone(), suffix }
    }

    /// An id: the same each time, so that a later version replaces this one.
    pub fn id(&self, rest: &str) -> String {
        if self.suffix.is_empty() { format!("{ID}-{rest}") } else { format!("{ID}-{}-{rest}", self.suffix) }
    }

    /// What people read; it says whose indices these are where that is not the usual.
    pub fn title(&self, title: &str) -> String {
        match self.suffix.is_empty() {
            true => title.to_owned(),
            false => format!("{title} ({})", pattern(self.prefixes.families.of(Family::Pinpoint))),
        }
    }

    /// The index patterns of a panel, with commas between.
    pub fn patterns(&self, over: Over) -> String {
        patterns(over, &self.prefixes)
    }
}

/// Which indices a panel asks, as a search's address has it.
pub fn patterns(over: Over, prefixes: &Prefixes) -> String {
    let families = prefixes.families.iter().filter(|(family, _)| match over {
        Over::Messages => *family != Family::Unrecognized,
        Over::Pinpoint => *family == Family::Pinpoint,
        Over::Arrivals => true,
        Over::DeadLetters => false,
    });
    let letters = (over == Over::DeadLetters).then_some(prefixes.dead_letters.as_str());
    families.map(|(_, prefix)| prefix).chain(letters).map(pattern).collect::<Vec<_>>().join(",")
}
