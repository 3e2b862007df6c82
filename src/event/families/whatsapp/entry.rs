//! Meta's webhook entry: what became of messages, and messages that people sent, several in one.

use crate::event::walk;

/// One status or one message.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// A person sent it.
    pub inbound: bool,
    json: &'a [u8],
    /// The number of the business.
    business: Option<&'a [u8]>,
}

/// Bytes that the number of a business may have, in its quotes; more are no number. Every item is compared with it.
const LONGEST: usize = 64;

/// Every status and every message of the entry, in its order.
pub fn items(entry: &[u8]) -> impl Iterator<Item = Item<'_>> {
    changes(entry).filter_map(|change| walk::at(change, &["value"])).flat_map(|value| {
        // Once for all items: looked up for each, it would be sought behind all the others.
        let business = walk::at(value, &["metadata", "display_phone_number"]).filter(|number| number.len() <= LONGEST);
        let list = move |name: &str, inbound| {
            let list = walk::at(value, &[name]).unwrap_or_default();
            walk::elements(list).map(move |json| Item { inbound, json, business })
        };
        list("statuses", false).chain(list("messages", true))
    })
}

/// What the entry is about, one word for each of its changes: "messages", "message_template_status_update" and so on.
pub fn topics(entry: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    changes(entry).map(|change| walk::at(change, &["field"]))
}

fn changes(entry: &[u8]) -> impl Iterator<Item = &[u8]> {
    walk::elements(walk::at(entry, &["changes"]).unwrap_or_default())
}

impl<'a> Item<'a> {
    /// A member.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        walk::at(self.json, &[name])
    }

    /// Who receives it: the person, or of what a person sent the business.
    pub fn to(&self) -> Option<&'a [u8]> {
        if self.inbound { self.business } else { self.get("recipient_id") }
    }

    /// Who sent it.
    pub fn from(&self) -> Option<&'a [u8]> {
        if self.inbound { self.get("from") } else { self.business }
    }

    /// A member of the first error.
    pub fn error(&self, name: &str) -> Option<&'a [u8]> {
        walk::at(walk::elements(self.get("errors")?).next()?, &[name])
    }
}
