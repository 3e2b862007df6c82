//! What the cluster decided about one document.

/// The judgement of one item of a bulk reply, or of a whole request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Created now.
    Indexed,
    /// An earlier write of the same bytes: `create` met its own id.
    AlreadyThere,
    /// The cluster cannot now; the same bytes may be sent again, for as long as it takes.
    Busy(String),
    /// The index takes no writes (flood stage, read-only, its primary shard is away): waits for an operator or for its
    /// node, resumes by itself, and holds up no other index.
    Blocked {
        /// The index the block stands on, when the reply names it.
        index: Option<String>,
        /// Which block.
        reason: String,
    },
    /// The request, or this document, is larger than the cluster takes.
    TooLarge(String),
    /// This document will never be accepted as it is.
    Refused(Refusal),
    /// Something is wrong with the set-up, not with the document; nothing settles.
    Halt(String),
}

/// Why a document will never be accepted as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The server's name for the error, `mapper_parsing_exception`: what refusals with one cause have in common.
    pub kind: String,
    /// The sentence for people; it quotes no value of the document.
    pub reason: String,
    /// Only because the index has as many fields as it may: with fewer names the document would be taken.
    pub for_want_of_fields: bool,
}

/// The judgement of one bulk request: each op its own verdict, or one verdict for all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// As many verdicts as ops were sent, in the order they were sent.
    Items(Vec<Verdict>),
    /// The request as a whole failed; nothing of it is known to have settled.
    Whole(Verdict),
}

impl Verdict {
    /// Whether the document has come to its end, or to a dead letter.
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Indexed | Self::AlreadyThere | Self::Refused(_) | Self::TooLarge(_))
    }

    /// One word for counting.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Indexed => "indexed",
            Self::AlreadyThere => "already_there",
            Self::Busy(_) => "busy",
            Self::Blocked { .. } => "blocked",
            Self::TooLarge(_) => "too_large",
            Self::Refused(_) => "refused",
            Self::Halt(_) => "halt",
        }
    }

    /// The sentence for people, when there is one.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Indexed | Self::AlreadyThere => None,
            Self::Busy(why) | Self::TooLarge(why) | Self::Halt(why) => Some(why),
            Self::Refused(refusal) => Some(&refusal.reason),
            Self::Blocked { reason, .. } => Some(reason),
        }
    }
}
