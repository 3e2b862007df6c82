//! Looking members up by their names, at all depths: the scan has seen them, so nothing is scanned again.

use std::ops::Range;

use super::Scanned;

/// A member of an object at any depth, as ranges of [`Scanned::json`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The key without its quotes, escapes as they came.
    pub(super) key: Range<u32>,
    /// The value.
    pub(super) value: Range<u32>,
    /// Objects and arrays around it.
    pub(super) level: u32,
    /// The first node behind those inside its value.
    pub(super) next: u32,
}

impl Scanned {
    /// The value at the end of `path` through objects inside each other.
    pub fn at(&self, path: &[&str]) -> Option<&[u8]> {
        View { of: self, members: self.top() }.at(path)
    }

    /// The object at the end of `path`; one without members when there is none.
    pub fn object(&self, path: &[&str]) -> View<'_> {
        let inside = |members: Nodes<'_>, name: &&str| {
            let mut members = members;
            members.find(|node| self.node_key(node) == name.as_bytes()).map_or(Nodes::NONE, |node| self.inside(node))
        };
        View { of: self, members: path.iter().fold(self.top(), inside) }
    }

    /// The members of the value.
    pub fn top(&self) -> Nodes<'_> {
        Nodes { of: &self.nodes, at: 0, end: self.nodes.len(), level: 1 }
    }

    /// The members of an object that is a member itself; none of anything else.
    pub fn inside(&self, node: &Node) -> Nodes<'_> {
        let is_object = self.json.get(node.value.start as usize) == Some(&b'{');
        // Nodes lie one behind the other, so its own place is that of the first one inside it, less one.
        let at = self.nodes.partition_point(|other| other.key.start <= node.key.start);
        Nodes { of: &self.nodes, at, end: if is_object { node.next as usize } else { at }, level: node.level + 1 }
    }

    /// The text of a node's key.
    pub fn node_key(&self, node: &Node) -> &[u8] {
        &self.json[node.key.start as usize..node.key.end as usize]
    }

    /// The text of a node's value.
    pub fn node_value(&self, node: &Node) -> &[u8] {
        &self.json[node.value.start as usize..node.value.end as usize]
    }
}

/// Members of one object.
#[derive(Debug, Clone)]
pub struct Nodes<'a> {
    of: &'a [Node],
    at: usize,
    end: usize,
    level: u32,
}

impl Nodes<'_> {
    const NONE: Self = Nodes { of: &[], at: 0, end: 0, level: 0 };
}

/// An object of a scanned value, for several looks at its members.
#[derive(Debug, Clone)]
pub struct View<'a> {
    of: &'a Scanned,
    members: Nodes<'a>,
}

impl<'a> View<'a> {
    /// The value of the member `name`.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        let mut members = self.members.clone();
        members.find(|node| self.of.node_key(node) == name.as_bytes()).map(|node| self.of.node_value(node))
    }

    /// The value at the end of `path` through objects inside each other.
    pub fn at(&self, path: &[&str]) -> Option<&'a [u8]> {
        let (last, way) = path.split_last()?;
        let mut members = self.members.clone();
        for name in way {
            let node = members.find(|node| self.of.node_key(node) == name.as_bytes())?;
            members = self.of.inside(node);
        }
        View { of: self.of, members }.get(last)
    }
}

impl<'a> Iterator for Nodes<'a> {
    type Item = &'a Node;

    fn next(&mut self) -> Option<&'a Node> {
        let node = self.of.get(self.at).filter(|node| self.at < self.end && node.level == self.level)?;
        self.at = node.next as usize;
        Some(node)
    }
}
