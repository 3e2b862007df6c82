//! The import API of Kibana and OpenSearch Dashboards on the wire, as it is documented ("Import objects API"), with what
//! stands in front of it: the mark against forged requests, credentials, spaces and tenants, limits of size.
//!
//! Neither server can be run where these tests run, so this is written from the documentation and holds nothing of what a
//! client hopes for.

mod form;
mod import;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

pub use self::import::Objects;

/// Which of the two it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// Wants `kbn-xsrf`, has spaces.
    Kibana,
    /// Wants `osd-xsrf`, has tenants.
    OpenSearchDashboards,
}

/// How it is set up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Which it is.
    pub product: Product,
    /// What stands before its paths, `/base`; nothing by itself.
    pub base_path: String,
    /// The value of `authorization` that it lets in; everybody when unset.
    pub authorization: Option<String>,
    /// Spaces beside the default one.
    pub spaces: Vec<String>,
    /// `savedObjects.maxImportPayloadBytes`.
    pub max_bytes: usize,
    /// `savedObjects.maxImportExportSize`.
    pub max_objects: usize,
    /// Types that it has.
    pub types: Vec<&'static str>,
}

impl Setup {
    /// As it comes: everybody is let in, the limits are those of 7.10.
    pub fn of(product: Product) -> Self {
        Self {
            product,
            base_path: String::new(),
            authorization: None,
            spaces: Vec::new(),
            max_bytes: 10_485_760,
            max_objects: 10_000,
            types: vec!["index-pattern", "visualization", "search", "dashboard"],
        }
    }
}

/// A running server. Dropping it stops it with its runtime.
#[derive(Debug)]
pub struct FakeDashboards {
    url: String,
    places: Arc<Places>,
    server: tokio::task::JoinHandle<()>,
}

/// Where objects are: the space or the tenant, empty for the default.
type Stored = BTreeMap<String, Objects>;

#[derive(Debug)]
struct Places {
    setup: Setup,
    stored: Mutex<Stored>,
}

impl FakeDashboards {
    /// Listens on a free port of 127.0.0.1.
    pub async fn start(setup: Setup) -> anyhow::Result<Self> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.context("no free port")?;
        let url = format!("http://{}{}", listener.local_addr()?, setup.base_path);
        let places = Arc::new(Places { setup, stored: Mutex::default() });
        let app = Router::new().fallback(answer).with_state(Arc::clone(&places));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                eprintln!("the fake dashboards server ended: {error}");
            }
        });
        Ok(Self { url, places, server })
    }

    /// Its base URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What is in a space or a tenant, by type and id; the default one is "".
    pub fn objects(&self, place: &str) -> Objects {
        self.places.lock().get(place).cloned().unwrap_or_default()
    }

    /// Puts an object there, as somebody else may have.
    pub fn put(&self, place: &str, object: Value) {
        let key = import::key(&object);
        self.places.lock().entry(place.to_owned()).or_default().insert(key, object);
    }
}

impl Drop for FakeDashboards {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Places {
    fn lock(&self) -> std::sync::MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a server says that does not do what it was asked.
fn refusal(status: StatusCode, message: &str) -> Box<Response> {
    let body = json!({"statusCode": status.as_u16(), "error": status.canonical_reason(), "message": message});
    Box::new((status, axum::Json(body)).into_response())
}

async fn answer(State(places): State<Arc<Places>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, places.setup.max_bytes + 4_096).await else {
        let message = format!("Payload content length greater than maximum allowed: {}", places.setup.max_bytes);
        return *refusal(StatusCode::PAYLOAD_TOO_LARGE, &message);
    };
    handle(&places, &head.uri, &head.headers, &body).unwrap_or_else(|refused| *refused)
}

fn handle(places: &Places, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Result<Response, Box<Response>> {
    let setup = &places.setup;
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(wanted) = &setup.authorization
        && said("authorization") != Some(wanted)
    {
        return Err(refusal(StatusCode::UNAUTHORIZED, "Unauthorized"));
    }
    let mark = match setup.product {
        Product::Kibana => "kbn-xsrf",
        Product::OpenSearchDashboards => "osd-xsrf",
    };
    if said(mark).is_none() {
        return Err(refusal(StatusCode::BAD_REQUEST, &format!("Request must contain a {mark} header.")));
    }
    let place = place(setup, uri.path(), said("securitytenant"))?;
    let content = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let file = form::file(content, body).map_err(|why| refusal(StatusCode::BAD_REQUEST, &why))?;
    if file.len() > setup.max_bytes {
        let message = format!("Payload content length greater than maximum allowed: {}", setup.max_bytes);
        return Err(refusal(StatusCode::PAYLOAD_TOO_LARGE, &message));
    }
    let overwrite = uri.query().unwrap_or_default().split('&').any(|pair| pair == "overwrite=true");
    let mut stored = places.lock();
    let here = stored.entry(place).or_default();
    let reply = import::import(here, &file, setup, overwrite);
    reply.map(|reply| axum::Json(reply).into_response()).map_err(|(status, why)| refusal(status, &why))
}

/// Where the path and the headers lead: a space by `/s/ID`, a tenant by its header.
fn place(setup: &Setup, path: &str, tenant: Option<&str>) -> Result<String, Box<Response>> {
    let not_found = || refusal(StatusCode::NOT_FOUND, "Not Found");
    let path = path.strip_prefix(&setup.base_path).ok_or_else(not_found)?;
    let (space, path) = match path.strip_prefix("/s/").and_then(|rest| rest.split_once('/')) {
        Some((space, rest)) if setup.product == Product::Kibana => (space, format!("/{rest}")),
        _ => ("", path.to_owned()),
    };
    if path != "/api/saved_objects/_import" {
        return Err(not_found());
    }
    if !space.is_empty() && !setup.spaces.iter().any(|known| known == space) {
        return Err(refusal(StatusCode::NOT_FOUND, &format!("Saved object [space/{space}] not found")));
    }
    match setup.product {
        Product::Kibana => Ok(space.to_owned()),
        Product::OpenSearchDashboards => Ok(tenant.unwrap_or_default().to_owned()),
    }
}
