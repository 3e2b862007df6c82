use proptest::prelude::*;

use super::*;

/// What is cut out of `text` when it comes in pieces of this size.
fn cut(text: &[u8], size: usize) -> (Vec<Cut>, Option<Broken>) {
    let (mut cutter, mut found) = (Cutter::default(), Vec::new());
    let pieces = text.chunks(size).map(|piece| (piece, false)).chain([(&b""[..], true)]);
    for (piece, at_end) in pieces {
        cutter.push(piece);
        loop {
            match cutter.next(at_end) {
                Ok(Some(value)) => found.push(value),
                Ok(None) => break,
                Err(broken) => return (found, Some(broken)),
            }
        }
    }
    (found, None)
}

/// The same for every size of pieces.
fn check(text: &str, values: &[&str], broken: Option<(u64, u64, &str)>) {
    for size in 1..=text.len().max(1) {
        let (found, fault) = cut(text.as_bytes(), size);
        let texts: Vec<_> = found.iter().map(|value| std::str::from_utf8(&value.bytes).unwrap()).collect();
        assert_eq!(texts, values, "{text:?} in pieces of {size}");
        let fault = fault.map(|fault| (fault.place.offset, fault.place.lines, fault.what));
        match (&fault, broken) {
            (Some((offset, lines, what)), Some(expected)) => {
                assert_eq!((*offset, *lines), (expected.0, expected.1), "{text:?} in pieces of {size}");
                assert!(what.contains(expected.2), "{text:?}: {what}");
            }
            (found, expected) => assert_eq!(found.is_some(), expected.is_some(), "{text:?}: {fault:?}"),
        }
        for Cut { place, bytes } in found {
            let begin = place.offset as usize;
            assert_eq!(text.as_bytes()[begin..begin + bytes.len()], bytes);
            assert_eq!(text[..begin].matches('\n').count() as u64, place.lines);
        }
    }
}

#[test]
fn values_come_in_every_form() {
    check("", &[], None);
    check(" \r\n\t", &[], None);
    check("{}", &["{}"], None);
    check("{\"a\":1}\n{\"b\":2}\n", &["{\"a\":1}", "{\"b\":2}"], None);
    check("{}{}[]{}", &["{}", "{}", "{}"], None);
    check("[{},{\"a\":[1,2]} , {}]", &["{}", "{\"a\":[1,2]}", "{}"], None);
    check("[[{}],[[{}]]]\n{}", &["{}", "{}", "{}"], None);
    check("{\n  \"a\": \"}{\\\"\",\n  \"b\": [ ]\n}\n\n", &["{\n  \"a\": \"}{\\\"\",\n  \"b\": [ ]\n}"], None);
    check("12 -3.5e2 \"x\" true null", &["12", "-3.5e2", "\"x\"", "true", "null"], None);
    check("\u{feff}{\"ü\":\"\\u00fc\"}", &["{\"ü\":\"\\u00fc\"}"], None);
}

#[test]
fn what_must_not_be_indexed_is_cut_all_the_same() {
    check("{\"a\":1,\"a\":2} {\"b\":1e999} {}", &["{\"a\":1,\"a\":2}", "{\"b\":1e999}", "{}"], None);
    let deep = format!("{}1{}", "{\"a\":".repeat(300), "}".repeat(300));
    assert_eq!(cut(format!("{deep}{{}}").as_bytes(), 7).0.len(), 2);
}

#[test]
fn what_is_no_json_is_said_with_its_place_and_what_came_before_it_is_given() {
    check("{}\n{}\nhello\n{}\n", &["{}", "{}"], Some((6, 2, "begins no JSON value")));
    check("{\"a\":1}\n{\"b\":}\n{}", &["{\"a\":1}"], Some((13, 1, "begins no JSON value")));
    check("[{},{}", &["{}", "{}"], Some((6, 0, "inside an array")));
    check("[{} {}]", &["{}"], Some((4, 0, "comma or a closing bracket")));
    check("[{},]", &["{}"], Some((4, 0, "begins no JSON value")));
    check("{}]", &["{}"], Some((2, 0, "begins no JSON value")));
    check("{},{}", &["{}"], Some((2, 0, "begins no JSON value")));
    check("{\"a\":\"\n", &[], Some((6, 0, "control character")));
    check("{\"a\"", &[], Some((4, 0, "without a colon")));
    check("{} \u{feff}{}", &["{}"], Some((3, 0, "begins no JSON value")));
    check("// none\n{}", &[], Some((0, 0, "begins no JSON value")));
}

#[test]
fn a_value_of_megabytes_is_not_looked_at_for_every_piece() {
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(8 << 20));
    let (mut cutter, mut looks) = (Cutter::default(), 0);
    for piece in large.as_bytes().chunks(16 << 10) {
        cutter.push(piece);
        let before = cutter.tried;
        assert_eq!(cutter.next(false).unwrap().is_some(), cutter.buffer.is_empty());
        looks += usize::from(cutter.tried != before);
    }
    // Sixteen up to a quarter of a megabyte, and then at each half as much again: nine up to eight.
    assert!(looks <= 16 + 10, "{looks}");
    let given = cutter.buffer.is_empty() || cutter.next(true).unwrap().is_some();
    assert!(given, "at the end it is there");
}

#[test]
fn a_value_without_end_is_given_up() {
    let mut cutter = Cutter::default();
    cutter.push(b"{}\n[\"");
    assert!(cutter.next(false).unwrap().is_some());
    let piece = vec![b'x'; 1 << 20];
    let broken = (0..200).find_map(|_| {
        cutter.push(&piece);
        cutter.next(false).err()
    });
    assert_eq!(broken.map(|b| b.place), Some(Place { offset: 4, lines: 1 }), "its beginning");
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("1".to_owned()),
        Just("-0.5e-3".to_owned()),
        Just("true".to_owned()),
        "[a-zü{}\\[\\],: ]{0,8}".prop_map(|text| format!("{text:?}"))
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|list| format!("{{\"l\":[{}]}}", list.join(" , "))),
            (inner.clone(), inner).prop_map(|(a, b)| format!("{{\n\"a\": {a},\t\"b\":{b}\n}}")),
        ]
    })
}

proptest! {
    #[test]
    fn any_values_in_any_form_and_any_pieces_come_out_as_they_were(
        values in prop::collection::vec(json(), 0..8),
        form in 0..4,
        size in 1_usize..64,
    ) {
        let text = match form {
            0 => values.join("\n"),
            1 => format!("[{}]", values.join(",")),
            2 => values.iter().map(|value| format!(" {value}\r\n\n")).collect(),
            _ => format!("[[{}\n]]\n\n", values.join(" ,\n")),
        };
        let (found, broken) = cut(text.as_bytes(), size);
        prop_assert_eq!(broken, None);
        let found: Vec<_> = found.iter().map(|value| String::from_utf8(value.bytes.to_vec()).unwrap()).collect();
        prop_assert_eq!(found, values);
    }
}
