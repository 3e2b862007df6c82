//! What WhatsApp's events say in the common vocabulary.

use std::collections::HashSet;

use super::entry::{self, Item};
use crate::event::families::Reading;
use crate::event::msg::{Field, Msg};
use crate::event::scan::Scanned;

/// Says it, and puts Meta's entry, which comes as text, beside it as the object it is.
pub fn read(event: &Scanned, reading: &mut Reading<'_>) {
    reading.msg.word(Field::Channel, "whatsapp");
    let Some(text) = event.get(b"whatsAppWebhookEntry") else {
        return detail(event, reading.msg);
    };
    if let Some(entry) = reading.hidden(Some(text)).filter(|entry| entry.json.starts_with(b"{")) {
        webhook(&entry.json, reading.msg);
        reading.add("webhook_entry", entry.json);
    }
}

/// The detail of EventBridge: one status of one message.
fn detail(event: &Scanned, msg: &mut Msg) {
    let get = |name: &str| event.get(name.as_bytes());
    msg.text(Field::Event, get("status"));
    msg.text(Field::Status, get("status").and_then(status));
    msg.text(Field::Id, get("messageId"));
    msg.address(Field::To, get("destinationPhoneNumber"));
    msg.address(Field::From, get("originationPhoneNumber"));
}

/// An entry may hold several statuses and messages: their ids are a list, and what is not the same in all of them is not
/// said. Only of one message every event and every status is: of several, a list would say of each what is true of
/// another, and who counts the ids that were delivered would count those that failed beside them.
fn webhook(entry: &[u8], msg: &mut Msg) {
    let items = || entry::items(entry);
    if items().next().is_none() {
        msg.text(Field::Event, same(entry::topics(entry)));
    }
    msg.texts(Field::Id, Some(&list(items().filter_map(|item| item.get("id")))));
    if same(items().map(|item| item.get("id").filter(|id| id.len() > 2 && id.starts_with(b"\"")))).is_some() {
        msg.texts(Field::Event, Some(&list(items().filter_map(|item| event(&item)))));
        msg.texts(Field::Status, Some(&list(items().filter_map(|item| event(&item).and_then(status)))));
    }
    msg.text(Field::Event, same(items().map(|item| event(&item))));
    msg.text(Field::Status, same(items().map(|item| event(&item).and_then(status))));
    msg.address(Field::To, same(items().map(|item| item.to())));
    msg.address(Field::From, same(items().map(|item| item.from())));
    msg.text(Field::Reason, same(items().map(|item| item.error("title"))));
    msg.text(Field::ReasonClass, same(items().map(|item| item.error("code"))));
}

/// What happened, in Meta's word.
fn event<'a>(item: &Item<'a>) -> Option<&'a [u8]> {
    if item.inbound { Some(b"\"inbound\"") } else { item.get("status") }
}

/// What an event's word means.
fn status(word: &[u8]) -> Option<&'static [u8]> {
    Some(match word {
        b"\"sent\"" => b"\"sent\"",
        b"\"delivered\"" => b"\"delivered\"",
        b"\"read\"" => b"\"read\"",
        b"\"failed\"" | b"\"undeliverable\"" => b"\"failed\"",
        b"\"received\"" | b"\"inbound\"" => b"\"received\"",
        _ => return None,
    })
}

/// The value that all have.
fn same<T: PartialEq>(mut values: impl Iterator<Item = Option<T>>) -> Option<T> {
    let first = values.next()??;
    values.all(|value| value.as_ref() == Some(&first)).then_some(first)
}

/// The values as one JSON array, each once: sent and delivered may come together.
fn list<'a>(values: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut seen = HashSet::new();
    let values = values.filter(|value| seen.insert(*value)).collect::<Vec<_>>().join(&b',');
    [&b"["[..], &values, b"]"].concat()
}
