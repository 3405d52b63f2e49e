//! Which capabilities a container gets (capabilities(7)): Podman's default eleven, more, fewer, or all.

use cala_spec::invalid::InvalidValue;
use cala_spec::{ContainerSpec, capability};
use oci_spec::runtime::{Capabilities, LinuxCapabilities};

/// The capabilities of a container, sorted, in the specification's names.
///
/// # Errors
/// An unknown capability, or one that is both added and dropped.
pub(crate) fn merge(wish: &ContainerSpec) -> Result<Vec<String>, InvalidValue> {
    let named = capability::merge(&wish.cap_add, &wish.cap_drop)?;
    if wish.privileged { capability::merge(&["ALL".to_owned()], &wish.cap_drop) } else { Ok(named) }
}

/// The sets of a process. Inheritable and ambient stay empty (security rule R9); the runtime drops the effective ones of
/// a process that is not root.
pub(crate) fn sets(names: &[String]) -> LinuxCapabilities {
    let set: Capabilities = names
        .iter()
        .filter_map(|name| name.strip_prefix("CAP_").and_then(|short| short.parse().ok()))
        .collect();
    let mut sets = LinuxCapabilities::default();
    sets.set_bounding(Some(set.clone()))
        .set_effective(Some(set.clone()))
        .set_permitted(Some(set))
        .set_inheritable(Some(Capabilities::new()))
        .set_ambient(Some(Capabilities::new()));
    sets
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn privileged_is_all_and_nothing_is_inheritable() {
        let all = merge(&ContainerSpec { privileged: true, ..ContainerSpec::default() }).expect("valid");
        assert_eq!(all.len(), capability::NAMES.len());
        let sets = sets(&all);
        assert_eq!(
            sets.bounding().as_ref().map(HashSet::len),
            Some(all.len()),
            "the specification knows every name"
        );
        assert!(sets.inheritable().as_ref().is_some_and(HashSet::is_empty));
        assert!(sets.ambient().as_ref().is_some_and(HashSet::is_empty));
    }
}
