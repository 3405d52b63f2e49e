//! What is measured: the table of the project's goals.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use cala_testkit::image::{Compression, Image};
use cala_testkit::{LayerBuilder, Registry};
use serde_json::json;

use super::measure::{alone, compare, head, pids_named, private_kib, quiet};
use crate::step::root;

/// The two programs and where they keep things.
struct Bench {
    cala: PathBuf,
    podman: PathBuf,
    home: PathBuf,
    runs: usize,
}

/// One part of the table.
type Case<'a> = &'a dyn Fn(&Bench) -> Result<()>;

/// Runs the cases whose name contains `only`.
pub(super) fn run(podman: &Path, runs: usize, only: Option<&str>) -> Result<()> {
    let home = std::env::var_os("HOME").map(PathBuf::from).context("HOME is not set")?;
    configure_podman(&home)?;
    let bench = Bench { cala: root().join("target/release/cala"), podman: podman.into(), home, runs };
    bench.introduce()?;
    let registry = Registry::start().context("docker-registry is not installed")?;
    let busybox = Image::busybox().context("busybox-static is not installed")?;
    let image = registry.push("bench/busybox", "1", &busybox);
    quiet(&mut bench.cala(["pull", &image]))?;
    quiet(&mut bench.podman(["pull", "--tls-verify=false", &image]))?;
    let cases: [(&str, Case<'_>); 6] = [
        ("version", &|bench| version(bench)),
        ("run", &|bench| start(bench, &image)),
        ("many", &|bench| many(bench, &image)),
        ("lists", &|bench| lists(bench, &image)),
        ("logs", &|bench| logs(bench, &image)),
        ("pull", &|bench| pulls(bench, &registry)),
    ];
    head();
    for (name, case) in cases {
        if only.is_none_or(|only| name.contains(only)) {
            case(&bench).with_context(|| format!("case `{name}`"))?;
        }
    }
    quiet(&mut bench.cala(["rm", "-f", "-a", "-t", "0"]))?;
    quiet(&mut bench.podman(["rm", "-f", "-a", "-t", "0"]))
}

/// A fresh home would give podman its slow storage driver.
fn configure_podman(home: &Path) -> Result<()> {
    let folder = home.join(".config/containers");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("storage.conf"), "[storage]\ndriver = \"overlay\"\n")?;
    let engine = "[engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\nruntime = \"crun\"\n";
    std::fs::write(folder.join("containers.conf"), engine).context("the home folder is not writable")
}

impl Bench {
    fn cala<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(&self.cala);
        command.args(words).current_dir(&self.home);
        command
    }

    fn podman<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(&self.podman);
        command.args(words).current_dir(&self.home);
        command
    }

    fn introduce(&self) -> Result<()> {
        for (program, words) in [(&self.cala, ["version"].as_slice()), (&self.podman, &["--version"])] {
            let output =
                Command::new(program).args(words).output().with_context(|| program.display().to_string())?;
            print!("{}", String::from_utf8_lossy(&output.stdout));
        }
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        println!("kernel {}", kernel.trim());
        Ok(())
    }
}

fn version(bench: &Bench) -> Result<()> {
    compare(
        "version",
        bench.runs,
        "cala <= 5 ms",
        || quiet(&mut bench.cala(["version"])),
        || quiet(&mut bench.podman(["--version"])),
    )
}

/// The road from the key press to `execve` and back.
fn start(bench: &Bench, image: &str) -> Result<()> {
    let words = ["run", "--rm", "--network", "none", image, "true"];
    compare(
        "run --rm --network none true",
        bench.runs,
        "<= 0.20",
        || quiet(&mut bench.cala(words)),
        || quiet(&mut bench.podman(words)),
    )?;
    let mut floor =
        ["--user", "--map-root-user", "--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup", "--fork"]
            .to_vec();
    floor.extend(["/bin/busybox", "true"]);
    alone("the kernel's floor (unshare true)", bench.runs, "", || {
        quiet(Command::new("unshare").args(&floor))
    })?;
    let hundred = |bench: &Bench, podman: bool| -> Result<()> {
        let children: Vec<_> = (0..100)
            .map(|_| {
                let mut command = if podman { bench.podman(words) } else { bench.cala(words) };
                command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()
            })
            .collect::<Result<_, _>>()?;
        for child in children {
            let output = child.wait_with_output()?;
            ensure!(
                output.status.success(),
                "one of a hundred failed: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(())
    };
    compare("100 at once", 2, "<= 0.20", || hundred(bench, false), || hundred(bench, true))
}

/// What a running container costs, and lists of many.
fn many(bench: &Bench, image: &str) -> Result<()> {
    for _ in 0..50 {
        quiet(&mut bench.cala(["run", "-d", "--network", "none", image, "sleep", "1000"]))?;
        quiet(&mut bench.podman(["run", "-d", "--network", "none", image, "sleep", "1000"]))?;
    }
    for (name, comm, goal) in [("monitor", "cala:monitor", "<= 300 KiB"), ("conmon", "conmon", "")] {
        let sizes: Vec<u64> = pids_named(comm).into_iter().map(private_kib).collect();
        let mean = sizes.iter().sum::<u64>().checked_div(u64::try_from(sizes.len())?).unwrap_or(0);
        println!(
            "{:34} {:>4} processes, {mean} KiB private memory each   {goal}",
            format!("memory: {name}"),
            sizes.len()
        );
    }
    for _ in 0..500 {
        quiet(&mut bench.cala(["create", "--network", "none", image, "true"]))?;
        quiet(&mut bench.podman(["create", "--network", "none", image, "true"]))?;
    }
    compare(
        "ps -a of 550",
        bench.runs,
        "<= 0.15, <= 20 ms",
        || quiet(&mut bench.cala(["ps", "-a"])),
        || quiet(&mut bench.podman(["ps", "-a"])),
    )
}

fn lists(bench: &Bench, image: &str) -> Result<()> {
    let words = ["create", "--name", "inspected", "--network", "none", image, "true"];
    quiet(&mut bench.cala(words))?;
    quiet(&mut bench.podman(words))?;
    let words = ["inspect", "inspected"];
    compare(
        "inspect",
        bench.runs,
        "<= 0.3",
        || quiet(&mut bench.cala(words)),
        || quiet(&mut bench.podman(words)),
    )?;
    compare(
        "images",
        bench.runs,
        "<= 0.3",
        || quiet(&mut bench.cala(["images"])),
        || quiet(&mut bench.podman(["images"])),
    )
}

/// A million lines, 80 MB.
fn logs(bench: &Bench, image: &str) -> Result<()> {
    let line = "x".repeat(79);
    let script = format!("yes {line} | head -n 1000000");
    let write = [
        "run",
        "--network",
        "none",
        "--log-driver",
        "k8s-file",
        "--name",
        "lines",
        image,
        "sh",
        "-c",
        &script,
    ];
    let cala_write = [
        "run",
        "--network",
        "none",
        "--log-opt",
        "max-size=1g",
        "--name",
        "lines",
        image,
        "sh",
        "-c",
        &script,
    ];
    let again = |bench: &Bench, podman: bool| {
        let _ = quiet(&mut if podman {
            bench.podman(["rm", "-f", "lines"])
        } else {
            bench.cala(["rm", "-f", "lines"])
        });
        quiet(&mut if podman { bench.podman(write) } else { bench.cala(cala_write) })
    };
    compare("write 1,000,000 lines", 3, "<= 0.8", || again(bench, false), || again(bench, true))?;
    let read = ["logs", "lines"];
    compare(
        "logs of 1,000,000 lines",
        3,
        "<= 0.1",
        || quiet(&mut bench.cala(read)),
        || quiet(&mut bench.podman(read)),
    )?;
    let tail = ["logs", "--tail", "10", "lines"];
    compare(
        "logs --tail 10",
        bench.runs,
        "<= 0.3",
        || quiet(&mut bench.cala(tail)),
        || quiet(&mut bench.podman(tail)),
    )
}

fn pulls(bench: &Bench, registry: &Registry) -> Result<()> {
    let large = registry.push(
        "bench/large",
        "1",
        &Image::new(vec![noise_layer()], Compression::Gzip, &json!({ "Cmd": ["x"] })),
    );
    pull(bench, "pull one layer of 200 MB", &large, 3, "<= 0.8")?;
    let many = registry.push(
        "bench/many",
        "1",
        &Image::new(small_layers(), Compression::Gzip, &json!({ "Cmd": ["x"] })),
    );
    pull(bench, "pull 30 layers, 30,000 files", &many, 3, "<= 0.4")?;
    let (ours, theirs) = (["pull", &many], ["pull", "--tls-verify=false", &many]);
    compare(
        "pull what is there",
        bench.runs,
        "<= 0.3",
        || quiet(&mut bench.cala(ours)),
        || quiet(&mut bench.podman(theirs)),
    )
}

fn pull(bench: &Bench, name: &str, image: &str, runs: usize, goal: &str) -> Result<()> {
    compare(
        name,
        runs,
        goal,
        || {
            let _ = quiet(&mut bench.cala(["rmi", "-f", image]));
            quiet(&mut bench.cala(["pull", image]))
        },
        || {
            let _ = quiet(&mut bench.podman(["rmi", "-f", image]));
            quiet(&mut bench.podman(["pull", "--tls-verify=false", image]))
        },
    )
}

/// 200 MB that no compressor makes smaller (a xorshift generator; the same bytes each time).
fn noise_layer() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(200 << 20);
    while bytes.len() < 200 << 20 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    LayerBuilder::default().file("noise", 0o644, &bytes).tar()
}

fn small_layers() -> Vec<Vec<u8>> {
    (0..30)
        .map(|layer| {
            let mut builder = LayerBuilder::default();
            for folder in 0..10 {
                builder = builder.folder(&format!("l{layer}/d{folder}"), 0o755);
                for file in 0..100 {
                    let content = format!("{layer} {folder} {file}\n").repeat(40);
                    builder = builder.file(&format!("l{layer}/d{folder}/f{file}"), 0o644, content.as_bytes());
                }
            }
            builder.tar()
        })
        .collect()
}
