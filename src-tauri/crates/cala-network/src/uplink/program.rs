//! pasta(1) and slirp4netns(1): where they are, their arguments, and the end of one that runs.

use std::io::{self, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::PathBuf;
use std::time::Instant;

use cala_spec::Network;
use cala_sys::pidfd::PidFd;
use cala_sys::spawn;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use rustix::fs::OFlags;

use super::{Families, UplinkError};
use crate::link::UPLINK;
use crate::options;

/// Where programs are: a holder's environment is empty.
const FOLDERS: [&str; 6] = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"];

/// Where taps are made.
const TUN: &str = "/dev/net/tun";

/// What is kept of a program's last words, in bytes.
const LAST_WORDS: u64 = 4096;

/// Which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Pasta,
    Slirp,
}

/// Addresses of the tap and of the far side, both of Cala's own: a copy of the host's would shadow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) address: IpNet,
    pub(super) gateway: IpAddr,
}

impl Kind {
    /// The better one first.
    pub(super) const ALL: [Self; 2] = [Self::Pasta, Self::Slirp];

    /// Those that may serve a network: the one that it names, else both.
    pub(super) fn of(network: &Network) -> &'static [Self] {
        match network.options.get(options::UPLINK).map(String::as_str) {
            Some("pasta") => &[Self::Pasta],
            Some("slirp4netns") => &[Self::Slirp],
            _ => &Self::ALL,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pasta => "pasta",
            Self::Slirp => "slirp4netns",
        }
    }

    /// The package that has it, on every distribution that we know.
    pub(super) fn package(self) -> &'static str {
        match self {
            Self::Pasta => "passt (it has the program pasta)",
            Self::Slirp => "slirp4netns",
        }
    }

    /// Where it is, if it is installed.
    pub(super) fn path(self) -> Option<PathBuf> {
        FOLDERS.iter().map(|folder| PathBuf::from(folder).join(self.name())).find(|path| path.is_file())
    }

    /// Its arguments; the network's namespace is descriptor 0.
    fn arguments(self, host_loopback: bool) -> impl Iterator<Item = &'static str> {
        self.common().iter().chain(self.loopback(host_loopback)).copied()
    }

    /// The host's 127.0.0.1 is closed, or at [`HOST_LOOPBACK`].
    fn loopback(self, open: bool) -> &'static [&'static str] {
        match (self, open) {
            // Else the address of the host's gateway would mean it.
            (Self::Pasta, false) => &["--no-map-gw"],
            // It is what stands for the gateway, in the versions of 2023 as in those that have --map-host-loopback. That of
            // IPv6 is one that no container can send to.
            (Self::Pasta, true) => &["-g", "192.0.0.2", "-g", "fe80::1"],
            (Self::Slirp, false) => &["--disable-host-loopback", "/proc/self/fd/0", UPLINK],
            (Self::Slirp, true) => &["/proc/self/fd/0", UPLINK],
        }
    }

    fn common(self) -> &'static [&'static str] {
        match self {
            // No ports in either direction. It is ended by us, so it need not watch the namespace. Its words go to
            // descriptor 2 (-e; newer versions do so anyway). It would become `nobody` and lose the namespace where the
            // user is root and the user namespace maps everybody, hence --runas.
            Self::Pasta => &[
                "-f",
                "-q",
                "-e",
                "--runas",
                "0",
                "--netns-only",
                "--netns",
                "/proc/self/fd/0",
                "--no-netns-quit",
                "-I",
                UPLINK,
                "-t",
                "none",
                "-u",
                "none",
                "-T",
                "none",
                "-U",
                "none",
            ],
            Self::Slirp => &["--netns-type=path", "--mtu=65520", "--cidr=192.0.0.0/24", "--disable-dns"],
        }
    }

    /// Whether it serves this family. IPv6 of slirp4netns is experimental by its own words, and loses first packets.
    pub(super) fn serves(self, ipv6: bool) -> bool {
        !ipv6 || self == Self::Pasta
    }

    /// 192.0.0.0/24 is set aside for such inner ends (RFC 6890). pasta answers for any address there, slirp4netns for the
    /// second of its subnet.
    pub(super) fn ends(self, ipv6: bool) -> Ends {
        match (ipv6, self) {
            (false, _) => Ends {
                address: IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(192, 0, 0, 100), 24)),
                gateway: HOST_LOOPBACK.into(),
            },
            (true, _) => Ends {
                address: IpNet::V6(Ipv6Net::new_assert(OWN_V6, 128)),
                gateway: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1).into(),
            },
        }
    }
}

/// The programs that are installed, by name, the one to be preferred first.
#[must_use]
pub fn installed() -> Vec<(&'static str, PathBuf)> {
    Kind::ALL.iter().filter_map(|kind| Some((kind.name(), kind.path()?))).collect()
}

/// What stands for the host's 127.0.0.1 where a network opens it: the far side, by both programs.
pub const HOST_LOOPBACK: Ipv4Addr = Ipv4Addr::new(192, 0, 0, 2);

/// A unique local address (RFC 4193) that was drawn once; nobody but pasta sees it.
const OWN_V6: Ipv6Addr = Ipv6Addr::new(0xfdb9, 0x2f6c, 0x81d4, 0, 0, 0, 0, 0x64);

/// A program that was started.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) kind: Kind,
    pub(super) since: Instant,
    /// What the host had when it was started: pasta serves no others later.
    pub(super) families: Families,
    pidfd: PidFd,
    words: io::PipeReader,
}

impl Running {
    /// Starts it on the network with the namespace `n`.
    pub(super) fn start(
        kind: Kind,
        n: BorrowedFd<'_>,
        families: Families,
        host_loopback: bool,
    ) -> Result<Self, UplinkError> {
        let failed = |source| UplinkError::Spawn { program: kind.name(), source };
        let path = kind.path().ok_or_else(|| UplinkError::none_of(&[kind]))?;
        // Both programs need it, and say little without it.
        let tun = std::fs::OpenOptions::new().read(true).write(true).open(TUN);
        drop(tun.map_err(UplinkError::NoTun)?);
        let (words, their_end) = io::pipe().map_err(failed)?;
        // It must never wait for us to read.
        for end in [their_end.as_fd(), words.as_fd()] {
            rustix::fs::fcntl_setfl(end, OFlags::NONBLOCK).map_err(|error| failed(error.into()))?;
        }
        let mut program = spawn::Program::new(&path)
            .stdin(n.try_clone_to_owned().map_err(failed)?)
            .stderr(their_end.into());
        for argument in kind.arguments(host_loopback) {
            program = program.arg(argument);
        }
        let child = program.spawn().map_err(failed)?;
        let pid = i32::try_from(child.id()).map_err(|_| failed(io::ErrorKind::InvalidData.into()))?;
        let pidfd = PidFd::open(pid).map_err(failed)?;
        Ok(Self { kind, since: Instant::now(), families, pidfd, words })
    }

    /// Readable when it has ended.
    pub(super) fn pidfd(&self) -> &PidFd {
        &self.pidfd
    }

    /// What to say of a program that has ended; reaps it.
    pub(super) fn ended(mut self) -> UplinkError {
        // A first process of a namespace may have reaped it before us.
        let _ = self.pidfd.wait();
        let mut words = Vec::new();
        let _ = io::Read::by_ref(&mut self.words).take(LAST_WORDS).read_to_end(&mut words);
        let words = String::from_utf8_lossy(&words);
        let last = words.lines().rev().find(|line| !line.trim().is_empty());
        let detail = last.map(|line| format!(": {}", line.trim())).unwrap_or_default();
        UplinkError::Ended { program: self.kind.name(), detail }
    }

    /// Ends it and waits for its end.
    pub(super) fn end(self) {
        let _ = self.pidfd.send_signal(KILL);
        let _ = self.pidfd.wait();
    }
}

/// SIGKILL: it keeps nothing that could be saved.
const KILL: i32 = 9;
