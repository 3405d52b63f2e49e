//! The lines that a container's place in its networks brings into its /etc/hosts and /etc/resolv.conf.

use std::path::Path;
use std::{fs, io};

use cala_spec::NetworkStatus;

use crate::plan::NetworkPlan;

/// The most servers that a resolver asks (resolv.conf(5)).
const MAX_SERVERS: usize = 3;

/// Lines of ours in the two files.
#[derive(Debug, Default)]
pub(super) struct OwnFiles {
    hosts: Vec<String>,
    resolv: Vec<String>,
}

impl OwnFiles {
    /// Its own addresses, and the networks' name servers, instead of what was written last.
    pub(super) fn write(&mut self, plan: &NetworkPlan, statuses: &[NetworkStatus]) {
        for (path, old, new) in [
            (&plan.hosts, &mut self.hosts, hosts(statuses, &plan.own_names)),
            (&plan.resolv, &mut self.resolv, servers(statuses)),
        ] {
            let Some(path) = path else { continue };
            // The container goes on without; a full disk is the only reason.
            let _ = replace_lines(path, old, &new);
            *old = new;
        }
    }
}

fn hosts(statuses: &[NetworkStatus], names: &[String]) -> Vec<String> {
    let names = names.join(" ");
    let addresses = statuses.iter().flat_map(|status| &status.addresses);
    addresses.map(|address| format!("{}\t{names}", address.addr())).collect()
}

fn servers(statuses: &[NetworkStatus]) -> Vec<String> {
    let mut servers: Vec<String> = Vec::new();
    for server in statuses.iter().flat_map(|status| &status.dns) {
        let line = format!("nameserver {server}");
        if servers.len() < MAX_SERVERS && !servers.contains(&line) {
            servers.push(line);
        }
    }
    servers
}

/// Replaces lines of ours in a file that others write too. In place: the file is mounted into the container.
fn replace_lines(path: &Path, old: &[String], new: &[String]) -> io::Result<()> {
    let text = fs::read_to_string(path)?;
    let mut kept: String = String::with_capacity(text.len() + 64);
    for line in text.lines().filter(|line| !old.iter().any(|ours| ours == line)) {
        kept.push_str(line);
        kept.push('\n');
    }
    for line in new {
        kept.push_str(line);
        kept.push('\n');
    }
    if kept == text { Ok(()) } else { fs::write(path, kept) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_ours_are_replaced_and_those_of_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts");
        fs::write(&path, "127.0.0.1\tlocalhost\n10.0.0.2\tweb\n1.2.3.4\tmine\n").unwrap();
        replace_lines(&path, &["10.0.0.2\tweb".to_owned()], &["10.0.0.3\tweb".to_owned()]).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "127.0.0.1\tlocalhost\n1.2.3.4\tmine\n10.0.0.3\tweb\n");
    }
}
