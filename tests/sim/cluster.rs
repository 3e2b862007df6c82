//! The cluster: documents by index and id, and everything it can answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use essink::pipeline::op::BulkOp;
use essink::pipeline::verdict::{Refusal, Reply, Verdict};

use crate::chance::digest;
use crate::events::Key;
use crate::world::World;

/// The member by which a document says that it is not in its first form.
const DEGRADED: &[u8] = b"\"degraded\"";

/// What is on the wire of one op.
#[derive(Debug, Clone)]
pub struct Doc {
    pub key: Key,
    pub source: Bytes,
    pub size: usize,
}

#[derive(Debug)]
pub struct Cluster {
    pub docs: BTreeSet<Key>,
    /// Indices under a block.
    pub blocked: Blocked,
    /// It answers nobody before this.
    pub out_until: u64,
    seed: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocked {
    None,
    All,
    /// Those whose name has this remainder.
    Some(u64),
}

/// The op as a server reads it: only its lines count.
pub fn read(op: &BulkOp) -> Result<Doc, String> {
    let text = std::str::from_utf8(&op.lines).map_err(|error| error.to_string())?;
    let lines: Vec<&str> = text.split('\n').collect();
    let [action, source, ""] = lines[..] else { return Err(format!("{} lines in an op", lines.len() - 1)) };
    let action: serde_json::Value = serde_json::from_str(action).map_err(|error| error.to_string())?;
    let member = |name: &str| action["create"][name].as_str().map(str::to_owned);
    let key = member("_index").zip(member("_id")).ok_or("an action that creates nothing")?;
    serde_json::from_str::<serde::de::IgnoredAny>(source).map_err(|error| error.to_string())?;
    let key = Key { index: Arc::from(key.0), id: key.1 };
    Ok(Doc { key, source: op.lines.slice(lines[0].len() + 1..), size: op.lines.len() })
}

pub fn busy(why: &str) -> Verdict {
    Verdict::Busy(why.to_owned())
}

impl Cluster {
    pub fn new(seed: u64) -> Self {
        Self { docs: BTreeSet::new(), blocked: Blocked::None, out_until: 0, seed }
    }

    fn is_blocked(&self, index: &str) -> bool {
        match self.blocked {
            Blocked::None => false,
            Blocked::All => true,
            Blocked::Some(rest) => digest(3, index) % 3 == rest,
        }
    }

    /// A document that is refused for what it is; half of them also in the form that is sent when the first is refused.
    fn refuses(&self, doc: &Doc, per_mille: u32) -> bool {
        let roll = digest(self.seed, &doc.key.id);
        let is_degraded = doc.source.windows(DEGRADED.len()).any(|window| window == DEGRADED);
        roll % 1000 < u64::from(per_mille) && (roll & (1 << 40) == 0 || !is_degraded)
    }
}

impl World {
    /// The whole request, or why it is not even looked at.
    pub fn bulk_door(&mut self, docs: &[Doc]) -> Option<Reply> {
        if self.now < self.cluster.out_until {
            return Some(Reply::Whole(busy("connection refused")));
        }
        let size: usize = docs.iter().map(|doc| doc.size).sum();
        if size > self.mix.bulk.limit {
            return Some(Reply::Whole(Verdict::TooLarge(format!("413 for {size} bytes"))));
        }
        let whole = self.mix.bulk.whole;
        self.chance.hit(whole).then(|| Reply::Whole(busy(["429", "503", "reset"][self.chance.choice(3)])))
    }

    pub fn apply_bulk(&mut self, docs: &[Doc]) -> Vec<Verdict> {
        docs.iter().map(|doc| self.apply_doc(doc)).collect()
    }

    fn apply_doc(&mut self, doc: &Doc) -> Verdict {
        let (item_busy, refused) = (self.mix.bulk.item_busy, self.mix.bulk.refused);
        if self.cluster.is_blocked(&doc.key.index) {
            let index = Some(doc.key.index.to_string());
            return Verdict::Blocked { index, reason: "flood stage".to_owned() };
        }
        if self.chance.hit(item_busy) {
            return busy(["item 429", "item 503"][self.chance.choice(2)]);
        }
        if self.cluster.docs.contains(&doc.key) {
            return Verdict::AlreadyThere;
        }
        if self.cluster.refuses(doc, refused) {
            let words = "mapper_parsing_exception".to_owned();
            return Verdict::Refused(Refusal { kind: words.clone(), reason: words, for_want_of_fields: false });
        }
        self.cluster.docs.insert(doc.key.clone());
        self.created(&doc.key, &doc.source);
        Verdict::Indexed
    }
}
