//! The service itself: the SDK's standard chain of settings, the stream and its shards.

mod calls;
mod error;
mod put;
#[cfg(test)]
mod tests;
mod wire;

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kinesis::types::StreamStatus;

pub use self::calls::StreamReader;
pub use self::error::AccessError;
pub use self::put::StreamWriter;
use self::wire::Wire;
use super::lineage::Shard;
use super::shard::api::Fault;
use crate::pipeline::position::ShardId;

/// Shards a page of `ListShards`: the most it gives. Some emulators have only one page.
const SHARDS_A_PAGE: i32 = 10_000;
/// More shards than any account may have (20,000 on request), so that a list that never ends does.
const SHARDS_MAX: usize = 200_000;

/// Law of Kinesis: what a record may have, unless the stream says more.
const RECORD_BYTES: usize = 1 << 20;
/// Law of Kinesis: more than this no stream may say.
const LARGEST_RECORD_BYTES: usize = 10 << 20;

/// How to reach the service; what is `None` comes from the SDK's standard chain (environment, profile, role).
#[derive(Debug, Clone)]
pub struct Access {
    /// `eu-west-1`.
    pub region: Option<String>,
    /// `http://127.0.0.1:4567` of an emulator or a VPC endpoint.
    pub endpoint: Option<String>,
    /// Credentials to use in place of the chain's: an emulator takes any.
    pub credentials: Option<SharedCredentialsProvider>,
    /// How long opening a connection may take.
    pub connect_timeout: Duration,
    /// How long one try of a call may take; a full page is 10 MiB.
    pub call_timeout: Duration,
}

impl Default for Access {
    fn default() -> Self {
        let (connect_timeout, call_timeout) = (Duration::from_secs(5), Duration::from_secs(60));
        Self { region: None, endpoint: None, credentials: None, connect_timeout, call_timeout }
    }
}

/// A handle to the service in one region; cheap to clone.
#[derive(Debug, Clone)]
pub struct Kinesis {
    client: Client,
    /// The same without the SDK's retries, for the shard readers.
    unretried: Client,
    region: String,
}

/// A stream that exists and can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Its name.
    pub name: String,
    /// Its ARN: what positions are kept under.
    pub arn: String,
    /// Bytes that the data and the partition key of one record may have together.
    pub largest: usize,
    /// How long it keeps records; zero when the service does not say.
    pub retention: Duration,
    /// The KMS key that encrypts it, when one does that is not AWS's own.
    pub key: Option<String>,

    address: Address,
}

/// How calls name the stream. Another account's stream is reached by its ARN only; emulators know ARNs in few calls.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Address {
    Name(String),
    Arn(String),
}

impl Address {
    fn name(&self) -> Option<String> {
        match self {
            Self::Name(name) => Some(name.clone()),
            Self::Arn(_) => None,
        }
    }

    fn arn(&self) -> Option<String> {
        match self {
            Self::Arn(arn) => Some(arn.clone()),
            Self::Name(_) => None,
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Name(text) | Self::Arn(text) => text,
        }
    }
}

impl Kinesis {
    /// Reads the settings of the standard chain. Nothing is sent to Kinesis yet.
    pub async fn connect(access: &Access) -> Result<Self, AccessError> {
        let settings = settings(access).await;
        let region = settings.region().ok_or(AccessError::NoRegion)?.to_string();
        let unretried = aws_sdk_kinesis::config::Builder::from(&settings).retry_config(RetryConfig::disabled()).build();
        Ok(Self { client: Client::new(&settings), unretried: Client::from_conf(unretried), region })
    }

    /// Looks the stream up, by its name or its ARN.
    ///
    /// A stream of this account and region is named in every call even when its ARN was given.
    pub async fn stream(&self, name_or_arn: &str) -> Result<Stream, AccessError> {
        let Some((_, name)) = name_or_arn.split_once(":stream/") else {
            return self.describe(Address::Name(name_or_arn.to_owned())).await;
        };
        match self.describe(Address::Name(name.to_owned())).await {
            Ok(stream) if stream.arn == name_or_arn => Ok(stream),
            Ok(_) | Err(AccessError::UnknownStream { .. } | AccessError::Refused { .. }) => {
                self.describe(Address::Arn(name_or_arn.to_owned())).await
            }
            Err(error) => Err(error),
        }
    }

    async fn describe(&self, address: Address) -> Result<Stream, AccessError> {
        const OPERATION: &str = "DescribeStreamSummary";
        let request = self.client.describe_stream_summary();
        let request = request.set_stream_name(address.name()).set_stream_arn(address.arn());
        let reply = Box::pin(request.send()).await;
        let reply = reply.map_err(|e| self.failed(OPERATION, &address, &e))?;
        // The SDK puts an empty text where the server says nothing.
        let found = reply.stream_description_summary.filter(|found| !found.stream_arn.is_empty());
        let found = found.ok_or_else(|| AccessError::Invalid {
            operation: OPERATION,
            stream: address.text().to_owned(),
            reason: "the answer is empty".to_owned(),
        })?;
        if !matches!(found.stream_status, StreamStatus::Active | StreamStatus::Updating) {
            let status = found.stream_status.as_str().to_owned();
            return Err(AccessError::NotActive { stream: found.stream_name, status });
        }

        let kib = found.max_record_size_in_kib.and_then(|kib| usize::try_from(kib).ok());
        let largest = kib.map_or(RECORD_BYTES, |kib| (kib << 10).clamp(RECORD_BYTES, LARGEST_RECORD_BYTES));
        let hours = u64::try_from(found.retention_period_hours).unwrap_or(0);
        let key = found.key_id.filter(|key| !key.is_empty() && !key.ends_with("alias/aws/kinesis"));
        let retention = Duration::from_secs(hours * 3_600);
        Ok(Stream { name: found.stream_name, arn: found.stream_arn, largest, retention, key, address })
    }

    /// The region that calls go to.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Every shard the stream lists, on all pages: open ones, and closed ones that still hold records.
    pub async fn shards(&self, stream: &Stream) -> Result<Vec<Shard>, AccessError> {
        Ok(self.list_shards(stream).await?.into_iter().map(shard).collect())
    }

    async fn list_shards(&self, stream: &Stream) -> Result<Vec<aws_sdk_kinesis::types::Shard>, AccessError> {
        let mut shards = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let request = self.client.list_shards().max_results(SHARDS_A_PAGE);
            // The token stands for the stream: naming it again is refused.
            let request = match &token {
                None => request.set_stream_name(stream.address.name()).set_stream_arn(stream.address.arn()),
                Some(token) => request.next_token(token),
            };
            let reply = Box::pin(request.send()).await.map_err(|e| self.failed("ListShards", &stream.address, &e))?;
            shards.extend(reply.shards.unwrap_or_default());
            if shards.len() > SHARDS_MAX || (token.is_some() && token == reply.next_token) {
                let (operation, stream) = ("ListShards", stream.name.clone());
                return Err(AccessError::Invalid { operation, stream, reason: "the list does not end".to_owned() });
            }
            token = reply.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(shards);
            }
        }
    }

    fn failed<E, R>(&self, operation: &'static str, address: &Address, error: &SdkError<E, R>) -> AccessError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        let (stream, region) = (address.text().to_owned(), self.region.clone());
        match error::fault(error) {
            Fault::Gone(_) => AccessError::UnknownStream { stream, region },
            Fault::Refused(_) if error::lacks_credentials(error) => AccessError::NoCredentials(error::reason(error)),
            Fault::Refused(reason) => AccessError::Refused { operation, stream, reason },
            Fault::Invalid(reason) => AccessError::Invalid { operation, stream, reason },
            Fault::Throttled(reason) | Fault::Transient(reason) => {
                AccessError::Unreachable { operation, region, reason }
            }
            Fault::Expired => AccessError::Unreachable { operation, region, reason: Fault::Expired.to_string() },
        }
    }
}

/// What the SDK's standard chain says, with what `access` gives in its place. Other AWS services take it too.
pub async fn settings(access: &Access) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(access.connect_timeout)
        .operation_attempt_timeout(access.call_timeout)
        .build();
    let mut loader =
        aws_config::defaults(BehaviorVersion::latest()).http_client(Wire::default()).timeout_config(timeouts);
    if let Some(region) = &access.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(endpoint) = &access.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    if let Some(credentials) = &access.credentials {
        loader = loader.credentials_provider(credentials.clone());
    }
    Box::pin(loader.load()).await
}

fn shard(raw: aws_sdk_kinesis::types::Shard) -> Shard {
    let parents = [raw.parent_shard_id, raw.adjacent_parent_shard_id];
    Shard {
        id: ShardId::from(raw.shard_id.as_str()),
        parents: parents.into_iter().flatten().map(|id| ShardId::from(id.as_str())).collect(),
        closed: raw.sequence_number_range.is_some_and(|range| range.ending_sequence_number.is_some()),
    }
}
