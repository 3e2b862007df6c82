//! Kinesis over plain HTTP and JSON: the AWS SDK is what essink uses, so its tests put records in without it.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

/// PutRecords takes at most this many records ...
const PUT_RECORDS: usize = 500;
/// ... and 5 MiB with keys; a margin is left for what base64 and JSON do not count.
const PUT_BYTES: usize = 5 * 1024 * 1024 - 64 * 1024;
const ACTIVE_LIMIT: Duration = Duration::from_secs(30);
/// A refused record is tried again for so long, then the test is told.
const PUT_LIMIT: Duration = Duration::from_secs(60);

/// The producer's side of one Kinesis server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    url: String,
    http: reqwest::Client,
}

/// One shard as ListShards tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// `shardId-000000000000`
    pub id: String,
    /// The shard it was split or merged from.
    pub parent: Option<String>,
    /// The other one it was merged from.
    pub adjacent_parent: Option<String>,
    /// First and last hash key it takes, both included.
    pub hash_keys: (u128, u128),
    /// Whether it still takes records.
    pub open: bool,
}

/// One record to put: a partition key and data.
pub type Record = (String, Vec<u8>);

impl Client {
    /// For the server at `url`; any credentials do there.
    pub fn new(url: &str) -> anyhow::Result<Self> {
        // Connections of another test's runtime may be dead; a put would then be sent twice or fail.
        Ok(Self { url: url.trim_end_matches('/').to_owned(), http: crate::http::client()? })
    }

    /// The same with kept connections: for feeding much, from one runtime only.
    pub fn pooled(&self) -> anyhow::Result<Self> {
        Ok(Self { url: self.url.clone(), http: crate::http::pooled_client()? })
    }

    /// Creates a stream and waits until it is ACTIVE.
    pub async fn create_stream(&self, name: &str, shards: usize) -> anyhow::Result<()> {
        self.call("CreateStream", &json!({ "StreamName": name, "ShardCount": shards })).await?;
        self.until_active(name).await
    }

    /// Puts all records, in bulks, and puts again what the server refuses. Order within a partition key is kept unless
    /// the server refuses records.
    pub async fn put_records(&self, stream: &str, records: &[Record]) -> anyhow::Result<()> {
        for batch in batches(records) {
            self.put_batch(stream, batch).await?;
        }
        Ok(())
    }

    async fn put_batch(&self, stream: &str, batch: &[Record]) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut left: Vec<&Record> = batch.iter().collect();
        loop {
            let answer = self.send("PutRecords", put_body(stream, &left).into()).await?;
            if answer["FailedRecordCount"] == 0 {
                return Ok(());
            }
            let results = answer["Records"].as_array().context("PutRecords answered without Records")?;
            let refused = |at: usize| results.get(at).is_none_or(|result| !result["ErrorCode"].is_null());
            left = left.into_iter().enumerate().filter(|(at, _)| refused(*at)).map(|(_, record)| record).collect();
            if begun.elapsed() > PUT_LIMIT {
                bail!("{} records of a bulk are still refused after {PUT_LIMIT:?}", left.len());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Splits a shard in the middle of its hash keys and waits until the stream is ACTIVE. Gives the two children.
    pub async fn split_shard(&self, stream: &str, shard: &str) -> anyhow::Result<[Shard; 2]> {
        let before = self.list_shards(stream).await?;
        let parent = before.iter().find(|known| known.id == shard).with_context(|| format!("no shard {shard}"))?;
        let (first, last) = parent.hash_keys;
        let middle = first + (last - first) / 2 + 1;
        let body = json!({ "StreamName": stream, "ShardToSplit": shard, "NewStartingHashKey": middle.to_string() });
        self.call("SplitShard", &body).await?;
        self.until_active(stream).await?;
        let children = self.new_shards(stream, &before).await?;
        children.try_into().map_err(|odd| anyhow::anyhow!("a split made {odd:?}"))
    }

    /// Merges two adjacent shards and waits until the stream is ACTIVE. Gives the child.
    pub async fn merge_shards(&self, stream: &str, shard: &str, adjacent: &str) -> anyhow::Result<Shard> {
        let before = self.list_shards(stream).await?;
        let body = json!({ "StreamName": stream, "ShardToMerge": shard, "AdjacentShardToMerge": adjacent });
        self.call("MergeShards", &body).await?;
        self.until_active(stream).await?;
        let [child] = <[Shard; 1]>::try_from(self.new_shards(stream, &before).await?)
            .map_err(|odd| anyhow::anyhow!("a merge made {odd:?}"))?;
        Ok(child)
    }

    async fn new_shards(&self, stream: &str, before: &[Shard]) -> anyhow::Result<Vec<Shard>> {
        let now = self.list_shards(stream).await?;
        Ok(now.into_iter().filter(|shard| before.iter().all(|old| old.id != shard.id)).collect())
    }

    /// All shards, closed ones too.
    pub async fn list_shards(&self, stream: &str) -> anyhow::Result<Vec<Shard>> {
        let answer = self.call("ListShards", &json!({ "StreamName": stream })).await?;
        anyhow::ensure!(answer["NextToken"].is_null(), "more shards than one page holds");
        answer["Shards"].as_array().context("ListShards answered without Shards")?.iter().map(read_shard).collect()
    }

    /// Everything in the stream, shard by shard from its beginning, with partition keys: what a reader may find.
    pub async fn read_all(&self, stream: &str) -> anyhow::Result<Vec<Record>> {
        let mut all = Vec::new();
        for shard in self.list_shards(stream).await? {
            self.read_shard(stream, &shard.id, &mut all).await?;
        }
        Ok(all)
    }

    async fn read_shard(&self, stream: &str, shard: &str, all: &mut Vec<Record>) -> anyhow::Result<()> {
        let from = json!({ "StreamName": stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
        let mut iterator = self.call("GetShardIterator", &from).await?["ShardIterator"].clone();
        while iterator.is_string() {
            let answer = self.call("GetRecords", &json!({ "ShardIterator": iterator, "Limit": 1000 })).await?;
            let records = answer["Records"].as_array().context("GetRecords answered without Records")?;
            if records.is_empty() {
                return Ok(());
            }
            for record in records {
                let text = |field: &str| record[field].as_str().with_context(|| format!("a record without {field}"));
                all.push((text("PartitionKey")?.to_owned(), STANDARD.decode(text("Data")?)?));
            }
            iterator = answer["NextShardIterator"].clone();
        }
        Ok(())
    }

    /// Waits until the stream takes records and resharding.
    pub async fn until_active(&self, stream: &str) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let answer = self.call("DescribeStreamSummary", &json!({ "StreamName": stream })).await?;
            let status = &answer["StreamDescriptionSummary"]["StreamStatus"];
            if status == "ACTIVE" {
                return Ok(());
            }
            if begun.elapsed() > ACTIVE_LIMIT {
                bail!("stream {stream} is {status} after {ACTIVE_LIMIT:?}");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Any operation: `call("IncreaseStreamRetentionPeriod", ...)`.
    pub async fn call(&self, operation: &str, body: &Value) -> anyhow::Result<Value> {
        self.send(operation, body.to_string().into()).await
    }

    async fn send(&self, operation: &str, body: Bytes) -> anyhow::Result<Value> {
        // The server wants a signature to be there; it does not check it.
        let authorization = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/kinesis/aws4_request, \
                             SignedHeaders=host, Signature=test";
        let request = self.http.post(&self.url).body(body);
        let request = request.header("content-type", "application/x-amz-json-1.1");
        let request = request.header("x-amz-target", format!("Kinesis_20131202.{operation}"));
        let request = request.header("x-amz-date", "20260101T000000Z").header("authorization", authorization);
        let response = request.send().await.with_context(|| format!("{operation} at {}", self.url))?;
        let status = response.status();
        let answer = response.bytes().await?;
        if !status.is_success() {
            bail!("{operation} answered {status}: {}", String::from_utf8_lossy(&answer));
        }
        // Some operations answer nothing.
        Ok(serde_json::from_slice(&answer).unwrap_or(Value::Null))
    }
}

/// Cuts at both limits of PutRecords. A single record above them goes alone, for the server to refuse.
fn batches(records: &[Record]) -> Vec<&[Record]> {
    let (mut cuts, mut from, mut bytes) = (Vec::new(), 0, 0);
    for (at, (key, data)) in records.iter().enumerate() {
        let size = key.len() + data.len();
        if at > from && (at - from == PUT_RECORDS || bytes + size > PUT_BYTES) {
            cuts.push(&records[from..at]);
            (from, bytes) = (at, 0);
        }
        bytes += size;
    }
    if from < records.len() {
        cuts.push(&records[from..]);
    }
    cuts
}

/// Written by hand: half of a feeder's time would go into a tree of base64 strings otherwise.
fn put_body(stream: &str, records: &[&Record]) -> String {
    let size: usize = records.iter().map(|(key, data)| key.len() + data.len() * 4 / 3 + 48).sum();
    let mut body = String::with_capacity(size + 100);
    body.push_str(r#"{"StreamName":"#);
    body.push_str(&Value::from(stream).to_string());
    body.push_str(r#","Records":["#);
    for (at, (key, data)) in records.iter().enumerate() {
        body.push_str(if at == 0 { r#"{"Data":""# } else { r#",{"Data":""# });
        STANDARD.encode_string(data, &mut body);
        body.push_str(r#"","PartitionKey":"#);
        body.push_str(&Value::from(key.as_str()).to_string());
        body.push('}');
    }
    body.push_str("]}");
    body
}

fn read_shard(shard: &Value) -> anyhow::Result<Shard> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let key = |which: &str| -> anyhow::Result<u128> {
        Ok(text(&shard["HashKeyRange"][which]).with_context(|| format!("a shard without {which}"))?.parse()?)
    };
    Ok(Shard {
        id: text(&shard["ShardId"]).context("a shard without ShardId")?,
        parent: text(&shard["ParentShardId"]),
        adjacent_parent: text(&shard["AdjacentParentShardId"]),
        hash_keys: (key("StartingHashKey")?, key("EndingHashKey")?),
        open: shard["SequenceNumberRange"]["EndingSequenceNumber"].is_null(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_keep_both_limits_and_every_record() {
        let check = |sizes: &[usize], expected: &[usize]| {
            let records: Vec<Record> = sizes.iter().map(|size| ("k".into(), vec![0; size - 1])).collect();
            let cut: Vec<usize> = batches(&records).iter().map(|batch| batch.len()).collect();
            assert_eq!(cut, expected, "{sizes:?}");
        };
        check(&[], &[]);
        check(&[1; 500], &[500]);
        check(&[1; 501], &[500, 1]);
        check(&[PUT_BYTES - 1, 1, 1], &[2, 1]);
        check(&[PUT_BYTES + 1, 1], &[1, 1]);
        check(&[1, PUT_BYTES + 1], &[1, 1]);
    }
}
