//! Clients with short time-outs, images, sinks that remember.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cala_registry::{
    BlobSink, Credentials, MemorySink, RegistryClient, RegistryConfig, RegistryError, ResolvedManifest,
    Timing,
};
use cala_spec::progress::PullProgress;
use cala_spec::{Platform, Reference};
use cala_testkit::image::{Compression, Image};

use crate::liar::{Liar, Request, Step, answer, blob};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Short enough for tests, long enough for a loaded machine.
pub(crate) fn timing() -> Timing {
    Timing {
        connect: Duration::from_secs(5),
        idle: Duration::from_millis(600),
        tries: 3,
        backoff: Duration::from_millis(10),
        retry_after_cap: Duration::from_secs(2),
        progress: Duration::from_millis(50),
    }
}

/// No file of the machine is read.
pub(crate) fn config() -> RegistryConfig {
    RegistryConfig { timing: timing(), ..RegistryConfig::default() }
}

pub(crate) fn client() -> RegistryClient {
    RegistryClient::new(config()).expect("no files")
}

pub(crate) fn client_with(credentials: &str) -> RegistryClient {
    let credentials = Some(Credentials::from_pair(credentials));
    RegistryClient::new(RegistryConfig { credentials, ..config() }).expect("no files")
}

pub(crate) fn reference(text: &str) -> Reference {
    text.parse::<Reference>().expect("a reference").with_default_tag()
}

/// An image of one uncompressed layer with these bytes.
pub(crate) fn image(layer: &[u8]) -> Image {
    Image::new(vec![layer.to_vec()], Compression::None, &serde_json::json!({ "Cmd": ["true"] }))
}

/// Bytes that do not repeat soon.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut step = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| step()).collect()
}

/// An honest answer for a request to a registry that has `image` as `a:1`.
pub(crate) fn honest(image: &Image, request: &Request) -> Vec<Step> {
    let layer = &image.layers[0];
    if request.path.contains("/manifests/") {
        let digest = image.manifest.digest();
        return answer(
            "200 OK",
            &[("Content-Type", MANIFEST), ("Docker-Content-Digest", &digest)],
            &image.manifest.bytes,
        );
    }
    for part in [layer, &image.config] {
        if request.path.ends_with(&part.digest()) {
            return blob(request, &part.bytes);
        }
    }
    answer("404 Not Found", &[], b"")
}

/// A registry that is honest about `image` but for blobs, which `script` answers.
pub(crate) async fn liar_about_blobs(
    image: &Image,
    script: impl Fn(&Request) -> Vec<Step> + Send + Sync + 'static,
) -> Liar {
    let image = image.clone();
    Liar::start(
        move |request| {
            if request.path.contains("/blobs/") { script(request) } else { honest(&image, request) }
        },
    )
    .await
}

pub(crate) async fn resolve(client: &RegistryClient, name: &str) -> Result<ResolvedManifest, RegistryError> {
    client.resolve(&reference(name), &Platform::host()).await
}

/// Resolves `a:1` at the liar and downloads its layer into `sink`.
pub(crate) async fn pull_layer(
    liar: &Liar,
    sink: &mut dyn BlobSink,
    told: &Told,
) -> Result<(), RegistryError> {
    let client = client();
    let found = resolve(&client, &format!("{}/a:1", liar.address)).await?;
    let told = told.clone();
    client.fetch_blob(&found.source, &found.layers[0], sink, &move |step| told.push(step)).await
}

/// Progress as it was told.
#[derive(Clone, Default)]
pub(crate) struct Told(Arc<Mutex<Vec<PullProgress>>>);

impl Told {
    pub(crate) fn push(&self, step: PullProgress) {
        self.0.lock().expect("not poisoned").push(step);
    }

    pub(crate) fn all(&self) -> Vec<PullProgress> {
        self.0.lock().expect("not poisoned").clone()
    }

    pub(crate) fn has(&self, wanted: impl Fn(&PullProgress) -> bool) -> bool {
        self.all().iter().any(wanted)
    }
}

/// A memory sink that counts restarts.
#[derive(Default)]
pub(crate) struct CountingSink {
    pub(crate) inner: MemorySink,
    pub(crate) restarts: usize,
}

impl CountingSink {
    pub(crate) fn holding(bytes: &[u8]) -> Self {
        Self { inner: MemorySink { bytes: bytes.to_vec() }, restarts: 0 }
    }
}

impl BlobSink for CountingSink {
    fn offset(&self) -> u64 {
        self.inner.offset()
    }

    fn restart(&mut self) -> io::Result<()> {
        self.restarts += 1;
        self.inner.restart()
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inner.write(bytes)
    }

    fn replay(&mut self, each: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        self.inner.replay(each)
    }
}
