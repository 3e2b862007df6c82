//! Reading a bulk answer: one pass, one verdict an item, nothing copied that is not kept.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::opensearch::judge::{Fault, judge_item};
use crate::pipeline::verdict::Verdict;

/// Judges every item of a bulk answer; `indices` are those of the documents, in the order they were sent.
///
/// # Errors
/// When the body is anything but the answer to exactly these `create`s: then nothing of it counts.
pub fn verdicts<'n>(
    body: &[u8],
    indices: impl ExactSizeIterator<Item = &'n str>,
) -> Result<Vec<Verdict>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let verdicts = Envelope { indices }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(verdicts)
}

/// `{"took": …, "errors": …, "items": […]}`.
struct Envelope<I> {
    indices: I,
}

impl<'de, 'n, I: ExactSizeIterator<Item = &'n str>> DeserializeSeed<'de> for Envelope<I> {
    type Value = Vec<Verdict>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, 'n, I: ExactSizeIterator<Item = &'n str>> Visitor<'de> for Envelope<I> {
    type Value = Vec<Verdict>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bulk answer")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut indices = Some(self.indices);
        let mut verdicts = None;
        while let Some(key) = map.next_key::<&str>()? {
            if key == "items" {
                let indices = indices.take().ok_or_else(|| de::Error::duplicate_field("items"))?;
                verdicts = Some(map.next_value_seed(Items { indices })?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        verdicts.ok_or_else(|| de::Error::missing_field("items"))
    }
}

/// As many items as documents were sent, no more and no fewer.
struct Items<I> {
    indices: I,
}

impl<'de, 'n, I: ExactSizeIterator<Item = &'n str>> DeserializeSeed<'de> for Items<I> {
    type Value = Vec<Verdict>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, 'n, I: ExactSizeIterator<Item = &'n str>> Visitor<'de> for Items<I> {
    type Value = Vec<Verdict>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an item for each of the documents sent")
    }

    fn visit_seq<S: SeqAccess<'de>>(mut self, mut seq: S) -> Result<Self::Value, S::Error> {
        let sent = self.indices.len();
        let mut verdicts = Vec::with_capacity(sent);
        while let Some(Item(result)) = seq.next_element()? {
            let Some(index) = self.indices.next() else {
                return Err(de::Error::invalid_length(sent + 1, &self));
            };
            verdicts.push(judge_item(result.status, result.error.as_ref(), index));
        }
        if verdicts.len() < sent {
            return Err(de::Error::invalid_length(verdicts.len(), &self));
        }
        Ok(verdicts)
    }
}

/// `{"create": {…}}`: 409 means "already there" only of a `create`, so no other action is read.
struct Item<'a>(Outcome<'a>);

#[derive(Deserialize)]
struct Outcome<'a> {
    status: u16,
    #[serde(borrow, default)]
    error: Option<Fault<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Item<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Single;
        impl<'de> Visitor<'de> for Single {
            type Value = Item<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the outcome of one create")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let (action, outcome) =
                    map.next_entry::<&str, Outcome<'de>>()?.ok_or_else(|| de::Error::missing_field("create"))?;
                if action != "create" {
                    return Err(de::Error::unknown_field("another action", &["create"]));
                }
                match map.next_key::<IgnoredAny>()? {
                    Some(_) => Err(de::Error::invalid_length(2, &self)),
                    None => Ok(Item(outcome)),
                }
            }
        }
        deserializer.deserialize_map(Single)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &str, sent: usize) -> Result<Vec<Verdict>, String> {
        let indices = vec!["i"; sent];
        verdicts(body.as_bytes(), indices.iter().copied()).map_err(|error| error.to_string())
    }

    const CREATED: &str = r#"{"create":{"status":201}}"#;
    const EXISTS: &str = r#"{"create":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"[1]: version conflict","index":"i","shard":"0"}}}"#;

    #[test]
    fn every_item_is_judged_in_order() {
        let body = format!(r#"{{"took":3,"errors":true,"items":[{CREATED},{EXISTS}]}}"#);
        assert_eq!(read(&body, 2), Ok(vec![Verdict::Indexed, Verdict::AlreadyThere]));
        // Elasticsearch 8 gives the fields in another order; without filter_path an item holds more.
        let body =
            r#"{"errors":false,"items":[{"create":{"_index":"i","_shards":{"total":1},"status":201}}],"took":3}"#;
        assert_eq!(read(body, 1), Ok(vec![Verdict::Indexed]));
    }

    #[test]
    fn what_is_not_the_answer_to_what_was_sent_settles_nothing() {
        for (why, body) in [
            ("fewer items", format!(r#"{{"items":[{CREATED}]}}"#)),
            ("more items", format!(r#"{{"items":[{CREATED},{CREATED},{CREATED}]}}"#)),
            ("no items", r#"{"took":3,"errors":false}"#.to_owned()),
            ("cut short", format!(r#"{{"items":[{CREATED},{CREATED}"#)),
            ("more behind it", format!(r#"{{"items":[{CREATED},{CREATED}]}} {{}}"#)),
            ("items twice", format!(r#"{{"items":[{CREATED},{CREATED}],"items":[{CREATED},{CREATED}]}}"#)),
            ("another action", format!(r#"{{"items":[{CREATED},{{"index":{{"status":201}}}}]}}"#)),
            (
                "two actions in one item",
                r#"{"items":[{"create":{"status":201},"index":{"status":201}},{"create":{"status":201}}]}"#.to_owned(),
            ),
            ("an item without status", format!(r#"{{"items":[{CREATED},{{"create":{{}}}}]}}"#)),
            ("an empty item", format!(r#"{{"items":[{CREATED},{{}}]}}"#)),
            ("a status out of range", format!(r#"{{"items":[{CREATED},{{"create":{{"status":70000}}}}]}}"#)),
            ("a page", "<html>sign in</html>".to_owned()),
            ("nothing", String::new()),
        ] {
            assert!(read(&body, 2).is_err(), "{why}: {body}");
        }
    }

    proptest! {
        /// Invariant 2: as many verdicts as documents, or none.
        #[test]
        fn counts_in_are_counts_out(items in proptest::collection::vec(any::<bool>(), 0..20), sent in 0_usize..20, cut in any::<prop::sample::Index>()) {
            let list: Vec<&str> = items.iter().map(|new| if *new { CREATED } else { EXISTS }).collect();
            let body = format!(r#"{{"took":1,"items":[{}]}}"#, list.join(","));
            match read(&body, sent) {
                Ok(verdicts) => {
                    let expected: Vec<Verdict> =
                        items.iter().map(|new| if *new { Verdict::Indexed } else { Verdict::AlreadyThere }).collect();
                    prop_assert_eq!(verdicts, expected);
                    prop_assert_eq!(items.len(), sent);
                }
                Err(_) => prop_assert_ne!(items.len(), sent),
            }
            // An answer cut anywhere is no answer.
            prop_assert!(read(&body[..cut.index(body.len())], items.len()).is_err());
        }

        #[test]
        fn any_bytes_are_survived(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(verdicts(&body, ["i"].into_iter()).is_err());
        }
    }
}
