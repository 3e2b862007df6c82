use proptest::prelude::*;
use testkit::kpl::{self, UserRecord};

use super::*;
use crate::event::aggregate::{Aggregate, open};

fn keyed(key: &str, data: &str) -> Keyed {
    (key.to_owned(), Bytes::from(data.to_owned()))
}

/// By hand from the page of the format (`aggregation-format.md` of the Kinesis Producer Library).
#[test]
fn a_frame_is_what_the_format_says() {
    let frame = encode(&[keyed("a", "x"), keyed("b", ""), keyed("a", "z")], 7);
    let mut message = vec![0x0a, 1, b'a', 0x0a, 1, b'b']; // field 1, twice
    message.extend([0x12, 1, b'7']); // field 2
    message.extend([0x1a, 7, 0x08, 0, 0x10, 0, 0x1a, 1, b'x']);
    message.extend([0x1a, 6, 0x08, 1, 0x10, 0, 0x1a, 0]); // no data, and still there: the field is required
    message.extend([0x1a, 7, 0x08, 0, 0x10, 0, 0x1a, 1, b'z']);
    assert_eq!(frame[..4], [0xf3, 0x89, 0x9a, 0xc2]);
    assert_eq!(frame[4..frame.len() - 16], message);
    assert_eq!(frame[frame.len() - 16..], Md5::digest(&message)[..]);
}

#[test]
fn lengths_of_several_bytes_are_counted_right() {
    for number in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, u64::MAX] {
        let mut written = Vec::new();
        varint(&mut written, number);
        assert_eq!(written.len(), varint_len(number), "{number}");
        assert!(written[..written.len() - 1].iter().all(|digit| *digit >= 0x80) && *written.last().unwrap() < 0x80);
        let back = written.iter().rev().fold(0_u64, |value, digit| value << 7 | u64::from(digit & 0x7f));
        assert_eq!(back, number);
    }
}

fn events() -> impl Strategy<Value = Vec<Keyed>> {
    let key = prop_oneof!["[ab]", "[a-zü€]{1,200}"];
    let data = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        Just(vec![b'x'; 20_000]),
        Just(vec![0xf3, 0x89, 0x9a, 0xc2]),
    ];
    prop::collection::vec((key, data.prop_map(Bytes::from)), 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_was_packed_is_opened_again_and_another_implementation_packs_the_same(events in events(), hash_key in any::<u128>()) {
        let frame = encode(&events, hash_key);
        let records: Vec<Bytes> = events.iter().map(|(_, data)| data.clone()).collect();
        prop_assert_eq!(open(&Bytes::from(frame.clone()), events.len()), Aggregate::Records(records));
        let user = |(key, data): &Keyed| UserRecord {
            explicit_hash_key: Some(hash_key.to_string()),
            ..UserRecord::new(key, data.to_vec())
        };
        prop_assert_eq!(&frame, &kpl::aggregate(&events.iter().map(user).collect::<Vec<_>>()));
        let bound: usize = events.iter().map(|(key, data)| key.len() + data.len() + EVENT).sum();
        prop_assert!(frame.len() <= FRAME + bound, "{} of {}", frame.len(), FRAME + bound);
    }
}
