//! `cala pull`.

use std::path::Path;

use cala_engine::{Engine, PullOptions, Transport};

use crate::commands::select::for_each;
use crate::context::Context;
use crate::failure::Failure;
use crate::options::pull_policy;
use crate::platform::PlatformOptions;
use crate::progress::Progress;
use crate::registry_options::{RegistryOptions, RetryOptions};

/// Pull an image from a registry, a file or a folder
#[derive(Debug, clap::Args)]
#[command(
    after_help = "cala pull alpine\ncala pull --platform linux/arm64 quay.io/fedora/fedora:latest\ncala pull oci-archive:alpine.tar"
)]
pub(crate) struct Args {
    /// Pull all tags of the repository
    #[arg(short, long)]
    all_tags: bool,
    /// Not supported: keys to decrypt the image with
    #[arg(long, value_name = "stringArray")]
    decryption_key: Vec<String>,
    /// Accepted and without meaning, as in Podman
    #[arg(long, hide = true)]
    disable_content_trust: bool,
    #[command(flatten)]
    platform: PlatformOptions,
    /// When to ask the registry ("always"|"missing"|"never"|"newer")
    #[arg(long, value_name = "string", default_value = "always")]
    policy: String,
    /// Do not show the progress
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    registry: RegistryOptions,
    #[command(flatten)]
    retry: RetryOptions,
    #[arg(value_names = ["IMAGE", "[IMAGE...]"], num_args = 0..)]
    images: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if args.images.is_empty() {
        return Err(Failure::new("requires at least 1 arg(s), only received 0"));
    }
    if !args.decryption_key.is_empty() {
        return Err(Failure::new("--decryption-key is not supported: encrypted images are not read"));
    }
    let options = PullOptions {
        platform: args.platform.wanted()?,
        policy: Some(pull_policy(&args.policy)?),
        tls_verify: args.registry.tls_verify,
        credentials: args.registry.credentials()?,
        authfile: args.registry.authfile.clone(),
        cert_dir: args.registry.cert_dir.clone(),
        retry: args.retry.wanted()?,
    };
    let engine = context.engine()?;
    for_each(&args.images, false, |image| {
        let ids = match Transport::parse(image)? {
            Transport::Registry(name) if args.all_tags => all_tags(args, &engine, &name, &options)?,
            Transport::Registry(name) => vec![pull(args, &engine, &name, &options)?],
            Transport::Archive { path, reference, .. } => load(args, &engine, &path, reference.as_deref())?,
        };
        Ok(Some(ids.join("\n")))
    })
}

fn pull(args: &Args, engine: &Engine, name: &str, options: &PullOptions) -> Result<String, Failure> {
    let progress = Progress::new(args.quiet);
    let id = Context::wait_for(engine.pull(name, options, &|step| progress.on(&step)))??;
    Ok(id.hex().to_owned())
}

fn all_tags(args: &Args, engine: &Engine, name: &str, options: &PullOptions) -> Result<Vec<String>, Failure> {
    let names = Context::wait_for(engine.all_tags(name, options))??;
    names.iter().map(|name| pull(args, engine, name, options)).collect()
}

fn load(args: &Args, engine: &Engine, path: &Path, name: Option<&str>) -> Result<Vec<String>, Failure> {
    let progress = Progress::new(args.quiet);
    let loaded = engine.load_images_from(path, name, &|step| progress.on(&step))?;
    Ok(loaded.into_iter().map(|image| image.id).collect())
}
