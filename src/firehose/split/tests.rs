use proptest::prelude::*;

use super::*;

/// Everything in `object`, given in pieces of `step` bytes.
fn split(object: &[u8], step: usize, largest: usize) -> Vec<Stretch> {
    let (mut splitter, mut found) = (Splitter::new(largest), Vec::new());
    for piece in object.chunks(step) {
        splitter.push(piece);
        found.extend(std::iter::from_fn(|| splitter.next(false)));
    }
    found.extend(std::iter::from_fn(|| splitter.next(true)));
    assert_eq!(splitter.offset(), object.len() as u64, "everything was given or skipped");
    found
}

fn texts(object: &str) -> Vec<String> {
    let one = split(object.as_bytes(), 1, 1_000);
    assert_eq!(split(object.as_bytes(), 1_000, 1_000), one, "however it comes: {object}");
    let end = |stretch: &Stretch| usize::try_from(stretch.offset).expect("small") + stretch.bytes.len();
    for stretch in &one {
        let at = usize::try_from(stretch.offset).expect("small");
        assert_eq!(&object.as_bytes()[at..end(stretch)], &stretch.bytes, "{object}");
    }
    one.iter().map(|stretch| String::from_utf8_lossy(&stretch.bytes).into_owned()).collect()
}

#[test]
fn records_are_found_with_and_without_newlines() {
    assert_eq!(texts("{\"a\":1}{\"b\":2}\n{\"c\":3}\r\n\n [1,{}] "), ["{\"a\":1}", "{\"b\":2}", "{\"c\":3}", "[1,{}]"]);
    assert_eq!(texts("{\"a\":\"}{ \\\" ] \\\\\"}{}"), ["{\"a\":\"}{ \\\" ] \\\\\"}", "{}"]);
    assert_eq!(texts("{\n  \"a\": [\n    {}\n  ]\n}{}"), ["{\n  \"a\": [\n    {}\n  ]\n}", "{}"]);
    assert_eq!(texts(""), [""; 0]);
    assert_eq!(texts(" \n\t"), [""; 0]);
}

#[test]
fn what_is_no_record_is_kept_and_the_next_one_is_found() {
    assert_eq!(texts("oops\n{\"a\":1}"), ["oops", "{\"a\":1}"]);
    assert_eq!(texts("oops{\"a\":1}42\n"), ["oops", "{\"a\":1}", "42"]);
    assert_eq!(texts("\u{feff}{\"a\":1}"), ["\u{feff}", "{\"a\":1}"]);
    assert_eq!(
        texts("{\"a\":\n{\"b\":2}\n{\"c\":3}"),
        ["{\"a\":\n", "{\"b\":2}", "{\"c\":3}"],
        "cut short, then a line"
    );
    assert_eq!(
        texts("{\"a\":\"x{\"b\":2}{\"c\":3}"),
        ["{\"a\":\"x{\"b\":2}", "{\"c\":3}"],
        "no newline: one more is lost to it"
    );
    assert_eq!(texts("}}{\"a\":1}"), ["}}", "{\"a\":1}"]);
    assert_eq!(texts("{\"a\":1"), ["{\"a\":1"]);
}

#[test]
fn a_value_larger_than_any_may_be_is_given_in_stretches_that_are_not() {
    let large = format!("{{\"a\":\"{}\"}}{{\"b\":1}}", "x".repeat(5_000));
    let found = split(large.as_bytes(), 100, 1_000);
    assert!(found.iter().all(|stretch| stretch.bytes.len() <= 1_000));
    assert_eq!(found.last().map(|stretch| &*stretch.bytes), Some(&b"{\"b\":1}"[..]));
    assert_eq!(found.iter().map(|stretch| stretch.bytes.len()).sum::<usize>(), large.len());
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        any::<i32>().prop_map(Into::into),
        "\\PC{0,12}".prop_map(Into::into),
        "[{}\\[\\]\"\\\\\n]{0,8}".prop_map(Into::into)
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("[a-z{}\"]{0,3}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_object_and_array_comes_out_whole(
        values in prop::collection::vec(json(), 0..8), seps in prop::collection::vec(0_usize..3, 8), pretty in any::<bool>(), step in 1_usize..50
    ) {
        let values: Vec<String> = values.iter().filter(|v| v.is_object() || v.is_array())
            .map(|v| if pretty { format!("{v:#}") } else { v.to_string() }).collect();
        let object: String = values.iter().zip(&seps).map(|(v, n)| format!("{v}{}", ["", "\n", " \r\n"][*n])).collect();
        let found: Vec<_> = split(object.as_bytes(), step, 1 << 20).into_iter().map(|s| s.bytes).collect();
        let expected: Vec<_> = values.into_iter().map(Bytes::from).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn any_bytes_are_given_whole_however_they_come(object in prop::collection::vec(prop_oneof![Just(b'{'), Just(b'}'), Just(b'"'), Just(b'\n'), Just(b'\\'), any::<u8>()], 0..300), step in 1_usize..40, largest in 1_usize..100) {
        let found = split(&object, step, largest);
        prop_assert_eq!(&found, &split(&object, object.len().max(1), largest));
        let mut rest = object.clone();
        for stretch in found.iter().rev() {
            let at = usize::try_from(stretch.offset).unwrap();
            prop_assert!(!stretch.bytes.is_empty() && stretch.bytes.len() <= largest);
            prop_assert_eq!(&object[at..at + stretch.bytes.len()], &stretch.bytes[..]);
            prop_assert!(rest[at + stretch.bytes.len()..].iter().all(u8::is_ascii_whitespace));
            rest.truncate(at);
        }
        prop_assert!(rest.iter().all(u8::is_ascii_whitespace));
    }
}
