//! From the options of each provider to its receiver.

use std::sync::Arc;
use std::time::Duration;

use super::fetch::Web;
use crate::app::exit::Failure;
use crate::config::{self, BirdOptions, JsonOptions, ProviderOptions, VonageOptions, VonageSignature};
use crate::webhook::bird::{Bird, Client, Tokens};
use crate::webhook::desk::Route;
use crate::webhook::firehose::Firehose;
use crate::webhook::json::{Json, Signer};
use crate::webhook::receiver::Receiver;
use crate::webhook::sns::Sns;
use crate::webhook::vonage::{Algorithm, Signing, Vonage};
use crate::webhook::{Credentials, Secret};

/// How long a token of Bird lives. Bird fetches another one when it is refused.
const TOKEN_LIFETIME: Duration = Duration::from_secs(3_600);

/// The paths of every provider that is on.
pub fn routes(options: &ProviderOptions) -> Result<Vec<Route>, Failure> {
    let mut routes = Vec::new();
    if let Some(options) = &options.vonage {
        routes.push(vonage(options));
    }
    if let Some(options) = &options.bird {
        bird(options, &mut routes);
    }
    if let Some(access_key) = &options.firehose {
        routes.push(route("/firehose", Firehose::new(access_key.as_ref().map(secret))));
    }
    if let Some(options) = &options.sns {
        let web = Web::new(options.endpoint_url.as_deref())?;
        routes.push(route("/sns", Sns::new(options.topics.clone(), options.window, Arc::new(web))));
    }
    if let Some(options) = &options.json {
        routes.push(json(options));
    }
    Ok(routes)
}

fn route(path: &'static str, receiver: impl Receiver + 'static) -> Route {
    Route { path, named: false, receiver: Arc::new(receiver) }
}

fn vonage(options: &VonageOptions) -> Route {
    let algorithm = match options.signature {
        VonageSignature::Md5 => Algorithm::Md5,
        VonageSignature::HmacMd5 => Algorithm::HmacMd5,
        VonageSignature::HmacSha1 => Algorithm::HmacSha1,
        VonageSignature::HmacSha256 => Algorithm::HmacSha256,
        VonageSignature::HmacSha512 => Algorithm::HmacSha512,
    };
    let signing = options.secret.as_ref().map(|of| Signing::new(secret(of), algorithm, options.window));
    route("/vonage", Vonage::new(signing))
}

fn bird(options: &BirdOptions, routes: &mut Vec<Route>) {
    let credentials = credentials(options.basic.as_ref(), options.token.as_ref());
    let client = options.client.as_ref().map(|(id, of)| Client::new(id.clone(), secret(of), TOKEN_LIFETIME));
    let open = credentials.is_empty() && client.is_none();
    if let Some(client) = &client {
        routes.push(route("/bird/token", Tokens::new(client.clone())));
    }
    routes.push(route("/bird", Bird::new(credentials, client, open)));
}

fn json(options: &JsonOptions) -> Route {
    let credentials = credentials(options.basic.as_ref(), options.token.as_ref());
    let signer = options.signer.as_ref().map(|(of, window)| Signer::new(&secret(of), *window));
    let open = credentials.is_empty() && signer.is_none();
    Route { named: true, ..route("/json", Json::new(credentials, signer, open)) }
}

fn credentials(basic: Option<&(String, config::Secret)>, bearer: Option<&config::Secret>) -> Credentials {
    Credentials { basic: basic.map(|(user, of)| (user.clone(), secret(of))), bearer: bearer.map(secret) }
}

fn secret(of: &config::Secret) -> Secret {
    Secret::new(of.expose())
}
