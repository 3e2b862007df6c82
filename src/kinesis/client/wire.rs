//! How requests of the AWS SDK travel: with the HTTP client that speaks to the cluster, so that the program holds one.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
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
#[derive(Debug, Default)]
pub(super) struct Wire {
    /// One for each pair of timeouts: the SDK asks for its connector again on every request.
    opened: Mutex<Vec<(Timeouts, SharedHttpConnector)>>,
}

/// For a connection to come about, and for a server to say anything more.
type Timeouts = (Option<Duration>, Option<Duration>);

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let timeouts = (settings.connect_timeout(), settings.read_timeout());
        // A list that somebody left in a panic is whole: entries are only ever added.
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, connector)) = opened.iter().find(|(kept, _)| *kept == timeouts) {
            return connector.clone();
        }
        let connector = SharedHttpConnector::new(Connector::new(timeouts));
        opened.push((timeouts, connector.clone()));
        connector
    }
}

struct Connector {
    timeouts: Timeouts,
    /// None before the first request, and once a connection has turned out bad.
    opened: Arc<Mutex<Option<Arc<Opened>>>>,
}

struct Opened {
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
    fn new(timeouts: Timeouts) -> Self {
        Self { timeouts, opened: Arc::default() }
    }

    fn opened(&self) -> Arc<Opened> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(opened.get_or_insert_with(|| Arc::new(Opened::new(self.timeouts))))
    }

    /// The SDK has the connection closed that brought a server's error, so that the next try may reach another server.
    /// One of a pool cannot be closed: the pool is left to those that are on it. Only the pool of the request, for others
    /// that failed beside it may have left it already.
    fn leave(&self, left: &Arc<Opened>) -> impl Fn() + Send + Sync + 'static {
        let (current, left) = (Arc::clone(&self.opened), Arc::clone(left));
        move || {
            let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
            current.take_if(|current| Arc::ptr_eq(current, &left));
        }
    }
}

impl Opened {
    fn new(timeouts: Timeouts) -> Self {
        // An error means that a provider is installed already, which is what is wanted.
        drop(rustls::crypto::ring::default_provider().install_default());
        match builder(timeouts).build() {
            Ok(client) => Self { client: Ok(client), lacking: None },
            // A machine without any CA certificates, a small container, must do for plain HTTP.
            Err(error) => Self {
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
        let opened = self.opened();
        let ready = request.try_into_http1x().map_err(|error| error.to_string()).and_then(|request| {
            if let Some(capture) = request.extensions().get::<CaptureSmithyConnection>() {
                let leave = Arc::new(self.leave(&opened));
                capture.set_connection_retriever(move || {
                    let leave = Arc::clone(&leave);
                    Some(ConnectionMetadata::builder().proxied(false).poison_fn(move || leave()).build())
                });
            }
            opened.ready(request)
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
