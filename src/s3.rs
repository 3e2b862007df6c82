//! A bucket: its objects listed, read, put where there is none, replaced and deleted.
//!
//! Errors say what to do; whoever calls decides whether to wait.

mod error;

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;

use error::Failed;
pub use error::S3Error;

use crate::event::time::Millis;

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

/// Some objects, and whether there are more.
#[derive(Debug, Default)]
pub struct Listed {
    /// In the order of their keys.
    pub objects: Vec<Object>,
    /// The list goes on after the last of them.
    pub more: bool,
}

/// One bucket; cheap to clone.
#[derive(Debug, Clone)]
pub struct Bucket {
    client: Client,
    name: String,
}

impl Bucket {
    /// Nothing is sent yet. Emulators and endpoints of one's own know buckets as paths only.
    pub fn new(settings: &SdkConfig, name: impl Into<String>, endpoint: Option<&str>, path_style: bool) -> Self {
        let mut config = aws_sdk_s3::config::Builder::from(settings);
        if let Some(endpoint) = endpoint {
            config = config.endpoint_url(endpoint);
        }
        Self { client: Client::from_conf(config.force_path_style(path_style).build()), name: name.into() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// At most a thousand objects whose keys begin with `prefix`, after the key `after`.
    pub async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listed, S3Error> {
        let request = self.client.list_objects_v2().bucket(&self.name).prefix(prefix);
        let reply = Box::pin(request.set_start_after(after.map(str::to_owned)).send()).await;
        let reply = reply.map_err(|error| self.failed("ListObjectsV2", "s3:ListBucket", prefix, &error))?;
        let objects: Vec<Object> = reply.contents.unwrap_or_default().into_iter().filter_map(object).collect();
        let more = reply.is_truncated.unwrap_or(false) && !objects.is_empty();
        Ok(Listed { objects, more })
    }

    /// Bytes `from..to` of an object, less when it ends before; an object that is another one now is an error.
    pub async fn read(&self, object: &Object, from: u64, to: u64) -> Result<Bytes, S3Error> {
        if from >= to.min(object.size) {
            return Ok(Bytes::new());
        }
        let range = format!("bytes={from}-{}", to - 1);
        let request = self.client.get_object().bucket(&self.name).key(&object.key).range(range);
        let request = request.set_if_match((!object.etag.is_empty()).then(|| object.etag.clone()));
        let reply = Box::pin(request.send()).await;
        let reply = reply.map_err(|error| self.failed("GetObject", "s3:GetObject", &object.key, &error))?;
        let body = reply.body.collect().await;
        let cut = |error| S3Error::Busy(format!("s3://{}/{} broke off: {error}", self.name, object.key));
        body.map(aws_sdk_s3::primitives::AggregatedBytes::into_bytes).map_err(cut)
    }

    /// Puts an object where there is none; `false` when there is one.
    pub async fn put_new(&self, key: &str, body: Bytes) -> Result<bool, S3Error> {
        let request = self.client.put_object().bucket(&self.name).key(key).if_none_match("*");
        let reply = Box::pin(request.body(ByteStream::from(body)).send()).await;
        self.done("s3:PutObject", key, reply)
    }

    /// Puts another content in the place of `object`; `false` when it is another one by now.
    pub async fn replace(&self, object: &Object, body: Bytes) -> Result<bool, S3Error> {
        let request = self.client.put_object().bucket(&self.name).key(&object.key).if_match(&object.etag);
        let reply = Box::pin(request.body(ByteStream::from(body)).send()).await;
        self.done("s3:PutObject", &object.key, reply)
    }

    /// What is there under this key; `None` when there is nothing.
    pub async fn look(&self, key: &str) -> Result<Option<Object>, S3Error> {
        let found = self.list(key, None).await?.objects;
        Ok(found.into_iter().find(|object| object.key == key))
    }

    /// Deletes an object; one that is not there is deleted.
    pub async fn delete(&self, key: &str) -> Result<(), S3Error> {
        let reply = Box::pin(self.client.delete_object().bucket(&self.name).key(key).send()).await;
        reply.map(drop).map_err(|error| self.failed("DeleteObject", "s3:DeleteObject", key, &error))
    }

    fn done<T, E>(&self, right: &str, key: &str, reply: Result<T, Failed<E>>) -> Result<bool, S3Error>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match reply {
            Ok(_) => Ok(true),
            Err(error) if error::status(&error) == Some(412) => Ok(false),
            Err(error) => Err(self.failed("PutObject", right, key, &error)),
        }
    }

    fn failed<E>(&self, operation: &str, right: &str, key: &str, error: &Failed<E>) -> S3Error
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        error::judge(operation, right, &self.name, key, error)
    }
}

fn object(raw: aws_sdk_s3::types::Object) -> Option<Object> {
    Some(Object {
        key: raw.key?,
        size: raw.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
        etag: raw.e_tag.unwrap_or_default(),
        modified: Millis(raw.last_modified.and_then(|at| at.to_millis().ok()).unwrap_or(0)),
    })
}
