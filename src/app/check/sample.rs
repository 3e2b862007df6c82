//! What the records of a sample become, told without what they say of people. Pure.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::value::RawValue;

use super::finding::Finding;
use crate::app::decode::Draft;
use crate::event::family::Family;
use crate::event::msg::Field;
use crate::event::walk;
use crate::pipeline::op::BulkOp;

/// Members of `msg` that say nothing of a person; of the others only the names are shown.
const PLAIN: [Field; 13] = [
    Field::Provider,
    Field::Event,
    Field::Channel,
    Field::Status,
    Field::Final,
    Field::Country,
    Field::CostUsd,
    Field::Cost,
    Field::Currency,
    Field::Parts,
    Field::CampaignKind,
    Field::SendStatus,
    Field::ReasonClass,
];
/// Lines of documents on a screen; JSON has all.
const LINES: usize = 20;
/// From this share on of events of no known family the stream is perhaps another one.
const STRANGE: (usize, usize) = (1, 2);

/// What was read, and what becomes of it.
#[derive(Debug, Default, Serialize)]
pub struct Sample {
    /// Records that were read.
    pub records: usize,
    /// Shards they came from.
    pub shards: usize,
    /// Events of them that a run would index, in the order they were read.
    pub documents: Vec<Document>,
    /// What a run would keep as dead letters, by reason.
    pub dead_letters: BTreeMap<String, u64>,
    /// Events whose day is past retention.
    pub expired: u64,
}

/// One document.
#[derive(Debug, Serialize)]
pub struct Document {
    /// Its family.
    pub family: &'static str,
    /// The index it would be created in.
    pub index: String,
    /// Its id.
    pub id: String,
    /// Members of `msg` that say nothing of a person.
    pub msg: BTreeMap<&'static str, Box<RawValue>>,
    /// Names of the others.
    pub hidden: Vec<&'static str>,
    /// Why the cluster refuses it; none when it does not, or was not asked.
    pub refused: Option<String>,
    /// All of it, when that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<Box<RawValue>>,
}

impl Sample {
    /// One record more.
    pub fn add(&mut self, draft: &Draft, whole: bool) {
        self.records += 1;
        self.expired += draft.expired;
        for letter in &draft.letters {
            *self.dead_letters.entry(letter.reason.to_owned()).or_default() += 1;
        }
        self.documents.extend(draft.ops.iter().map(|op| Document::of(op, whole)));
    }

    /// What is worth a line of its own.
    pub fn findings(&self, asked: u32) -> Vec<Finding> {
        const ABOUT: &str = "sample";
        if asked == 0 {
            return Vec::new();
        }
        if self.records == 0 {
            let cure = "put some with `essink put`, or check again when there are events";
            return vec![Finding::warning(ABOUT, "the stream holds no record that could be tried", cure)];
        }
        let (documents, letters) = (self.documents.len(), self.dead_letters.values().sum::<u64>());
        let mut found = vec![Finding::ok(
            ABOUT,
            format!(
                "{} records of {} shards become {documents} documents, {letters} dead letters, {} expired",
                self.records, self.shards, self.expired
            ),
        )];
        if letters > 0 {
            let reasons: Vec<_> = self.dead_letters.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
            let what = format!("{letters} parts of the sample are no events: {}", reasons.join(", "));
            found.push(Finding::warning(ABOUT, what, "look at the producer; a run keeps them as dead letters"));
        }
        let strange = self.documents.iter().filter(|document| document.family == Family::Unrecognized.name()).count();
        if strange * STRANGE.1 >= documents * STRANGE.0 && strange > 0 {
            let what = format!("{strange} of {documents} events are of no known family");
            found.push(Finding::warning(
                ABOUT,
                what,
                "is this the right stream? they are kept, and their members not indexed",
            ));
        }
        found
    }
}

impl Document {
    fn of(op: &BulkOp, whole: bool) -> Self {
        let source = source(op);
        let raw = |value: &[u8]| {
            // The scan of the event and the writer of documents let nothing through that is not JSON.
            String::from_utf8(value.to_vec()).ok().and_then(|text| RawValue::from_string(text).ok())
        };
        let (mut msg, mut hidden) = (BTreeMap::new(), Vec::new());
        for field in Field::ALL {
            let Some(value) = walk::at(source, &["msg", field.name()]) else { continue };
            match raw(value).filter(|_| PLAIN.contains(field)) {
                Some(value) => drop(msg.insert(field.name(), value)),
                None => hidden.push(field.name()),
            }
        }
        let document = if whole { raw(source) } else { None };
        let (index, id) = (op.index.to_string(), op.id.to_string());
        Self { family: op.family.name(), index, id, msg, hidden, refused: None, document }
    }
}

/// The source line of an op.
fn source(op: &BulkOp) -> &[u8] {
    op.lines.split(|byte| *byte == b'\n').nth(1).unwrap_or_default()
}

/// The op with another index in its action line.
pub fn moved(op: &BulkOp, index: &str) -> BulkOp {
    let mut lines = format!("{{\"create\":{{\"_index\":\"{index}\",\"_id\":\"{}\"}}}}\n", op.id).into_bytes();
    lines.extend_from_slice(source(op));
    lines.push(b'\n');
    BulkOp { index: index.into(), lines: lines.into(), ..op.clone() }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut groups: BTreeMap<(String, String), usize> = BTreeMap::new();
        for document in &self.documents {
            let said: Vec<String> =
                document.msg.iter().map(|(name, value)| format!("{name} {}", value.get())).collect();
            *groups.entry((document.index.clone(), said.join(", "))).or_default() += 1;
        }
        if !groups.is_empty() {
            writeln!(f, "\nthe sample would become (msg.* without what it says of people):")?;
        }
        for ((index, said), n) in groups.iter().take(LINES) {
            writeln!(f, "  {n} in {index}: {said}")?;
        }
        if let Some(more) = groups.len().checked_sub(LINES).filter(|more| *more > 0) {
            writeln!(f, "  and {more} other kinds; --json has all")?;
        }
        for document in self.documents.iter().filter_map(|document| document.document.as_ref()) {
            writeln!(f, "  {}", document.get())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::finding::Level;
    use super::*;
    use crate::event::id::EventId;
    use crate::event::time::Day;
    use crate::pipeline::op::tests::record;

    fn op(family: Family, source: &str) -> BulkOp {
        let id = EventId::of(source.as_bytes(), None);
        let lines = format!("{{\"create\":{{\"_index\":\"ses-2026-01-01\",\"_id\":\"{id}\"}}}}\n{source}\n");
        BulkOp {
            index: "ses-2026-01-01".into(),
            day: Day(0),
            id,
            lines: lines.into(),
            event: Bytes::new(),
            offset: 0,
            degraded: None,
            family,
            trimmed: false,
            redacted: false,
            source: record(0, 0),
        }
    }

    const MAIL: &str = r#"{"msg":{"channel":"email","to":["ann@example.com"],"id":"m","final":true},"x":1}"#;

    #[test]
    fn a_document_is_told_without_what_it_says_of_people() {
        let told = Document::of(&op(Family::Ses, MAIL), false);
        let text = serde_json::to_string(&told).unwrap();
        assert!(!text.contains("ann@example.com") && !text.contains("\"x\""), "{text}");
        assert_eq!(
            told.msg.iter().map(|(name, value)| (*name, value.get())).collect::<Vec<_>>(),
            [("channel", "\"email\""), ("final", "true")]
        );
        assert_eq!(told.hidden, ["id", "to"]);
        let whole = Document::of(&op(Family::Ses, MAIL), true);
        assert_eq!(whole.document.unwrap().get(), MAIL);
    }

    #[test]
    fn an_op_that_is_moved_keeps_its_document() {
        let moved = moved(&op(Family::Ses, MAIL), "essink-check-1");
        let id = EventId::of(MAIL.as_bytes(), None);
        let expected = format!("{{\"create\":{{\"_index\":\"essink-check-1\",\"_id\":\"{id}\"}}}}\n{MAIL}\n");
        assert_eq!(std::str::from_utf8(&moved.lines).unwrap(), expected);
        assert_eq!(&*moved.index, "essink-check-1");
    }

    #[test]
    fn a_sample_of_nothing_or_of_strangers_is_warned_of() {
        let levels = |sample: &Sample, asked| sample.findings(asked).iter().map(|f| f.level).collect::<Vec<_>>();
        assert_eq!(levels(&Sample::default(), 0), [], "none was asked for");
        assert_eq!(levels(&Sample::default(), 5), [Level::Warning]);
        let of = |families: &[Family]| Sample {
            records: families.len(),
            documents: families.iter().map(|family| Document::of(&op(*family, "{}"), false)).collect(),
            ..Sample::default()
        };
        assert_eq!(levels(&of(&[Family::Ses]), 5), [Level::Ok]);
        assert_eq!(levels(&of(&[Family::Ses, Family::Unrecognized]), 5), [Level::Ok, Level::Warning]);
        assert_eq!(levels(&of(&[Family::Ses, Family::Ses, Family::Unrecognized]), 5), [Level::Ok]);
        let poisoned = Sample { dead_letters: BTreeMap::from([("not_json".to_owned(), 2)]), ..of(&[Family::Ses]) };
        assert!(poisoned.findings(5)[1].what.contains("not_json 2"));
    }
}
