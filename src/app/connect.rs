//! From configuration to connections.

use std::time::{Duration, SystemTime};

use aws_credential_types::provider::SharedCredentialsProvider;

use super::clock;
use super::exit::Failure;
use crate::config::{self, ClusterOptions, S3Options, TlsOptions};
use crate::kinesis::client::{self as kinesis, Access};
use crate::opensearch::auth::{Auth, Secret, Service, SigV4};
use crate::opensearch::client::{Client, Connection};
use crate::opensearch::product::{self, Product};
use crate::opensearch::tls::Tls;
use crate::s3::{self, Bucket};

/// A connection that is not made in this time is not going to be.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client for the cluster, and what kind of server answers it. Fails when none does.
pub async fn cluster(options: &ClusterOptions) -> Result<(Client, Product), Failure> {
    let client = client(options).await?;
    let urls = options.urls.join(", ");
    let product =
        product::detect(&client).await.map_err(|e| Failure::unavailable(e).during(format!("cluster {urls}")))?;
    tracing::info!(cluster.product = %product, "connected to the cluster");
    Ok((client, product))
}

/// Holds the one document by which a serverless collection shows whether it keeps ids.
const PROBE_INDEX: &str = "essink-probe";

/// A client for a cluster that events can be written to: one that would replace their ids is refused.
pub async fn cluster_that_keeps_ids(options: &ClusterOptions) -> Result<Client, Failure> {
    let (client, product) = cluster(options).await?;
    if product.serverless {
        product::probe_ids(&client, PROBE_INDEX).await.map_err(Failure::unavailable)?;
    }
    Ok(client)
}

/// A client for the cluster; nothing is sent yet.
pub async fn client(options: &ClusterOptions) -> Result<Client, Failure> {
    let mut connection = Connection::to(options.urls.first().cloned().unwrap_or_default());
    connection.urls.clone_from(&options.urls);
    connection.timeout = options.timeout;
    connection.connect_timeout = CONNECT_TIMEOUT.min(options.timeout);
    connection.auth = auth(&options.auth).await?;
    connection.tls = tls(&options.tls)?;
    Client::new(connection).map_err(Failure::usage)
}

/// A bucket; nothing is sent yet.
pub async fn bucket(options: &S3Options) -> Result<Bucket, Failure> {
    let why = format!("the bucket {} is to be asked, but ", options.url.bucket);
    let (region, credentials) = aws(options.region.as_deref(), &why).await?;
    let endpoint = options.endpoint_url.clone().or_else(|| endpoint_of("S3"));
    let access = s3::Access { region, endpoint, credentials, now: system_time };
    Bucket::new(&options.url.bucket, access).map_err(Failure::usage)
}

/// The endpoint that the environment names for a service of AWS.
#[expect(clippy::disallowed_methods, reason = "app may read the environment; AWS tools read the same variables")]
pub fn endpoint_of(service: &str) -> Option<String> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    set(&format!("AWS_ENDPOINT_URL_{service}")).or_else(|| set("AWS_ENDPOINT_URL"))
}

/// Certificates from their files.
pub fn tls(options: &TlsOptions) -> Result<Tls, Failure> {
    let client = options.client.as_ref();
    let (cert, key) = (client.map(|c| c.cert.as_path()), client.map(|c| c.key.as_path()));
    Tls::load(options.ca.as_deref(), cert, key).map_err(Failure::usage)
}

/// Credentials as requests show them.
pub async fn auth(auth: &config::Auth) -> Result<Auth, Failure> {
    Ok(match auth {
        config::Auth::None => Auth::None,
        config::Auth::Basic { user, password } => {
            Auth::Basic { user: user.clone(), password: Secret::new(password.expose()) }
        }
        config::Auth::ApiKey(key) => Auth::ApiKey(Secret::new(key.expose())),
        config::Auth::SigV4 { service, region } => {
            let service = if *service == "aoss" { Service::Aoss } else { Service::Es };
            sigv4(service, region.as_deref()).await?
        }
    })
}

async fn sigv4(service: Service, region: Option<&str>) -> Result<Auth, Failure> {
    let (region, credentials) = aws(region, "requests to the cluster are to be signed, but ").await?;
    Ok(Auth::SigV4(SigV4 { service, region, credentials, now: system_time }))
}

/// Region and credentials of the SDK's chain; `why` they are needed.
async fn aws(region: Option<&str>, why: &str) -> Result<(String, SharedCredentialsProvider), Failure> {
    let access = Access { region: region.map(str::to_owned), ..Access::default() };
    let aws = kinesis::settings(&access).await;
    let region = aws.region().ok_or_else(|| {
        Failure::usage(anyhow::anyhow!("{why}no AWS region is known: give --aws-region or set AWS_REGION"))
    })?;
    let credentials = aws.credentials_provider().ok_or_else(|| {
        Failure::usage(anyhow::anyhow!("{why}no AWS credentials are configured: see `aws configure`"))
    })?;
    Ok((region.to_string(), credentials))
}

fn system_time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(clock::now().0).unwrap_or_default())
}
