//! `cala push`.

use std::path::PathBuf;

use cala_engine::{CompressionFormat, ManifestType, PushOptions};

use crate::context::Context;
use crate::failure::{Failure, reason};
use crate::progress::Progress;
use crate::registry_options::{RegistryOptions, RetryOptions};

/// Push an image to a registry, a file or a folder
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "the switches of podman-push(1)")]
#[command(
    after_help = "cala push localhost:5000/box:1\ncala push alpine registry.example.com/alpine:3\ncala push alpine oci-archive:alpine.tar:alpine:3"
)]
pub(crate) struct Args {
    /// Not supported: only a list of images has several
    #[arg(long, hide = true)]
    all: bool,
    /// Compress the layers of a dir:
    #[arg(long)]
    compress: bool,
    /// Bring all layers into this compression: gzip, zstd
    #[arg(long, value_name = "string")]
    compression_format: Option<String>,
    /// Level of what is compressed: 1 to 9 for gzip, 1 to 20 for zstd
    #[arg(long, value_name = "int")]
    compression_level: Option<i32>,
    /// Write the digest of the pushed image to this file
    #[arg(long, value_name = "string")]
    digestfile: Option<PathBuf>,
    /// Accepted and without meaning, as in Podman
    #[arg(long, hide = true)]
    disable_content_trust: bool,
    /// Not supported: layers to encrypt
    #[arg(long, value_name = "ints")]
    encrypt_layer: Vec<String>,
    /// Not supported: keys to encrypt with
    #[arg(long, value_name = "stringArray")]
    encryption_key: Vec<String>,
    /// Accepted and without meaning: layers never stay in another compression than the one asked for
    #[arg(long)]
    force_compression: bool,
    /// Type of the manifest: oci, v2s2
    #[arg(short, long, value_name = "string")]
    format: Option<String>,
    /// Do not show the progress
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    registry: RegistryOptions,
    /// Accepted and without meaning: images are kept without signatures
    #[arg(long)]
    remove_signatures: bool,
    #[command(flatten)]
    retry: RetryOptions,
    /// Not supported: a key to sign with
    #[arg(long, value_name = "string")]
    sign_by: Option<String>,
    /// Not supported: parameters of sigstore
    #[arg(long, value_name = "PATH")]
    sign_by_sigstore: Option<PathBuf>,
    /// Not supported: a key of sigstore to sign with
    #[arg(long, value_name = "PATH")]
    sign_by_sigstore_private_key: Option<PathBuf>,
    /// Not supported: a file with the passphrase of the key
    #[arg(long, value_name = "PATH")]
    sign_passphrase_file: Option<PathBuf>,
    #[arg(value_names = ["IMAGE", "[DESTINATION]"], num_args = 0..)]
    names: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let (image, destination) = match args.names.as_slice() {
        [image] => (image, None),
        [image, destination] => (image, Some(destination.as_str())),
        names => {
            return Err(Failure::new(format!("accepts between 1 and 2 arg(s), received {}", names.len())));
        }
    };
    refuse(args)?;
    let options = options(args)?;
    let engine = context.engine()?;
    let progress = Progress::of_push(args.quiet);
    let shown = |step| progress.on(&step);
    let pushed = engine.push(image, destination, &options, &shown);
    let digest = Context::wait_for(pushed)??;
    if let Some(file) = &args.digestfile {
        let written = std::fs::write(file, digest.as_str());
        written.map_err(|error| {
            Failure::new(format!("failed to write digest to file {}: {}", file.display(), reason(&error)))
        })?;
    }
    Ok(0)
}

fn options(args: &Args) -> Result<PushOptions, Failure> {
    let compression = args.compression_format.as_deref().map(str::parse::<CompressionFormat>).transpose()?;
    if let Some(level) = args.compression_level {
        let (lowest, highest) = compression.unwrap_or(CompressionFormat::Gzip).levels();
        if !(lowest..=highest).contains(&level) {
            return Err(Failure::new(format!(
                "invalid argument \"{level}\" for \"--compression-level\" flag: it must be between {lowest} and {highest}"
            )));
        }
    }
    Ok(PushOptions {
        tls_verify: args.registry.tls_verify,
        credentials: args.registry.credentials()?,
        authfile: args.registry.authfile.clone(),
        cert_dir: args.registry.cert_dir.clone(),
        retry: args.retry.wanted()?,
        manifest: args.format.as_deref().map(str::parse::<ManifestType>).transpose()?,
        compression,
        level: args.compression_level,
        compress: args.compress,
    })
}

/// Options that Podman has and that nothing here stands behind.
fn refuse(args: &Args) -> Result<(), Failure> {
    let encrypts = !args.encrypt_layer.is_empty() || !args.encryption_key.is_empty();
    let signs = args.sign_by.is_some()
        || args.sign_by_sigstore.is_some()
        || args.sign_by_sigstore_private_key.is_some()
        || args.sign_passphrase_file.is_some();
    match () {
        () if args.all => {
            Err(Failure::new("--all is not supported: an image is pushed for its one platform")
                .hint("leave the option out: what is here is the image of one platform"))
        }
        () if encrypts => Err(Failure::new("--encryption-key is not supported: images are not encrypted")),
        () if signs => Err(Failure::new("--sign-by is not supported: images are not signed")
            .hint("sign what was pushed with cosign or skopeo")),
        () => Ok(()),
    }
}
