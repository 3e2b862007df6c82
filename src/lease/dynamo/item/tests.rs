use aws_sdk_dynamodb::primitives::Blob;
use base64::Engine as _;
use serde_json::{Value, json};

use super::*;
use crate::event::time::Millis;

const ARN: &str = "arn:aws:kinesis:eu-west-1:123456789012:stream/events";

fn own() -> Own {
    Own { stream: ARN.to_owned(), group: "essink".to_owned(), begin: Position::At(Millis(1_700_000_000_123)) }
}

/// An item from the API's own form.
fn item(api: &Value) -> Item {
    let texts = |list: &Value| list.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect();
    let value = |typed: &Value| {
        let (kind, value) = typed.as_object().unwrap().iter().next().unwrap();
        match kind.as_str() {
            "S" => s(value.as_str().unwrap()),
            "N" => AttributeValue::N(value.as_str().unwrap().to_owned()),
            "SS" => AttributeValue::Ss(texts(value)),
            "B" => {
                let bytes = base64::engine::general_purpose::STANDARD.decode(value.as_str().unwrap()).unwrap();
                AttributeValue::B(Blob::new(bytes))
            }
            other => panic!("{other}"),
        }
    };
    api.as_object().unwrap().iter().map(|(name, typed)| (name.clone(), value(typed))).collect()
}

fn after(n: u64) -> Position {
    Position::After(Sequence::parse(n.to_string()).unwrap())
}

fn from(n: u64) -> Position {
    Position::From(Sequence::parse(n.to_string()).unwrap())
}

fn row(position: Position) -> Row {
    Row { shard: "shardId-1".into(), owner: None, counter: 0, wanted_by: None, position, parents: Vec::new() }
}

#[test]
fn rows_of_every_kcl_are_understood_and_what_is_no_lease_is_left_alone() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../../../../tests/kcl/rows.json")).unwrap();
    assert!(cases.len() > 10);
    for case in cases {
        let (found, expected) = (read(&item(&case["item"]), &own(), &Keys::Shard), &case["row"]);
        if expected.is_null() {
            assert_eq!(found, Ok(Found::Other), "{}", case["source"]);
            continue;
        }
        let position: form::Written = serde_json::from_value(expected["position"].clone()).unwrap();
        let parents: Vec<String> = serde_json::from_value(expected["parents"].clone()).unwrap_or_default();
        let row = Row {
            shard: case["item"]["leaseKey"]["S"].as_str().unwrap().into(),
            owner: expected["owner"].as_str().map(str::to_owned),
            counter: expected["counter"].as_u64().unwrap(),
            wanted_by: None,
            position: position.position().unwrap(),
            parents: parents.iter().map(|parent| parent.as_str().into()).collect(),
        };
        let foreign = expected["foreign"] == true;
        assert_eq!(found, Ok(Found::Lease { row, foreign }), "{}", case["source"]);
    }
}

#[test]
fn a_fresh_row_comes_back_and_tells_kcl_nothing_untrue() {
    fn check(position: Position, checkpoint: &str, sub_sequence: i64) {
        let parents = vec!["shardId-2".into(), "shardId-3".into()];
        let row = Row { wanted_by: Some("two".to_owned()), counter: 7, parents, ..row(position) };
        let made = fresh(&Row { owner: Some("one".to_owned()), ..row.clone() }, &own(), &Keys::Shard);
        assert_eq!((text(&made, CHECKPOINT), number(&made, SUB_SEQUENCE)), (Some(checkpoint), Ok(Some(sub_sequence))));
        assert_eq!(number::<u64>(&made, SWITCHES), Ok(Some(0)), "KCL reads it into a number that must be there");
        let row = Row { owner: Some("one".to_owned()), ..row };
        assert_eq!(read(&made, &own(), &Keys::Shard), Ok(Found::Lease { row, foreign: false }));
    }
    check(Position::TrimHorizon, "TRIM_HORIZON", 0);
    check(Position::At(Millis(5)), "TRIM_HORIZON", 0);
    check(from(495), "TRIM_HORIZON", 0);
    check(after(495), "495", 2_147_483_647);
    check(Position::End, "SHARD_END", 0);
    let bare = fresh(&row(Position::TrimHorizon), &own(), &Keys::Shard);
    for absent in [OWNER, PARENTS, WANTED_BY, POSITION] {
        assert!(!bare.contains_key(absent), "{absent}: DynamoDB has no empty sets, and KCL takes a name for an owner");
    }
}

#[test]
fn a_word_of_ours_counts_only_while_kcl_has_not_written() {
    let ours = fresh(&Row { counter: 7, ..row(Position::At(Millis(5))) }, &own(), &Keys::Shard);
    let check = |changes: &[(&str, AttributeValue)], expected: Position| {
        let mut item = ours.clone();
        item.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let Ok(Found::Lease { row, .. }) = read(&item, &own(), &Keys::Shard) else { panic!("{changes:?}") };
        assert_eq!(row.position, expected, "{changes:?}");
    };
    check(&[], Position::At(Millis(5)));
    check(&[(COUNTER, n(8))], Position::TrimHorizon);
    check(&[(COUNTER, n(8)), (CHECKPOINT, s("17"))], from(17));
    check(&[(COUNTER, n(8)), (CHECKPOINT, s("17")), (SUB_SEQUENCE, n(WHOLE))], after(17));
}

#[test]
fn what_cannot_be_understood_is_refused_with_its_name() {
    fn check(change: impl Fn(&mut Item), words: &str) {
        let mut item = fresh(&row(Position::At(Millis(5))), &own(), &Keys::Shard);
        change(&mut item);
        let refused = read(&item, &own(), &Keys::Shard).unwrap_err();
        assert!(refused.contains(words), "{refused:?}: {words:?}");
    }
    let set = |name: &'static str, value: AttributeValue| {
        move |item: &mut Item| drop(item.insert(name.to_owned(), value.clone()))
    };
    check(set(CHECKPOINT, s("0495")), "checkpoint \"0495\" is no position");
    check(set(CHECKPOINT, n(495)), "no checkpoint");
    check(set(COUNTER, s("7")), "leaseCounter is no whole number");
    check(set(COUNTER, n("-1")), "leaseCounter is no whole number");
    check(set(POSITION, s(r#"{"at":"time"}"#)), "essink_position");
    check(set(STREAM, s("arn:other")), "essink_stream is arn:other and not arn:aws:kinesis");
    check(set(GROUP, s("copy")), "give each group and stream its own table");
    check(|item| drop(item.remove(COUNTER)), "it has no leaseCounter");
    let other = json!({"leaseKey": {"S": "shardId-5"}, "note": {"S": "of somebody else"}});
    assert_eq!(read(&self::item(&other), &own(), &Keys::Shard), Ok(Found::Other));
}
