//! capabilities(7): capset(2) and the bounding set.

use std::io;

use rustix::thread::{CapabilitySet, CapabilitySets};

/// Capabilities as bits, CAP_CHOWN is bit 0 (linux/capability.h).
pub type Bits = u64;

/// All that could ever be.
pub const ALL: Bits = u64::MAX;

/// CAP_SYS_ADMIN.
pub const SYS_ADMIN: Bits = 1 << 21;

/// Sets the effective and permitted sets of this thread. The inheritable and so the ambient set become empty.
///
/// # Errors
///
/// EPERM when a capability is not permitted already; capset(2).
pub fn set(effective: Bits, permitted: Bits) -> io::Result<()> {
    let sets = CapabilitySets {
        effective: CapabilitySet::from_bits_retain(effective),
        permitted: CapabilitySet::from_bits_retain(permitted),
        inheritable: CapabilitySet::empty(),
    };
    Ok(rustix::thread::set_capabilities(None, sets)?)
}

/// The permitted set of this thread.
///
/// # Errors
///
/// capget(2).
pub fn permitted() -> io::Result<Bits> {
    Ok(rustix::thread::capabilities(None)?.permitted.bits())
}

/// Removes everything but `keep` from the bounding set: it can never be had again.
///
/// # Errors
///
/// EPERM without CAP_SETPCAP; prctl(2), PR_CAPBSET_DROP.
pub fn limit_bounding_set(keep: Bits) -> io::Result<()> {
    for number in (0..64).filter(|number| keep & (1 << number) == 0) {
        match rustix::thread::remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(
            1 << number,
        )) {
            Ok(()) => {}
            // The first number that this kernel does not know ends the list.
            Err(rustix::io::Errno::INVAL) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
