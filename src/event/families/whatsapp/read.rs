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
    if let Some(status) = get("status").and_then(status) {
        msg.word(Field::Status, status);
    }
    msg.text(Field::Id, get("messageId"));
    msg.address(Field::To, get("destinationPhoneNumber"));
    msg.address(Field::From, get("originationPhoneNumber"));
}

/// An entry may hold several statuses and messages: their ids are a list, and what is not the same in all of them is not
/// said.
fn webhook(entry: &[u8], msg: &mut Msg) {
    let of = |value: fn(&Item<'_>) -> Option<Vec<u8>>| same(entry::items(entry).map(|item| value(&item)));
    let event = of(|item| Some(if item.inbound { b"\"inbound\"".to_vec() } else { item.get("status")?.to_vec() }));
    msg.text(Field::Event, event.as_deref());
    if entry::items(entry).next().is_none() {
        msg.text(Field::Event, same(entry::topics(entry)));
    }
    let item_status =
        |item: Item<'_>| if item.inbound { Some("received") } else { item.get("status").and_then(status) };
    if let Some(status) = same(entry::items(entry).map(item_status)) {
        msg.word(Field::Status, status);
    }
    msg.texts(Field::Id, Some(&ids(entry)));
    msg.address(Field::To, of(|item| item.to().map(<[u8]>::to_vec)).as_deref());
    msg.address(Field::From, of(|item| item.from().map(<[u8]>::to_vec)).as_deref());
    msg.text(Field::Reason, of(|item| item.error("title").map(<[u8]>::to_vec)).as_deref());
    msg.text(Field::ReasonClass, of(|item| item.error("code").map(<[u8]>::to_vec)).as_deref());
}

fn status(word: &[u8]) -> Option<&'static str> {
    Some(match word {
        b"\"sent\"" => "sent",
        b"\"delivered\"" => "delivered",
        b"\"read\"" => "read",
        b"\"failed\"" | b"\"undeliverable\"" => "failed",
        b"\"received\"" => "received",
        _ => return None,
    })
}

/// The value that all have.
fn same<T: PartialEq>(mut values: impl Iterator<Item = Option<T>>) -> Option<T> {
    let first = values.next()??;
    values.all(|value| value.as_ref() == Some(&first)).then_some(first)
}

/// The ids of the messages as one JSON array, each once: sent and delivered may come together.
fn ids(entry: &[u8]) -> Vec<u8> {
    let mut seen = HashSet::new();
    let ids = entry::items(entry).filter_map(|item| item.get("id")).filter(|id| seen.insert(*id));
    let ids = ids.collect::<Vec<_>>().join(&b',');
    [&b"["[..], &ids, b"]"].concat()
}
