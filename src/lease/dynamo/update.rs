//! One conditional write as DynamoDB takes it: only the attributes that change, and what must still be so. Pure.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::{self, Own, n, s};
use crate::lease::table::{Change, Row};
use crate::pipeline::position::Position;

/// Expressions with their names and values.
#[derive(Debug, Default)]
pub(super) struct Parts {
    set: Vec<String>,
    remove: Vec<String>,
    add: Vec<String>,
    pub(super) condition: String,
    pub(super) names: HashMap<String, String>,
    pub(super) values: HashMap<String, AttributeValue>,
}

impl Parts {
    /// Nothing to do, if the row is still of the owner and at the count that were seen.
    pub(super) fn if_still(was: &Row) -> Self {
        let mut parts = Self::default();
        let counter = parts.name(item::COUNTER);
        let owner = parts.name(item::OWNER);
        parts.values.insert(":seenCounter".to_owned(), n(was.counter));
        let still_owned = match &was.owner {
            Some(name) => {
                parts.values.insert(":seenOwner".to_owned(), s(name));
                format!("{owner} = :seenOwner")
            }
            None => format!("attribute_not_exists({owner})"),
        };
        parts.condition = format!("{counter} = :seenCounter AND {still_owned}");
        parts
    }

    /// What makes the row what it is to be. A request is left as it is unless the change means to change it: an owner
    /// renews without having seen it.
    pub(super) fn of(change: &Change, own: &Own) -> Self {
        let Change { was, now } = change;
        let mut parts = Self::if_still(was);
        if now.wanted_by != was.wanted_by {
            parts.put(item::WANTED_BY, now.wanted_by.as_deref().map(s));
        }
        if (&now.owner, now.counter) == (&was.owner, was.counter) && now.position == was.position {
            return parts;
        }
        parts.put(item::COUNTER, Some(n(now.counter)));
        parts.put(item::OUR_COUNTER, Some(n(now.counter)));
        parts.put(item::STREAM, Some(s(&*own.stream)));
        parts.put(item::GROUP, Some(s(&*own.group)));
        parts.put(item::OWNER, now.owner.as_deref().map(s));
        // KCL 3 would hold the lease for whoever this names.
        parts.put(item::CHECKPOINT_OWNER, None);
        let moves = now.position != was.position;
        // A start is written again: KCL may have left LATEST, or a word of ours that it has made untrue.
        if moves || matches!(now.position, Position::TrimHorizon | Position::At(_)) {
            let (checkpoint, sub_sequence, wordless) = item::checkpoint(&now.position);
            parts.put(item::CHECKPOINT, Some(s(checkpoint)));
            parts.put(item::SUB_SEQUENCE, Some(n(sub_sequence)));
            parts.put(item::POSITION, wordless.map(s));
        }
        // As KCL does with every checkpoint.
        if moves {
            parts.put(item::SWITCHES, Some(n(0)));
            item::PENDING.iter().for_each(|name| parts.put(name, None));
        } else if was.owner.is_some() && now.owner.is_some() && was.owner != now.owner {
            let name = parts.name(item::SWITCHES);
            parts.values.insert(":one".to_owned(), n(1));
            parts.add.push(format!("{name} :one"));
        }
        parts
    }

    /// The update expression.
    pub(super) fn expression(&self) -> String {
        let clauses = [("SET", &self.set), ("REMOVE", &self.remove), ("ADD", &self.add)];
        let clauses = clauses.into_iter().filter(|(_, actions)| !actions.is_empty());
        clauses.map(|(verb, actions)| format!("{verb} {}", actions.join(", "))).collect::<Vec<_>>().join(" ")
    }

    /// Sets an attribute, or removes it.
    fn put(&mut self, name: &str, value: Option<AttributeValue>) {
        let placeholder = self.name(name);
        match value {
            Some(value) => {
                self.set.push(format!("{placeholder} = :{name}"));
                self.values.insert(format!(":{name}"), value);
            }
            None => self.remove.push(placeholder),
        }
    }

    /// A stand-in for a name: DynamoDB reserves hundreds of words.
    fn name(&mut self, name: &str) -> String {
        let placeholder = format!("#{name}");
        self.names.insert(placeholder.clone(), name.to_owned());
        placeholder
    }
}

#[cfg(test)]
mod tests;
