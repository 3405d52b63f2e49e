//! HTTP clients, one per host: the system's CAs, the host's certs.d, and no automatic redirects.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use reqwest::Client;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::config::RegistryConfig;
use crate::config::certs::{self, HostCertificates};
use crate::error::RegistryError;
use crate::trust::{self, GuardedResolver, Reach};

/// What a client depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    host: String,
    insecure: bool,
    guard: Option<Reach>,
}

/// The clients made so far; each keeps its connections.
#[derive(Debug)]
pub(crate) struct Clients {
    made: Mutex<HashMap<Key, Client>>,
    roots: OnceLock<Arc<RootCertStore>>,
    provider: Arc<CryptoProvider>,
    certs_d: Vec<PathBuf>,
    cert_dir: Option<PathBuf>,
    connect: Duration,
}

impl Clients {
    pub(crate) fn new(config: &RegistryConfig) -> Self {
        Self {
            made: Mutex::default(),
            roots: OnceLock::new(),
            provider: Arc::new(rustls::crypto::ring::default_provider()),
            certs_d: config.paths.certs_d.clone(),
            cert_dir: config.cert_dir.clone(),
            connect: config.timing.connect,
        }
    }

    /// The client for `host[:port]`. `guard` is the reach of the registry that redirects to this host.
    ///
    /// # Errors
    /// [`RegistryError::ReadFile`], [`RegistryError::InvalidConfig`] for its certificates; [`RegistryError::Setup`].
    pub(crate) fn client(
        &self,
        host: &str,
        insecure: bool,
        guard: Option<Reach>,
    ) -> Result<Client, RegistryError> {
        let key = Key { host: host.to_owned(), insecure, guard };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = made.get(&key) {
            return Ok(client.clone());
        }
        let client = self.build(host, insecure, guard)?;
        made.insert(key, client.clone());
        Ok(client)
    }

    fn build(&self, host: &str, insecure: bool, guard: Option<Reach>) -> Result<Client, RegistryError> {
        let folder = self.cert_dir.clone().or_else(|| certs::folder_of(&self.certs_d, host));
        let own = folder.map(|folder| certs::load(&folder)).transpose()?.unwrap_or_default();
        let setup = |source: Box<dyn std::error::Error + Send + Sync>| RegistryError::Setup {
            host: host.to_owned(),
            source,
        };
        let tls = self.tls(own, insecure).map_err(|error| setup(error.into()))?;
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls)
            // Redirects are followed by hand: trust.rs decides on every hop.
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(self.connect)
            .user_agent(concat!("cala/", env!("CARGO_PKG_VERSION")));
        if trust::is_loopback(host) {
            builder = builder.no_proxy();
        }
        if let Some(from) = guard {
            builder = builder.dns_resolver(Arc::new(GuardedResolver { from }));
        }
        builder.build().map_err(|error| setup(error.into()))
    }

    fn tls(&self, own: HostCertificates, insecure: bool) -> Result<ClientConfig, rustls::Error> {
        let builder = ClientConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()?;
        let builder = if insecure {
            let verifier = Arc::new(AcceptAny { provider: self.provider.clone() });
            builder.dangerous().with_custom_certificate_verifier(verifier)
        } else {
            builder.with_root_certificates(self.roots(own.authorities)?)
        };
        let mut config = match own.client {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key)?,
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    /// The system's CAs (`SSL_CERT_FILE` and `SSL_CERT_DIR` replace them) and these.
    fn roots(&self, own: Vec<CertificateDer<'static>>) -> Result<Arc<RootCertStore>, rustls::Error> {
        let system = self.roots.get_or_init(|| {
            let found = rustls_native_certs::load_native_certs();
            for error in &found.errors {
                tracing::debug!(%error, "a CA of the system cannot be used");
            }
            let mut store = RootCertStore::empty();
            store.add_parsable_certificates(found.certs);
            Arc::new(store)
        });
        if own.is_empty() {
            return Ok(system.clone());
        }
        let mut store = RootCertStore::clone(system);
        for certificate in own {
            store.add(certificate)?;
        }
        Ok(Arc::new(store))
    }
}

/// `--tls-verify=false`: any certificate, still a real handshake.
#[derive(Debug)]
struct AcceptAny {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
