//! From configuration to connections.

use std::time::{Duration, SystemTime};

use super::clock;
use super::exit::Failure;
use crate::config::{self, ClusterOptions, S3Options, TlsOptions};
use crate::kinesis::client::{self as kinesis, Access};
use crate::opensearch::auth::{Auth, Secret, Service, SigV4};
use crate::opensearch::client::{Client, Connection};
use crate::opensearch::product::{self, Product};
use crate::opensearch::tls::Tls;
use crate::s3::Bucket;

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
pub async fn bucket(options: &S3Options) -> Bucket {
    let access = Access { region: options.region.clone(), ..Access::default() };
    let settings = kinesis::settings(&access).await;
    let endpoint = options.endpoint_url.as_deref();
    // Only AWS itself knows buckets by host names of their own.
    Bucket::new(&settings, options.url.bucket.as_str(), endpoint, endpoint.is_some() || has_endpoint())
}

#[expect(clippy::disallowed_methods, reason = "app may read the environment; the SDK reads the same variables")]
fn has_endpoint() -> bool {
    let set = |name| std::env::var(name).is_ok_and(|value| !value.is_empty());
    set("AWS_ENDPOINT_URL_S3") || set("AWS_ENDPOINT_URL")
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
    let access = Access { region: region.map(str::to_owned), ..Access::default() };
    let aws = kinesis::settings(&access).await;
    let why = "requests to the cluster are to be signed, but ";
    let region = aws.region().ok_or_else(|| {
        Failure::usage(anyhow::anyhow!("{why}no AWS region is known: give --aws-region or set AWS_REGION"))
    })?;
    let credentials = aws.credentials_provider().ok_or_else(|| {
        Failure::usage(anyhow::anyhow!("{why}no AWS credentials are configured: see `aws configure`"))
    })?;
    Ok(Auth::SigV4(SigV4 { service, region: region.to_string(), credentials, now: system_time }))
}

fn system_time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(clock::now().0).unwrap_or_default())
}
