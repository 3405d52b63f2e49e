//! Which program a container runs and how: entrypoint, command, environment, directory, user, signals.

use std::collections::BTreeMap;

use cala_spec::invalid::InvalidValue;
use cala_spec::process::expand;
use cala_spec::{ContainerSpec, Signal};
use oci_spec::image::ImageConfiguration;

use super::{env::Environment, user};

/// Seconds between the stop signal and SIGKILL when nothing else is said.
const STOP_TIMEOUT: u64 = 10;

/// What an image says about the containers made of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ImageDefaults {
    pub(crate) entrypoint: Vec<String>,
    pub(crate) command: Vec<String>,
    pub(crate) env: Vec<String>,
    pub(crate) workdir: String,
    pub(crate) user: String,
    pub(crate) stop_signal: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) exposed_ports: Vec<String>,
    pub(crate) volumes: Vec<String>,
}

impl From<&ImageConfiguration> for ImageDefaults {
    fn from(image: &ImageConfiguration) -> Self {
        let Some(config) = image.config() else { return Self::default() };
        let list = |words: &Option<Vec<String>>| words.clone().unwrap_or_default();
        Self {
            entrypoint: list(config.entrypoint()),
            command: list(config.cmd()),
            env: list(config.env()),
            workdir: config.working_dir().clone().unwrap_or_default(),
            user: config.user().clone().unwrap_or_default(),
            stop_signal: config.stop_signal().clone().unwrap_or_default(),
            labels: config.labels().iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect(),
            exposed_ports: list(config.exposed_ports()),
            volumes: list(config.volumes()),
        }
    }
}

/// The process of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) args: Vec<String>,
    pub(crate) entrypoint_len: usize,
    pub(crate) env: Vec<String>,
    pub(crate) workdir: String,
    pub(crate) user: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) stop_signal: Signal,
    pub(crate) stop_timeout: u64,
}

/// Joins image and wish. The wish wins; an entrypoint of its own also silences the image's command.
///
/// # Errors
/// When there is nothing to run, or a value does not fit its option.
pub(crate) fn process(image: &ImageDefaults, spec: &ContainerSpec) -> Result<Process, InvalidValue> {
    let (args, entrypoint_len) = arguments(image, spec)?;
    let user = spec.user.as_ref().unwrap_or(&image.user).clone();
    user::check(&user)?;
    Ok(Process {
        args,
        entrypoint_len,
        env: environment(image, spec)?,
        workdir: workdir(image, spec)?,
        user,
        labels: image.labels.iter().chain(&spec.labels).map(|(k, v)| (k.clone(), v.clone())).collect(),
        stop_signal: stop_signal(image, spec)?,
        stop_timeout: spec.stop_timeout.unwrap_or(STOP_TIMEOUT),
    })
}

fn arguments(image: &ImageDefaults, spec: &ContainerSpec) -> Result<(Vec<String>, usize), InvalidValue> {
    let entrypoint = match &spec.entrypoint {
        // `--entrypoint ""` clears it.
        Some(words) if words.len() == 1 && words.iter().all(String::is_empty) => &[][..],
        Some(words) => words,
        None => &image.entrypoint,
    };
    let command = match (&spec.entrypoint, spec.command.is_empty()) {
        (None, true) => &image.command,
        _ => &spec.command,
    };
    let args: Vec<String> = entrypoint.iter().chain(command).cloned().collect();
    if args.is_empty() {
        return Err(InvalidValue::new(
            "no_command",
            "no command or entrypoint provided, and no CMD or ENTRYPOINT from image",
        )
        .allowing("write the program after the image's name, such as `sh`"));
    }
    if args.iter().any(|word| word.contains('\0')) {
        return Err(InvalidValue::new("invalid_command", "an argument of the command holds a zero byte"));
    }
    Ok((args, entrypoint.len()))
}

fn environment(image: &ImageDefaults, spec: &ContainerSpec) -> Result<Vec<String>, InvalidValue> {
    let options = &spec.process;
    let mut env = if options.unset_all_env {
        Environment::default()
    } else {
        let mut env = Environment::with_defaults(spec.tty);
        image.env.iter().for_each(|entry| env.set_entry(entry));
        options.unset_env.iter().for_each(|name| env.unset(name));
        env
    };
    for (name, value) in &options.env_merge {
        let value = expand(value, |name| env.get(name).map(str::to_owned));
        env.set(name, &value);
    }
    for (name, value) in &spec.env {
        if name.is_empty() || name.contains('=') || name.contains('\0') || value.contains('\0') {
            return Err(InvalidValue::new("invalid_env", format!("invalid environment variable \"{name}\""))
                .allowing("a variable is `NAME=value`"));
        }
        env.set(name, value);
    }
    // Known at creation only when it is not the short id; that one the engine adds.
    if let (Some(hostname), false) = (&spec.hostname, env.contains("HOSTNAME")) {
        env.set("HOSTNAME", hostname);
    }
    Ok(env.into_entries())
}

fn workdir(image: &ImageDefaults, spec: &ContainerSpec) -> Result<String, InvalidValue> {
    let wish = spec.workdir.as_deref().filter(|wish| !wish.is_empty()).unwrap_or(&image.workdir);
    if wish.contains('\0') {
        return Err(InvalidValue::new("invalid_workdir", "the working directory holds a zero byte"));
    }
    Ok(absolute(wish))
}

/// A directory that is not absolute is below the root, as for Podman's runtime.
pub(crate) fn absolute(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}

fn stop_signal(image: &ImageDefaults, spec: &ContainerSpec) -> Result<Signal, InvalidValue> {
    match (&spec.stop_signal, image.stop_signal.as_str()) {
        (Some(wish), _) => wish.parse(),
        (None, "") => Ok(Signal::TERM),
        // What an image says may be nonsense; it must not make the image unusable.
        (None, word) => Ok(word.parse().unwrap_or(Signal::TERM)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn image(entrypoint: &str, command: &str) -> ImageDefaults {
        ImageDefaults { entrypoint: words(entrypoint), command: words(command), ..ImageDefaults::default() }
    }

    fn args(image: &ImageDefaults, entrypoint: Option<&str>, command: &str) -> Option<(String, usize)> {
        let entrypoint =
            entrypoint.map(|text| if text.is_empty() { vec![String::new()] } else { words(text) });
        let spec = ContainerSpec { entrypoint, command: words(command), ..ContainerSpec::default() };
        arguments(image, &spec).ok().map(|(args, n)| (args.join(" "), n))
    }

    #[test]
    fn entrypoint_and_command_join_as_in_podman() {
        let both = image("/entry", "serve");
        let table = [
            (None, "", Some(("/entry serve", 1))),
            (None, "ls -l", Some(("/entry ls -l", 1))),
            (Some("sh -c"), "", Some(("sh -c", 2))),
            (Some("sh -c"), "pwd", Some(("sh -c pwd", 2))),
            (Some(""), "", None),
            (Some(""), "pwd", Some(("pwd", 0))),
        ];
        for (entrypoint, command, expected) in table {
            let expected = expected.map(|(text, n)| (text.to_owned(), n));
            assert_eq!(args(&both, entrypoint, command), expected, "{entrypoint:?} {command}");
        }
        assert_eq!(args(&image("", ""), None, ""), None);
        assert_eq!(args(&image("", "sh"), None, ""), Some(("sh".to_owned(), 0)));
    }

    #[test]
    fn the_wish_wins_over_the_image_in_env_and_labels() {
        let image = ImageDefaults {
            env: vec!["PATH=/image".into(), "A=1".into(), "B=1".into()],
            labels: [("a".to_owned(), "image".to_owned()), ("b".to_owned(), "image".to_owned())].into(),
            command: words("sh"),
            ..ImageDefaults::default()
        };
        let spec = ContainerSpec {
            env: vec![("B".into(), "2".into()), ("C".into(), "x=y".into())],
            labels: [("b".to_owned(), "wish".to_owned())].into(),
            tty: true,
            hostname: Some("web".into()),
            ..ContainerSpec::default()
        };
        let process = process(&image, &spec).expect("it is valid");
        assert_eq!(
            process.env,
            ["PATH=/image", "container=cala", "TERM=xterm", "A=1", "B=2", "C=x=y", "HOSTNAME=web"]
        );
        assert_eq!(process.labels["a"], "image");
        assert_eq!(process.labels["b"], "wish");
    }

    #[test]
    fn directories_and_signals_have_defaults_and_checks() {
        let mut image = image("", "sh");
        let of = |image: &ImageDefaults, spec: ContainerSpec| process(image, &spec);
        let plain = of(&image, ContainerSpec::default()).expect("valid");
        assert_eq!((plain.workdir.as_str(), plain.stop_signal, plain.stop_timeout), ("/", Signal::TERM, 10));
        image.workdir = "srv".into();
        image.stop_signal = "SIGQUIT".into();
        image.user = "www-data".into();
        let said = of(&image, ContainerSpec::default()).expect("valid");
        assert_eq!((said.workdir.as_str(), said.stop_signal.0, said.user.as_str()), ("/srv", 3, "www-data"));
        let relative = ContainerSpec { workdir: Some("here".into()), ..ContainerSpec::default() };
        assert_eq!(of(&image, relative).expect("valid").workdir, "/here");
        let signal = ContainerSpec { stop_signal: Some("NOPE".into()), ..ContainerSpec::default() };
        assert_eq!(of(&image, signal).expect_err("no such signal").to_string(), "invalid signal: NOPE");
        let user = ContainerSpec { user: Some("1000:".into()), ..ContainerSpec::default() };
        assert!(of(&image, user).is_err());
    }
}
