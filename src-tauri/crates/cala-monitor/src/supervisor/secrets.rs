//! Secrets at the start: the runtime is told of files, and variables are read here, so that no plan on the disk holds them.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;

use cala_runtime::SecretFile;
use oci_spec::runtime::Process;

use crate::RunPlan;

/// The most bytes of one.
const MAX_SECRET: u64 = 1 << 20;

/// Where the runtime makes the memory that they are in.
pub(super) fn scratch(plan: &RunPlan) -> PathBuf {
    plan.container_dir.join("secrets").join("mount")
}

/// The files, as the runtime takes them.
pub(super) fn files(plan: &RunPlan) -> Vec<SecretFile> {
    let file = |secret: &crate::SecretPlan| SecretFile {
        source: secret.source.clone(),
        destination: secret.destination.clone(),
        uid: secret.uid,
        gid: secret.gid,
        mode: secret.mode,
    };
    plan.secrets.iter().map(file).collect()
}

/// Adds the variables to a process of the container; what it sets itself comes first.
pub(super) fn add_variables(plan: &RunPlan, process: &mut Process) -> io::Result<()> {
    if plan.secret_env.is_empty() {
        return Ok(());
    }
    let mut env = process.env().clone().unwrap_or_default();
    for (name, path) in &plan.secret_env {
        let mut text = String::new();
        File::open(path)?.take(MAX_SECRET).read_to_string(&mut text)?;
        let prefix = format!("{name}=");
        env.retain(|line| !line.starts_with(&prefix));
        env.push(prefix + &text);
    }
    process.set_env(Some(env));
    Ok(())
}
