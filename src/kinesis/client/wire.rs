//! How requests of the AWS SDK travel: with the HTTP client that speaks to the cluster, so that the program holds one.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use reqwest::redirect::Policy;
use reqwest::{Body, Client, ClientBuilder, Request};

/// AWS closes idle connections after 60 s and later; ours go first, so that no request meets that.
const IDLE: Duration = Duration::from_secs(50);

/// Opens connections as the SDK asks for them.
#[derive(Default)]
pub(super) struct Wire {
    /// One for each pair of timeouts: the SDK asks for its connector again on every request.
    opened: Arc<Mutex<Vec<Arc<Opened>>>>,
}

/// For a connection to come about, and for a server to say anything more.
type Timeouts = (Option<Duration>, Option<Duration>);

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let timeouts = (settings.connect_timeout(), settings.read_timeout());
        let mut all = lock(&self.opened);
        let opened = all.iter().find(|opened| opened.timeouts == timeouts).map(Arc::clone);
        let opened = opened.unwrap_or_else(|| {
            all.push(Arc::new(Opened::new(timeouts)));
            Arc::clone(&all[all.len() - 1])
        });
        SharedHttpConnector::new(Connector { opened, all: Arc::clone(&self.opened) })
    }
}

/// A list that somebody left in a panic is whole: entries are added and taken out one by one.
fn lock(all: &Mutex<Vec<Arc<Opened>>>) -> MutexGuard<'_, Vec<Arc<Opened>>> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Connector {
    opened: Arc<Opened>,
    /// What later requests choose from.
    all: Arc<Mutex<Vec<Arc<Opened>>>>,
}

/// A pool of connections.
struct Opened {
    timeouts: Timeouts,
    client: Result<Client, String>,
    /// Why HTTPS cannot be spoken.
    lacking: Option<String>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl Connector {
    /// The SDK has the connection closed that brought a server's error, so that the next try may reach another server.
    /// One of a pool cannot be closed: the pool is left to those that are on it. Only the pool of the request, for others
    /// that failed beside it may have left it already.
    fn can_be_left(&self) -> ConnectionMetadata {
        let (all, left) = (Arc::clone(&self.all), Arc::clone(&self.opened));
        let leave = move || lock(&all).retain(|opened| !Arc::ptr_eq(opened, &left));
        ConnectionMetadata::builder().proxied(false).poison_fn(leave).build()
    }
}

impl Opened {
    fn new(timeouts: Timeouts) -> Self {
        // An error means that a provider is installed already, which is what is wanted.
        drop(rustls::crypto::ring::default_provider().install_default());
        match builder(timeouts).build() {
            Ok(client) => Self { timeouts, client: Ok(client), lacking: None },
            // A machine without any CA certificates, a small container, must do for plain HTTP.
            Err(error) => Self {
                timeouts,
                client: builder(timeouts).tls_certs_only([]).build().map_err(|error| innermost(&error)),
                lacking: Some(innermost(&error)),
            },
        }
    }

    fn ready(&self, request: http::Request<SdkBody>) -> Result<(Client, Request), String> {
        let client = self.client.clone()?;
        let request = Request::try_from(request.map(Body::wrap)).map_err(|error| innermost(&error.without_url()))?;
        match &self.lacking {
            Some(why) if request.url().scheme() == "https" => {
                Err(format!("no HTTPS without CA certificates: {why}; install them, or name a file in SSL_CERT_FILE"))
            }
            _ => Ok((client, request)),
        }
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let ready = request.try_into_http1x().map_err(|error| error.to_string()).and_then(|request| {
            if let Some(capture) = request.extensions().get::<CaptureSmithyConnection>() {
                let connection = self.can_be_left();
                capture.set_connection_retriever(move || Some(connection.clone()));
            }
            self.opened.ready(request)
        });
        let (client, request) = match ready {
            Ok(ready) => ready,
            Err(why) => return HttpConnectorFuture::ready(Err(ConnectorError::user(why.into()))),
        };
        HttpConnectorFuture::new(async move {
            let response = client.execute(request).await.map_err(failed)?;
            let response = http::Response::<Body>::from(response).map(SdkBody::from_body_1_x);
            HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

fn builder((connect, read): Timeouts) -> ClientBuilder {
    // Signed requests must not follow a redirect to another host, nor pass a proxy nobody named.
    let builder = Client::builder().redirect(Policy::none()).no_proxy().referer(false).pool_idle_timeout(IDLE);
    let builder = connect.into_iter().fold(builder, ClientBuilder::connect_timeout);
    read.into_iter().fold(builder, ClientBuilder::read_timeout)
}

/// What the SDK, which may try again, has to know of a request without an answer. URLs can hold a token.
fn failed(error: reqwest::Error) -> ConnectorError {
    let sort = match (error.is_timeout(), error.is_builder()) {
        (true, _) => ConnectorError::timeout,
        (_, true) => ConnectorError::user,
        _ => ConnectorError::io,
    };
    sort(error.without_url().into())
}

fn innermost(error: &dyn Error) -> String {
    std::iter::successors(Some(error), |&error| error.source()).last().map_or_else(String::new, ToString::to_string)
}

#[cfg(test)]
mod tests;
