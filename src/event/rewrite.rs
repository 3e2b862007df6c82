//! The few changes an event needs before an index can hold it for certain (mapping rules of a sink).
//!
//! Keys: a dot makes an object out of a scalar's neighbour, and a blank key is refused, so dots
//! become `_` and blank keys `_`. Where the mapping has a scalar, and in free maps (senders choose the keys), a value
//! that is an object, also an empty one, or an array of them, becomes its JSON text: `ignore_malformed` forgives every
//! scalar and no object. Where it has an object, a scalar becomes `{"_value": "its text"}`.
//! Top-level names that the engine owns, and those that essink adds, get a trailing `_`.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::scan::{Node, Scanned, unescaped};
use super::shape::Shape;
use super::walk;

/// Top-level names of a document that are not an event's to use.
fn is_taken(key: &[u8]) -> bool {
    const ENGINE: [&[u8]; 16] = [
        b"_id",
        b"_index",
        b"_type",
        b"_source",
        b"_routing",
        b"_version",
        b"_seq_no",
        b"_primary_term",
        b"_ignored",
        b"_field_names",
        b"_doc_count",
        b"_feature",
        b"_nested_path",
        b"_size",
        b"_tier",
        b"_data_stream_timestamp",
    ];
    const ESSINK: [&[u8]; 3] = [b"@timestamp", b"essink", b"msg"];
    match key.first() {
        Some(b'_') => ENGINE.contains(&key),
        Some(b'@' | b'e' | b'm') => ESSINK.contains(&key),
        _ => false,
    }
}

/// Whether a member of the top level must be rewritten. Odd keys are known from the scan.
pub fn touches(event: &Scanned, member: &Node, shape: &Shape) -> bool {
    is_taken(event.node_key(member)) || !fits_below(event, member, shape)
}

/// Whether a member fits what its object's shape knows of it. As [`fits`], but steps from node to node.
fn fits_below(event: &Scanned, member: &Node, parent: &Shape) -> bool {
    let (key, value) = (event.node_key(member), event.node_value(member));
    match (value.first(), parent) {
        // Most members are scalars and nearly all shapes of them too, so only where objects belong is looked at.
        (Some(b'{' | b'['), _) => {}
        (_, Shape::Object(_)) if !parent.may_hold_object(key) => return true,
        _ => {}
    }
    match (parent.below(key), value.first()) {
        (shape @ (Shape::Free(_) | Shape::Object(_)), Some(b'{')) => {
            event.inside(member).all(|inner| fits_below(event, inner, shape))
        }
        (shape, _) => fits(value, shape),
    }
}

fn fits(value: &[u8], shape: &Shape) -> bool {
    match (shape, value.first()) {
        (Shape::Open, _) => true,
        (Shape::Scalar, _) => is_flat(value),
        (Shape::Guessed, _) => is_flat(value) && is_of_one_type(value),
        (Shape::Free(_) | Shape::Object(_), Some(b'{')) => {
            walk::members(value).all(|(key, v)| fits(v, shape.below(key)))
        }
        (Shape::Object(_), Some(b'[')) => walk::elements(value).all(|v| v.starts_with(b"{") && fits(v, shape)),
        (Shape::Free(_) | Shape::Object(_), _) => is_nothing(value),
    }
}

/// Whether an array holds numbers alone, or none.
fn is_of_one_type(value: &[u8]) -> bool {
    let is_number = |v: &[u8]| matches!(v.first(), Some(b'-' | b'0'..=b'9'));
    let mut elements = walk::elements(value).filter(|v| !is_nothing(v));
    let first = elements.next().map(is_number);
    elements.all(|v| Some(is_number(v)) == first)
}

/// Values that make no mapping and meet none.
fn is_nothing(value: &[u8]) -> bool {
    matches!(value, b"null" | b"[]")
}

/// A scalar, or an array of scalars. `{}` is neither: it makes the field an object for the day.
fn is_flat(value: &[u8]) -> bool {
    match value.first() {
        Some(b'{') => false,
        Some(b'[') => walk::elements(value).all(|v| !matches!(v.first(), Some(b'{' | b'['))),
        _ => true,
    }
}

/// Writes the members of the top-level object `json`, each led by a comma.
pub fn write_top(json: &[u8], shape: &Shape, out: &mut Vec<u8>) {
    let names = Names::of(json, is_taken);
    for (key, value) in walk::members(json) {
        out.push(b',');
        let name = names.clean(key);
        // The mapping meets the new name.
        write_member(&name, value, shape.below(name.as_bytes()), out);
    }
}

/// Writes a member that stands beside those of the top-level object, led by a comma. `name` needs no change.
pub fn write_beside(name: &str, json: &[u8], shape: &Shape, out: &mut Vec<u8>) {
    out.push(b',');
    write_member(name, json, shape.below(name.as_bytes()), out);
}

fn write_member(key: &str, value: &[u8], shape: &Shape, out: &mut Vec<u8>) {
    write_string(key, out);
    out.push(b':');
    write_value(value, shape, out);
}

fn write_value(value: &[u8], shape: &Shape, out: &mut Vec<u8>) {
    match (shape, value.first()) {
        (Shape::Scalar | Shape::Guessed, _) if fits(value, shape) => out.extend_from_slice(value),
        (Shape::Scalar | Shape::Guessed, _) => write_text(value, out),
        (_, Some(b'{')) => {
            write_object(value, out, |_, v, name, out| write_member(name, v, shape.below(name.as_bytes()), out))
        }
        (Shape::Open | Shape::Object(_), Some(b'[')) => write_array(value, shape, out),
        (Shape::Free(_) | Shape::Object(_), _) if !is_nothing(value) => write_lonely(value, out),
        _ => out.extend_from_slice(value),
    }
}

fn write_array(value: &[u8], shape: &Shape, out: &mut Vec<u8>) {
    out.push(b'[');
    for (n, element) in walk::elements(value).enumerate() {
        if n > 0 {
            out.push(b',');
        }
        write_value(element, shape, out);
    }
    out.push(b']');
}

fn write_object(json: &[u8], out: &mut Vec<u8>, mut member: impl FnMut(&[u8], &[u8], &str, &mut Vec<u8>)) {
    let names = Names::of(json, |_| false);
    out.push(b'{');
    for (n, (key, value)) in walk::members(json).enumerate() {
        if n > 0 {
            out.push(b',');
        }
        member(key, value, &names.clean(key), out);
    }
    out.push(b'}');
}

/// What should be an object becomes one.
fn write_lonely(value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"_value":"#);
    if value.starts_with(b"\"") {
        out.extend_from_slice(value);
    } else {
        write_text(value, out);
    }
    out.push(b'}');
}

fn write_text(json: &[u8], out: &mut Vec<u8>) {
    write_string(&String::from_utf8_lossy(json), out);
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    // Writing a string into memory cannot fail; an error would leave invalid JSON, so nothing is hidden by `{}`.
    serde_json::to_writer(&mut *out, text).unwrap_or_else(|_| out.extend_from_slice(b"\"\""));
}

/// The keys of one object and what they become.
struct Names {
    /// New names of the keys that change, by their old text; the others keep theirs.
    changed: HashMap<Vec<u8>, String>,
}

impl Names {
    fn of(json: &[u8], is_taken: impl Fn(&[u8]) -> bool) -> Self {
        let plain = |key: &[u8]| !key.contains(&b'\\') && wanted(key) == key && !is_taken(key);
        let mut used: HashSet<Vec<u8>> = HashSet::new();
        let mut odd = Vec::new();
        for (ordinal, (key, _)) in walk::members(json).enumerate() {
            if plain(key) {
                used.insert(key.to_vec());
            } else {
                odd.push((ordinal, key));
            }
        }
        let mut changed = HashMap::with_capacity(odd.len());
        for (ordinal, key) in odd {
            let free = |name: &[u8]| !is_taken(name) && !used.contains(name);
            let name = first_free(name_of(key).into_owned(), ordinal, free);
            changed.insert(key.to_vec(), String::from_utf8_lossy(&name).into_owned());
            used.insert(name);
        }
        Self { changed }
    }

    fn clean<'a>(&'a self, key: &'a [u8]) -> Cow<'a, str> {
        self.changed.get(key).map_or_else(|| String::from_utf8_lossy(key), |new| Cow::Borrowed(new))
    }
}

/// `name`, or with a tail: `_`, or the key's ordinal. The ordinal keeps a thousand keys that all
/// want one name from trying each other's tails in turn.
fn first_free(name: Vec<u8>, ordinal: usize, free: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let tails = [String::new(), "_".to_owned(), format!("_{ordinal}")];
    let mut names = tails.iter().map(|tail| [&name, tail.as_bytes()].concat());
    names.find(|name| free(name)).unwrap_or_else(|| {
        let mut name = [&name, tails[2].as_bytes()].concat();
        while !free(&name) {
            name.push(b'_');
        }
        name
    })
}

/// What a member of this key is called in a document, unless another has that name or it is not an event's to use.
pub fn name_of(key: &[u8]) -> Cow<'_, [u8]> {
    if key.contains(&b'\\') { Cow::Owned(wanted(&unescaped(key)).into_owned()) } else { wanted(key) }
}

/// What a key should be called if that name is free.
fn wanted(key: &[u8]) -> Cow<'_, [u8]> {
    if key.iter().all(|b| b.is_ascii_whitespace()) {
        Cow::Borrowed(b"_")
    } else if key.contains(&b'.') {
        Cow::Owned(key.iter().map(|b| if *b == b'.' { b'_' } else { *b }).collect())
    } else {
        Cow::Borrowed(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::scan::{ScanLimits, scan};

    fn shape() -> Shape {
        Shape::of_template(
            r#"{"template": {"mappings": {
                "dynamic_templates": [
                    {"a": {"path_match": "attributes.*"}}, {"b": {"path_match": "endpoint.Attributes.*"}}
                ],
                "properties": {"at": {"type": "date"}, "open": {"enabled": false}, "a_t": {"type": "keyword"},
                    "end_point": {"properties": {}}, "endpoint": {"properties": {"Id": {"type": "keyword"}}}}
            }}}"#,
        )
    }

    fn touched(json: &str) -> bool {
        let (limits, mut scanned) = (ScanLimits { depth: 100, keys: 1000 }, Scanned::default());
        scan(json.as_bytes(), 0, &limits, &mut scanned).expect("JSON");
        scanned.top().any(|member| touches(&scanned, member, &shape()))
    }

    fn check(json: &str, expected: &str) {
        let mut out = Vec::new();
        write_top(json.as_bytes(), &shape(), &mut out);
        let found = String::from_utf8(out).expect("text");
        assert_eq!(found.strip_prefix(',').unwrap_or(&found), expected, "{json}");
    }

    #[test]
    fn what_fits_is_left_alone() {
        check(r#"{"open":{"b":[1,{"c":2}]}}"#, r#""open":{"b":[1,{"c":2}]}"#);
        check(r#"{"new":{"b":1},"newer":[1]}"#, r#""new":"{\"b\":1}","newer":[1]"#);
        check(r#"{"a":[1,null,2.5],"b":["x",true],"c":[1,"x"]}"#, r#""a":[1,null,2.5],"b":["x",true],"c":"[1,\"x\"]""#);
        for fits in [
            r#"{"attributes":{"a":"b","c":[1,"x"],"d":null,"e":[]}}"#,
            r#"{"attributes":null}"#,
            r#"{"attributes":[]}"#,
            r#"{"attributes":{}}"#,
            r#"{"endpoint":{"Other":1,"Attributes":{"k":["v"]}}}"#,
            r#"{"open":[{"x":{}}],"_session":1}"#,
        ] {
            assert!(!touched(fits), "{fits}");
        }
        for odd in [
            r#"{"attributes":{"a":{"b":1}}}"#,
            r#"{"attributes":{"a":[[1]]}}"#,
            r#"{"attributes":"text"}"#,
            r#"{"attributes":[1]}"#,
            r#"{"attributes":{"a":{}}}"#,
            r#"{"attributes":{"a":[{}]}}"#,
            r#"{"endpoint":{"Attributes":{"a":[{}]}}}"#,
            r#"{"endpoint":{"Attributes":7}}"#,
            r#"{"endpoint":{"Other":{"a":1}}}"#,
            r#"{"_id":1}"#,
            r#"{"essink":1}"#,
        ] {
            assert!(touched(odd), "{odd}");
        }
    }

    #[test]
    fn names_that_are_taken_get_a_tail() {
        check(
            r#"{"_id":1,"essink":{"essink":2},"@timestamp":3,"msg":4}"#,
            r#""_id_":1,"essink_":"{\"essink\":2}","@timestamp_":3,"msg_":4"#,
        );
        check(r#"{"_id":1,"_id_":2}"#, r#""_id_0":1,"_id_":2"#);
        check(r#"{"\u005fid":1}"#, r#""_id_":1"#);
    }

    #[test]
    fn dots_and_blanks_go_from_keys_at_any_depth_and_never_collide() {
        check(r#"{"a.b":1,"":2," ":3,"_":4}"#, r#""a_b":1,"__":2,"__2":3,"_":4"#);
        check(r#"{"open":[{"a.b":{"c.d":1},"a_b":2}]}"#, r#""open":[{"a_b_":{"c_d":1},"a_b":2}]"#);
        check(
            r#"{"attributes":{"_session.id":"1","_session":"2"}}"#,
            r#""attributes":{"_session_id":"1","_session":"2"}"#,
        );
    }

    #[test]
    fn a_key_that_becomes_a_known_one_is_treated_as_it() {
        check(r#"{"end\u0070oint":"text"}"#, r#""endpoint":{"_value":"text"}"#);
        check(r#"{"a.t":{"x":1}}"#, r#""a_t":"{\"x\":1}""#);
        check(
            r#"{"at ":1,"end.point":5,"open":{"a.t":{"x":1}}}"#,
            r#""at ":1,"end_point":{"_value":"5"},"open":{"a_t":{"x":1}}"#,
        );
    }

    #[test]
    fn free_maps_hold_flat_values_only() {
        check(
            r#"{"attributes":{"a":{"b":"\""},"c":[1],"d":[{}]}}"#,
            r#""attributes":{"a":"{\"b\":\"\\\"\"}","c":[1],"d":"[{}]"}"#,
        );
        check(r#"{"attributes":{"a":{},"b":[{},1],"c":[]}}"#, r#""attributes":{"a":"{}","b":"[{},1]","c":[]}"#);
        check(r#"{"attributes":{}}"#, r#""attributes":{}"#);
        check(r#"{"attributes":"text"}"#, r#""attributes":{"_value":"text"}"#);
        check(r#"{"attributes":[1,2]}"#, r#""attributes":{"_value":"[1,2]"}"#);
        check(
            r#"{"endpoint":{"Attributes":{"k":{"v":1}},"Id":"1"}}"#,
            r#""endpoint":{"Attributes":{"k":"{\"v\":1}"},"Id":"1"}"#,
        );
    }

    #[test]
    fn where_an_object_belongs_a_scalar_becomes_one() {
        let endpoint = |value: &str, expected: &str| {
            assert_eq!(touched(&format!(r#"{{"endpoint":{value}}}"#)), value != expected, "{value}");
            check(&format!(r#"{{"endpoint":{value}}}"#), &format!(r#""endpoint":{expected}"#));
        };
        for fits in ["null", "[]", "{}", r#"{"Id":"1"}"#, r#"[{"Id":"1"},{"more":1}]"#] {
            endpoint(fits, fits);
        }
        endpoint(r#""text""#, r#"{"_value":"text"}"#);
        endpoint("5", r#"{"_value":"5"}"#);
        endpoint(r#"[{"Id":{"x":1}},7]"#, r#"[{"Id":"{\"x\":1}"},{"_value":"7"}]"#);
        endpoint("[[1]]", r#"[[{"_value":"1"}]]"#);
    }

    #[test]
    fn where_a_scalar_belongs_an_object_becomes_text() {
        let at = |value: &str, expected: &str| {
            assert_eq!(touched(&format!(r#"{{"at":{value}}}"#)), value != expected, "{value}");
            check(&format!(r#"{{"at":{value}}}"#), &format!(r#""at":{expected}"#));
        };
        for flat in ["5", r#""yesterday""#, "null", "[]", r#"[1,"x"]"#] {
            at(flat, flat);
        }
        at("{}", r#""{}""#);
        at(r#"{"$date":1}"#, r#""{\"$date\":1}""#);
        at("[1,{}]", r#""[1,{}]""#);
        at("[[1]]", r#""[[1]]""#);
    }
}
