//! The kind, the stable code and the hints of each [`RegistryError`].

use std::io;

use cala_spec::{Classify, ErrorKind, Hints};

use crate::error::RegistryError;

/// Whether the disk, its inodes or the user's quota are exhausted.
fn is_no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

impl Classify for RegistryError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidReference(inner) => inner.kind(),
            Self::InvalidConfig { .. } | Self::InvalidRegistry { .. } => ErrorKind::InvalidArgument,
            Self::Sink { source, .. } if is_no_space(source) => ErrorKind::Unavailable,
            Self::ReadFile { .. }
            | Self::WriteFile { .. }
            | Self::Setup { .. }
            | Self::Sink { .. }
            | Self::Source { .. } => ErrorKind::Internal,
            Self::Blocked { .. } | Self::RedirectRefused { .. } => ErrorKind::Forbidden,
            Self::ManifestUnknown { .. }
            | Self::ShortNameNotFound { .. }
            | Self::BlobUnknown { .. }
            | Self::PlatformNotFound { .. }
            | Self::NotLoggedIn { .. } => ErrorKind::NotFound,
            Self::Denied { .. }
            | Self::Unauthorized { .. }
            | Self::LoginRefused { .. }
            | Self::CredentialHelper { .. } => ErrorKind::Unauthorized,
            Self::Unreachable { .. }
            | Self::TlsUntrusted { .. }
            | Self::PlainHttp { .. }
            | Self::TooManyRequests { .. }
            | Self::Server { .. }
            | Self::Stalled { .. }
            | Self::Interrupted { .. } => ErrorKind::Unavailable,
            Self::Protocol { .. }
            | Self::DigestMismatch { .. }
            | Self::SizeMismatch { .. }
            | Self::MediaTypeMismatch { .. }
            | Self::InvalidManifest { .. }
            | Self::TooLarge { .. } => ErrorKind::Internal,
            Self::UnsupportedManifest { .. } => ErrorKind::NotSupported,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::InvalidConfig { .. } => "registry_config_invalid",
            Self::ReadFile { .. } => "registry_config_unreadable",
            Self::WriteFile { .. } => "credentials_not_written",
            Self::InvalidReference(inner) => inner.code(),
            Self::InvalidRegistry { .. } => "invalid_registry",
            Self::Blocked { .. } => "registry_blocked",
            Self::ManifestUnknown { .. } | Self::ShortNameNotFound { .. } => "image_not_found",
            Self::BlobUnknown { .. } => "blob_not_found",
            Self::Denied { .. } => "registry_denied",
            Self::Unauthorized { .. } => "registry_unauthorized",
            Self::LoginRefused { .. } => "login_refused",
            Self::NotLoggedIn { .. } => "not_logged_in",
            Self::CredentialHelper { .. } => "credential_helper_failed",
            Self::Unreachable { .. } => "registry_unreachable",
            Self::TlsUntrusted { .. } => "tls_untrusted",
            Self::PlainHttp { .. } => "registry_plain_http",
            Self::RedirectRefused { .. } => "redirect_refused",
            Self::TooManyRequests { .. } => "registry_rate_limited",
            Self::Server { .. } => "registry_failed",
            Self::Protocol { .. } => "registry_protocol",
            Self::DigestMismatch { .. } | Self::SizeMismatch { .. } => "digest_mismatch",
            Self::MediaTypeMismatch { .. } => "media_type_mismatch",
            Self::InvalidManifest { .. } => "manifest_invalid",
            Self::UnsupportedManifest { .. } => "manifest_unsupported",
            Self::TooLarge { .. } => "manifest_too_large",
            Self::PlatformNotFound { .. } => "platform_not_found",
            Self::Stalled { .. } => "registry_stalled",
            Self::Interrupted { .. } => "registry_interrupted",
            Self::Sink { source, .. } if is_no_space(source) => "no_space",
            Self::Sink { .. } => "blob_not_stored",
            Self::Source { .. } => "blob_unreadable",
            Self::Setup { .. } => "registry_setup",
        }
    }

    fn hints(&self) -> Hints {
        match self {
            Self::InvalidReference(inner) => inner.hints(),
            Self::ManifestUnknown { .. } => "check the name and the tag; names without a registry are looked up at docker.io".into(),
            Self::ShortNameNotFound { .. } => "write the full name, such as `docker.io/library/alpine`".into(),
            Self::Denied { host, .. } => {
                format!("the repository does not exist or needs other credentials: `cala login {host}`").into()
            }
            Self::Unauthorized { host, withheld, .. } => {
                let hints = Hints::from(format!("`cala login {host}` stores credentials"));
                withheld.iter().fold(hints, |hints, why| hints.and(why.clone()))
            }
            Self::TlsUntrusted { clock: true, .. } => {
                "the certificate's dates do not fit this machine's clock: check it with `date`".into()
            }
            Self::TlsUntrusted { host, .. } => Hints::from(format!(
                "put the registry's CA into ~/.config/containers/certs.d/{host}/ca.crt (or /etc/containers/certs.d); those of public \
                 registries come with the package ca-certificates"
            ))
            .and("`--tls-verify=false` goes without the check"),
            Self::PlainHttp { host } => {
                format!("allow plain HTTP by `--tls-verify=false` or `insecure = true` for `{host}` in registries.conf").into()
            }
            Self::TooManyRequests { host, .. } => format!("logged-in users have higher limits: `cala login {host}`").into(),
            Self::Unreachable { .. } => "check the name and the network connection".into(),
            Self::Sink { source, .. } if is_no_space(source) => {
                Hints::from("free some space, for example with `cala rm` and `cala rmi` of what is not needed")
                    .and("what was downloaded is kept: the next pull goes on from there")
            }
            Self::Stalled { .. } | Self::Interrupted { .. } => {
                "what was downloaded is kept: the next pull goes on from there".into()
            }
            Self::DigestMismatch { .. } | Self::SizeMismatch { .. } => {
                "the registry, or something between, changes what it sends; nothing of it was kept".into()
            }
            Self::PlatformNotFound { .. } => "choose another with `--platform`".into(),
            _ => Hints::none(),
        }
    }
}
