//! The keys of the objects being scanned, for finding duplicates and names that mappings cannot hold.

use std::borrow::Cow;
use std::ops::Range;

/// Up to this many keys every pair is compared; beyond, they are sorted first.
const FEW: usize = 24;

/// Keys of all open objects: a stack of groups, one group an object.
#[derive(Debug, Default)]
pub(super) struct Keys {
    open: Vec<usize>,
    seen: Vec<Seen>,
    total: usize,
}

#[derive(Debug, Clone)]
struct Seen {
    /// Of the unescaped text, so that `"a"` and `"\u0061"` meet.
    hash: u64,
    at: Range<usize>,
}

impl Keys {
    pub(super) fn clear(&mut self) {
        self.open.clear();
        self.seen.clear();
        self.total = 0;
    }

    /// Keys added since `clear`.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// Keys of the objects that are open.
    pub(super) fn open_now(&self) -> usize {
        self.seen.len()
    }

    pub(super) fn open(&mut self) {
        self.open.push(self.seen.len());
    }

    /// Adds a key; `true` when mappings cannot hold it as it is, or when it must be read to know.
    #[inline]
    pub(super) fn add(&mut self, at: Range<usize>, src: &[u8]) -> bool {
        let text = &src[at.clone()];
        let (mut hash, mut odd) = hash(text);
        if odd && text.contains(&b'\\') {
            (hash, _) = self::hash(&unescaped(text));
        }
        // Blank is refused by servers; the first byte tells in nearly every key.
        odd |= text.iter().all(|b| *b == b' ');
        self.seen.push(Seen { hash, at });
        self.total += 1;
        odd
    }

    /// Ends the innermost object; `true` when two of its keys are the same.
    pub(super) fn close(&mut self, src: &[u8]) -> bool {
        let from = self.open.pop().unwrap_or(0);
        let group = &mut self.seen[from..];
        let same =
            |a: &Seen, b: &Seen| a.hash == b.hash && unescaped(&src[a.at.clone()]) == unescaped(&src[b.at.clone()]);
        let found = if group.len() <= FEW {
            (1..group.len()).any(|i| group[..i].iter().any(|earlier| same(earlier, &group[i])))
        } else {
            // Text after hash: keys made to collide still cost no more than the sort.
            group.sort_unstable_by(|a, b| {
                let text = |key: &Seen| unescaped(&src[key.at.clone()]);
                a.hash.cmp(&b.hash).then_with(|| text(a).cmp(&text(b)))
            });
            group.windows(2).any(|pair| same(&pair[0], &pair[1]))
        };
        self.seen.truncate(from);
        found
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// A hash of eight bytes at a time, and whether there is a dot or a backslash among them: a dot makes
/// objects, and what is escaped must be read. A collision costs one comparison.
#[inline]
fn hash(text: &[u8]) -> (u64, bool) {
    let (mut hash, mut hits) = (text.len() as u64, 0);
    for chunk in text.chunks(8) {
        let mut eight = [0; 8];
        eight[..chunk.len()].copy_from_slice(chunk);
        let word = u64::from_le_bytes(eight);
        let zero = |x: u64| x.wrapping_sub(ONES) & !x & HIGHS;
        hits |= zero(word ^ (ONES * u64::from(b'.'))) | zero(word ^ (ONES * u64::from(b'\\')));
        hash = (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
    (hash, hits != 0)
}

/// The key as its reader sees it; lone surrogates stay as they are written.
pub(in crate::event) fn unescaped(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'\\') {
        return Cow::Borrowed(text);
    }
    let quoted = [b"\"", text, b"\""].concat();
    serde_json::from_slice::<String>(&quoted).map_or(Cow::Borrowed(text), |s| Cow::Owned(s.into_bytes()))
}
