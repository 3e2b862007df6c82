//! A bucket: its objects listed, read, put where there is none, replaced and deleted.
//!
//! Six calls, over the transport that carries everything else: the service's own SDK would be two more megabytes of program.
//! Errors say what to do; whoever calls decides whether to wait.

mod error;
mod listing;

use std::time::{Duration, SystemTime};

use aws_credential_types::provider::SharedCredentialsProvider;
use bytes::Bytes;
use http::Method;

pub use error::S3Error;
pub use listing::Listed;

use crate::event::time::Millis;
use crate::opensearch::auth::{Auth, Service, SigV4};
use crate::opensearch::client::{Answer, Client, Connection};

/// Bytes of an answer: no object of dead letters is larger, and replays ask for pieces.
const LARGEST: usize = 256 << 20;
/// How long one call may take: the largest put has some ten megabytes.
const TIMEOUT: Duration = Duration::from_secs(120);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// One object as a list names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Which version of it: another content has another tag.
    pub etag: String,
    /// When it was put.
    pub modified: Millis,
}

/// Sixteen zeros: of no body that anybody has found, and not of the empty one.
const NO_DIGEST: &str = "AAAAAAAAAAAAAAAAAAAAAA==";
const BAD_DIGEST: &[u8] = b"<Code>BadDigest</Code>";

/// How to reach the service.
#[derive(Debug, Clone)]
pub struct Access {
    /// The bucket's region, `eu-central-1`.
    pub region: String,
    /// Another endpoint than the region's: an emulator or a VPC endpoint.
    pub endpoint: Option<String>,
    /// Where credentials come from.
    pub credentials: SharedCredentialsProvider,
    /// The clock that stamps signatures.
    pub now: fn() -> SystemTime,
}

/// One bucket; cheap to clone.
#[derive(Debug, Clone)]
pub struct Bucket {
    client: Client,
    name: String,
    /// What stands before keys in paths: the bucket, where the host does not name it.
    root: String,
}

impl Bucket {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// The endpoint is no address.
    pub fn new(name: &str, access: Access) -> anyhow::Result<Self> {
        let Access { region, endpoint, credentials, now } = access;
        let (url, root) = address(name, &region, endpoint);
        let mut connection = Connection::to(url);
        connection.timeout = TIMEOUT;
        connection.connect_timeout = CONNECT_TIMEOUT;
        connection.max_answer = LARGEST;
        connection.auth = Auth::SigV4(SigV4 { service: Service::S3, region, credentials, now });
        Ok(Self { client: Client::new(connection)?, name: name.to_owned(), root })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// At most a thousand objects whose keys begin with `prefix`, after the key `after`.
    pub async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listed, S3Error> {
        let after = after.map(|after| format!("&start-after={}", encoded(after, false))).unwrap_or_default();
        // No `encoding-type`: some emulators name it in their answer and leave the keys as they are.
        let query = format!("?list-type=2&prefix={}{after}", encoded(prefix, false));
        let path = format!("{}/{query}", self.root);
        let answer = self.client.ask(Method::GET, &path, &[], None).await;
        let answer = self.judged("ListObjectsV2", "s3:ListBucket", prefix, answer)?;
        let unreadable = |why| S3Error::Busy(format!("the list of s3://{}/{prefix} cannot be read: {why}", self.name));
        listing::read(&answer.body).map_err(unreadable)
    }

    /// Bytes `from..to` of an object, less when it ends before; an object that is another one now is an error.
    pub async fn read(&self, object: &Object, from: u64, to: u64) -> Result<Bytes, S3Error> {
        if from >= to.min(object.size) {
            return Ok(Bytes::new());
        }
        let range = format!("bytes={from}-{}", to - 1);
        let mut headers = vec![("range", range.as_str())];
        if !object.etag.is_empty() {
            headers.push(("if-match", &object.etag));
        }
        let answer = self.client.ask(Method::GET, &self.path(&object.key), &headers, None).await;
        let answer = self.judged("GetObject", "s3:GetObject", &object.key, answer)?;
        // A server that knows no ranges gives all of it.
        let whole = answer.status == 200 && from > 0;
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        Ok(if whole { answer.body.slice(from.min(answer.body.len())..) } else { answer.body })
    }

    /// Puts an object where there is none; `false` when there is one.
    pub async fn put_new(&self, key: &str, body: Bytes) -> Result<bool, S3Error> {
        self.put(key, ("if-none-match", "*"), body).await
    }

    /// Asks for what `put_new` asks, with the wrong digest of an empty body, and so needs no other right.
    ///
    /// AWS, "How Amazon S3 authorizes a request": when a request comes, S3 "first verifies that the requester has the
    /// necessary permissions", and answers 403 where they lack. So `BadDigest` tells that they are there: it compares a digest
    /// with a body that has been read. `InvalidDigest`, of a digest that is none, may come before, and tells nothing. Whether
    /// S3 asks for the key of an encrypted bucket before or after is not written down: that right is not shown by this.
    ///
    /// Whether an empty object was put: by a server that does not look at digests.
    pub async fn try_put(&self, key: &str) -> Result<bool, S3Error> {
        let headers = [("content-md5", NO_DIGEST), ("content-type", "application/gzip")];
        let answer = self.client.ask(Method::PUT, &self.path(key), &headers, Some(Bytes::new())).await;
        let refused = |body: &[u8]| body.windows(BAD_DIGEST.len()).any(|part| part == BAD_DIGEST);
        if answer.as_ref().is_ok_and(|answer| answer.status == 400 && refused(&answer.body)) {
            return Ok(false);
        }
        self.judged("PutObject", "s3:PutObject", key, answer).map(|_| true)
    }

    /// Puts another content in the place of `object`; `false` when it is another one by now.
    pub async fn replace(&self, object: &Object, body: Bytes) -> Result<bool, S3Error> {
        self.put(&object.key, ("if-match", &object.etag), body).await
    }

    /// What is there under this key; `None` when there is nothing.
    pub async fn look(&self, key: &str) -> Result<Option<Object>, S3Error> {
        let found = self.list(key, None).await?.objects;
        Ok(found.into_iter().find(|object| object.key == key))
    }

    /// Deletes an object; one that is not there is deleted.
    pub async fn delete(&self, key: &str) -> Result<(), S3Error> {
        let answer = self.client.ask(Method::DELETE, &self.path(key), &[], None).await;
        match self.judged("DeleteObject", "s3:DeleteObject", key, answer) {
            Ok(_) | Err(S3Error::Gone(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn put(&self, key: &str, condition: (&'static str, &str), body: Bytes) -> Result<bool, S3Error> {
        let headers = [condition, ("content-type", "application/gzip")];
        let answer = self.client.ask(Method::PUT, &self.path(key), &headers, Some(body)).await;
        if answer.as_ref().is_ok_and(|answer| answer.status == 412) {
            return Ok(false);
        }
        self.judged("PutObject", "s3:PutObject", key, answer).map(|_| true)
    }

    fn judged(
        &self,
        operation: &str,
        right: &str,
        key: &str,
        answer: Result<Answer, crate::opensearch::client::SendError>,
    ) -> Result<Answer, S3Error> {
        error::judge(operation, right, &self.name, key, answer)
    }

    fn path(&self, key: &str) -> String {
        format!("{}/{}", self.root, encoded(key, true))
    }
}

/// Base URL, and what stands before keys. Emulators and endpoints of one's own know buckets as paths only, and a
/// certificate has no room for the dots of a name.
fn address(name: &str, region: &str, endpoint: Option<String>) -> (String, String) {
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    match endpoint {
        Some(endpoint) => (endpoint.trim_end_matches('/').to_owned(), format!("/{name}")),
        None if name.contains('.') => (format!("https://s3.{region}.{suffix}"), format!("/{name}")),
        None => (format!("https://{name}.s3.{region}.{suffix}"), String::new()),
    }
}

/// As S3 wants it for its signature: everything but letters, digits and `-._~` in hex, and slashes of keys as they are.
fn encoded(text: &str, slashes: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            b'/' if slashes => out.push('/'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_named_by_host_or_by_path() {
        let at = |name: &str, region: &str, endpoint: Option<&str>| address(name, region, endpoint.map(str::to_owned));
        let pair = |url: &str, root: &str| (url.to_owned(), root.to_owned());
        assert_eq!(at("a-b", "eu-west-1", None), pair("https://a-b.s3.eu-west-1.amazonaws.com", ""));
        assert_eq!(at("a.b", "eu-west-1", None), pair("https://s3.eu-west-1.amazonaws.com", "/a.b"));
        assert_eq!(at("a-b", "cn-north-1", None), pair("https://a-b.s3.cn-north-1.amazonaws.com.cn", ""));
        assert_eq!(at("a-b", "eu-west-1", Some("http://127.0.0.1:9/")), pair("http://127.0.0.1:9", "/a-b"));
    }

    #[test]
    fn keys_are_encoded_as_they_are_signed() {
        assert_eq!(encoded("a/b c+ü=~.gz", true), "a/b%20c%2B%C3%BC%3D~.gz");
        assert_eq!(encoded("a/b", false), "a%2Fb");
    }

    #[tokio::test]
    async fn the_right_to_put_is_tried_with_the_call_that_keeps_a_letter_and_no_condition() {
        use aws_credential_types::Credentials;
        use axum::http::{HeaderMap, StatusCode};
        // The bucket's name says how the server answers.
        let answer = async |method: axum::http::Method, uri: axum::http::Uri, headers: HeaderMap| {
            // If-Match needs s3:GetObject too.
            let bare = !headers.contains_key("if-match") && headers["content-md5"] == NO_DIGEST;
            assert!(bare && method == Method::PUT, "{method} {headers:?}");
            let error = |code: &str| format!("<Error><Code>{code}</Code></Error>");
            match uri.path().split('/').nth(1) {
                Some("granted") => (StatusCode::BAD_REQUEST, error("BadDigest")),
                Some("careless") => (StatusCode::OK, String::new()),
                Some("busy") => (StatusCode::SERVICE_UNAVAILABLE, error("SlowDown")),
                _ => (StatusCode::FORBIDDEN, error("AccessDenied")),
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
        let tried = async |name: &str| {
            let key = Credentials::new("any", "any", None, None, "test");
            let access = Access {
                region: "us-east-1".to_owned(),
                endpoint: Some(endpoint.clone()),
                credentials: SharedCredentialsProvider::new(key),
                now: || SystemTime::UNIX_EPOCH,
            };
            Bucket::new(name, access).unwrap().try_put("essink-check-1").await
        };
        assert_eq!((tried("granted").await.unwrap(), tried("careless").await.unwrap()), (false, true));
        assert!(matches!(tried("denied").await, Err(S3Error::Halt(why)) if why.contains("s3:PutObject")));
        assert!(matches!(tried("busy").await, Err(S3Error::Busy(_))));
    }
}
