//! Who may come in.
//!
//! A web page of anybody's can make a browser send requests to loopback, and a name of anybody's can resolve to it. So:
//! the Host header must be exactly our address (against rebinding), an Origin must be ours (against forged requests,
//! WebSockets included), and every request needs a cookie that is handed out once, for the token in the printed
//! address. The token leaves the address bar by a redirect and is worthless afterwards.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// Name of the cookie.
const COOKIE: &str = "cala_session";

/// The secrets and the address of one server.
#[derive(Debug)]
pub(crate) struct Guard {
    address: SocketAddr,
    /// Spent when taken.
    token: Mutex<Option<String>>,
    session: String,
}

impl Guard {
    /// New secrets for a server at this address.
    pub(crate) fn new(address: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self { address, token: Mutex::new(Some(secret()?)), session: secret()? })
    }

    /// The address to open, with its token.
    pub(crate) fn entrance(&self) -> String {
        let token = self.token.lock().map(|token| token.clone().unwrap_or_default()).unwrap_or_default();
        format!("http://{}/?token={token}", self.address)
    }

    /// Whether the Host header names exactly this server.
    fn host_is_ours(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
        host == self.address.to_string() || host == format!("localhost:{}", self.address.port())
    }

    /// Whether the request comes from our own page, or from no page at all (a typed address).
    fn origin_is_ours(&self, headers: &HeaderMap, method: &Method) -> bool {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?").to_owned());
        let host = text("host").unwrap_or_default();
        let upgrade = headers.contains_key(header::UPGRADE);
        match text("origin") {
            Some(origin) => origin == format!("http://{host}"),
            // Browsers always send an Origin with these.
            None if upgrade || method != Method::GET => false,
            None => text("sec-fetch-site").is_none_or(|site| site == "none" || site == "same-origin"),
        }
    }

    fn has_session(&self, headers: &HeaderMap) -> bool {
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .any(|(name, value)| name == COOKIE && same(value, &self.session))
    }

    /// Takes the token when it is the right one; true once.
    fn spend(&self, offered: &str) -> bool {
        let Ok(mut token) = self.token.lock() else { return false };
        let right = token.as_deref().is_some_and(|token| same(token, offered));
        if right {
            *token = None;
        }
        right
    }
}

/// Compares without telling by its duration where the difference is.
fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

fn secret() -> anyhow::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).context("the system has no randomness")?;
    Ok(bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}")))
}

/// The check in front of everything.
pub(crate) async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if !guard.host_is_ours(headers) {
        return refuse("this address is not served here");
    }
    if let Some(token) = token_of(&request) {
        return enter(&guard, token);
    }
    if !guard.origin_is_ours(headers, request.method()) {
        return refuse("requests from other pages are refused");
    }
    if !guard.has_session(headers) {
        return refuse("open the address that cala-desktop printed; its token works once");
    }
    if request.method() == Method::POST && !is_json(headers) {
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/json").into_response();
    }
    let csp = content_security_policy(headers);
    let mut response = next.run(request).await;
    protect(response.headers_mut(), &csp);
    response
}

fn token_of(request: &Request) -> Option<&str> {
    let query = request.uri().query()?;
    let root = request.uri().path() == "/" && request.method() == Method::GET;
    root.then(|| query.split('&').find_map(|pair| pair.strip_prefix("token="))).flatten()
}

/// Spends the token for the cookie and leaves the address bar clean.
fn enter(guard: &Guard, token: &str) -> Response {
    if !guard.spend(token) {
        return refuse(
            "this token was used already or is wrong; start cala-desktop --serve again for a new one",
        );
    }
    let cookie = format!("{COOKIE}={}; HttpOnly; SameSite=Strict; Path=/", guard.session);
    (StatusCode::SEE_OTHER, [(header::SET_COOKIE, cookie), (header::LOCATION, "/".to_owned())])
        .into_response()
}

fn refuse(reason: &'static str) -> Response {
    (StatusCode::FORBIDDEN, reason).into_response()
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| kind.split(';').next().is_some_and(|kind| kind.trim() == "application/json"))
}

/// Our own files and our own socket, nothing else.
fn content_security_policy(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self' ws://{host}; base-uri 'none'; form-action 'none'; frame-src 'none'; \
         frame-ancestors 'none'"
    )
}

fn protect(headers: &mut HeaderMap, csp: &str) {
    if let Ok(value) = HeaderValue::from_str(csp) {
        headers.insert(header::CONTENT_SECURITY_POLICY, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
}

#[cfg(test)]
#[allow(clippy::expect_used, reason = "tests")]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard::new("127.0.0.1:4321".parse().expect("an address")).expect("randomness")
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().expect("a header"));
        }
        map
    }

    #[test]
    fn a_token_is_spent_once() {
        let guard = guard();
        let entrance = guard.entrance();
        let token = entrance.split("token=").nth(1).expect("a token").to_owned();
        assert!(!guard.spend("0"));
        assert!(guard.spend(&token));
        assert!(!guard.spend(&token));
    }

    #[test]
    fn only_the_exact_host_is_served() {
        let guard = guard();
        for (host, served) in [
            ("127.0.0.1:4321", true),
            ("localhost:4321", true),
            ("127.0.0.1", false),
            ("evil.com", false),
            ("evil.com:4321", false),
            ("localhost:4321.evil.com", false),
        ] {
            assert_eq!(guard.host_is_ours(&headers(&[("host", host)])), served, "{host}");
        }
    }

    #[test]
    fn other_pages_and_sockets_without_origin_are_refused() {
        let guard = guard();
        let ours = |pairs: &[(&'static str, &str)], method: Method| {
            let mut all = vec![("host", "127.0.0.1:4321")];
            all.extend_from_slice(pairs);
            guard.origin_is_ours(&headers(&all), &method)
        };
        assert!(ours(&[], Method::GET));
        assert!(ours(&[("sec-fetch-site", "none")], Method::GET));
        assert!(ours(&[("origin", "http://127.0.0.1:4321")], Method::POST));
        assert!(!ours(&[], Method::POST));
        assert!(!ours(&[("upgrade", "websocket")], Method::GET));
        assert!(!ours(&[("origin", "http://evil.com")], Method::GET));
        assert!(!ours(&[("origin", "null")], Method::POST));
        assert!(!ours(&[("sec-fetch-site", "cross-site")], Method::GET));
    }

    #[test]
    fn only_the_right_cookie_is_a_session() {
        let guard = guard();
        let right = format!("a=b; {COOKIE}={}", guard.session);
        assert!(guard.has_session(&headers(&[("cookie", &right)])));
        assert!(!guard.has_session(&headers(&[("cookie", "cala_session=0")])));
        assert!(!guard.has_session(&headers(&[])));
    }
}
