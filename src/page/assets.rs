//! The files of the page, as they are in `assets/`: in the program, so that it needs no network and no folder. `build.rs`
//! packs them.

use std::io::Read as _;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use super::Desk;

/// A file.
#[derive(Debug)]
struct Asset {
    name: &'static str,
    kind: &'static str,
    gzip: &'static [u8],
    /// Made when first asked for.
    plain: OnceLock<Plain>,
}

#[derive(Debug)]
struct Plain {
    body: Bytes,
    tag: String,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

macro_rules! assets {
    ($($name:literal: $kind:ident,)+) => {
        static ASSETS: [Asset; [$($name),+].len()] = [$(Asset {
            name: $name,
            kind: $kind,
            gzip: include_bytes!(concat!(env!("OUT_DIR"), "/assets/", $name, ".gz")),
            plain: OnceLock::new(),
        }),+];
    };
}

assets! {
    "index.html": HTML,
    "page.css": CSS,
    "icon.svg": SVG,
    "main.js": SCRIPT,
    "panels.js": SCRIPT,
    "charts.js": SCRIPT,
    "dom.js": SCRIPT,
    "events.js": SCRIPT,
    "format.js": SCRIPT,
    "pipeline.js": SCRIPT,
    "session.js": SCRIPT,
    "state.js": SCRIPT,
    "vendor/chart.umd.min.js": SCRIPT,
    "vendor/LICENSE.md": TEXT,
}

/// `/`, and `/page/assets/…`.
pub fn routes() -> Router<Arc<Desk>> {
    Router::new().route("/", get(|headers: HeaderMap| async move { file("index.html", &headers) })).route(
        "/page/assets/{*name}",
        get(|Path(name): Path<String>, headers: HeaderMap| async move { file(&name, &headers) }),
    )
}

fn file(name: &str, headers: &HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Plain { body, tag } = asset.plain();
    // A browser keeps it and asks whether it is still right: a new version shows at once, and nothing is sent twice.
    let common = [(CACHE_CONTROL, "no-cache"), (ETAG, tag.as_str()), (VARY, "accept-encoding")];
    if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let kind = [(CONTENT_TYPE, asset.kind)];
    match takes_gzip(headers) {
        true => (common, kind, [(CONTENT_ENCODING, "gzip")], asset.gzip).into_response(),
        false => (common, kind, body.clone()).into_response(),
    }
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let texts = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    let mut codings = texts.flat_map(|text| text.split(',')).map(|coding| coding.trim().split(';'));
    codings.any(|mut parts| {
        parts.next() == Some("gzip") && !parts.any(|part| matches!(part.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

impl Asset {
    fn plain(&self) -> &Plain {
        self.plain.get_or_init(|| {
            let mut body = Vec::new();
            // What the build packed can be unpacked; a test asks for every file.
            let _read = GzDecoder::new(self.gzip).read_to_end(&mut body);
            let tag: String = Sha256::digest(&body).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            Plain { body: body.into(), tag: format!("\"{tag}\"") }
        })
    }
}

#[cfg(test)]
mod tests;
