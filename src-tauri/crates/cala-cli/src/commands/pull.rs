//! `cala pull`.

use std::path::PathBuf;

use cala_engine::PullOptions;

use crate::commands::select::for_each;
use crate::context::Context;
use crate::failure::Failure;
use crate::options::pull_policy;
use crate::platform::PlatformOptions;
use crate::progress::Progress;

/// Pull an image from a registry
#[derive(Debug, clap::Args)]
#[command(after_help = "cala pull alpine\ncala pull --platform linux/arm64 quay.io/fedora/fedora:latest")]
pub(crate) struct Args {
    /// Path of the authentication file
    #[arg(long, value_name = "string")]
    authfile: Option<PathBuf>,
    /// Folder with certificates and keys of registries
    #[arg(long, value_name = "string")]
    cert_dir: Option<PathBuf>,
    /// Credentials (USERNAME:PASSWORD) for the registry
    #[arg(long, value_name = "string")]
    creds: Option<String>,
    #[command(flatten)]
    platform: PlatformOptions,
    /// When to ask the registry ("always"|"missing"|"never"|"newer")
    #[arg(long, value_name = "string", default_value = "always")]
    policy: String,
    /// Do not show the progress
    #[arg(short, long)]
    quiet: bool,
    /// Require HTTPS and verify certificates
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "bool")]
    tls_verify: Option<bool>,
    #[arg(value_names = ["IMAGE", "[IMAGE...]"], num_args = 0..)]
    images: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if args.images.is_empty() {
        return Err(Failure::new("requires at least 1 arg(s), only received 0"));
    }
    let options = PullOptions {
        platform: args.platform.wanted()?,
        policy: Some(pull_policy(&args.policy)?),
        tls_verify: args.tls_verify,
        credentials: args.creds.as_deref().map(credentials).transpose()?,
        authfile: args.authfile.clone(),
        cert_dir: args.cert_dir.clone(),
    };
    let engine = context.engine()?;
    for_each(&args.images, false, |image| {
        let progress = Progress::new(args.quiet);
        let reference = image.strip_prefix("docker://").unwrap_or(image);
        refuse_transport(reference)?;
        let id = Context::wait_for(engine.pull(reference, &options, &|step| progress.on(&step)))??;
        Ok(Some(id.hex().to_owned()))
    })
}

/// Other places than registries (containers-transports(5)); without this a file's name would be looked for at a registry.
fn refuse_transport(reference: &str) -> Result<(), Failure> {
    let transports =
        ["containers-storage:", "dir:", "docker-archive:", "docker-daemon:", "oci:", "oci-archive:", "sif:"];
    match transports.iter().find(|transport| reference.starts_with(**transport)) {
        Some(transport) => Err(Failure::new(format!("pulling from `{transport}` is not there yet"))),
        None => Ok(()),
    }
}

fn credentials(text: &str) -> Result<(String, String), Failure> {
    match text.split_once(':') {
        Some((user, password)) if !user.is_empty() => Ok((user.to_owned(), password.to_owned())),
        _ => {
            Err(Failure::new("credentials must be USERNAME:PASSWORD")
                .hint("`cala login` stores them instead"))
        }
    }
}
