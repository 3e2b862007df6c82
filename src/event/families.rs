//! What essink knows of each family: how an event is told from others, which of its times files it, and what it says in
//! the common vocabulary. One file a family; this is the table.

use std::sync::LazyLock;

use super::clock::Clock;
use super::family::Family;
use super::hidden::hidden;
use super::msg::Msg;
use super::redact::{OURS, Personal};
use super::rewrite::name_of;
use super::scan::{ScanLimits, Scanned};
use super::shape::Shape;
use super::time::Millis;
use super::walk;

mod bird;
mod connect;
mod eum;
mod pendula;
mod pinpoint;
mod ses;
mod vonage;
mod whatsapp;

#[cfg(test)]
mod tests;

/// What is known of one family. All of it is a function of the event alone.
pub struct Knowledge {
    /// The family.
    pub family: Family,
    /// Whether an event, a JSON object, is one of it. Looks at top-level members only.
    pub recognise: fn(&Scanned) -> bool,
    /// The time that files an event, and whose clock made it.
    pub stamp: fn(&Scanned) -> (Option<Millis>, Clock),
    /// Says what the event says, in the common vocabulary.
    pub read: fn(&Scanned, &mut Reading<'_>),
    /// Its index template: `templates/<family>.json`.
    pub template: &'static str,
    /// Where its documents hold what is a person's.
    pub personal: &'static [(&'static str, Personal)],
}

/// Every family that is recognised, in the order they are asked: the first that says yes has the event.
const TABLE: [&Knowledge; 9] = [
    &pinpoint::KNOWLEDGE,
    &ses::KNOWLEDGE,
    &eum::KNOWLEDGE,
    &whatsapp::KNOWLEDGE,
    &bird::KNOWLEDGE,
    &vonage::KNOWLEDGE,
    &vonage::messages::KNOWLEDGE,
    &pendula::KNOWLEDGE,
    &connect::KNOWLEDGE,
];

/// The family of an event; `None` when no rule recognises it.
pub fn recognise(event: &Scanned) -> Option<&'static Knowledge> {
    TABLE.into_iter().find(|known| (known.recognise)(event))
}

/// What the mapping of each family knows, in the order of [`Family::ALL`]; each template is read once.
static SHAPES: LazyLock<[Shape; Family::ALL.len()]> = LazyLock::new(|| {
    Family::ALL.map(|family| {
        let known = TABLE.into_iter().find(|known| known.family == family);
        known.map_or(Shape::Open, |known| Shape::of_template(known.template))
    })
});

/// What the mapping of a family knows.
pub fn shape(family: Family) -> &'static Shape {
    &SHAPES[family as usize]
}

/// Whether a field of documents can hold what is a person's: all that can be redacted, and addresses that were clicked or
/// looked at, which may name who did.
pub fn can_be_personal(field: &str) -> bool {
    let field = field.strip_suffix(".keyword").unwrap_or(field);
    let at_or_below =
        |path: &str| field.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let families = TABLE.into_iter().flat_map(|known| known.personal);
    matches!(field.rsplit('.').next(), Some("link" | "url" | "referer"))
        || OURS.iter().chain(families).any(|(path, _)| at_or_below(path))
}

/// Whether an event has `name`, as a string.
fn is_text(event: &Scanned, name: &str) -> bool {
    event.get(name.as_bytes()).is_some_and(|value| value.starts_with(b"\""))
}

/// The addresses in a list of recipients, strings or objects that have theirs in `member`, as one JSON array; `None`
/// when there are none.
fn addresses<'a>(recipients: impl Iterator<Item = &'a [u8]>, member: &str) -> Option<Vec<u8>> {
    let address = |recipient: &'a [u8]| {
        if recipient.starts_with(b"\"") { Some(recipient) } else { walk::at(recipient, &[member]) }
    };
    let addresses: Vec<_> = recipients.filter_map(address).collect();
    (!addresses.is_empty()).then(|| [&b"["[..], &addresses.join(&b','), b"]"].concat())
}

/// What a family reads out of one event.
#[derive(Debug)]
pub struct Reading<'a> {
    /// What it says in the common vocabulary.
    pub msg: &'a mut Msg,
    /// Members that the document gets beside the event's own.
    pub added: Vec<(&'static str, Vec<u8>)>,
    event: &'a Scanned,
    limits: &'a ScanLimits,
}

impl<'a> Reading<'a> {
    /// Nothing read of `event` yet.
    pub fn of(event: &'a Scanned, msg: &'a mut Msg, limits: &'a ScanLimits) -> Self {
        msg.clear();
        Self { msg, added: Vec::new(), event, limits }
    }

    /// Puts a member, as JSON text on one line, beside those of the event; not when the document has one of that name.
    pub fn add(&mut self, name: &'static str, json: impl Into<Vec<u8>>) {
        let event = self.event;
        if !event.members.iter().any(|member| *name_of(event.key(member)) == *name.as_bytes()) {
            self.added.push((name, json.into()));
        }
    }

    /// The JSON value inside a string of the event, within the limits of an event.
    pub fn hidden(&self, string: Option<&[u8]>) -> Option<Scanned> {
        hidden(string?, self.limits)
    }
}
