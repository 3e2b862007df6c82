//! Who may see what the page shows: a token where one is set, and no stranger's name for a page of this machine.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HOST, REFERRER_POLICY, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Nothing from elsewhere, nothing inline, nobody's frame.
const POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

const HEADERS: [(HeaderName, &str); 4] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Who is let in. Cheap to clone.
#[derive(Clone)]
pub struct Guard {
    shared: Arc<Shared>,
}

struct Shared {
    token: Option<Token>,
    /// Whether only this machine reaches the page.
    loopback: bool,
}

/// Digests, never the token.
struct Token {
    token: [u8; 32],
    /// What a browser keeps in its place. A cookie goes to every port of a host: this one is worth nothing elsewhere.
    cookie: String,
    /// Several pages of one host have a cookie each.
    name: String,
}

impl Guard {
    /// For a page at `at`.
    pub fn new(token: Option<&str>, at: SocketAddr) -> Self {
        let token = token.map(|token| Token {
            token: Sha256::digest(token).into(),
            cookie: hex(&Sha256::digest(format!("essink page cookie\n{token}"))),
            name: format!("essink-{}", &hex(&Sha256::digest(format!("essink page name\n{token}")))[..8]),
        });
        Self { shared: Arc::new(Shared { token, loopback: at.ip().is_loopback() }) }
    }

    /// Whether a token is asked for.
    pub fn has_token(&self) -> bool {
        self.shared.token.is_some()
    }

    /// Whether anybody in the network sees everything.
    pub fn is_exposed(&self) -> bool {
        !self.shared.loopback && self.shared.token.is_none()
    }

    /// Whether a request shows the token, or the cookie that was given for it; true where none is set.
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.shared.token else { return true };
        let bearer = headers.get(AUTHORIZATION).and_then(bearer).is_some_and(|shown| token.is(shown));
        bearer | cookies(headers).any(|(name, value)| name == token.name && same(value, token.cookie.as_bytes()))
    }

    /// The `Set-Cookie` for who shows the right token.
    pub fn cookie_for(&self, shown: &[u8]) -> Option<String> {
        let token = self.shared.token.as_ref().filter(|token| token.is(shown))?;
        Some(format!("{}={}; Path=/page; HttpOnly; SameSite=Strict", token.name, token.cookie))
    }

    /// The `Set-Cookie` that ends it.
    pub fn no_cookie(&self) -> Option<String> {
        let token = self.shared.token.as_ref()?;
        Some(format!("{}=; Path=/page; HttpOnly; SameSite=Strict; Max-Age=0", token.name))
    }

    /// A page of a stranger can have its name resolve to this machine, and its script would then read this one's
    /// answers as its own. Where a token is set it could not show it.
    fn knows(&self, headers: &HeaderMap) -> bool {
        !self.shared.loopback || self.has_token() || headers.get(HOST).is_none_or(|host| is_local(host.as_bytes()))
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("loopback", &self.shared.loopback).finish_non_exhaustive()
    }
}

impl Token {
    fn is(&self, shown: &[u8]) -> bool {
        same(&Sha256::digest(shown), &self.token)
    }
}

/// In a time that says nothing of where they differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = value.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    let texts = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.map(|(name, value)| (name, value.as_bytes()))
}

/// `localhost` and addresses of this machine, with or without a port.
fn is_local(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let name = name.to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Browsers say whose page a request is from; a link from elsewhere to the page itself is fine.
fn from_elsewhere(request: &Request) -> bool {
    let site = request.headers().get("sec-fetch-site").map(HeaderValue::as_bytes);
    request.uri().path().starts_with("/page/") && !matches!(site, None | Some(b"same-origin" | b"none"))
}

/// Before everything but the probes: refuses other sites, and names that are not this machine's, and puts on what every answer carries.
pub(super) async fn known_by_name(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let mut response = if from_elsewhere(&request) {
        (StatusCode::FORBIDDEN, "another site asks for what is this page's own\n").into_response()
    } else if guard.knows(request.headers()) {
        next.run(request).await
    } else {
        let why = "this page answers to localhost and 127.0.0.1 only: call it so, or set a token (--http-token-file)\n";
        (StatusCode::MISDIRECTED_REQUEST, why).into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Before what needs the token.
pub(super) async fn admitted(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    if guard.admits(request.headers()) {
        return next.run(request).await;
    }
    let body = concat!(
        r#"{"error":"the token is missing or wrong","#,
        r#""cure":"log in on the page, or send Authorization: Bearer with the token of --http-token-file"}"#,
        "\n"
    );
    let headers = [(axum::http::header::CONTENT_TYPE, super::JSON), (WWW_AUTHENTICATE, "Bearer realm=\"essink\"")];
    (StatusCode::UNAUTHORIZED, headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "correct horse battery";

    fn guard(token: Option<&str>, at: &str) -> Guard {
        Guard::new(token, at.parse().unwrap())
    }

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        [(name, value.parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn the_token_opens_and_nothing_near_it_does() {
        let guard = guard(Some(TOKEN), "0.0.0.0:1");
        let bearer = |value: &str| guard.admits(&headers(AUTHORIZATION, value));
        assert!(bearer(&format!("Bearer {TOKEN}")) && bearer(&format!("bearer  {TOKEN} ")));
        for bad in
            ["Bearer ", "Bearer", "Basic x", "Bearer correct horse batter", "Bearer correct horse batteryy", TOKEN]
        {
            assert!(!bearer(bad), "{bad}");
        }
        assert!(!guard.admits(&HeaderMap::new()));
    }

    #[test]
    fn a_cookie_stands_for_the_token_until_it_changes() {
        let ours = guard(Some(TOKEN), "0.0.0.0:1");
        assert_eq!(ours.cookie_for(b"wrong"), None);
        let set = ours.cookie_for(TOKEN.as_bytes()).unwrap();
        for wanted in ["; HttpOnly", "; SameSite=Strict", "; Path=/page"] {
            assert!(set.contains(wanted), "{set}");
        }
        assert!(!set.contains(TOKEN));
        let pair = set.split(';').next().unwrap();
        assert!(ours.admits(&headers(COOKIE, &format!("a=b; {pair}; c=d"))));
        let (name, value) = pair.split_once('=').unwrap();
        assert!(!ours.admits(&headers(COOKIE, &format!("{name}={}", &value[..63]))));
        assert!(!ours.admits(&headers(COOKIE, &format!("other={value}"))));
        let others = guard(Some("another token altogether"), "0.0.0.0:1");
        assert!(!others.admits(&headers(COOKIE, pair)));
        assert_ne!(
            others.cookie_for(b"another token altogether").unwrap().split('=').next(),
            Some(name),
            "each has its own"
        );
    }

    #[test]
    fn without_a_token_everybody_is_let_in_and_it_is_known() {
        let near = guard(None, "127.0.0.1:1");
        assert!(near.admits(&HeaderMap::new()) && !near.is_exposed() && !near.has_token());
        assert!(guard(None, "0.0.0.0:1").is_exposed() && guard(None, "[::]:1").is_exposed());
        assert!(!guard(None, "[::1]:1").is_exposed() && !guard(Some(TOKEN), "0.0.0.0:1").is_exposed());
        assert_eq!(near.cookie_for(b""), None);
    }

    #[test]
    fn names_of_this_machine() {
        for local in
            ["localhost", "LOCALHOST:9464", "a.localhost:1", "127.0.0.1", "127.8.0.1:9464", "[::1]", "[::1]:9464"]
        {
            assert!(is_local(local.as_bytes()), "{local}");
        }
        for other in
            ["", "x", "localhost.evil.example", "evil.example:9464", "127.0.0.1.evil.example", "10.0.0.1", "[::2]"]
        {
            assert!(!is_local(other.as_bytes()), "{other}");
        }
        let stranger = headers(HOST, "evil.example");
        assert!(!guard(None, "127.0.0.1:1").knows(&stranger));
        assert!(guard(None, "0.0.0.0:1").knows(&stranger), "it has names that we do not know");
        assert!(guard(Some(TOKEN), "127.0.0.1:1").knows(&stranger), "a proxy before it may keep its own name");
    }

    #[test]
    fn nothing_shows_the_token() {
        assert!(!format!("{:?}", guard(Some(TOKEN), "0.0.0.0:1")).contains("horse"));
    }
}
