//! Case 38 and rule R12: tokens, their renewal, and who sees a password. Login and logout.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use cala_registry::{MemorySink, RegistryClient, RegistryConfig};
use cala_spec::Classify as _;

use crate::liar::{Liar, Request, Step, answer};
use crate::support::*;

fn basic(pair: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

/// A registry with its own token server at `/token`; `accepts` decides on the token's number.
async fn token_registry(accepts: impl Fn(usize, &Request) -> bool + Send + Sync + 'static) -> Liar {
    let (image, granted) = (image(b"layer"), Arc::new(AtomicUsize::new(0)));
    Liar::start(move |request| {
        let host = request.header("host").unwrap_or_default();
        if request.path.starts_with("/token") {
            let number = granted.fetch_add(1, Ordering::SeqCst);
            let body = format!(r#"{{"token":"t{number}","expires_in":300}}"#);
            return answer("200 OK", &[], body.as_bytes());
        }
        let number =
            request.header("authorization").and_then(|value| value.strip_prefix("Bearer t")?.parse().ok());
        if number.is_some_and(|number| accepts(number, request)) {
            return honest(&image, request);
        }
        challenge(&format!("http://{host}/token"))
    })
    .await
}

fn challenge(realm: &str) -> Vec<Step> {
    let value = format!(r#"Bearer realm="{realm}",service="reg",scope="repository:a:pull""#);
    answer("401 Unauthorized", &[("WWW-Authenticate", &value)], br#"{"errors":[{"code":"UNAUTHORIZED"}]}"#)
}

#[tokio::test]
async fn one_token_serves_all_requests_of_a_repository() {
    let liar = token_registry(|_, _| true).await;
    let client = client();
    let found = resolve(&client, &format!("{}/a:1", liar.address)).await.expect("anonymous");
    let mut sink = MemorySink::default();
    client.fetch_blob(&found.source, &found.layers[0], &mut sink, &|_| ()).await.expect("the same token");
    assert_eq!(liar.count("/token"), 1);
    let token = liar.requests().into_iter().find(|request| request.path.starts_with("/token")).expect("one");
    assert_eq!(token.path, "/token?service=reg&scope=repository%3Aa%3Apull");
    assert_eq!(token.header("authorization"), None);
}

#[tokio::test]
async fn case_38_a_token_that_expires_is_renewed_once() {
    let liar = token_registry(|number, request| number > 0 || request.path.contains("/manifests/")).await;
    let mut sink = MemorySink::default();
    pull_layer(&liar, &mut sink, &Told::default()).await.expect("renewed");
    assert_eq!(sink.bytes, b"layer");
    assert_eq!(liar.count("/token"), 2);
}

#[tokio::test]
async fn case_38_endless_refusal_ends_after_one_renewal() {
    let liar = token_registry(|_, _| false).await;
    let error = resolve(&client(), &format!("{}/a:1", liar.address)).await.expect_err("never");
    assert_eq!(error.code(), "registry_denied");
    assert!(error.to_string().ends_with("requested access to the resource is denied"), "{error}");
    assert_eq!((liar.count("/token"), liar.count("/manifests/")), (1, 2));
}

#[tokio::test]
async fn wrong_passwords_are_not_repeated() {
    let liar =
        Liar::start(|_| answer("401 Unauthorized", &[("WWW-Authenticate", "Basic realm=\"r\"")], b"")).await;
    let error = resolve(&client_with("me:wrong"), &format!("{}/a:1", liar.address)).await.expect_err("wrong");
    assert_eq!(error.code(), "registry_unauthorized");
    assert!(error.to_string().contains("unauthorized: authentication required"), "{error}");
    assert_eq!(liar.requests().len(), 2);
}

#[tokio::test]
async fn a_password_goes_to_the_registrys_own_token_server() {
    let liar = token_registry(|_, _| true).await;
    resolve(&client_with("me:secret"), &format!("{}/a:1", liar.address)).await.expect("granted");
    let token = liar.requests().into_iter().find(|request| request.path.starts_with("/token")).expect("one");
    assert_eq!(token.header("authorization"), Some(basic("me:secret").as_str()));
}

#[tokio::test]
async fn a_password_does_not_go_to_another_token_server() {
    let thief = Liar::start(|_| answer("200 OK", &[], br#"{"token":"x"}"#)).await;
    let realm = format!("http://{}/token", thief.address);
    let registry = Liar::start(move |_| challenge(&realm)).await;
    let error =
        resolve(&client_with("me:secret"), &format!("{}/a:1", registry.address)).await.expect_err("withheld");
    assert_eq!(error.code(), "registry_unauthorized");
    assert!(error.hints().iter().any(|hint| hint.contains(&thief.address)), "{:?}", error.hints());
    assert!(!thief.requests().is_empty(), "asked anonymously");
    for request in thief.requests().iter().chain(&registry.requests()) {
        assert_ne!(request.header("authorization"), Some(basic("me:secret").as_str()));
        assert!(!request.path.contains("me"), "not even the name: {}", request.path);
    }
}

#[tokio::test]
async fn a_token_server_with_an_entry_of_its_own_gets_that() {
    let server = Liar::start(|_| answer("200 OK", &[], br#"{"access_token":"t"}"#)).await;
    let (realm, image) = (format!("http://{}/token", server.address), image(b"layer"));
    let registry = Liar::start(move |request| match request.header("authorization") {
        Some("Bearer t") => honest(&image, request),
        _ => challenge(&realm),
    })
    .await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("auth.json");
    let auth = basic("them:theirs");
    let auth = auth.trim_start_matches("Basic ");
    std::fs::write(&file, format!(r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#, server.address))
        .expect("written");
    let client = RegistryClient::new(config().with_auth_file(&file)).expect("read");
    resolve(&client, &format!("{}/a:1", registry.address)).await.expect("granted");
    assert_eq!(server.requests()[0].header("authorization"), Some(basic("them:theirs").as_str()));
}

#[tokio::test]
async fn realms_on_metadata_addresses_and_odd_schemes_are_refused() {
    for realm in ["http://169.254.169.254/token", "file:///etc/passwd", "not an address"] {
        let registry = Liar::start(move |_| challenge(realm)).await;
        let error = resolve(&client(), &format!("{}/a:1", registry.address)).await.expect_err(realm);
        assert!(matches!(error.code(), "redirect_refused" | "registry_protocol"), "{realm}: {error}");
    }
}

#[tokio::test]
async fn identity_tokens_are_posted() {
    let liar = token_registry(|_, _| true).await;
    let client = client_with("<token>:refresh me");
    resolve(&client, &format!("{}/a:1", liar.address)).await.expect("granted");
    let token = liar.requests().into_iter().find(|request| request.path.starts_with("/token")).expect("one");
    assert_eq!((token.method.as_str(), token.header("authorization")), ("POST", None));
}

/// A registry that wants `me:secret`.
async fn basic_registry() -> Liar {
    let image = image(b"layer");
    Liar::start(move |request| match request.header("authorization") {
        Some(value) if value == basic("me:secret") && request.path == "/v2/" => answer("200 OK", &[], b"{}"),
        Some(value) if value == basic("me:secret") => honest(&image, request),
        _ => answer("401 Unauthorized", &[("WWW-Authenticate", "Basic realm=\"r\"")], b""),
    })
    .await
}

fn logging_in(file: &std::path::Path) -> RegistryClient {
    let config: RegistryConfig = config().with_auth_file(file);
    RegistryClient::new(config).expect("read")
}

#[tokio::test]
async fn login_verifies_stores_and_logout_forgets() {
    let (liar, folder) = (basic_registry().await, tempfile::tempdir().expect("a folder"));
    let file = folder.path().join("containers/auth.json");
    let client = logging_in(&file);
    let refused = client.login(&liar.address, "me", "wrong").await.expect_err("wrong");
    assert_eq!(refused.code(), "login_refused");
    assert!(!file.exists(), "nothing is stored of a refused login");

    client.login(&liar.address, "me", "secret").await.expect("right");
    let mode = std::fs::metadata(&file).expect("written").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(client.logged_in_user(&liar.address).await.expect("read").as_deref(), Some("me"));
    resolve(&client, &format!("{}/a:1", liar.address)).await.expect("logged in");

    client.logout(&liar.address).await.expect("known");
    assert_eq!(client.logout(&liar.address).await.expect_err("gone").code(), "not_logged_in");
    let error = resolve(&client, &format!("{}/a:1", liar.address)).await.expect_err("logged out");
    assert_eq!(error.code(), "registry_unauthorized");
}

#[tokio::test]
async fn login_keeps_the_rest_of_the_file() {
    let (liar, folder) = (basic_registry().await, tempfile::tempdir().expect("a folder"));
    let file = folder.path().join("config.json");
    let before = r#"{"auths":{"other":{"auth":"YTpi"}},"HttpHeaders":{"X":"y"},"psFormat":"table"}"#;
    std::fs::write(&file, before).expect("written");
    logging_in(&file).login(&liar.address, "me", "secret").await.expect("right");
    let after: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&file).expect("there")).expect("JSON");
    assert_eq!(after["auths"]["other"]["auth"], "YTpi");
    assert_eq!((after["psFormat"].as_str(), after["HttpHeaders"]["X"].as_str()), (Some("table"), Some("y")));
    assert!(after["auths"][&liar.address]["auth"].is_string());
}

#[tokio::test]
async fn helpers_with_paths_for_names_are_not_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("auth.json");
    std::fs::write(&file, r#"{"credsStore":"../../tmp/evil"}"#).expect("written");
    let error = logging_in(&file).logged_in_user("r.example").await.expect_err("a path");
    assert_eq!(error.code(), "credential_helper_failed");
}

/// Variable by which [`helpers_are_asked`] tells its child process where to work.
const HELPER_FOLDER: &str = "CALA_TEST_HELPER_FOLDER";

#[test]
fn helpers_are_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("docker-credential-fake");
    let script = r#"#!/bin/sh
read host
case "$1 $host" in
"get r.example") echo '{"ServerURL":"r.example","Username":"helped","Secret":"s"}' ;;
"get broken.example") echo 'the keychain is locked' >&2; exit 1 ;;
*) echo 'credentials not found in native keychain'; exit 1 ;;
esac
"#;
    std::fs::write(&program, script).expect("written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("executable");
    // The helper is found by PATH, and a test must not change its own environment.
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap_or_default());
    let child = std::process::Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "auth::helpers_are_asked_in_a_child", "--ignored"])
        .env("PATH", path)
        .env(HELPER_FOLDER, folder.path())
        .output()
        .expect("runs");
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    assert!(String::from_utf8_lossy(&child.stdout).contains("1 passed"));
}

#[tokio::test]
#[ignore = "run by helpers_are_asked with a PATH of its own"]
async fn helpers_are_asked_in_a_child() {
    let folder = std::path::PathBuf::from(std::env::var_os(HELPER_FOLDER).expect("set by the parent"));
    let file = folder.join("config.json");
    std::fs::write(&file, r#"{"credsStore":"fake","credHelpers":{"gone.example":"not-there"}}"#)
        .expect("written");
    let client = logging_in(&file);
    assert_eq!(client.logged_in_user("r.example").await.expect("asked").as_deref(), Some("helped"));
    assert_eq!(client.logged_in_user("other.example").await.expect("asked"), None);
    assert_eq!(client.logged_in_user("gone.example").await.expect("a missing helper is no failure"), None);
    let error = client.logged_in_user("broken.example").await.expect_err("locked");
    assert!(error.to_string().contains("the keychain is locked"), "{error}");
}
