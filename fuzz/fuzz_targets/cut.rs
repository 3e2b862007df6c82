//! The input is a text of JSON values, which comes whole and in pieces; the first byte says how large these are.

#![no_main]

use essink::event::cut::{Broken, Cut, Cutter};
use essink::event::scan::{Fault, ScanLimits, Scanned, scan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((size, text)) = data.split_first() else { return };
    let whole = cut(text, text.len());
    assert_eq!(whole, cut(text, usize::from(*size) + 1), "in pieces");
    let (values, broken) = whole;
    let mut behind = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    for Cut { place, bytes } in &values {
        let begin = usize::try_from(place.offset).expect("within the text");
        between(&text[behind..begin]);
        assert_eq!(&text[begin..begin + bytes.len()], &bytes[..], "as it came");
        assert_eq!(place.lines, text[..begin].iter().filter(|byte| **byte == b'\n').count() as u64);
        one(bytes);
        behind = begin + bytes.len();
    }
    match broken {
        None => between(&text[behind..]),
        Some(broken) => assert!(usize::try_from(broken.place.offset).expect("within the text") <= text.len()),
    }
});

fn cut(text: &[u8], size: usize) -> (Vec<Cut>, Option<Broken>) {
    let (mut cutter, mut values) = (Cutter::default(), Vec::new());
    for (piece, at_end) in text.chunks(size.max(1)).map(|piece| (piece, false)).chain([(&b""[..], true)]) {
        cutter.push(piece);
        loop {
            match cutter.next(at_end) {
                Ok(Some(value)) => values.push(value),
                Ok(None) => break,
                Err(broken) => return (values, Some(broken)),
            }
        }
    }
    (values, None)
}

/// Nothing but white space and what arrays are made of is left out.
fn between(bytes: &[u8]) {
    assert!(bytes.iter().all(|byte| byte.is_ascii_whitespace() || b"[],".contains(byte)));
}

/// It is one value and nothing else.
fn one(bytes: &[u8]) {
    match scan(bytes, 0, &ScanLimits { depth: 100, keys: 1_000 }, &mut Scanned::default()) {
        Ok(end) | Err(Fault::Unsafe { end, .. } | Fault::Crowded { end }) => assert_eq!(end, bytes.len()),
        Err(Fault::Broken { what, .. }) => panic!("{what}"),
    }
}
