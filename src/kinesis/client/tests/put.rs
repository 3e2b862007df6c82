//! The calls of a producer on the wire.

use super::*;
use crate::kinesis::put::api::{Layout, OpenShard, Packed, PutApi};
use crate::kinesis::shard::api::Fault;

fn record(key: &str, data: &'static str) -> Packed {
    Packed { key: key.to_owned(), data: data.into() }
}

async fn writer(answers: Vec<(u16, Value)>) -> (Wire, StreamWriter) {
    let (wire, kinesis) = Wire::answering([summary("ACTIVE")].into_iter().chain(answers)).await;
    let stream = kinesis.stream("events").await.unwrap();
    (wire, kinesis.writer(&stream))
}

#[tokio::test]
async fn records_go_as_they_are_and_each_has_its_own_outcome() {
    let answer = json!({"FailedRecordCount": 3, "Records": [
        {"SequenceNumber": "49", "ShardId": "shardId-000000000002"},
        {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded for shard x"},
        {"ErrorCode": "InternalFailure", "ErrorMessage": "Internal Service Failure"},
        {"ErrorCode": "KMSAccessDeniedException", "ErrorMessage": "no"},
    ]});
    let (wire, writer) = writer(vec![(200, answer)]).await;
    let records = [record("a", "{}"), record("b", "x"), record("c", ""), record("ü", "y")];
    let outcomes = writer.put(&records).await.unwrap();
    let throttled = "ProvisionedThroughputExceededException: Rate exceeded for shard x".to_owned();
    let expected = [
        Ok(ShardId::from("shardId-000000000002")),
        Err(Fault::Throttled(throttled)),
        Err(Fault::Transient("InternalFailure: Internal Service Failure".to_owned())),
        Err(Fault::Refused("KMSAccessDeniedException: no".to_owned())),
    ];
    assert_eq!(outcomes, expected);
    let asked = wire.asked().pop().unwrap();
    let sent = |key: &str, base64: &str| json!({"Data": base64, "PartitionKey": key});
    let body = json!({"StreamName": "events", "Records": [sent("a", "e30="), sent("b", "eA=="), sent("c", ""), sent("ü", "eQ==")]});
    assert_eq!(asked, ("PutRecords".to_owned(), body));
}

#[tokio::test]
async fn a_request_that_fails_is_sorted_and_what_an_operator_must_mend_has_the_cure() {
    async fn check(answer: (u16, Value), is: fn(&Fault) -> bool, words: &str) {
        let (wire, writer) = writer(vec![answer]).await;
        let fault = writer.put(&[record("k", "{}")]).await.unwrap_err();
        assert!(is(&fault) && fault.to_string().contains(words), "{fault:?}");
        assert_eq!(wire.asked().len(), 2, "sent once: only the producer knows what to send again");
    }
    let code = "ProvisionedThroughputExceededException";
    check(refusal(code, "slow"), |f| matches!(f, Fault::Throttled(_)), "slow").await;
    check(refusal("KMSThrottlingException", "slow"), |f| matches!(f, Fault::Throttled(_)), "slow").await;
    check((500, json!({"__type": "InternalFailure"})), |f| matches!(f, Fault::Transient(_)), "InternalFailure").await;
    check(refusal("ResourceNotFoundException", "gone"), |f| matches!(f, Fault::Gone(_)), "check --stream").await;
    let denied = refusal("AccessDeniedException", "not you");
    check(
        denied,
        |f| matches!(f, Fault::Refused(_)),
        "not you; check the credentials and their permission for kinesis:PutRecords",
    )
    .await;
    check(refusal("KMSDisabledException", "off"), |f| matches!(f, Fault::Refused(_)), "off").await;
    check(refusal("InvalidArgumentException", "odd"), |f| matches!(f, Fault::Invalid(_)), "odd").await;
    check(refusal("ValidationException", "odd"), |f| matches!(f, Fault::Invalid(_)), "odd").await;
}

#[tokio::test]
async fn a_record_that_was_not_said_to_be_anywhere_is_nowhere() {
    let answer = json!({"FailedRecordCount": 0, "Records": [{"ShardId": "shardId-0"}, {"SequenceNumber": "1"}, {}]});
    let (_, writer) = writer(vec![(200, answer)]).await;
    let outcomes = writer.put(&[record("a", "1"), record("b", "2"), record("c", "3")]).await.unwrap();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(Fault::Transient(_)))), "{outcomes:?}");
}

fn open(id: &str, first: u128, last: u128) -> Value {
    let mut shard = listed(id, &[], false);
    shard["HashKeyRange"] = json!({"StartingHashKey": first.to_string(), "EndingHashKey": last.to_string()});
    shard
}

#[tokio::test]
async fn the_layout_is_the_open_shards_and_the_size_that_the_stream_allows() {
    async fn check(kib: Option<i64>, largest: usize) {
        let (status, mut said) = summary("UPDATING");
        if let Some(kib) = kib {
            said["StreamDescriptionSummary"]["MaxRecordSizeInKiB"] = json!(kib);
        }
        let shards = json!({"Shards": [open("b", 10, u128::MAX), listed("old", &[], true), open("a", 0, 9)]});
        let (_, writer) = writer(vec![(status, said), (200, shards)]).await;
        let shard = |id: &str, last| OpenShard { id: id.into(), last };
        let expected = Layout { shards: vec![shard("b", u128::MAX), shard("a", 9)], largest };
        assert_eq!(writer.layout().await.unwrap(), expected);
    }
    check(None, 1 << 20).await;
    check(Some(1024), 1 << 20).await;
    check(Some(10_240), 10 << 20).await;
    check(Some(2_000), 2_048_000).await;
    // What no stream can say changes nothing for the worse.
    check(Some(0), 1 << 20).await;
    check(Some(99_999), 10 << 20).await;
}
