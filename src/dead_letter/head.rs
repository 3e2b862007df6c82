//! What is known of a kept letter beside its bytes.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::event::id::EventId;
use crate::event::time::Millis;
use crate::pipeline::op::Letter;

/// Characters of a reason's sentence: what the index template takes in.
const DETAIL: usize = 2_048;

/// A letter without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Class of the reason: `not_json`, `refused`.
    pub reason: String,
    /// One sentence for people.
    #[serde(default)]
    pub detail: String,
    /// The index the document was meant for, when it got that far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// The id the document would have had, when it got that far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The letter's own id, a function of its bytes and of `wrapped`; the same in all its parts.
    pub letter: String,
    /// Where it comes from: a stream by ARN or name, or what was replayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// The shard, or the object.
    #[serde(default)]
    pub shard: String,
    /// The record's sequence number; of an object, the offset behind the record.
    #[serde(default)]
    pub sequence: String,
    /// Which user record of a KPL aggregate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_sequence: Option<u32>,
    /// Where its bytes begin in the record, or in the object.
    #[serde(default)]
    pub offset: u64,
    /// Milliseconds since 1970: exactly what a re-drive needs to name the same day.
    pub arrived: i64,
    /// The time of the envelope it came in, in milliseconds since 1970, where that is what dates it. A re-drive sees only
    /// its bytes, and needs this too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrapped: Option<i64>,
    /// Bytes of the whole letter.
    pub size: u64,
    /// How often it was sent again and refused.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tries: u32,
    /// When that was last, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried: Option<i64>,
    /// The reason it was first kept for, when it has another one now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_reason: Option<String>,
}

/// A letter with its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// What is known of it.
    pub head: Head,
    /// Its bytes.
    pub bytes: Bytes,
}

/// Why a letter that was sent again stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Class of the reason.
    pub reason: String,
    /// One sentence for people.
    pub detail: String,
    /// The index the document was meant for this time.
    pub index: Option<String>,
    /// The id it would have had.
    pub id: Option<String>,
}

impl Head {
    /// Of a letter that has just been made.
    pub fn of(letter: &Letter, stream: Option<&str>) -> Self {
        let source = &letter.source;
        Self {
            reason: letter.reason.to_owned(),
            detail: bounded(&letter.detail).to_owned(),
            index: letter.index.as_deref().map(str::to_owned),
            id: letter.id.map(|id| id.to_string()),
            letter: EventId::of(&letter.bytes, source.wrapped).to_string(),
            stream: stream.map(str::to_owned),
            shard: source.shard.to_string(),
            sequence: source.sequence.to_string(),
            sub_sequence: source.sub_sequence,
            offset: letter.offset as u64,
            arrived: source.arrived.0,
            wrapped: source.wrapped.map(|at| at.0),
            size: letter.bytes.len() as u64,
            tries: 0,
            tried: None,
            first_reason: None,
        }
    }

    /// When Kinesis received the record.
    pub fn arrived(&self) -> Millis {
        Millis(self.arrived)
    }

    /// The time of the envelope it came in.
    pub fn wrapped(&self) -> Option<Millis> {
        self.wrapped.map(Millis)
    }

    /// Notes that it was sent again at `at` and refused for this reason.
    pub fn refused_again(&mut self, refusal: &Refusal, at: Millis) {
        let before = std::mem::replace(&mut self.reason, refusal.reason.clone());
        if before != self.reason {
            self.first_reason.get_or_insert(before);
        }
        bounded(&refusal.detail).clone_into(&mut self.detail);
        if refusal.index.is_some() {
            self.index.clone_from(&refusal.index);
            self.id.clone_from(&refusal.id);
        }
        self.tries = self.tries.saturating_add(1);
        self.tried = Some(at.0);
    }

    /// What tells it from every other letter: the same bytes that arrived on two days are two.
    pub fn key(&self) -> LetterKey {
        LetterKey { letter: self.letter.clone(), arrived: self.arrived }
    }
}

/// What tells letters apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LetterKey {
    letter: String,
    arrived: i64,
}

impl Whole {
    /// The letter's own id.
    pub fn id(&self) -> EventId {
        EventId::of(&self.bytes, self.head.wrapped())
    }

    /// Refuses bytes that are not those of the head.
    pub fn checked(head: Head, bytes: Bytes) -> Result<Self, String> {
        let whole = Self { head, bytes };
        let Head { letter, size, .. } = &whole.head;
        if whole.bytes.len() as u64 != *size {
            return Err(format!("letter {letter} has {} of its {size} bytes", whole.bytes.len()));
        }
        if whole.id().to_string() != *letter {
            return Err(format!("the bytes of letter {letter} are not those its id was made of"));
        }
        Ok(whole)
    }
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

fn bounded(detail: &str) -> &str {
    let end = detail.char_indices().nth(DETAIL).map_or(detail.len(), |(at, _)| at);
    &detail[..end]
}
