//! The container's place in its networks, and its published ports.
//!
//! The monitor keeps for the container's life what a holder must not take along when it dies: the container's network
//! namespace, the namespace of each network, and the listening sockets of the ports. A lease that closes means that a
//! holder died; the next one is started with the network's namespace, and the container is taken over as it is.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use cala_holder::protocol::{Attach, Attached, Launch, Names};
use cala_holder::{HolderClient, HolderError, Lease};
use cala_spec::{ErrorKind, NetworkStatus, PortMapping};

use super::listeners::Listening;
use super::own_files::OwnFiles;
use crate::launcher::{failed, failure_of};
use crate::plan::{Membership, NetworkPlan};
use crate::protocol::Failure;

/// Between two attempts to start a holder that does not start.
const PAUSE: Duration = Duration::from_millis(500);

/// The networks of a running container.
#[derive(Debug)]
pub(super) struct Networks {
    plan: NetworkPlan,
    id: String,
    name: String,
    /// The container's network namespace.
    container: OwnedFd,
    members: Vec<Member>,
    ports: Vec<Listening>,
    files: OwnFiles,
}

#[derive(Debug)]
struct Member {
    membership: Membership,
    attached: Attached,
    default_route: bool,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Held(Box<Lease>),
    /// The holder died; the network's namespace, and when it is tried again.
    Lost {
        namespace: OwnedFd,
        again: Instant,
    },
}

impl Networks {
    /// Joins all networks of the plan, then opens and publishes the ports. When one fails the others are left again.
    pub(super) fn join(
        plan: &NetworkPlan,
        id: &str,
        name: &str,
        container: OwnedFd,
    ) -> Result<Self, Failure> {
        let mut networks = Self {
            plan: plan.clone(),
            id: id.to_owned(),
            name: name.to_owned(),
            container,
            members: Vec::new(),
            ports: plan.ports.iter().map(Listening::open).collect::<Result<_, _>>()?,
            files: OwnFiles::default(),
        };
        networks.join_all(&plan.memberships)?;
        networks.publish_all()?;
        networks.write_files();
        Ok(networks)
    }

    /// Asks all holders before the first answer is waited for.
    fn join_all(&mut self, memberships: &[Membership]) -> Result<(), Failure> {
        let way_out = memberships.iter().position(|membership| !membership.internal);
        let mut asked = Vec::new();
        for (index, membership) in memberships.iter().enumerate() {
            let taken = asked
                .iter()
                .map(|(_, _, attach): &(_, _, Attach)| attach.interface.clone())
                .collect::<Vec<_>>();
            let attach = self.attach_of(membership, &taken, way_out == Some(index), &all_ids(memberships));
            let mut client = self.holder(membership, None)?;
            client.begin_attach(&attach, self.container.as_fd()).map_err(|error| failure_of(&error))?;
            asked.push((client, membership, attach));
        }
        for (client, membership, attach) in asked {
            let lease = client.finish_attach().map_err(|error| failure_of(&error))?;
            self.members.push(Member::new(membership.clone(), lease, attach.default_route));
        }
        Ok(())
    }

    fn attach_of(
        &self,
        membership: &Membership,
        taken: &[String],
        default_route: bool,
        all: &[String],
    ) -> Attach {
        let free = (0..).map(|number| format!("eth{number}")).find(|name| !taken.contains(name));
        Attach {
            container: self.id.clone(),
            names: self.names(membership, all),
            interface: membership.interface.clone().or(free).unwrap_or_default(),
            addresses: membership.addresses.clone(),
            mac: membership.mac.clone(),
            default_route,
            adopt: false,
        }
    }

    fn names(&self, membership: &Membership, all: &[String]) -> Names {
        Names {
            name: self.name.clone(),
            aliases: membership.aliases.clone(),
            also_in: all.iter().filter(|other| *other != membership.network()).cloned().collect(),
        }
    }

    fn holder(
        &self,
        membership: &Membership,
        namespace: Option<BorrowedFd<'_>>,
    ) -> Result<HolderClient, Failure> {
        let launch =
            Launch { network_dir: membership.network_dir.clone(), run_root: self.plan.run_root.clone() };
        HolderClient::ensure_within(&self.plan.program, &launch, namespace)
            .map_err(|error| failure_of(&error))
    }

    /// What the container has, as its state tells it.
    pub(super) fn statuses(&self) -> Vec<NetworkStatus> {
        self.members.iter().map(|member| member.attached.status.clone()).collect()
    }

    /// Why there is no way out, if there is none although there should be.
    pub(super) fn uplink_problem(&self) -> Option<&str> {
        let member = self.members.iter().find(|member| member.default_route)?;
        member.attached.uplink_problem.as_deref()
    }

    /// The leases, to be polled: one that is readable has lost its holder.
    pub(super) fn leases(&self) -> impl Iterator<Item = (usize, BorrowedFd<'_>)> {
        self.members.iter().enumerate().filter_map(|(index, member)| match &member.place {
            Place::Held(lease) => Some((index, lease.as_fd())),
            Place::Lost { .. } => None,
        })
    }

    /// When a holder is to be tried again.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let lost = self.members.iter().filter_map(|member| match &member.place {
            Place::Lost { again, .. } => Some(*again),
            Place::Held(_) => None,
        });
        lost.min()
    }

    /// The holder of this network is gone: the next one is started, or found.
    pub(super) fn lost(&mut self, index: usize, now: Instant) {
        if let Some(member) = self.members.get_mut(index) {
            member.lose(now);
        }
        self.revive(now);
    }

    /// Tries to get back what is lost and due.
    pub(super) fn revive(&mut self, now: Instant) {
        for index in 0..self.members.len() {
            let due = |member: &Member| matches!(&member.place, Place::Lost { again, .. } if *again <= now);
            if self.members.get(index).is_some_and(due) && self.come_back(index).is_err() {
                let member = self.members.get_mut(index);
                if let Some(Place::Lost { again, .. }) = member.map(|member| &mut member.place) {
                    *again = Instant::now() + PAUSE;
                }
            }
        }
    }

    fn come_back(&mut self, index: usize) -> Result<(), Failure> {
        let all = self.ids();
        let Some(member) = self.members.get(index) else { return Ok(()) };
        let Place::Lost { namespace, .. } = &member.place else { return Ok(()) };
        let status = &member.attached.status;
        let attach = Attach {
            interface: status.interface.clone(),
            addresses: status.addresses.iter().map(ipnet::IpNet::addr).collect(),
            mac: Some(status.mac.clone()),
            adopt: true,
            ..self.attach_of(&member.membership, &[], member.default_route, &all)
        };
        let client = self.holder(&member.membership, Some(namespace.as_fd()))?;
        let lease = client.attach(&attach, self.container.as_fd()).map_err(|error| failure_of(&error))?;
        if let Some(member) = self.members.get_mut(index) {
            member.attached = lease.attached().clone();
            member.place = Place::Held(Box::new(lease));
        }
        if self.way_out() == Some(index) { self.publish_all() } else { Ok(()) }
    }

    /// The member through which ports are published.
    fn way_out(&self) -> Option<usize> {
        self.members.iter().position(|member| !member.membership.internal)
    }

    fn ids(&self) -> Vec<String> {
        self.members.iter().map(|member| member.membership.network().to_owned()).collect()
    }

    fn publish_all(&mut self) -> Result<(), Failure> {
        for index in 0..self.ports.len() {
            self.hand_over(index)?;
        }
        Ok(())
    }

    fn hand_over(&mut self, index: usize) -> Result<(), Failure> {
        let way_out = self.way_out();
        let member = way_out.and_then(|index| self.members.get_mut(index));
        let (Some(port), Some(member)) = (self.ports.get(index), member) else {
            return Err(no_way_out());
        };
        match &mut member.place {
            Place::Held(lease) => {
                lease.publish(port.mapping(), &port.sockets()).map_err(|error| failure_of(&error))
            }
            // It is published when the holder is back.
            Place::Lost { .. } => Ok(()),
        }
    }

    /// Publishes one more port.
    pub(super) fn publish(&mut self, mapping: &PortMapping) -> Result<(), Failure> {
        if self.ports.iter().any(|port| port.mapping() == mapping) {
            return Ok(());
        }
        if self.way_out().is_none() {
            return Err(no_way_out());
        }
        self.ports.push(Listening::open(mapping)?);
        self.hand_over(self.ports.len() - 1).inspect_err(|_| _ = self.ports.pop())
    }

    /// Withdraws a port; open connections go on.
    pub(super) fn unpublish(&mut self, mapping: &PortMapping) -> Result<(), Failure> {
        let Some(index) = self.ports.iter().position(|port| port.mapping() == mapping) else {
            return Err(Failure {
                kind: ErrorKind::NotFound,
                code: "port_not_published".to_owned(),
                ..failed(format!("port {mapping} is not published"))
            });
        };
        self.ports.remove(index);
        let way_out = self.way_out().and_then(|index| self.members.get_mut(index));
        match way_out.map(|member| &mut member.place) {
            Some(Place::Held(lease)) => lease.unpublish(mapping).map_err(|error| failure_of(&error)),
            _ => Ok(()),
        }
    }

    /// Joins one more network.
    pub(super) fn connect(&mut self, membership: &Membership) -> Result<(), Failure> {
        if self.members.iter().any(|member| member.membership.network_dir == membership.network_dir) {
            return Err(Failure {
                kind: ErrorKind::Conflict,
                code: "already_connected".to_owned(),
                ..failed("container is already connected to this network".to_owned())
            });
        }
        let taken: Vec<String> =
            self.members.iter().map(|member| member.attached.status.interface.clone()).collect();
        let first = self.way_out().is_none() && !membership.internal;
        let mut all = self.ids();
        all.push(membership.network().to_owned());
        let attach = self.attach_of(membership, &taken, first, &all);
        let client = self.holder(membership, None)?;
        let lease = client.attach(&attach, self.container.as_fd()).map_err(|error| failure_of(&error))?;
        self.members.push(Member::new(membership.clone(), lease, first));
        self.tell_names();
        if first {
            self.publish_all()?;
        }
        self.write_files();
        Ok(())
    }

    /// Leaves a network. Its ports and the way out move to the next network that has one.
    pub(super) fn disconnect(&mut self, network: &str) -> Result<(), Failure> {
        let Some(index) = self.members.iter().position(|member| member.membership.network() == network)
        else {
            return Err(Failure {
                kind: ErrorKind::NotFound,
                code: "not_connected".to_owned(),
                ..failed("container is not connected to this network".to_owned())
            });
        };
        let member = self.members.remove(index);
        let had_way_out = member.default_route;
        member.leave(false);
        self.tell_names();
        if had_way_out {
            self.move_way_out();
        }
        self.write_files();
        Ok(())
    }

    /// The container is called otherwise from now on: in its networks and, for itself, in its /etc/hosts.
    pub(super) fn rename(&mut self, name: &str, own_names: &[String]) {
        name.clone_into(&mut self.name);
        own_names.clone_into(&mut self.plan.own_names);
        self.tell_names();
        self.write_files();
    }

    /// Another network becomes the way out: it is left and joined again with its addresses, as the container's way out.
    fn move_way_out(&mut self) {
        let Some(index) = self.way_out() else { return };
        let member = self.members.remove(index);
        let membership = Membership {
            interface: Some(member.attached.status.interface.clone()),
            addresses: member.attached.status.addresses.iter().map(ipnet::IpNet::addr).collect(),
            mac: Some(member.attached.status.mac.clone()),
            ..member.membership.clone()
        };
        member.leave(false);
        // What cannot be had back is as if it were disconnected; the state says it.
        let _ = self.connect(&membership);
    }

    /// All holders hear in which other networks the container is.
    fn tell_names(&mut self) {
        let all = self.ids();
        for index in 0..self.members.len() {
            let names = self.members.get(index).map(|member| self.names(&member.membership, &all));
            if let (Some(names), Some(member)) = (names, self.members.get_mut(index))
                && let Place::Held(lease) = &mut member.place
            {
                // A holder that has just died hears it when the container comes back.
                let _ = lease.update(&names);
            }
        }
    }

    /// The container's own addresses in /etc/hosts, the networks' name servers in /etc/resolv.conf.
    fn write_files(&mut self) {
        let statuses = self.statuses();
        self.files.write(&self.plan, &statuses);
    }

    /// Leaves everything, when the container has ended, and tells what it had, as it is to have it again. Then the files of the
    /// container forget its addresses: it may get others.
    pub(super) fn leave_for(mut self, again: bool) -> NetworkPlan {
        if again {
            self.files.write(&self.plan, &[]);
        }
        let plan = NetworkPlan {
            memberships: self.members.iter().map(|member| member.membership.clone()).collect(),
            ports: self.ports.iter().map(|port| port.mapping().clone()).collect(),
            ..std::mem::take(&mut self.plan)
        };
        self.leave();
        plan
    }

    /// Leaves everything, when the container has ended; names and ports are gone on return.
    pub(super) fn leave(self) {
        self.members.into_iter().for_each(|member| member.leave(true));
    }
}

impl Member {
    fn new(membership: Membership, lease: Lease, default_route: bool) -> Self {
        Self {
            membership,
            attached: lease.attached().clone(),
            default_route,
            place: Place::Held(Box::new(lease)),
        }
    }

    fn lose(&mut self, now: Instant) {
        let Place::Held(lease) = &self.place else { return };
        let Ok(namespace) = lease.namespace().try_clone_to_owned() else { return };
        self.place = Place::Lost { namespace, again: now };
    }

    fn leave(self, ended: bool) {
        if let Place::Held(lease) = self.place {
            // A holder that has died has taken everything along.
            let _: Result<(), HolderError> = lease.detach(ended);
        }
    }
}

fn all_ids(memberships: &[Membership]) -> Vec<String> {
    memberships.iter().map(|membership| membership.network().to_owned()).collect()
}

fn no_way_out() -> Failure {
    Failure {
        kind: ErrorKind::Conflict,
        code: "no_way_out".to_owned(),
        hints: vec!["connect it to a network that is not internal: `cala network connect`".to_owned()],
        ..failed("ports cannot be published: the container is in no network with a way out".to_owned())
    }
}

/// The network namespace of a process that waits at its gate.
pub(super) fn namespace_of(proc_pid: i32) -> io::Result<OwnedFd> {
    Ok(File::open(format!("/proc/{proc_pid}/ns/net"))?.into())
}

/// Moves this process into an existing network namespace (setns(2)).
pub(super) fn enter(path: &std::path::Path) -> io::Result<()> {
    let file = File::open(path)?;
    rustix::thread::move_into_link_name_space(
        file.as_fd(),
        Some(rustix::thread::LinkNameSpaceType::Network),
    )?;
    Ok(())
}
