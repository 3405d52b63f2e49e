//! What is changed about a container while it runs.

use cala_spec::PortMapping;
use cala_spec::restart::RestartPolicy;

use super::MonitorClient;
use crate::MonitorError;
use crate::plan::Membership;
use crate::protocol::{NewLimits, NewName, Request};

impl MonitorClient {
    /// Joins the running container to one more network.
    ///
    /// # Errors
    /// [`MonitorError::Refused`] with the reasons of the network's holder, `already_connected`.
    pub fn connect_network(&mut self, membership: Membership) -> Result<(), MonitorError> {
        self.done(&Request::Connect(Box::new(membership)))
    }

    /// Has the running container leave a network.
    ///
    /// # Errors
    /// [`MonitorError::Refused`] with the code `not_connected`.
    pub fn disconnect_network(&mut self, network: &str) -> Result<(), MonitorError> {
        self.done(&Request::Disconnect { network: network.to_owned() })
    }

    /// Publishes one more port of the running container.
    ///
    /// # Errors
    /// [`MonitorError::Refused`] with the codes `port_in_use`, `port_privileged`, `address_not_here`, `no_way_out`.
    pub fn publish(&mut self, port: &PortMapping) -> Result<(), MonitorError> {
        self.done(&Request::Publish { port: port.clone() })
    }

    /// Withdraws a port of the running container; open connections go on.
    ///
    /// # Errors
    /// [`MonitorError::Refused`] with the code `port_not_published`.
    pub fn unpublish(&mut self, port: &PortMapping) -> Result<(), MonitorError> {
        self.done(&Request::Unpublish { port: port.clone() })
    }

    /// Sets other limits of the running container.
    ///
    /// # Errors
    /// [`MonitorError::Refused`] with the codes `no_cgroup`, `cgroup_controller_missing`, `cgroup_failed`.
    pub fn limit(&mut self, limits: NewLimits) -> Result<(), MonitorError> {
        self.done(&Request::Limit(Box::new(limits)))
    }

    /// Tells what is done from now on when the container ends.
    ///
    /// # Errors
    /// [`MonitorError::Refused`] with the code `unknown_request` by a monitor of an older version.
    pub fn set_restart(&mut self, policy: RestartPolicy) -> Result<(), MonitorError> {
        self.done(&Request::Restart { policy })
    }

    /// Tells the running container's monitor what it is called now; its networks answer to that name on return.
    ///
    /// # Errors
    /// [`MonitorError::Refused`] with the code `unknown_request` by a monitor of an older version.
    pub fn rename(&mut self, name: NewName) -> Result<(), MonitorError> {
        self.done(&Request::Rename(Box::new(name)))
    }

    /// Begins to freeze the container.
    ///
    /// # Errors
    /// [`MonitorError::Refused`] with the codes `no_cgroup`, `container_ended`, `cgroup_failed`.
    pub fn pause(&mut self) -> Result<(), MonitorError> {
        self.done(&Request::Pause)
    }

    /// Lets a paused container go on.
    ///
    /// # Errors
    /// As [`Self::pause`].
    pub fn unpause(&mut self) -> Result<(), MonitorError> {
        self.done(&Request::Unpause)
    }
}
