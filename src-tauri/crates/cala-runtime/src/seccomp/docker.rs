//! Profiles in Docker's JSON form: as the runtime spec's, with entries that depend on capabilities, architecture and
//! kernel.

use oci_spec::runtime::{Capability, LinuxSeccomp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{SeccompError, numbers};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    default_action: Value,
    #[serde(default)]
    default_errno_ret: Option<u32>,
    #[serde(default)]
    syscalls: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    names: Option<Vec<String>>,
    /// Older profiles have one entry per call.
    #[serde(default)]
    name: Option<String>,
    action: Value,
    #[serde(default)]
    errno_ret: Option<u32>,
    #[serde(default)]
    args: Option<Vec<Value>>,
    #[serde(default)]
    includes: Option<When>,
    #[serde(default)]
    excludes: Option<When>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct When {
    caps: Option<Vec<String>>,
    arches: Option<Vec<String>>,
    min_kernel: Option<String>,
}

/// Reads a profile in Docker's JSON form (`--security-opt seccomp=FILE`): includes and excludes are decided for this
/// machine's architecture and kernel and for the given bounding set.
///
/// # Errors
///
/// [`SeccompError::Parse`].
pub fn from_docker_json(text: &str, caps: &[Capability]) -> Result<LinuxSeccomp, SeccompError> {
    let profile: Profile = serde_json::from_str(text).map_err(SeccompError::Parse)?;
    let caps: Vec<String> =
        caps.iter().filter_map(|cap| serde_json::to_value(cap).ok()?.as_str().map(str::to_owned)).collect();
    let kernel = kernel();
    let syscalls: Vec<Value> = profile
        .syscalls
        .into_iter()
        .flatten()
        .filter(|entry| entry.applies(&caps, kernel))
        .map(Entry::into_spec)
        .collect();
    let mut spec = json!({"defaultAction": profile.default_action, "syscalls": syscalls});
    if let (Some(errno), Some(object)) = (profile.default_errno_ret, spec.as_object_mut()) {
        object.insert("defaultErrnoRet".into(), errno.into());
    }
    serde_json::from_value(spec).map_err(SeccompError::Parse)
}

impl Entry {
    fn applies(&self, caps: &[String], kernel: (u32, u32)) -> bool {
        let any = |wanted: &Option<Vec<String>>, test: &dyn Fn(&String) -> bool| {
            wanted.as_ref().filter(|list| !list.is_empty()).map(|list| list.iter().any(test))
        };
        let has = |cap: &String| caps.contains(cap);
        let here = |arch: &String| arch == numbers::NAME;
        let included = self.includes.as_ref().is_none_or(|when| {
            // All capabilities that an entry names are needed.
            when.caps.iter().flatten().all(has)
                && any(&when.arches, &here).unwrap_or(true)
                && when.min_kernel.as_deref().is_none_or(|wanted| version(wanted) <= kernel)
        });
        let excluded = self.excludes.as_ref().is_some_and(|when| {
            any(&when.caps, &has).unwrap_or(false)
                || any(&when.arches, &here).unwrap_or(false)
                || when.min_kernel.as_deref().is_some_and(|wanted| version(wanted) <= kernel)
        });
        included && !excluded
    }

    fn into_spec(self) -> Value {
        let names: Vec<String> = self.names.into_iter().flatten().chain(self.name).collect();
        let mut entry = json!({"names": names, "action": self.action});
        if let Some(object) = entry.as_object_mut() {
            if let Some(errno) = self.errno_ret {
                object.insert("errnoRet".into(), errno.into());
            }
            if let Some(args) = self.args.filter(|args| !args.is_empty()) {
                object.insert("args".into(), args.into());
            }
        }
        entry
    }
}

fn kernel() -> (u32, u32) {
    version(&rustix::system::uname().release().to_string_lossy())
}

fn version(text: &str) -> (u32, u32) {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}
