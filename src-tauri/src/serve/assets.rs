//! The pages, built into the program.

use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};

// `ASSETS: &[(&str, &[u8])]`, sorted by path: everything in ui/dist when this program was built (see build.rs).
include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// A file of the pages; the root is index.html.
pub(crate) async fn page(uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    if ASSETS.is_empty() {
        return (StatusCode::NOT_FOUND, "the pages were not built: npm ci && npm run build, in ui/")
            .into_response();
    }
    match ASSETS.binary_search_by_key(&path, |(name, _)| name) {
        Ok(at) => file(path, ASSETS[at].1),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

fn file(path: &str, bytes: &'static [u8]) -> Response {
    // Names in assets/ carry a hash of their content.
    let cache = if path.starts_with("assets/") { "private, max-age=31536000, immutable" } else { "no-store" };
    ([(header::CONTENT_TYPE, media_type(path)), (header::CACHE_CONTROL, cache)], bytes).into_response()
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}
