//! `cala login`.

use std::io::{self, BufRead as _, Read as _};
use std::path::PathBuf;

use cala_engine::LoginOptions;

use crate::attach;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// Log in to a registry
#[derive(Debug, clap::Args)]
#[command(after_help = "cala login quay.io\ncala login --username ada --password-stdin quay.io <token")]
pub(crate) struct Args {
    /// Path of the authentication file
    #[arg(long, value_name = "string")]
    authfile: Option<PathBuf>,
    /// Folder with certificates and keys of registries
    #[arg(long, value_name = "string")]
    cert_dir: Option<PathBuf>,
    /// Show the user that is logged in, and do nothing else
    #[arg(long)]
    get_login: bool,
    /// Password for the registry; visible to other users of the machine, --password-stdin is not
    #[arg(short, long, value_name = "string")]
    password: Option<String>,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    /// Require HTTPS and verify certificates
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "bool")]
    tls_verify: Option<bool>,
    /// User name for the registry
    #[arg(short, long, value_name = "string")]
    username: Option<String>,
    #[arg(value_name = "[REGISTRY]", num_args = 0..)]
    registry: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let registry = match args.registry.as_slice() {
        [] => "docker.io",
        [registry] => registry_name(registry),
        many => return Err(Failure::new(format!("accepts at most 1 arg(s), received {}", many.len()))),
    };
    let options = LoginOptions {
        tls_verify: args.tls_verify,
        authfile: args.authfile.clone(),
        cert_dir: args.cert_dir.clone(),
    };
    if args.get_login {
        let engine = context.engine()?;
        let user = Context::wait_for(engine.logged_in(registry, &options))??;
        output::line(user.ok_or_else(|| Failure::new(format!("not logged into {registry}")))?)?;
        return Ok(0);
    }
    if args.password_stdin && args.username.is_none() {
        return Err(Failure::new("Must provide --username with --password-stdin"));
    }
    if args.password_stdin && args.password.is_some() {
        return Err(Failure::new("Can't specify both --password-stdin and --password"));
    }
    let engine = context.engine()?;
    let user = match &args.username {
        Some(user) => user.clone(),
        None => ask("Username: ")?,
    };
    let password = password(args)?;
    Context::wait_for(engine.login(registry, &user, &password, &options))??;
    output::line("Login Succeeded!")?;
    Ok(0)
}

/// `https://quay.io/` is `quay.io`.
pub(crate) fn registry_name(text: &str) -> &str {
    let text = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
    text.trim_end_matches('/')
}

fn password(args: &Args) -> Result<String, Failure> {
    if let Some(password) = &args.password {
        return Ok(password.clone());
    }
    let unreadable = |error: io::Error| Failure::io("reading the password", &error);
    if args.password_stdin {
        let mut text = String::new();
        io::stdin().lock().take(1 << 20).read_to_string(&mut text).map_err(unreadable)?;
        return Ok(text.trim_end_matches(['\r', '\n']).to_owned());
    }
    if !attach::is_terminal() {
        return Err(Failure::new("there is no terminal to ask for the password").hint("use --password-stdin"));
    }
    output::talk("Password: ");
    let line = attach::read_hidden().map_err(unreadable)?;
    output::talk("\n");
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn ask(prompt: &str) -> Result<String, Failure> {
    if !attach::is_terminal() {
        return Err(Failure::new("there is no terminal to ask for the user name").hint("use --username"));
    }
    output::talk(prompt);
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(|error| Failure::io("reading the user name", &error))?;
    Ok(line.trim().to_owned())
}
