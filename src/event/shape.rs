//! What the mapping of a family knows: where it has a scalar, where an object, and where the keys are the sender's.
//!
//! Read from the family's template, the same file that the cluster gets, so that the two cannot disagree. What the
//! mapping has as a scalar and an event as an object, or the other way round, would be refused; so it is rewritten.

use serde_json::Value;

/// What is known of a value and of all below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Nothing: no mapping looks into it.
    Open,
    /// An object whose keys the sender chooses; each of its values is a scalar. The mapping names these.
    Free(Vec<Box<str>>),
    /// A scalar, or an array of scalars.
    Scalar,
    /// A scalar whose type the first document of a day decides. Were that an object, every scalar of the name would be
    /// refused until midnight, and a list of numbers and words at once is refused by itself.
    Guessed,
    /// An object with these members, shorter names first; others are [`Self::Guessed`].
    Object(Members),
}

/// What is known of the members of an object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Members {
    all: Vec<(Box<str>, Shape)>,
    /// Lengths of the names of those that are no scalars, a bit each: nearly every scalar of an event is told by it.
    objects: u64,
}

impl Members {
    fn new(mut all: Vec<(Box<str>, Shape)>) -> Self {
        all.sort_by(|(a, _), (b, _)| order(a.as_bytes(), b.as_bytes()));
        let objects = all.iter().filter(|(_, shape)| !matches!(shape, Shape::Scalar));
        let objects = objects.fold(0, |bits, (name, _)| bits | 1 << name.len().min(63));
        Self { all, objects }
    }

    fn find(&self, key: &[u8]) -> Result<usize, usize> {
        self.all.binary_search_by(|(name, _)| order(name.as_bytes(), key))
    }
}

const OPEN: &Shape = &Shape::Open;
const SCALAR: &Shape = &Shape::Scalar;
const GUESSED: &Shape = &Shape::Guessed;

impl Shape {
    /// The shape of documents under an index template. `template` is its JSON text.
    pub fn of_template(template: &str) -> Self {
        let template: Value = serde_json::from_str(template).unwrap_or_default();
        let mappings = &template["template"]["mappings"];
        let mut shape = Self::of(mappings);
        let rules = mappings["dynamic_templates"].as_array().into_iter().flatten();
        let paths =
            rules.filter_map(|rule| rule.as_object()?.values().next()?["path_match"].as_str()?.strip_suffix(".*"));
        for path in paths {
            shape.free(path);
        }
        shape
    }

    fn of(mapping: &Value) -> Self {
        if mapping["enabled"] == false {
            return Self::Open;
        }
        match mapping["properties"].as_object() {
            Some(properties) => {
                let members = properties.iter().map(|(name, below)| (name.as_str().into(), Self::of(below)));
                Self::Object(Members::new(members.collect()))
            }
            None if mapping["type"].is_string() && mapping["type"] != "object" => Self::Scalar,
            None => Self::Object(Members::default()),
        }
    }

    /// Makes the end of `path` a free map.
    fn free(&mut self, path: &str) {
        let mut members = match std::mem::replace(self, Self::Open) {
            Self::Object(members) => members.all,
            _ => Vec::new(),
        };
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let at = members.iter().position(|(have, _)| **have == *name).unwrap_or_else(|| {
            members.push((name.into(), Self::Open));
            members.len() - 1
        });
        let member = &mut members[at].1;
        match (rest, &member) {
            (Some(rest), _) => member.free(rest),
            (None, Self::Object(named)) => {
                *member = Self::Free(named.all.iter().map(|(name, _)| name.clone()).collect())
            }
            (None, Self::Free(_)) => {}
            (None, _) => *member = Self::Free(Vec::new()),
        }
        *self = Self::Object(Members::new(members));
    }

    /// What is known of the member `key`, escapes as they came.
    pub fn below(&self, key: &[u8]) -> &Self {
        match self {
            Self::Free(_) => SCALAR,
            Self::Object(_) => self.named(key).unwrap_or(GUESSED),
            Self::Open | Self::Scalar | Self::Guessed => OPEN,
        }
    }

    /// Whether a member of this name may be known to be more than a scalar.
    pub fn may_hold_object(&self, key: &[u8]) -> bool {
        matches!(self, Self::Object(members) if members.objects >> key.len().min(63) & 1 == 1)
    }

    /// What is known of a member that the mapping names.
    pub fn named(&self, key: &[u8]) -> Option<&Self> {
        match self {
            Self::Object(members) => members.find(key).ok().map(|at| &members.all[at].1),
            Self::Free(names) => names.binary_search_by(|name| order(name.as_bytes(), key)).is_ok().then_some(SCALAR),
            Self::Open | Self::Scalar | Self::Guessed => None,
        }
    }
}

/// Lengths differ sooner than letters do.
fn order(a: &[u8], b: &[u8]) -> std::cmp::Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_says_what_is_where() {
        let shape = Shape::of_template(
            r#"{"template": {"mappings": {
                "dynamic_templates": [
                    {"a": {"path_match": "attributes.*", "match_mapping_type": "string", "mapping": {}}},
                    {"b": {"path_match": "endpoint.User.More.*", "match_mapping_type": "string", "mapping": {}}},
                    {"c": {"match_mapping_type": "string", "mapping": {}}}
                ],
                "properties": {
                    "at": {"type": "date"},
                    "attributes": {"properties": {"known": {"type": "keyword"}}},
                    "endpoint": {"properties": {"Id": {"type": "keyword", "fields": {"keyword": {"type": "keyword"}}}}},
                    "any": {"type": "object", "enabled": false},
                    "loose": {"type": "object"}
                }
            }}}"#,
        );
        let at = |path: &[&str]| path.iter().fold(&shape, |shape, key| shape.below(key.as_bytes())).clone();
        assert_eq!(at(&["at"]), Shape::Scalar);
        assert_eq!(at(&["attributes"]), Shape::Free(vec!["known".into()]));
        assert_eq!(shape.below(b"attributes").named(b"known"), Some(&Shape::Scalar));
        assert_eq!(shape.below(b"attributes").named(b"other"), None);
        assert_eq!(at(&["attributes", "whatever"]), Shape::Scalar);
        assert_eq!(at(&["endpoint", "Id"]), Shape::Scalar);
        assert_eq!(at(&["endpoint", "User", "More"]), Shape::Free(Vec::new()));
        assert_eq!((at(&["any"]), at(&["any", "below"])), (Shape::Open, Shape::Open));
        assert_eq!((at(&["loose"]), at(&["unknown"])), (Shape::Object(Members::default()), Shape::Guessed));
        assert!(matches!(at(&["endpoint", "User"]), Shape::Object(_)));
    }
}
