//! A real registry on loopback: Debian's docker-registry, on a free port, in a folder of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::image::{Blob, Image};

/// The user of a registry that wants one.
pub const USER: &str = "ada";
/// The user's password.
pub const PASSWORD: &str = "secret";
/// The same as bcrypt keeps it.
const HASH: &str = "$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a";

/// A running registry; ends when dropped.
#[derive(Debug)]
pub struct Registry {
    process: Child,
    address: String,
    // Kept for their Drop: the registry's storage, and who may use it.
    _storage: TempDir,
    _users: Option<TempDir>,
}

impl Registry {
    /// Starts one; `None` when the package docker-registry is missing.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// Starts one that wants [`USER`] and [`PASSWORD`].
    #[must_use]
    pub fn start_with_login() -> Option<Self> {
        let folder = TempDir::new().expect("a temporary folder");
        let users = folder.path().join("users");
        std::fs::write(&users, format!("{USER}:{HASH}\n")).expect("the folder is writable");
        let auth = format!("auth: {{htpasswd: {{realm: tests, path: {}}}}}\n", users.display());
        let mut registry = Self::start_with(&auth)?;
        registry._users = Some(folder);
        Some(registry)
    }

    fn start_with(auth: &str) -> Option<Self> {
        if !crate::require::program("docker-registry") {
            return None;
        }
        let storage = TempDir::new().expect("a temporary folder");
        let config = storage.path().join("config.yml");
        let data = storage.path().join("data");
        let text = format!(
            "version: 0.1\nlog: {{level: info, accesslog: {{disabled: true}}}}\nstorage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\nhttp: {{addr: \"127.0.0.1:0\"}}\n{auth}",
            data.display()
        );
        std::fs::write(&config, text).expect("the folder is writable");
        let mut process = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("docker-registry starts");
        let log = BufReader::new(process.stderr.take().expect("stderr is a pipe"));
        let mut lines = log.lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                let rest = line.split("listening on 127.0.0.1:").nth(1)?.to_owned();
                Some(rest.chars().take_while(char::is_ascii_digit).collect::<String>())
            })
            .expect("docker-registry says where it listens");
        // The log must be read on, else the registry blocks when the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { process, address: format!("127.0.0.1:{port}"), _storage: storage, _users: None })
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Pushes an image and returns its full reference.
    #[must_use]
    pub fn push(&self, repository: &str, tag: &str, image: &Image) -> String {
        for blob in image.layers.iter().chain([&image.config]) {
            self.push_blob(repository, blob);
        }
        self.push_manifest(repository, tag, &image.manifest);
        format!("{}/{repository}:{tag}", self.address)
    }

    /// Uploads one blob in a single request (distribution specification, "Pushing blobs").
    pub fn push_blob(&self, repository: &str, blob: &Blob) {
        let opened = self.request("POST", &format!("/v2/{repository}/blobs/uploads/"), "", &[]);
        let location = opened
            .lines()
            .find_map(|line| line.strip_prefix("Location: "))
            .unwrap_or_else(|| panic!("no upload location: {opened}"))
            .trim();
        let path =
            location.splitn(4, '/').nth(3).map(|rest| format!("/{rest}")).expect("an absolute address");
        let answer = self.request(
            "PUT",
            &format!("{path}&digest={}", blob.digest()),
            "application/octet-stream",
            &blob.bytes,
        );
        assert!(answer.starts_with("HTTP/1.1 201"), "the blob was not taken: {answer}");
    }

    /// Puts a manifest or index under a tag.
    pub fn push_manifest(&self, repository: &str, tag: &str, manifest: &Blob) {
        let answer = self.request(
            "PUT",
            &format!("/v2/{repository}/manifests/{tag}"),
            &manifest.media_type,
            &manifest.bytes,
        );
        assert!(answer.starts_with("HTTP/1.1 201"), "the manifest was not taken: {answer}");
    }

    /// The manifest or index under a tag, byte for byte, and its media type; `None` when there is none.
    #[must_use]
    pub fn manifest(&self, repository: &str, tag: &str) -> Option<(String, String)> {
        let types = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
            application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";
        // The header that `request` sends for bodies is not looked at for GET: one more is put behind it.
        let answer = self.request(
            "GET",
            &format!("/v2/{repository}/manifests/{tag}"),
            &format!("x\r\nAccept: {types}"),
            &[],
        );
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let media_type = head.lines().find_map(|line| line.strip_prefix("Content-Type: "))?.to_owned();
        head.starts_with("HTTP/1.1 200").then(|| (media_type, body.to_owned()))
    }

    fn request(&self, method: &str, path: &str, content_type: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("the registry answers");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).expect("the registry reads");
        stream.write_all(body).expect("the registry reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the registry answers in text");
        answer
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
