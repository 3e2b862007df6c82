//! The embedded DynamoDB does what the tests of essink build on.

use std::sync::Arc;

use serde_json::{Value, json};
use testkit::dynamodb::DynamoDb;

/// moto loses such races: of as many increments as were answered with success, fewer are in its counter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_writers_who_saw_the_same_count_one_wins() {
    let dynamo = Arc::new(DynamoDb::start().await.unwrap());
    dynamo.create_table("races", "key").await.unwrap();
    dynamo.put("races", &json!({"key": {"S": "a"}, "n": {"N": "0"}})).await.unwrap();
    let count = |items: Vec<Value>| items[0]["n"]["N"].as_str().unwrap().parse::<u64>().unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let dynamo = dynamo.clone();
        writers.spawn(async move {
            let mut wins = 0;
            for _ in 0..40 {
                let seen = count(dynamo.items("races").await.unwrap());
                let step = json!({
                    "TableName": "races", "Key": {"key": {"S": "a"}},
                    "UpdateExpression": "SET n = :next", "ConditionExpression": "n = :seen",
                    "ExpressionAttributeValues": {":next": {"N": (seen + 1).to_string()}, ":seen": {"N": seen.to_string()}},
                });
                match dynamo.call("UpdateItem", &step).await {
                    Ok(_) => wins += 1,
                    Err(error) => assert!(error.to_string().contains("ConditionalCheckFailed"), "{error}"),
                }
            }
            wins
        });
    }
    let wins: u64 = writers.join_all().await.into_iter().sum();
    assert!((40..320).contains(&wins), "some lost: {wins}");
    assert_eq!(count(dynamo.items("races").await.unwrap()), wins);
}

#[tokio::test]
async fn two_servers_know_nothing_of_each_other() {
    let (one, two) = (DynamoDb::start().await.unwrap(), DynamoDb::start().await.unwrap());
    one.create_table("here", "key").await.unwrap();
    one.put("here", &json!({"key": {"S": "a"}})).await.unwrap();
    assert_eq!(one.items("here").await.unwrap(), [json!({"key": {"S": "a"}})]);
    assert_eq!(two.items("here").await.unwrap(), Vec::<Value>::new());
    assert!(two.put("here", &json!({"key": {"S": "a"}})).await.unwrap_err().to_string().contains("ResourceNotFound"));
}
