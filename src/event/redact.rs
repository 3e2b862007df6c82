//! Takes personal data out of a document before it leaves, or puts a keyed hash in its place.
//!
//! The id was taken from the event before, so a replay meets the same document. The same value gives the same hash under
//! the same key, so that people can still be counted and followed, and nobody without the key can try out numbers.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::walk;

/// What a field of a family holds of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Personal {
    /// A mail address or a phone number: told by its `@`.
    Contact,
    /// A name that may begin with a phone number.
    Numbered,
    /// What a sender or an app calls a person or a device.
    User,
    /// A network address.
    Ip,
    /// What a message says, or its subject.
    Body,
    /// `key=value`, as the sender put them there.
    Tags,
    /// Any of these, inside a text or a list that cannot be taken apart.
    Mixed,
}

/// What can be asked to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Mail addresses.
    Addresses,
    /// Phone numbers.
    Phones,
    /// Ids of people and devices.
    Users,
    /// Network addresses.
    Ips,
    /// Texts of messages.
    Bodies,
}

/// In which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The member is left out.
    Drop,
    /// A keyed hash stands in its place.
    Hash,
}

/// What to redact: a class, wherever a family has it, or one path of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Wherever a family knows of it.
    Class(Class),
    /// Names with dots between them, as in a query.
    Path(String),
}

impl Class {
    /// Every one, with the word that asks for it.
    pub const ALL: [(&'static str, Self); 5] = [
        ("addresses", Self::Addresses),
        ("phones", Self::Phones),
        ("users", Self::Users),
        ("ips", Self::Ips),
        ("bodies", Self::Bodies),
    ];
}

/// Personal members that essink itself puts into documents.
pub(super) const OURS: &[(&str, Personal)] = &[
    ("msg.to", Personal::Contact),
    ("msg.from", Personal::Contact),
    ("msg.user", Personal::User),
    ("msg.client", Personal::User),
    ("msg.ip", Personal::Ip),
    ("msg.geo", Personal::Ip),
    ("msg.id", Personal::Numbered),
    // What a carrier or a mail server says often repeats the address.
    ("msg.reason", Personal::Mixed),
    ("msg.tags", Personal::Tags),
];

/// The rules, and the key of the hashes.
#[derive(Clone)]
pub struct Redaction {
    rules: Vec<(Target, How)>,
    mac: Option<Hmac<Sha256>>,
}

impl fmt::Debug for Redaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redaction").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl Redaction {
    /// These rules; where one asks for a hash and there is no key, the value is dropped.
    pub fn new(rules: Vec<(Target, How)>, key: Option<&[u8]>) -> Self {
        let mac = key.and_then(|key| Hmac::<Sha256>::new_from_slice(key).ok());
        Self { rules, mac }
    }

    /// The document without what the rules ask to go. `personal` says where the family has it.
    pub fn apply(&self, personal: &[(&str, Personal)], document: &[u8]) -> Vec<u8> {
        let known = OURS.iter().chain(personal).map(|(path, what)| Rule { rest: path, what: What::Known(*what) });
        let chosen = self.rules.iter().filter_map(|(target, how)| match target {
            Target::Path(path) => Some(Rule { rest: path, what: What::Chosen(*how) }),
            Target::Class(_) => None,
        });
        // A path that was named decides before what a family knows.
        let rules: Vec<Rule<'_>> = chosen.chain(known).collect();
        let mut out = Vec::with_capacity(document.len());
        self.object(document, &rules, &mut out);
        out
    }

    fn object(&self, json: &[u8], rules: &[Rule<'_>], out: &mut Vec<u8>) {
        out.push(b'{');
        let start = out.len();
        for (key, value) in walk::members(json) {
            let below: Vec<Rule<'_>> = rules.iter().filter_map(|rule| rule.below(key)).collect();
            let before = out.len();
            out.extend_from_slice(if before == start { b"\"" } else { b",\"" });
            out.extend_from_slice(key);
            out.extend_from_slice(b"\":");
            if !self.value(value, &below, out) {
                out.truncate(before);
            }
        }
        out.push(b'}');
    }

    /// Writes the value as the rules have it; `false` when it is to be left out.
    fn value(&self, value: &[u8], rules: &[Rule<'_>], out: &mut Vec<u8>) -> bool {
        let here = rules.iter().find(|rule| rule.rest.is_empty());
        match (here, value.first()) {
            _ if rules.is_empty() => out.extend_from_slice(value),
            (_, Some(b'[')) => self.array(value, rules, out),
            (Some(Rule { what: What::Known(Personal::Tags), .. }), _) => return self.tag(value, out),
            (Some(rule), first) => match self.how(rule.what, value) {
                None if first == Some(&b'{') => self.object(value, rules, out),
                None => out.extend_from_slice(value),
                Some(How::Hash) if !matches!(first, Some(b'{' | b'n')) => return self.hash(value, out),
                Some(_) => return false,
            },
            (None, Some(b'{')) => self.object(value, rules, out),
            // An object that the mapping could not hold is a text; what is to go from it goes with all of it.
            (None, _) if is_text_of_json(value) && rules.iter().any(|rule| self.is_asked(rule.what)) => return false,
            (None, _) => out.extend_from_slice(value),
        }
        true
    }

    fn array(&self, json: &[u8], rules: &[Rule<'_>], out: &mut Vec<u8>) {
        out.push(b'[');
        let start = out.len();
        for element in walk::elements(json) {
            let before = out.len();
            if before > start {
                out.push(b',');
            }
            if !self.value(element, rules, out) {
                out.truncate(before);
            }
        }
        out.push(b']');
    }

    /// Whether anything of this kind is to go.
    fn is_asked(&self, what: What) -> bool {
        let classes: &[Class] = match what {
            What::Chosen(_) => return true,
            What::Known(Personal::Contact) => &[Class::Addresses, Class::Phones],
            What::Known(Personal::Numbered) => &[Class::Phones],
            What::Known(Personal::User) => &[Class::Users],
            What::Known(Personal::Ip) => &[Class::Ips],
            What::Known(Personal::Body) => &[Class::Bodies],
            What::Known(Personal::Tags | Personal::Mixed) => return !self.rules.is_empty(),
        };
        classes.iter().any(|class| self.asked(*class).is_some())
    }

    /// In which way a class is to go.
    fn asked(&self, class: Class) -> Option<How> {
        self.rules.iter().find_map(|(target, how)| (*target == Target::Class(class)).then_some(*how))
    }

    /// A tag is left out when its value looks like what is to go, or when it is what stands at a path that was named:
    /// tags repeat the sender's own maps.
    fn tag(&self, tag: &[u8], out: &mut Vec<u8>) -> bool {
        let text = String::from_utf8_lossy(walk::unquoted(tag)).into_owned();
        let (key, value) = text.split_once('=').unwrap_or(("", &text));
        let lower = key.to_lowercase();
        let goes = self.rules.iter().any(|(target, _)| match target {
            Target::Path(path) => path == "msg.tags" || path.strip_suffix(key).is_some_and(|rest| rest.ends_with('.')),
            Target::Class(Class::Addresses) => value.contains('@'),
            Target::Class(Class::Phones) => digits(value.as_bytes()) > 6,
            Target::Class(Class::Ips) => value.parse::<std::net::IpAddr>().is_ok(),
            Target::Class(Class::Users) => ["user", "customer", "client"].iter().any(|word| lower.contains(word)),
            Target::Class(Class::Bodies) => false,
        });
        if !goes {
            out.extend_from_slice(tag);
        }
        !goes
    }

    /// What is to be done with a value of this kind.
    fn how(&self, what: What, value: &[u8]) -> Option<How> {
        match what {
            What::Chosen(how) => Some(how),
            What::Known(Personal::Contact) if value.contains(&b'@') => self.asked(Class::Addresses),
            What::Known(Personal::Contact) => self.asked(Class::Phones),
            What::Known(Personal::Numbered) => self.asked(Class::Phones).filter(|_| digits(walk::unquoted(value)) > 8),
            What::Known(Personal::User) => self.asked(Class::Users),
            What::Known(Personal::Ip) => self.asked(Class::Ips),
            What::Known(Personal::Body) => self.asked(Class::Bodies),
            What::Known(Personal::Tags) => None,
            // The hash of a mixture counts nobody and hides nothing that stands elsewhere.
            What::Known(Personal::Mixed) => {
                Class::ALL.iter().any(|(_, class)| self.asked(*class).is_some()).then_some(How::Drop)
            }
        }
    }

    /// 128 bits of HMAC-SHA256 over the text in small letters, in hexadecimal: addresses differ in case from one
    /// provider to the next.
    fn hash(&self, value: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(mut mac) = self.mac.clone() else { return false };
        let text =
            serde_json::from_slice::<String>(value).unwrap_or_else(|_| String::from_utf8_lossy(value).into_owned());
        mac.update(text.trim().to_lowercase().as_bytes());
        out.push(b'"');
        for byte in &mac.finalize().into_bytes()[..16] {
            out.extend_from_slice(format!("{byte:02x}").as_bytes());
        }
        out.push(b'"');
        true
    }
}

/// Digits that a text begins with as phone numbers do, a plus and gaps among them.
fn digits(text: &[u8]) -> usize {
    let gap = |byte: &&u8| byte.is_ascii_digit() || matches!(byte, b'+' | b' ' | b'(' | b')');
    text.iter().take_while(gap).filter(|byte| byte.is_ascii_digit()).count()
}

/// Whether a string holds the text of an object or of an array.
fn is_text_of_json(value: &[u8]) -> bool {
    matches!(value, [b'"', b'{' | b'[', ..])
}

/// What a path leads to.
#[derive(Debug, Clone, Copy)]
enum What {
    Known(Personal),
    Chosen(How),
}

/// A rule on its way down: the rest of its path.
#[derive(Debug, Clone, Copy)]
struct Rule<'a> {
    rest: &'a str,
    what: What,
}

impl<'a> Rule<'a> {
    fn below(&self, key: &[u8]) -> Option<Self> {
        if key == b"_value" && !self.rest.is_empty() {
            // A scalar that stands where an object belongs may be what was to be inside it.
            return Some(Self { rest: "", what: self.what });
        }
        let rest = std::str::from_utf8(key).ok().and_then(|key| self.rest.strip_prefix(key))?;
        let rest = if rest.is_empty() { rest } else { rest.strip_prefix('.')? };
        (!self.rest.is_empty()).then_some(Self { rest, what: self.what })
    }
}

#[cfg(test)]
mod tests;
