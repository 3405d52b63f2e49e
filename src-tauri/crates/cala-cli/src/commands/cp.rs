//! `cala cp`.

use std::os::fd::AsFd as _;

use cala_engine::{CopyEnd, CopyOptions};

use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// Copy files or folders between the host and a container, or between containers
#[derive(Debug, clap::Args)]
#[command(
    after_help = "cala cp web:/etc/nginx/nginx.conf .\ncala cp site/. web:/srv/\ncala cp web:/srv - | tar t"
)]
pub(crate) struct Args {
    /// Copies in a container belong to its user; with --archive=false they keep their owners
    #[arg(short, long, value_name = "bool", num_args = 0..=1, require_equals = true, default_value_t = true,
          default_missing_value = "true", action = clap::ArgAction::Set)]
    archive: bool,
    /// Let a file take the place of a folder, and a folder that of a file
    #[arg(long)]
    overwrite: bool,
    /// For old scripts; without effect
    #[arg(long, hide = true)]
    extract: bool,
    /// For old scripts; without effect
    #[arg(long, hide = true, value_name = "bool", num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    pause: Option<bool>,
    #[arg(value_names = ["[CONTAINER:]SRC_PATH", "[CONTAINER:]DEST_PATH"], num_args = 0..)]
    paths: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let [source, destination] = args.paths.as_slice() else {
        return Err(Failure::new(format!("accepts 2 arg(s), received {}", args.paths.len())));
    };
    let (source_container, source_path) = split(source);
    let (target_container, target_path) = split(destination);
    if source_path.is_empty() || target_path.is_empty() {
        return Err(Failure::new(format!(
            "invalid arguments {source:?}, {destination:?}: you must specify paths"
        )));
    }
    if source_container.is_none() && target_container.is_none() {
        return Err(Failure::new("name or ID cannot be empty")
            .hint("one of the two paths lies in a container: write it as NAME:PATH"));
    }
    let engine = context.engine()?;
    for name in [source_container, target_container].into_iter().flatten() {
        if !engine.container_exists(name)? {
            return Err(Failure::new(format!("container {name:?} does not exist")));
        }
    }
    let (input, output) = (std::io::stdin(), std::io::stdout());
    let end = |container: Option<&str>, path: &str, stream| match container {
        Some(name) => CopyEnd::Container { name: name.to_owned(), path: path.to_owned() },
        None if path == "-" => CopyEnd::Archive(stream),
        None => CopyEnd::Host(path.to_owned()),
    };
    let options = CopyOptions {
        from: end(source_container, source_path, input.as_fd()),
        to: end(target_container, target_path, output.as_fd()),
        archive: args.archive,
        overwrite: args.overwrite,
    };
    for line in engine.copy(&options)? {
        output::warning(&line);
    }
    Ok(0)
}

/// Container and path; what begins with a dot or a slash is a path of the host, whatever follows.
fn split(text: &str) -> (Option<&str>, &str) {
    if text.starts_with(['.', '/']) {
        return (None, text);
    }
    match text.split_once(':') {
        Some(("", path)) => (None, path),
        Some((container, path)) => (Some(container), path),
        None => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_colon_separates_container_and_path_unless_the_path_begins_first() {
        for (text, container, path) in [
            ("web:/etc", Some("web"), "/etc"),
            ("web:a:b", Some("web"), "a:b"),
            ("./a:b", None, "./a:b"),
            ("/a:b", None, "/a:b"),
            ("a", None, "a"),
            ("-", None, "-"),
            ("web:", Some("web"), ""),
            (":x", None, "x"),
        ] {
            assert_eq!(split(text), (container, path), "{text}");
        }
    }
}
