//! Rules of nf_tables in a network's namespace.

use super::{Join, LinkError, SetUp};

pub(super) fn set_up(_internal: bool, _ipv6: bool) -> Result<SetUp, LinkError> {
    Ok(SetUp { source_filter: false })
}

pub(super) fn admit(_join: &Join) -> Result<(), LinkError> {
    Ok(())
}

pub(super) fn dismiss(_join: &Join) -> Result<(), LinkError> {
    Ok(())
}
