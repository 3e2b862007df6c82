//! What was taken already, as far back as there is room.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// Stands for one thing that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark([u8; 16]);

impl Mark {
    /// The mark of several parts; where one ends and the next begins counts.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut mark = [0; 16];
        mark.copy_from_slice(&hash.finalize()[..16]);
        Self(mark)
    }
}

/// The last marks, a bounded number of them: when it is full the oldest is forgotten.
#[derive(Debug)]
pub struct Seen {
    most: usize,
    marks: Mutex<(HashSet<Mark>, VecDeque<Mark>)>,
}

impl Seen {
    /// At most this many.
    pub fn new(most: usize) -> Self {
        Self { most, marks: Mutex::default() }
    }

    /// Whether it was added and is not forgotten.
    pub fn has(&self, mark: &Mark) -> bool {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner).0.contains(mark)
    }

    /// Remembers it.
    pub fn add(&self, mark: Mark) {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let (set, order) = &mut *marks;
        if !set.insert(mark) {
            return;
        }
        order.push_back(mark);
        if order.len() > self.most
            && let Some(oldest) = order.pop_front()
        {
            set.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_and_nothing_else() {
        let seen = Seen::new(3);
        let mark = |n: u8| Mark::of(&[&[n]]);
        (0..5).for_each(|n| seen.add(mark(n)));
        seen.add(mark(4));
        assert_eq!((0..5).map(|n| seen.has(&mark(n))).collect::<Vec<_>>(), [false, false, true, true, true]);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(Mark::of(&[b"ab", b"c"]), Mark::of(&[b"a", b"bc"]));
        assert_eq!(Mark::of(&[b"ab", b"c"]), Mark::of(&[b"ab", b"c"]));
    }
}
