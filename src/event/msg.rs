//! The common vocabulary: what every family says in the same words, beside its own members, under `msg`.
//!
//! What an event does not say is absent. Values are taken over as the text they have in the event, which the scan has
//! validated, so that saying a field costs a copy and no more.

use super::walk::{self, unquoted};

mod tags;

macro_rules! fields {
    ($($variant:ident $name:literal $meaning:literal)*) => {
        /// A field of the vocabulary.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Field {
            $(#[doc = $meaning] $variant,)*
        }

        impl Field {
            /// Every field.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name under `msg`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// What it means, for people.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $meaning,)*
                }
            }
        }
    };
}

fields! {
    Provider "provider" "Who sent the event: pinpoint, eum, ses, bird, vonage, pendula, connect."
    Event "event" "What the provider calls this kind of event, in its own word."
    Channel "channel" "email, sms, mms, voice, rcs, whatsapp, push, in_app, or app for what an app itself did."
    Status "status" "sent, delivered, delayed, bounced (mail), failed (everything else that will not arrive), rejected, opened, read, clicked, complained, unsubscribed, received (inbound), attempted (a campaign's or journey's send)."
    Final "final" "Whether the provider says no other status of this message follows."
    Id "id" "The message, the same for all its events. Count a message by its distinct ids."
    To "to" "Who it goes to: address or number; several for mail to several."
    ToDomain "to_domain" "The domain of a mail address in `to`, in small letters."
    From "from" "Who it comes from: address, number, or name."
    FromDomain "from_domain" "The domain of a mail address in `from`, in small letters."
    Country "country" "Two letters, as the provider says it."
    Carrier "carrier" "The phone network, by name or by code."
    CostUsd "cost_usd" "What it cost in US dollars, fees included; only on events that are final, or where the provider names the price once for all. Take one a message."
    Cost "cost" "What it cost in `currency`, where that is not dollars; on the same events as `cost_usd`."
    Currency "currency" "The currency of `cost`."
    Conversation "conversation" "The conversation that one cost covers, where messages are not paid for one by one. Take one cost for each."
    Parts "parts" "Into how many parts a text was cut."
    Campaign "campaign" "The campaign, journey or flow it belongs to."
    CampaignKind "campaign_kind" "campaign, journey or flow."
    SendStatus "send_status" "How a campaign's or journey's attempt ended, in the provider's word."
    User "user" "The person, as the sender knows them."
    Client "client" "The endpoint or installation of an app."
    Session "session" "The session of an app."
    Device "device" "The model of the device."
    Reason "reason" "Why it was not delivered, or what the provider says of the status."
    ReasonClass "reason_class" "The kind of reason: type and subtype of a bounce, a code."
    ConfigSet "config_set" "The configuration set of SES."
    Link "link" "The address that was clicked."
    UserAgent "user_agent" "The program that opened or clicked."
    Ip "ip" "The address that opened or clicked."
    Geo "geo" "Where, as latitude and longitude."
    Tags "tags" "What the sender attached, each as key=value."
}

/// The members of `msg` that have been said; the first to say a field is believed.
#[derive(Debug, Default)]
pub struct Msg {
    json: Vec<u8>,
    said: u64,
}

impl Msg {
    /// Nothing said yet; keeps its memory.
    pub fn clear(&mut self) {
        self.json.clear();
        self.said = 0;
    }

    /// The members, without braces.
    pub fn json(&self) -> &[u8] {
        &self.json
    }

    /// Whether `field` has been said.
    pub fn has(&self, field: Field) -> bool {
        self.said & (1 << field as u32) != 0
    }

    /// A word of the vocabulary, or another text that needs no escapes.
    pub fn word(&mut self, field: Field, word: &str) {
        debug_assert!(!word.contains(['"', '\\']) && !word.contains(char::is_control), "{word:?} needs escapes");
        if self.begin(field) {
            self.json.push(b'"');
            self.json.extend_from_slice(word.as_bytes());
            self.json.push(b'"');
        }
    }

    /// A string of the event that is not empty, or a number as a string; nothing else.
    pub fn text(&mut self, field: Field, value: Option<&[u8]>) {
        match value {
            Some([b'"', b'"']) => {}
            Some(value @ [b'"', ..]) => self.raw(field, value),
            Some(value @ [b'-' | b'0'..=b'9', ..]) if self.begin(field) => {
                self.json.push(b'"');
                self.json.extend_from_slice(value);
                self.json.push(b'"');
            }
            _ => {}
        }
    }

    /// A string, or the strings of an array.
    pub fn texts(&mut self, field: Field, value: Option<&[u8]>) {
        let mut strings = strings(value);
        let Some(first) = strings.next() else { return };
        let Some(second) = strings.next() else { return self.raw(field, first) };
        if self.begin(field) {
            self.json.push(b'[');
            self.json.extend_from_slice(first);
            for string in [second].into_iter().chain(strings) {
                self.json.push(b',');
                self.json.extend_from_slice(string);
            }
            self.json.push(b']');
        }
    }

    /// `to` or `from` as [`Self::texts`], and the domain of the first of its mail addresses.
    pub fn address(&mut self, field: Field, value: Option<&[u8]>) {
        let domain_field = if field == Field::From { Field::FromDomain } else { Field::ToDomain };
        if !self.has(field)
            && let Some(domain) = strings(value).find_map(domain)
        {
            self.word(domain_field, &domain);
        }
        self.texts(field, value);
    }

    /// A number; not when it is none a double can hold.
    pub fn number(&mut self, field: Field, number: f64) {
        if number.is_finite() && self.begin(field) {
            // The shortest text that reads back as the same double.
            self.json.extend_from_slice(serde_json::Value::from(number).to_string().as_bytes());
        }
    }

    /// A whole number, also one in a string: `"1"`.
    pub fn whole(&mut self, field: Field, value: Option<&[u8]>) {
        let digits = value.map(unquoted).filter(|d| !d.is_empty() && d.len() <= 9 && d.iter().all(u8::is_ascii_digit));
        // Leading zeros are no JSON.
        let number = digits.and_then(|d| std::str::from_utf8(d).ok()?.parse::<u32>().ok());
        if let Some(number) = number
            && self.begin(field)
        {
            self.json.extend_from_slice(number.to_string().as_bytes());
        }
    }

    /// `true` or `false`.
    pub fn flag(&mut self, field: Field, value: Option<&[u8]>) {
        if let Some(value @ (b"true" | b"false")) = value {
            self.raw(field, value);
        }
    }

    /// `true` or `false`, as the family's rules say.
    pub fn truth(&mut self, field: Field, is_so: bool) {
        self.raw(field, if is_so { b"true" } else { b"false" });
    }

    /// `msg.reason_class` of a type and a subtype: `Permanent/General`.
    pub fn class(&mut self, kind: Option<&[u8]>, sub: Option<&[u8]>) {
        let text = |value: Option<&'_ [u8]>| {
            value.filter(|v| v.len() > 2 && v.starts_with(b"\"")).map(|v| unquoted(v).to_vec())
        };
        let joined = [text(kind), text(sub)].into_iter().flatten().collect::<Vec<_>>().join(&b'/');
        if !joined.is_empty() {
            self.raw(Field::ReasonClass, &[b"\"", &joined[..], b"\""].concat());
        }
    }

    /// A point on the globe, from numbers or from numbers in strings; not one beyond its poles.
    pub fn geo(&mut self, latitude: Option<&[u8]>, longitude: Option<&[u8]>) {
        if let (Some(lat), Some(lon)) = (latitude.and_then(number), longitude.and_then(number))
            && lat.abs() <= 90.0
            && lon.abs() <= 180.0
            && self.begin(Field::Geo)
        {
            let point = serde_json::json!({ "lat": lat, "lon": lon });
            self.json.extend_from_slice(point.to_string().as_bytes());
        }
    }

    /// The members of a map that the sender chose, each as `key=value`.
    pub fn tags(&mut self, map: Option<&[u8]>) {
        let mut list = Vec::new();
        tags::write(map.unwrap_or_default(), &mut list);
        if !list.is_empty() && self.begin(Field::Tags) {
            self.json.push(b'[');
            self.json.extend_from_slice(&list);
            self.json.push(b']');
        }
    }

    fn raw(&mut self, field: Field, json: &[u8]) {
        if self.begin(field) {
            self.json.extend_from_slice(json);
        }
    }

    /// Writes the name; `false` when the field has been said.
    fn begin(&mut self, field: Field) -> bool {
        if self.has(field) {
            return false;
        }
        self.said |= 1 << field as u32;
        self.json.extend_from_slice(if self.json.is_empty() { b"\"" } else { b",\"" });
        self.json.extend_from_slice(field.name().as_bytes());
        self.json.extend_from_slice(b"\":");
        true
    }
}

/// A number, also one in a string, that a double can hold.
pub fn number(value: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(unquoted(value)).ok()?;
    let looks = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    text.parse::<f64>().ok().filter(|n| looks && n.is_finite())
}

/// The strings that are not empty in a string or an array.
fn strings(value: Option<&[u8]>) -> impl Iterator<Item = &[u8]> {
    let value = value.unwrap_or_default();
    let one = value.starts_with(b"\"").then_some(value);
    one.into_iter().chain(walk::elements(value)).filter(|v| v.len() > 2 && v.starts_with(b"\""))
}

/// The domain of a mail address, also of one in pointed brackets behind a name.
fn domain(address: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(unquoted(address)).ok()?;
    let (_, domain) = text.trim_end_matches(['>', ' ']).rsplit_once('@')?;
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    (!domain.is_empty() && domain.chars().all(plain)).then(|| domain.to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
