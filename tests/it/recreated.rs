//! A stream that was deleted and made anew has the name, the ARN and the shard names of the old one.

use serde_json::json;
use testkit::kinesis::Kinesis;
use testkit::search::shared;

use crate::faults::numbered;
use crate::support::*;

#[tokio::test]
async fn a_stream_made_anew_is_not_taken_for_one_that_was_read() {
    let search = shared().lease().await.expect("OpenSearch");
    let kinesis = Kinesis::start().await.expect("Kinesis");
    let client = kinesis.client();
    client.create_stream("again", 1).await.expect("stream");
    client.put_records("again", &[numbered(1, "")]).await.expect("put");
    client.split_shard("again", "shardId-000000000000").await.expect("split");
    catch_up(&kinesis, &search, "again", &[]).await.expect(0, &[]);
    // A shard that is closed and read to its end is no reason to refuse.
    catch_up(&kinesis, &search, "again", &[]).await.expect(0, &[]);
    assert_eq!(count(&search, "pinpoint-*").await, 1);

    client.call("DeleteStream", &json!({"StreamName": "again"})).await.expect("deleted");
    until("the stream is gone", || async { client.list_shards("again").await.is_err() }).await;
    client.create_stream("again", 1).await.expect("stream");
    client.put_records("again", &[numbered(2, "")]).await.expect("put");
    let cure = ["shardId-000000000000", "again", "--group"];
    catch_up(&kinesis, &search, "again", &[]).await.expect(69, &cure);
    assert_eq!(count(&search, "pinpoint-*").await, 1, "nothing was read");
    catch_up(&kinesis, &search, "again", &["--group", "anew"]).await.expect(0, &[]);
    assert_eq!(count(&search, "pinpoint-*").await, 2);
}
