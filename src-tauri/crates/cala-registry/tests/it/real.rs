//! Against Debian's docker-registry: plain, htpasswd, TLS with a CA of our own, token authentication.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use cala_registry::{RegistryClient, RegistryConfig};
use cala_spec::{Classify as _, Platform};
use cala_testkit::image::Image;
use cala_testkit::require;
use serde_json::json;

use crate::liar::{Liar, answer};
use crate::support::*;

/// Whether the test can run; a machine without the packages is a failure unless `CALA_TEST_ALLOW_SKIP` is set.
fn programs(names: &[&str]) -> bool {
    let missing: Vec<_> = names.iter().filter(|name| !require::program(name)).collect();
    if missing.is_empty() {
        return true;
    }
    require::skip(&format!("{missing:?} not installed"));
    assert!(std::env::var_os("CALA_TEST_ALLOW_SKIP").is_some(), "skipped: {missing:?} not installed");
    false
}

/// A registry over a storage folder that others may serve too.
struct Registry {
    process: Child,
    address: String,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Registry {
    /// `http` and `auth` are the insides of those YAML maps.
    fn serve(folder: &Path, http: &str, auth: &str) -> Self {
        let config = folder.join(format!("{}.yml", http.len() * 1000 + auth.len()));
        let auth = if auth.is_empty() { String::new() } else { format!("auth: {{{auth}}}\n") };
        let text = format!(
            "version: 0.1\nlog: {{level: info, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"127.0.0.1:0\"{http}}}\n{auth}",
            folder.join("data").display()
        );
        std::fs::write(&config, text).expect("written");
        let mut process = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("docker-registry starts");
        let mut lines = BufReader::new(process.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
        let port: String = lines
            .by_ref()
            .find_map(|line| Some(line.split("listening on 127.0.0.1:").nth(1)?.to_owned()))
            .expect("it says where it listens")
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, address: format!("127.0.0.1:{port}") }
    }
}

/// A folder with a registry's storage, in which `a:1` is `image(layer)`.
fn storage(layer: &[u8]) -> (tempfile::TempDir, Image) {
    let folder = tempfile::tempdir().expect("a folder");
    let image = image(layer);
    let root = folder.path().join("data/docker/registry/v2");
    let put = |path: PathBuf, bytes: &[u8]| {
        std::fs::create_dir_all(path.parent().expect("has one")).expect("made");
        std::fs::write(path, bytes).expect("written");
    };
    let repository = root.join("repositories/a");
    for blob in image.layers.iter().chain([&image.config, &image.manifest]) {
        let (digest, hex) = (blob.digest(), blob.digest().trim_start_matches("sha256:").to_owned());
        put(root.join(format!("blobs/sha256/{}/{hex}/data", &hex[..2])), &blob.bytes);
        put(repository.join(format!("_layers/sha256/{hex}/link")), digest.as_bytes());
    }
    let digest = image.manifest.digest();
    let hex = digest.trim_start_matches("sha256:");
    put(repository.join(format!("_manifests/revisions/sha256/{hex}/link")), digest.as_bytes());
    put(repository.join("_manifests/tags/1/current/link"), digest.as_bytes());
    put(repository.join(format!("_manifests/tags/1/index/sha256/{hex}/link")), digest.as_bytes());
    (folder, image)
}

/// The image comes whole, and its digests are those that were stored.
async fn pulls(client: &RegistryClient, address: &str, image: &Image) {
    let found = resolve(client, &format!("{address}/a:1")).await.expect("resolved");
    assert_eq!(found.manifest_digest.as_str(), image.manifest.digest());
    assert_eq!(found.manifest_bytes, image.manifest.bytes);
    let config =
        client.fetch_small_blob(&found.source, &found.config, 1 << 20).await.expect("the configuration");
    assert_eq!(config, image.config.bytes);
    let half = image.layers[0].bytes.len() / 2;
    let mut sink = CountingSink::holding(&image.layers[0].bytes[..half]);
    client.fetch_blob(&found.source, &found.layers[0], &mut sink, &|_| ()).await.expect("the layer");
    assert!(sink.inner.bytes == image.layers[0].bytes && sink.restarts == 0);
}

#[tokio::test]
async fn a_plain_registry_on_loopback_serves_and_names_what_is_missing() {
    if !programs(&["docker-registry"]) {
        return;
    }
    let (folder, image) = storage(&noise(2_000_000));
    let registry = Registry::serve(folder.path(), "", "");
    let client = client();
    pulls(&client, &registry.address, &image).await;
    assert_eq!(client.tags(&reference(&format!("{}/a", registry.address))).await.expect("listed"), ["1"]);
    let current =
        client.current_digest(&reference(&format!("{}/a:1", registry.address))).await.expect("a head");
    assert_eq!(current.map(String::from), Some(image.manifest.digest()));
    let pinned = format!("{}/a@{}", registry.address, image.manifest.digest());
    assert!(resolve(&client, &pinned).await.is_ok());
    let missing = [
        format!("{}/a:2", registry.address),
        format!("{}/b:1", registry.address),
        format!("{}/a@sha256:{}", registry.address, "0".repeat(64)),
    ];
    for name in missing {
        let error = resolve(&client, &name).await.expect_err(&name);
        assert_eq!(error.code(), "image_not_found", "{name}: {error}");
        assert!(error.to_string().contains("manifest unknown"), "{error}");
    }
}

#[tokio::test]
async fn htpasswd_lets_in_who_logged_in() {
    if !programs(&["docker-registry", "htpasswd"]) {
        return;
    }
    let (folder, image) = storage(b"layer");
    let made = Command::new("htpasswd").args(["-Bbn", "me", "secret"]).output().expect("htpasswd runs");
    let file = folder.path().join("htpasswd");
    std::fs::write(&file, made.stdout).expect("written");
    let registry =
        Registry::serve(folder.path(), "", &format!("htpasswd: {{realm: r, path: {}}}", file.display()));
    let auth_file = folder.path().join("auth.json");
    let client = RegistryClient::new(config().with_auth_file(&auth_file)).expect("read");
    let error = resolve(&client, &format!("{}/a:1", registry.address)).await.expect_err("anonymous");
    assert_eq!(error.code(), "registry_unauthorized");
    assert_eq!(client.login(&registry.address, "me", "no").await.expect_err("wrong").code(), "login_refused");
    client.login(&registry.address, "me", "secret").await.expect("right");
    pulls(&client, &registry.address, &image).await;
}

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(folder)
        .output()
        .expect("openssl runs");
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A CA and a server's certificate for 127.0.0.1 in `folder`.
fn certificates(folder: &Path, days: i32) {
    std::fs::write(folder.join("ext"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n").expect("written");
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(folder, &format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=ca -days 2"));
    openssl(folder, &format!("req {key} -keyout s.key -out s.csr -subj /CN=localhost"));
    openssl(
        folder,
        &format!(
            "x509 -req -in s.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out s.crt -days {days} -extfile ext"
        ),
    );
}

fn tls_registry(folder: &Path) -> Registry {
    let (crt, key) = (folder.join("s.crt"), folder.join("s.key"));
    let tls = format!(", tls: {{certificate: {}, key: {}}}", crt.display(), key.display());
    Registry::serve(folder, &tls, "")
}

/// A client that trusts `ca` for `address` by certs.d.
fn trusting(folder: &Path, address: &str, ca: &str) -> RegistryClient {
    let host = folder.join("certs.d").join(address);
    std::fs::create_dir_all(&host).expect("made");
    std::fs::copy(folder.join(ca), host.join("ca.crt")).expect("copied");
    let mut config = config();
    config.paths.certs_d = vec![folder.join("certs.d")];
    RegistryClient::new(config).expect("read")
}

#[tokio::test]
async fn a_registry_with_its_own_ca_needs_certs_d() {
    if !programs(&["docker-registry", "openssl"]) {
        return;
    }
    let (folder, image) = storage(&noise(100_000));
    certificates(folder.path(), 2);
    let registry = tls_registry(folder.path());
    let error = resolve(&client(), &format!("{}/a:1", registry.address)).await.expect_err("unknown CA");
    assert_eq!(error.code(), "tls_untrusted", "{error:?}");
    assert!(error.hints().iter().any(|hint| hint.contains("certs.d")));
    pulls(&trusting(folder.path(), &registry.address, "ca.pem"), &registry.address, &image).await;
    let trusting_all = RegistryConfig { tls_verify: Some(false), ..config() };
    pulls(&RegistryClient::new(trusting_all).expect("no files"), &registry.address, &image).await;
}

#[tokio::test]
async fn a_client_certificate_opens_a_registry_that_wants_one() {
    if !programs(&["docker-registry", "openssl"]) {
        return;
    }
    let (folder, image) = storage(b"layer");
    certificates(folder.path(), 2);
    let path = |name: &str| folder.path().join(name).display().to_string();
    let tls = format!(
        ", tls: {{certificate: {}, key: {}, clientcas: [{}]}}",
        path("s.crt"),
        path("s.key"),
        path("ca.pem")
    );
    let registry = Registry::serve(folder.path(), &tls, "");
    let without = trusting(folder.path(), &registry.address, "ca.pem");
    assert!(resolve(&without, &format!("{}/a:1", registry.address)).await.is_err());
    // The server's own certificate serves as the client's: the same CA signed it.
    let host = folder.path().join("certs.d").join(&registry.address);
    std::fs::copy(path("s.crt"), host.join("client.cert")).expect("copied");
    let key_is_missing = trusting(folder.path(), &registry.address, "ca.pem");
    let error = resolve(&key_is_missing, &format!("{}/a:1", registry.address)).await.expect_err("no key");
    assert!(error.to_string().contains("client.key"), "{error}");
    std::fs::copy(path("s.key"), host.join("client.key")).expect("copied");
    pulls(&trusting(folder.path(), &registry.address, "ca.pem"), &registry.address, &image).await;
}

#[tokio::test]
async fn a_certificate_out_of_date_points_to_the_clock() {
    if !programs(&["docker-registry", "openssl"]) {
        return;
    }
    let (folder, _) = storage(b"layer");
    certificates(folder.path(), -1);
    let registry = tls_registry(folder.path());
    let client = trusting(folder.path(), &registry.address, "ca.pem");
    let error = resolve(&client, &format!("{}/a:1", registry.address)).await.expect_err("expired");
    assert_eq!(error.code(), "tls_untrusted", "{error:?}");
    assert!(error.hints().iter().any(|hint| hint.contains("clock")), "{:?}", error.hints());
}

#[tokio::test]
async fn a_redirect_from_https_to_http_is_refused() {
    if !programs(&["openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    certificates(folder.path(), 2);
    // `s_server -HTTP` sends files as they are, their first lines being the head of the answer.
    let file = folder.path().join("v2/a/manifests/1");
    std::fs::create_dir_all(file.parent().expect("has one")).expect("made");
    let redirect = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    std::fs::write(&file, redirect).expect("written");
    let mut server = Command::new("openssl")
        .args(["s_server", "-accept", "127.0.0.1:0", "-cert", "s.crt", "-key", "s.key", "-HTTP"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl starts");
    let mut lines = BufReader::new(server.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let address = lines
        .by_ref()
        .find_map(|line| Some(line.strip_prefix("ACCEPT ")?.to_owned()))
        .expect("it says where it listens");
    std::thread::spawn(move || lines.for_each(drop));
    let client = trusting(folder.path(), &address, "ca.pem");
    let result = resolve(&client, &format!("{address}/a:1")).await;
    let _ = server.kill();
    let _ = server.wait();
    let error = result.expect_err("a downgrade");
    assert_eq!(error.code(), "redirect_refused", "{error}");
    assert!(error.to_string().contains("https to http"), "{error}");
}

/// A token as docker-registry takes it: RS256, the certificate in the header.
fn signed_token(folder: &Path, scope: &str) -> String {
    let der = Command::new("openssl")
        .args(["x509", "-in", "tok.crt", "-outform", "DER"])
        .current_dir(folder)
        .output()
        .expect("openssl runs")
        .stdout;
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let mut words = scope.split(':');
    let (kind, name, actions) = (words.next(), words.next(), words.next().unwrap_or_default());
    let access = json!([{ "type": kind, "name": name, "actions": actions.split(',').collect::<Vec<_>>() }]);
    let access = if scope.is_empty() { json!([]) } else { access };
    let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({ "alg": "RS256", "typ": "JWT", "x5c": [STANDARD.encode(der)] });
    let claims = json!({
        "iss": "me", "aud": "reg", "sub": "", "exp": now + 300, "nbf": now - 10, "iat": now, "jti": "1", "access": access,
    });
    let text = format!("{}.{}", encode(&header), encode(&claims));
    std::fs::write(folder.join("signed"), &text).expect("written");
    let signature = Command::new("openssl")
        .args(["dgst", "-sha256", "-sign", "tok.key", "signed"])
        .current_dir(folder)
        .output()
        .expect("openssl runs")
        .stdout;
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn token_authentication_works_with_the_real_registry() {
    if !programs(&["docker-registry", "openssl"]) {
        return;
    }
    let (folder, image) = storage(&noise(50_000));
    openssl(
        folder.path(),
        "req -x509 -newkey rsa:2048 -nodes -keyout tok.key -out tok.crt -subj /CN=tok -days 2",
    );
    let keys = folder.path().to_owned();
    let server = Liar::start(move |request| {
        let query =
            request.path.split_once("scope=").map(|(_, rest)| rest.split('&').next().unwrap_or_default());
        let scope = query.unwrap_or_default().replace("%3A", ":").replace("%2C", ",");
        let body = json!({ "token": signed_token(&keys, &scope), "expires_in": 300 }).to_string();
        answer("200 OK", &[], body.as_bytes())
    })
    .await;
    let auth = format!(
        "token: {{realm: \"http://{}/token\", service: reg, issuer: me, rootcertbundle: {}}}",
        server.address,
        folder.path().join("tok.crt").display()
    );
    let registry = Registry::serve(folder.path(), "", &auth);
    pulls(&client(), &registry.address, &image).await;
    assert_eq!(server.count("/token"), 1);
}

#[tokio::test]
async fn another_platforms_image_without_index_is_still_found() {
    if !programs(&["docker-registry"]) {
        return;
    }
    let (folder, image) = storage(b"layer");
    let registry = Registry::serve(folder.path(), "", "");
    let wanted: Platform = "linux/s390x".parse().expect("a platform");
    // A single manifest names no platform; its configuration does, and is the caller's to look at.
    let found =
        client().resolve(&reference(&format!("{}/a:1", registry.address)), &wanted).await.expect("there");
    assert_eq!(found.manifest_digest.as_str(), image.manifest.digest());
}
