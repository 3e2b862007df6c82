//! The server's account of what went wrong.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

/// `{"type": …, "reason": …, "caused_by": {…}}`, borrowed from the answer where it holds no escapes.
#[derive(Debug, Default, Deserialize)]
pub struct Fault<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow, default)]
    reason: Text<'a>,
    #[serde(borrow, default)]
    caused_by: Option<Box<Fault<'a>>>,
}

impl<'a> Fault<'a> {
    /// A fault with these words.
    pub fn new(kind: &'a str, reason: &'a str) -> Self {
        Self { kind: Text(Cow::Borrowed(kind)), reason: Text(Cow::Borrowed(reason)), caused_by: None }
    }

    /// The server's name for the error, `mapper_parsing_exception`; empty when it gave none.
    pub fn kind(&self) -> &str {
        &self.kind.0
    }

    /// The server's sentence; it may quote the document.
    pub fn reason(&self) -> &str {
        &self.reason.0
    }

    /// What the server says lies under it.
    pub fn cause(&self) -> Option<&Self> {
        self.caused_by.as_deref()
    }

    /// The account in the body of a whole answer; empty when it holds none.
    pub fn of_answer(body: &'a [u8]) -> Self {
        let Ok(answer) = serde_json::from_slice::<Answer<'a>>(body) else {
            return Self::default();
        };
        match answer.error {
            Some(Account::Fault(fault)) => fault,
            Some(Account::Text(reason)) => Self { reason, ..Self::default() },
            // What stands before the cluster, AWS for one, answers {"message": …}.
            None => Self { reason: answer.message, ..Self::default() },
        }
    }
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, default)]
    error: Option<Account<'a>>,
    #[serde(borrow, default, alias = "Message")]
    message: Text<'a>,
}

enum Account<'a> {
    Fault(Fault<'a>),
    Text(Text<'a>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Account<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Account<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an error as text or object")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Account::Text(Text(Cow::Borrowed(text))))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Account::Text(Text(Cow::Owned(text.to_owned()))))
            }
            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
                Fault::deserialize(de::value::MapAccessDeserializer::new(map)).map(Account::Fault)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// A string that may be null, borrowed where it can be.
#[derive(Debug, Default)]
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or null")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(Text::default())
            }
        }
        deserializer.deserialize_any(Words)
    }
}
