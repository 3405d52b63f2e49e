//! What the cases share.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cala_testkit::image::Compression;
use cala_testkit::{Cala, Image, LayerBuilder, Output, ScriptedRegistry};

/// A private Cala without any image.
pub(crate) fn bare() -> Cala {
    Cala::new(env!("CARGO_BIN_EXE_cala"))
}

/// A Cala with busybox from an honest registry.
pub(crate) struct World {
    pub(crate) cala: Cala,
    pub(crate) busybox: Image,
    pub(crate) image: String,
}

/// The world, or a counted skip when this machine lacks what it takes.
pub(crate) fn world() -> Option<World> {
    world_in(bare())
}

/// The world in a Cala that is there.
pub(crate) fn world_in(cala: Cala) -> Option<World> {
    let Some(busybox) = Image::busybox() else {
        cala_testkit::require::skip("busybox-static is not installed");
        return None;
    };
    let registry = ScriptedRegistry::honest(&[("test/busybox", "1", &busybox)]);
    let image = registry.reference("test/busybox", "1");
    cala.run(["pull", "-q", &image]).success();
    Some(World { cala, busybox, image })
}

impl World {
    /// The arguments of a container in the background that ends by its stop signal.
    pub(crate) fn sleeper_args<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        vec!["run", "-d", "--network", "none", "--init", "--name", name, &self.image, "sleep", "1000"]
    }

    /// Starts that; its id.
    #[track_caller]
    pub(crate) fn sleeper(&self, name: &str) -> String {
        self.cala.run(self.sleeper_args(name)).success().text().to_owned()
    }

    /// `run --rm` of a shell line.
    pub(crate) fn sh(&self, script: &str) -> Output {
        self.cala.run(["run", "--rm", "--network", "none", &self.image, "sh", "-c", script])
    }

    /// One field of `inspect`.
    #[track_caller]
    pub(crate) fn inspect(&self, name: &str, format: &str) -> String {
        self.cala.run(["inspect", "--format", format, name]).success().text().to_owned()
    }
}

/// An image of a few files; `seed` makes it another.
pub(crate) fn small_image(seed: u64) -> Image {
    let text = format!("small {seed}\n");
    let layer = LayerBuilder::default().folder("etc", 0o755).file("etc/small", 0o644, text.as_bytes());
    Image::new(vec![layer.tar()], Compression::Gzip, &serde_json::json!({ "Cmd": ["x"] }))
}

/// An image with one layer of `bytes` bytes that cannot be compressed.
pub(crate) fn noise_image(bytes: usize) -> Image {
    let layer = LayerBuilder::default().file("noise", 0o644, &noise(bytes));
    Image::new(vec![layer.tar()], Compression::Gzip, &serde_json::json!({ "Cmd": ["x"] }))
}

/// Bytes that cannot be compressed, the same each time (xorshift).
pub(crate) fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut out = Vec::with_capacity(bytes + 8);
    while out.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend(state.to_le_bytes());
    }
    out.truncate(bytes);
    out
}

/// Asserts the exit code and the first line on standard error.
#[track_caller]
pub(crate) fn refused(output: &Output, code: i32, line: &str) {
    let first = last_error(output);
    assert_eq!((output.code, first), (code, line), "{output:?}");
}

/// Asserts that a hint says this.
#[track_caller]
pub(crate) fn hinted(output: &Output, part: &str) {
    let hints = output.stderr.lines().filter_map(|line| line.strip_prefix("hint: "));
    assert!(hints.clone().any(|hint| hint.contains(part)), "no hint says {part:?}: {output:?}");
}

/// The line that begins with `Error: `: progress may stand before it.
pub(crate) fn last_error(output: &Output) -> &str {
    output.stderr.lines().find(|line| line.starts_with("Error: ")).unwrap_or_default()
}

/// Waits so long.
pub(crate) fn pause(time: Duration) {
    #[expect(clippy::disallowed_methods, reason = "the moment is the case")]
    std::thread::sleep(time);
}

/// Waits until it is true; fails after ten seconds.
#[track_caller]
pub(crate) fn until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(10), "it never came true: {what}");
        pause(Duration::from_millis(2));
    }
}

/// Starts a command whose output is kept.
pub(crate) fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
}

/// Sends a signal to a process.
pub(crate) fn signal(pid: u32, signal: &str) {
    let sent = Command::new("kill").args(["-s", signal, &pid.to_string()]).status().expect("kill is there");
    assert!(sent.success(), "{pid} is not there");
}

/// How many entries a folder has, with their names.
pub(crate) fn entries(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Asserts that nothing half-made lies about: no trees, no partial downloads, no temporary files, no names of nobody.
/// A process that ends may still be deleting: it is given a moment.
#[track_caller]
pub(crate) fn nothing_half_made(cala: &Cala) {
    let start = Instant::now();
    loop {
        let left = half_made(cala);
        if left.is_empty() {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(3), "left behind: {left:?}");
        pause(Duration::from_millis(10));
    }
}

fn half_made(cala: &Cala) -> Vec<String> {
    let data = cala.data_root();
    let of = |folder: &str, is_half_made: &dyn Fn(&str) -> bool| {
        let names = entries(&data.join(folder)).into_iter();
        names.filter(|name| is_half_made(name)).map(|name| format!("{folder}/{name}")).collect::<Vec<_>>()
    };
    let mut left = of("tmp", &|name| data.join("tmp").join(name).is_dir());
    left.extend(of("images/partial", &|_| true));
    left.extend(of("trash", &|_| true));
    for folder in ["images", "images/names", "images/blobs/sha256", "names/containers"] {
        left.extend(of(folder, &|name| name.starts_with(".tmp")));
    }
    let (names, containers) = (entries(&data.join("names/containers")), entries(&data.join("containers")));
    if names.len() != containers.len() {
        left.push(format!("names {names:?} of containers {containers:?}"));
    }
    left
}

/// Removes a folder whose files belong to subordinate ids.
pub(crate) fn remove_as_subordinate(folder: &Path) {
    let status = Command::new("unshare")
        .args(["--user", "--map-auto", "--map-root-user", "rm", "-rf"])
        .arg(folder)
        .status()
        .expect("unshare is there");
    assert!(status.success());
}

/// A prefix that runs a command as the same user in a mount namespace changed by a shell line.
///
/// Two user namespaces: one whose root may mount, one inside where the command is the ordinary user again. newuidmap(1)
/// has no power there, so what needs a whole range of ids does not work in it.
pub(crate) fn in_changed_mounts(script: &str) -> Vec<String> {
    let (uid, gid) = (id("-u"), id("-g"));
    let inner = format!("{script} && exec unshare --user --map-user={uid} --map-group={gid} -- \"$@\"");
    let outer =
        ["unshare", "--user", "--map-root-user", "--mount", "--propagation", "private", "--", "sh", "-c"];
    outer.iter().map(|word| (*word).to_owned()).chain([inner, "sh".to_owned()]).collect()
}

fn id(option: &str) -> String {
    let output = Command::new("id").arg(option).output().expect("id is there");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// As `&str`s.
pub(crate) fn words(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}
