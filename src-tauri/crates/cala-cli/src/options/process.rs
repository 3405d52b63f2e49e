//! Options of `run` and `create` about the process: groups, parameters, environment, namespaces.

use std::path::PathBuf;

use cala_spec::namespaces::{IpcMode, NamespaceMode, Namespaces};
use cala_spec::process::{ProcessOptions, parse_annotation, parse_env_merge, parse_sysctl, parse_umask};

use crate::failure::Failure;

/// Their arguments.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct ProcessArgs {
    /// Add an annotation of the runtime specification (KEY=VALUE)
    #[arg(long, value_name = "strings")]
    annotation: Vec<String>,
    /// Control group namespace to use (private|host)
    #[arg(long, value_name = "string")]
    cgroupns: Option<NamespaceMode>,
    /// Make variables of the image's, such as PATH=${PATH}:/opt/bin
    #[arg(long, value_name = "stringArray")]
    env_merge: Vec<String>,
    /// Add the process to groups of the container, by name or number
    #[arg(long, value_name = "strings", value_delimiter = ',')]
    group_add: Vec<String>,
    /// Pass the proxy variables of your environment
    #[arg(long, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true", value_name = "bool")]
    http_proxy: bool,
    /// IPC namespace to use (shareable|private|none|host)
    #[arg(long, value_name = "string")]
    ipc: Option<IpcMode>,
    /// How gladly the kernel ends it when memory runs out (-1000 to 1000)
    #[arg(long, value_name = "int", allow_negative_numbers = true)]
    oom_score_adj: Option<i32>,
    /// Add a line to the container's /etc/passwd for a user that is only a number
    #[arg(long, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true", value_name = "bool")]
    passwd: bool,
    /// Write the pid of the container's process to the file
    #[arg(long, value_name = "string")]
    pidfile: Option<PathBuf>,
    /// Set kernel parameters of the container's namespaces (KEY=VALUE)
    #[arg(long, value_name = "strings", value_delimiter = ',')]
    sysctl: Vec<String>,
    /// Time zone of the container (Europe/Madrid, or local for the host's)
    #[arg(long, value_name = "string")]
    tz: Option<String>,
    /// Mode bits that new files do not get (octal; 0022)
    #[arg(long, value_name = "string")]
    umask: Option<String>,
    /// Leave out a variable of the image, or one that is set by default
    #[arg(long, value_name = "stringArray")]
    unsetenv: Vec<String>,
    /// Leave out all of them
    #[arg(long)]
    unsetenv_all: bool,
    /// UTS namespace (host name) to use (private|host)
    #[arg(long, value_name = "string")]
    uts: Option<NamespaceMode>,
}

impl ProcessArgs {
    pub(crate) fn process(&self) -> Result<ProcessOptions, Failure> {
        if self.group_add.iter().any(|group| group == "keep-groups") {
            return Err(Failure::new("--group-add keep-groups is not there").hint(
                "your own groups have no numbers inside; give the files to a group of the container's, or mount them with :U",
            ));
        }
        let all = |texts: &[String], parse: fn(&str) -> Result<_, _>| {
            texts.iter().map(|text| parse(text)).collect::<Result<Vec<(String, String)>, _>>()
        };
        Ok(ProcessOptions {
            groups: self.group_add.clone(),
            sysctls: all(&self.sysctl, parse_sysctl)?.into_iter().collect(),
            umask: self.umask.as_deref().map(parse_umask).transpose()?,
            oom_score_adj: self.oom_score_adj,
            timezone: self.tz.clone().filter(|zone| !zone.is_empty()),
            annotations: all(&self.annotation, parse_annotation)?.into_iter().collect(),
            env_merge: all(&self.env_merge, parse_env_merge)?,
            unset_env: self.unsetenv.clone(),
            unset_all_env: self.unsetenv_all,
            no_passwd: !self.passwd,
        })
    }

    pub(crate) fn namespaces(&self) -> Namespaces {
        Namespaces {
            ipc: self.ipc.unwrap_or_default(),
            uts: self.uts.unwrap_or_default(),
            cgroup: self.cgroupns.unwrap_or_default(),
        }
    }

    /// The file of `--pidfile`, absolute.
    pub(crate) fn pid_file(&self) -> Result<Option<PathBuf>, Failure> {
        let Some(file) = &self.pidfile else { return Ok(None) };
        let file = std::path::absolute(file)
            .map_err(|error| Failure::io("finding the working directory", &error))?;
        if !file.parent().is_some_and(std::path::Path::is_dir) {
            return Err(Failure::new(format!(
                "invalid value for --pidfile: the folder of {} is not there",
                file.display()
            )));
        }
        Ok(Some(file))
    }

    /// Variables by which programs find a proxy, as they are in the environment; those of `-e` come after them.
    pub(crate) fn proxies(&self) -> Vec<(String, String)> {
        const NAMES: [&str; 4] = ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy"];
        if !self.http_proxy {
            return Vec::new();
        }
        let names = NAMES.into_iter().flat_map(|name| [name.to_owned(), name.to_uppercase()]);
        names.filter_map(|name| std::env::var(&name).ok().map(|value| (name, value))).collect()
    }
}
