use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;

/// Made by `aws-kinesis-agg` 1.2.3 (Python, awslabs/kinesis-aggregation), an implementation that is not ours:
/// three records by two partition keys, the second and third with explicit hash keys 2^127 and 0.
const BY_AWS_KINESIS_AGG: &str = "84mawgoGdXNlci0xCgZ1c2VyLTISJzE3MDE0MTE4MzQ2MDQ2OTIzMTczMTY4NzMwMzcxNTg4NDEwNTcyOBIBMBoLCAAaB3sibiI6MX0aDQgBEAAaB3sibiI6Mn0aFQgAEAEaD3sibiI6ImRyZWkgw7wifSQe9LwZWLVq/LIEsL4Um44=";
/// The same library: one record without data.
const EMPTY_BY_AWS_KINESIS_AGG: &str = "84mawgoBcBoECAAaABbFsUfLsrgRXYkJVq99TPI=";

#[derive(Clone, PartialEq, Message)]
struct Frame {
    #[prost(string, repeated, tag = "1")]
    partition_keys: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    hash_keys: Vec<String>,
    #[prost(message, repeated, tag = "3")]
    records: Vec<UserRecord>,
}

fn framed(message: &[u8]) -> Bytes {
    [&MAGIC[..], message, &Md5::digest(message)[..]].concat().into()
}

fn record(partition_key: u64, hash_key: Option<u64>, data: &str) -> UserRecord {
    UserRecord {
        partition_key_index: Some(partition_key),
        explicit_hash_key_index: hash_key,
        data: Some(data.to_owned().into()),
    }
}

fn frame(records: Vec<UserRecord>) -> Bytes {
    let message = Frame { partition_keys: vec!["p".into()], hash_keys: vec!["7".into()], records };
    framed(&message.encode_to_vec())
}

fn texts(aggregate: Aggregate) -> Vec<String> {
    match aggregate {
        Aggregate::Records(records) => records.iter().map(|r| String::from_utf8(r.to_vec()).unwrap()).collect(),
        other => panic!("not opened: {other:?}"),
    }
}

#[test]
fn opens_what_another_implementation_packed() {
    let data = Bytes::from(STANDARD.decode(BY_AWS_KINESIS_AGG).unwrap());
    assert_eq!(texts(open(&data, 100)), [r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":"drei ü"}"#]);
    let empty = Bytes::from(STANDARD.decode(EMPTY_BY_AWS_KINESIS_AGG).unwrap());
    assert_eq!(texts(open(&empty, 100)), [""]);
}

#[test]
fn what_does_not_begin_with_the_magic_is_plain() {
    for plain in ["", "{}", "\u{f3}", "\n{}"] {
        assert_eq!(open(&Bytes::from(plain), 100), Aggregate::Plain, "{plain:?}");
    }
    assert_eq!(open(&Bytes::from_static(&MAGIC[..3]), 100), Aggregate::Plain);
}

#[test]
fn whatever_has_the_magic_and_is_not_whole_is_bad() {
    fn check(data: impl Into<Bytes>, reason: &str) {
        match open(&data.into(), 100) {
            Aggregate::Bad(why) => assert!(why.contains(reason), "{why:?} does not say {reason:?}"),
            other => panic!("{reason}: {other:?}"),
        }
    }
    let good = frame(vec![record(0, None, "{}")]);
    let mut flipped = good.to_vec();
    flipped[8] ^= 1;
    let mut bad_digest = good.to_vec();
    *bad_digest.last_mut().unwrap() ^= 1;
    check(flipped, "MD5");
    check(bad_digest, "MD5");
    check(good.slice(..good.len() - 1), "MD5");
    check(good.slice(..19), "cut short");
    check(MAGIC.to_vec(), "cut short");
    check(framed(b"{\"not\":\"protobuf\"}"), "not a protobuf");
    check(framed(&[0x0a, 0x7f]), "not a protobuf"); // says 127 bytes, has none
    check(framed(&[0x80; 11]), "not a protobuf"); // a varint without end
    check(framed(&[0x1a, 2, 0x08, 0x80]), "unreadable"); // a record whose index is cut
    check(framed(&[0x18, 1]), "unreadable"); // a record that is a number
    check(frame(vec![record(1, None, "{}")]), "outside its key tables");
    check(frame(vec![record(u64::MAX, None, "{}")]), "outside its key tables");
    check(frame(vec![record(0, Some(1), "{}")]), "outside its key tables");
    check(frame(vec![UserRecord { partition_key_index: None, ..record(0, None, "") }]), "no partition key");
    check(frame(vec![UserRecord { data: None, ..record(0, None, "") }]), "no data");
}

#[test]
fn one_bad_record_spoils_the_frame() {
    let spoilt = frame(vec![record(0, None, "1"), record(9, None, "2")]);
    assert!(matches!(open(&spoilt, 100), Aggregate::Bad(_)), "half a frame would lose the other half");
}

#[test]
fn user_records_outside_the_shard_are_kept() {
    // Hash key 7 belongs to the first shard of any split; nothing here even asks which shard is read.
    assert_eq!(texts(open(&frame(vec![record(0, Some(0), "kept")]), 100)), ["kept"]);
}

#[test]
fn an_aggregate_in_an_aggregate_stays_closed() {
    let inner = frame(vec![record(0, None, "{}")]);
    let outer = frame(vec![UserRecord { data: Some(inner.clone()), ..record(0, None, "") }]);
    assert_eq!(open(&outer, 100), Aggregate::Records(vec![inner]));
}

#[test]
fn a_frame_without_records_holds_none() {
    assert_eq!(open(&frame(vec![]), 100), Aggregate::Records(vec![]));
}

#[test]
fn fields_that_the_format_does_not_know_are_passed_over() {
    let mut message = Frame { partition_keys: vec!["p".into()], ..Frame::default() }.encode_to_vec();
    message.extend([0x48, 0x01]); // field 9, a number
    message.extend([0x51, 0, 0, 0, 0, 0, 0, 0, 0]); // field 10, eight bytes
    message.extend([0x5d, 0, 0, 0, 0]); // field 11, four bytes
    message.extend([0x62, 2, 0xff, 0xff]); // field 12, bytes
    message.extend([0x1a, 6, 0x08, 0, 0x1a, 2, b'o', b'k']);
    assert_eq!(texts(open(&framed(&message), 100)), ["ok"]);
}

#[test]
fn the_number_of_records_is_bounded_before_they_are_built() {
    let five = || frame((0..5).map(|n| record(0, None, &n.to_string())).collect());
    assert_eq!(texts(open(&five(), 5)).len(), 5);
    assert_eq!(open(&five(), 4), Aggregate::Bad("the aggregate holds too many records"));
    let bomb = framed(&[0x1a, 0].repeat(5 << 20));
    assert_eq!(open(&bomb, 10_000), Aggregate::Bad("the aggregate holds too many records"));
}

#[test]
fn opening_copies_nothing() {
    let data = frame(vec![record(0, None, "the bytes of the frame themselves")]);
    let Aggregate::Records(records) = open(&data, 1) else { panic!("not opened") };
    assert!(data.as_ptr_range().contains(&records[0].as_ptr()));
}

proptest! {
    #[test]
    fn what_is_packed_comes_out(bodies in prop::collection::vec(".{0,40}", 0..20)) {
        let packed = frame(bodies.iter().map(|body| record(0, None, body)).collect());
        prop_assert_eq!(texts(open(&packed, 20)), bodies);
    }

    #[test]
    fn no_bytes_make_it_panic(message in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = open(&framed(&message), 10);
    }

    #[test]
    fn any_changed_byte_is_noticed(at in 4_usize..40, bit in 0_u32..8) {
        let mut data = frame(vec![record(0, Some(0), "some twenty bytes...")]).to_vec();
        let at = at.min(data.len() - 1);
        data[at] ^= 1 << bit;
        prop_assert!(matches!(open(&data.into(), 10), Aggregate::Bad(_)));
    }
}
