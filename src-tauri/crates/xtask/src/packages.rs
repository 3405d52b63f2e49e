//! What must be installed on Debian and Ubuntu, and why; installed with apt, through sudo when not root.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::step::{command, has, is_root, step};

/// A package and what it is for.
pub(crate) type Package = (&'static str, &'static str);

/// To build and use the engine.
pub(crate) const ENGINE: &[Package] = &[
    ("build-essential", "the linker and the C parts of libraries"),
    ("passt", "pasta: the way out of a container's network"),
    ("uidmap", "newuidmap and newgidmap: containers with more than one user id"),
];

/// To build and open the window.
pub(crate) const WINDOW: &[Package] = &[
    ("libwebkit2gtk-4.1-dev", "the window is drawn by WebKitGTK"),
    ("pkg-config", "finds WebKitGTK when building"),
];

/// To build the window's pages, where no Node.js is there.
pub(crate) const NODE: &[Package] =
    &[("nodejs", "builds the window's pages"), ("npm", "fetches what the pages are made of")];

/// What the tests need beside that.
pub(crate) const TESTS: &[Package] = &[
    ("apache2-utils", "htpasswd: a registry that asks for a password"),
    ("busybox-static", "the image that most tests run"),
    ("chromium", "the browser of the browser tests"),
    ("docker-registry", "the registry that images are pulled from"),
    ("imagemagick", "pictures of the window"),
    ("iproute2", "private networks of the tests"),
    ("nftables", "looks at the rules of networks, and that the machine's own stay as they were"),
    ("openssl", "certificates of a test registry"),
    ("procps", "looks for processes left behind"),
    ("webkit2gtk-driver", "drives the real window"),
    ("xvfb", "a display without a screen"),
];

/// Installs what is missing of these packages; says first what and why.
pub(crate) fn ensure(groups: &[&[Package]]) -> Result<()> {
    let missing: Vec<Package> =
        groups.iter().flat_map(|group| group.iter().copied()).filter(|(name, _)| !installed(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("\nMissing packages:");
    for (name, reason) in &missing {
        println!("  {name:24} {reason}");
    }
    if !has("apt-get") {
        bail!(
            "this system has no apt-get: install the counterparts of the packages above by your system's means"
        );
    }
    let names: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
    let line = format!("apt-get install {}", names.join(" "));
    if !is_root() && !has("sudo") {
        bail!(
            "packages are missing, and there is no sudo to install them with\nremedy: as root, run: {line}"
        );
    }
    let remedy = if is_root() {
        format!("run by hand: {line}")
    } else {
        format!(
            "run by hand: sudo {line}\n        or, where this account may not use sudo, have it run as root: {line}"
        )
    };
    step("update the list of packages", &remedy, apt().args(["update", "-qq"]))?;
    step(
        "install packages (can take minutes)",
        &remedy,
        apt().args(["install", "-y", "-qq", "--no-install-recommends"]).args(&names),
    )
}

/// apt-get without questions; dpkg's line or three for each package would hide what was said before.
fn apt() -> Command {
    let mut apt = if is_root() { command("apt-get") } else { command("sudo") };
    if !is_root() {
        apt.args(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    }
    apt.env("DEBIAN_FRONTEND", "noninteractive");
    apt.stdout(Stdio::null());
    apt
}

fn installed(name: &str) -> bool {
    let query =
        command("dpkg-query").args(["-W", "-f", "${db:Status-Status}", name]).stderr(Stdio::null()).output();
    // Without dpkg nothing can be known; the build itself will say what is missing.
    query.map_or(!has("apt-get"), |output| output.stdout == b"installed")
}
