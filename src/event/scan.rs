//! One strict pass over a JSON value: validates every byte, drops insignificant white space, and
//! remembers where the top-level members are.
//!
//! Servers accept what later harms them or their users (a byte order mark, comments, bad UTF-8,
//! lone surrogates, numbers beyond a double, duplicate keys, deep nesting), and `RawValue` of
//! serde_json passes several of these. So the scan is essink's own. The output never holds a line
//! break: a pretty-printed event can not put a line of its own into a bulk body.

use std::ops::Range;

mod keys;
mod nodes;
mod token;

use keys::Keys;
pub(super) use keys::unescaped;
pub use nodes::{Node, Nodes, View};

/// What a value may be at most.
#[derive(Debug, Clone, Copy)]
pub struct ScanLimits {
    /// Objects and arrays inside each other. Mappings take 20, a node dies of several hundred.
    pub depth: usize,
    /// Keys in one event, over all its objects; and in objects that are open at a time, whatever the value is.
    pub keys: usize,
}

/// What is wrong with an event that has more keys than it may.
pub const TOO_MANY_KEYS: &str = "too many keys";

/// Why a value cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Not JSON from this offset on: where the value ends is unknown.
    Broken {
        /// Offset in the scanned bytes.
        at: usize,
        /// What was found instead.
        what: &'static str,
    },
    /// JSON that must not be sent; it ends before `end`, and what follows can be read.
    Unsafe {
        /// Offset behind the value.
        end: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// More keys than one event may have, over objects of which none has too many, and nothing else is wrong: an
    /// envelope of many events may be so. The scan is whole.
    Crowded {
        /// Offset behind the value.
        end: usize,
    },
}

/// A member of the top-level object, as ranges of [`Scanned::json`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The key without its quotes, escapes as they came.
    pub key: Range<usize>,
    /// The value.
    pub value: Range<usize>,
}

/// The result of a scan, and its scratch memory: reused from value to value.
#[derive(Debug, Default)]
pub struct Scanned {
    /// The value on one line, without insignificant white space.
    pub json: Vec<u8>,
    /// Members of the value, when it is an object.
    pub members: Vec<Member>,
    /// Some key, at any depth, is blank or holds a dot.
    pub odd_keys: bool,
    /// Members at all depths, in their order: what is looked up by its path need not be scanned again.
    nodes: Vec<Node>,
    /// By level, the node whose value is being read.
    open: Vec<u32>,
    kinds: Vec<Kind>,
    keys: Keys,
}

impl Scanned {
    /// The text of a member's key.
    pub fn key(&self, member: &Member) -> &[u8] {
        &self.json[member.key.clone()]
    }

    /// The text of a member's value.
    pub fn value(&self, member: &Member) -> &[u8] {
        &self.json[member.value.clone()]
    }

    /// The value of the member named `key`, if there is one.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.members.iter().find(|m| self.key(m) == key).map(|m| self.value(m))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Object,
    Array,
}

/// Scans the value that begins at `src[at]` (not white space) into `into`; returns the offset behind it.
pub fn scan(src: &[u8], at: usize, limits: &ScanLimits, into: &mut Scanned) -> Result<usize, Fault> {
    into.json.clear();
    into.members.clear();
    into.nodes.clear();
    into.open.clear();
    into.kinds.clear();
    into.keys.clear();
    into.odd_keys = false;
    let mut scanner = Scanner { src, at, copied: at, limits, into, bad: None };
    scanner.value()?;
    scanner.flush();
    let Scanner { at: end, bad, into, .. } = scanner;
    match bad {
        Some(what) => Err(Fault::Unsafe { end, what }),
        None if into.keys.total() > limits.keys => Err(Fault::Crowded { end }),
        None => Ok(end),
    }
}

/// A record has at most ten megabytes, and what it inflates to at most a gigabyte.
fn short(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

struct Scanner<'a> {
    src: &'a [u8],
    at: usize,
    /// Everything before this offset is in the output or was white space.
    copied: usize,
    limits: &'a ScanLimits,
    into: &'a mut Scanned,
    bad: Option<&'static str>,
}

impl Scanner<'_> {
    fn value(&mut self) -> Result<(), Fault> {
        loop {
            self.skip_space();
            if !self.begin()? {
                continue;
            }
            if self.finish()? {
                return Ok(());
            }
        }
    }

    /// Reads a scalar, an empty container, or the opening of a container; `true` when a value is complete.
    fn begin(&mut self) -> Result<bool, Fault> {
        match self.peek() {
            Some(b'{') => return self.open(Kind::Object),
            Some(b'[') => return self.open(Kind::Array),
            Some(b'"') => self.string()?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.literal(b"true")?,
            Some(b'f') => self.literal(b"false")?,
            Some(b'n') => self.literal(b"null")?,
            Some(_) => return Err(self.broken("a byte that begins no JSON value")),
            None => return Err(self.broken("the end of the data inside a value")),
        }
        Ok(true)
    }

    fn open(&mut self, kind: Kind) -> Result<bool, Fault> {
        self.at += 1;
        self.into.kinds.push(kind);
        if self.into.kinds.len() > self.limits.depth {
            self.refuse("nested too deep");
        }
        self.skip_space();
        match (kind, self.peek()) {
            (Kind::Object, Some(b'}')) | (Kind::Array, Some(b']')) => {
                self.at += 1;
                self.into.kinds.pop();
                Ok(true)
            }
            (Kind::Object, _) => {
                self.into.keys.open();
                self.key()?;
                Ok(false)
            }
            (Kind::Array, _) => Ok(false),
        }
    }

    /// After a complete value: closes containers, reads the comma and the next key. `true` at the very end.
    fn finish(&mut self) -> Result<bool, Fault> {
        loop {
            if let (1, Some(member)) = (self.into.kinds.len(), self.into.members.last_mut()) {
                member.value.end = self.into.json.len() + self.at - self.copied;
            }
            let Some(kind) = self.into.kinds.last().copied() else {
                return Ok(true);
            };
            if kind == Kind::Object {
                self.end_node();
            }
            self.skip_space();
            match (kind, self.peek()) {
                (Kind::Object, Some(b',')) => {
                    self.at += 1;
                    self.skip_space();
                    self.key()?;
                    return Ok(false);
                }
                (Kind::Array, Some(b',')) => {
                    self.at += 1;
                    return Ok(false);
                }
                (Kind::Object, Some(b'}')) => self.close_object(),
                (Kind::Array, Some(b']')) => {}
                (_, None) => return Err(self.broken("the end of the data inside a value")),
                _ => return Err(self.broken("something else than a comma or a closing bracket")),
            }
            self.at += 1;
            self.into.kinds.pop();
        }
    }

    fn close_object(&mut self) {
        if self.into.keys.close(self.src) {
            self.refuse("duplicate key");
        }
    }

    fn key(&mut self) -> Result<(), Fault> {
        if self.peek() != Some(b'"') {
            return Err(self.broken("something else than a key"));
        }
        let start = self.at + 1;
        self.string()?;
        let key = start..self.at - 1;
        let key_len = key.len();
        if self.into.keys.open_now() >= self.limits.keys {
            self.refuse(TOO_MANY_KEYS);
        } else {
            self.into.odd_keys |= self.into.keys.add(key, self.src);
        }
        let out = self.into.json.len() + self.at - 1 - self.copied;
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(self.broken("a key without a colon"));
        }
        self.at += 1;
        self.skip_space();
        if self.bad.is_none() {
            let value = self.into.json.len() + self.at - self.copied;
            if self.into.kinds.len() == 1 {
                self.into.members.push(Member { key: out - key_len..out, value: value..value });
            }
            self.begin_node(out - key_len..out, value);
        }
        Ok(())
    }

    fn begin_node(&mut self, key: Range<usize>, value: usize) {
        let level = self.into.kinds.len();
        self.into.open.resize(level, u32::MAX);
        // A value with more keys than an event may have is none; as an envelope it is opened by its top level alone.
        if self.into.nodes.len() >= self.limits.keys {
            self.into.open[level - 1] = u32::MAX;
            return;
        }
        self.into.open[level - 1] = short(self.into.nodes.len());
        let value = short(value);
        let node = Node { key: short(key.start)..short(key.end), value: value..value, level: short(level), next: 0 };
        self.into.nodes.push(node);
    }

    fn end_node(&mut self) {
        let end = short(self.into.json.len() + self.at - self.copied);
        let next = short(self.into.nodes.len());
        let at = self.into.open.get(self.into.kinds.len() - 1);
        // There is none when the value has become unsafe before.
        if let Some(node) = at.and_then(|at| self.into.nodes.get_mut(*at as usize)) {
            node.value.end = end;
            node.next = next;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.src.get(self.at).copied()
    }

    #[inline]
    fn skip_space(&mut self) {
        if !matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            return;
        }
        self.flush();
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
        self.copied = self.at;
    }

    fn flush(&mut self) {
        self.into.json.extend_from_slice(&self.src[self.copied..self.at]);
        self.copied = self.at;
    }

    fn refuse(&mut self, what: &'static str) {
        self.bad.get_or_insert(what);
    }

    fn broken(&self, what: &'static str) -> Fault {
        Fault::Broken { at: self.at, what }
    }
}

#[cfg(test)]
mod tests;
