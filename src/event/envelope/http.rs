//! A request that an Application Load Balancer, an API Gateway or a function URL handed to Lambda, and somebody put into
//! a stream as it came: webhooks.
//!
//! The body is JSON, or a form, or there is none and the query says it all (Vonage sends receipts in all three ways, by a
//! setting of the account).

use super::payload::{is_blank, text};
use super::{Envelope, Facts, Holds, Part, Payload, form, is_string};
use crate::event::clock::stamp;
use crate::event::scan::Scanned;
use crate::event::walk;

pub const HTTP: Envelope = Envelope {
    name: "http",
    mark: "requestContext",
    told: |event| {
        // A body is all that a message of a WebSocket has.
        let is_request = [&b"body"[..], b"httpMethod", b"rawPath"].iter().any(|key| is_string(event.get(key)));
        is_request && event.get(b"requestContext").is_some_and(|context| context.starts_with(b"{"))
    },
    holds: Holds::One,
    parts: |event, take| {
        if let Some(payload) = body(event).or_else(|| query(event)) {
            take(Part { payload, facts: facts(event) });
        }
    },
};

fn facts(event: &Scanned) -> Facts<'_> {
    let context = |name| walk::at(event.get(b"requestContext")?, &[name]);
    // Bird's id of a batch is the same when it is sent again; the gateway's id of a request never is.
    let id = header(event, "x-messagesystems-batch-id").or_else(|| context("requestId"));
    let time = context("requestTimeEpoch").or_else(|| context("timeEpoch")).and_then(stamp);
    Facts { id, time, account: context("accountId"), ..Facts::default() }
}

/// A header, of several with one name the first.
fn header<'a>(event: &'a Scanned, name: &str) -> Option<&'a [u8]> {
    let named = |list: &[u8]| {
        let all = walk::members(event.get(list).unwrap_or_default());
        all.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    };
    named(b"headers").or_else(|| walk::elements(named(b"multiValueHeaders")?).next())
}

fn body(event: &Scanned) -> Option<Payload<'_>> {
    let body = event.get(b"body").filter(|body| body.starts_with(b"\"") && !is_blank(body))?;
    let is_base64 = event.get(b"isBase64Encoded") == Some(b"true");
    let content = if is_base64 { Payload::Base64(body) } else { Payload::Text(body) };
    let kind = header(event, "content-type").map(text).unwrap_or_default();
    let is_named = kind.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
    Some(form(&content, is_named).map_or(content, Payload::Made))
}

/// The object of a form; `None` when the content is none.
fn form(content: &Payload<'_>, is_named: bool) -> Option<Vec<u8>> {
    let bytes = content.bytes().ok()?;
    let text = std::str::from_utf8(&bytes).ok()?.trim();
    // JSON is JSON, whatever the header says: many clients name a form for everything they post.
    if text.starts_with(['{', '[']) || !(is_named || form::is_form(text)) {
        return None;
    }
    let mut pairs = Vec::new();
    form::pairs(text, &mut pairs);
    form::object(pairs)
}

fn query(event: &Scanned) -> Option<Payload<'_>> {
    let mut pairs = Vec::new();
    // A load balancer leaves the encoding as it came, an API Gateway has taken it off.
    let is_encoded = walk::at(event.get(b"requestContext")?, &["elb"]).is_some();
    let said = |string: &[u8]| if is_encoded { form::decoded(&text(string)) } else { text(string).into_owned() };
    let mut add = |name: &[u8], value: &[u8]| {
        if value.starts_with(b"\"") {
            pairs.push((said(&[b"\"", name, b"\""].concat()), said(value)));
        }
    };
    let raw = event.get(b"rawQueryString").filter(|raw| raw.starts_with(b"\"") && !is_blank(raw));
    let many = event.get(b"multiValueQueryStringParameters").filter(|many| many.starts_with(b"{"));
    if let Some(raw) = raw {
        form::pairs(&text(raw), &mut pairs);
    } else if let Some(many) = many {
        walk::members(many).for_each(|(name, all)| walk::elements(all).for_each(|value| add(name, value)));
    } else {
        let each = walk::members(event.get(b"queryStringParameters").unwrap_or_default());
        each.for_each(|(name, value)| add(name, value));
    }
    form::object(pairs).map(Payload::Made)
}

#[cfg(test)]
mod tests;
