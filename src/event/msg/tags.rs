//! A map whose keys the sender chose, as one list: a field for each key would explode the mapping.

use crate::event::walk;

/// Tags of one event; a panel that needs more needs a field of its own.
const MOST: usize = 64;
/// Bytes of one tag: the template leaves longer ones out of the index, so they would only be stored twice.
const LONGEST: usize = 1024;
/// Objects inside each other; deeper ones are left out.
const DEEPEST: usize = 4;

/// Appends the members of `map` as strings `"key=value"` with commas between them: `key.inner=value` for objects in it,
/// one string an element for arrays. `null` says nothing.
pub fn write(map: &[u8], out: &mut Vec<u8>) {
    let mut list = List { out, count: 0 };
    list.members(map, &mut Vec::new(), 0);
}

struct List<'a> {
    out: &'a mut Vec<u8>,
    count: usize,
}

impl List<'_> {
    fn members(&mut self, map: &[u8], path: &mut Vec<u8>, depth: usize) {
        if depth == DEEPEST {
            return;
        }
        for (key, value) in walk::members(map) {
            let outer = path.len();
            if outer > 0 {
                path.push(b'.');
            }
            path.extend_from_slice(key);
            self.value(value, path, depth);
            path.truncate(outer);
        }
    }

    fn value(&mut self, value: &[u8], path: &mut Vec<u8>, depth: usize) {
        match value.first() {
            Some(b'{') => self.members(value, path, depth + 1),
            Some(b'[') => {
                walk::elements(value).filter(|v| !v.starts_with(b"[")).for_each(|v| self.value(v, path, depth))
            }
            Some(b'n') | None => {}
            _ => self.tag(path, walk::unquoted(value)),
        }
    }

    /// Both come with their escapes, so together they are the text of a string again.
    fn tag(&mut self, key: &[u8], value: &[u8]) {
        if self.count == MOST || key.len() + value.len() >= LONGEST {
            return;
        }
        self.out.extend_from_slice(if self.count == 0 { b"\"" } else { b",\"" });
        self.out.extend_from_slice(key);
        self.out.push(b'=');
        self.out.extend_from_slice(value);
        self.out.push(b'"');
        self.count += 1;
    }
}
