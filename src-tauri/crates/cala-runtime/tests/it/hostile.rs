//! Images and requests that want out (security.md, rules R1 to R9).

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::json;

use crate::bundle::Bundle;
use crate::runner::Case;

pub(crate) const CASES: &[Case] = &[
    ("system_directories_that_are_links_are_refused", system_directories_that_are_links_are_refused),
    ("dev_null_of_the_image_is_not_used", dev_null_of_the_image_is_not_used),
    ("only_proc_on_proc", only_proc_on_proc),
    ("working_directories_through_descriptors", working_directories_through_descriptors),
    ("working_directories_through_links", working_directories_through_links),
    ("bind_targets_through_links", bind_targets_through_links),
    ("user_strings", user_strings),
    ("passwd_that_is_no_file", passwd_that_is_no_file),
    ("no_descriptor_leaks", no_descriptor_leaks),
    ("the_hosts_program_cannot_be_opened", the_hosts_program_cannot_be_opened),
    ("setuid_programs_gain_only_what_is_bounded", setuid_programs_gain_only_what_is_bounded),
    ("console_links_are_not_followed", console_links_are_not_followed),
];

/// A directory of the host that must stay as it is.
struct Canary(tempfile::TempDir);

impl Canary {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("directory");
        fs::write(dir.path().join("secret"), "canary").expect("file");
        Self(dir)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn is_untouched(&self) {
        let names: Vec<_> =
            fs::read_dir(self.path()).expect("list").map(|entry| entry.expect("entry").file_name()).collect();
        assert_eq!(names, ["secret"], "the canary was touched");
        assert_eq!(fs::read_to_string(self.path().join("secret")).expect("file"), "canary");
    }
}

fn system_directories_that_are_links_are_refused() {
    let canary = Canary::new();
    for path in ["/proc", "/dev", "/sys"] {
        for target in [canary.path().to_str().expect("path"), "/tmp", "tmp"] {
            let bundle = Bundle::new(&["true"]).link(path, target);
            bundle.run().refused(125, "refused");
        }
        let file = Bundle::new(&["true"]).file(path, "");
        file.run().refused(125, "refused");
    }
    canary.is_untouched();
}

fn dev_null_of_the_image_is_not_used() {
    let before = fs::read_to_string("/proc/sys/kernel/core_pattern").expect("core pattern");
    let done = Bundle::sh("echo '|/bin/true' > /proc/sys/kernel/core_pattern; cat /proc/keys | wc -c; stat -c '%t %T' /dev/null /proc/keys")
        .link("/dev/null", "/proc/sys/kernel/core_pattern")
        .link("/dev/console", "/proc/sysrq-trigger")
        .run();
    assert_eq!(done.ok(), "0\n1 3\n1 3");
    assert!(done.err.contains("Read-only"), "{done:?}");
    assert_eq!(fs::read_to_string("/proc/sys/kernel/core_pattern").expect("core pattern"), before);
}

fn only_proc_on_proc() {
    let canary = Canary::new();
    let bind = |destination: &str| json!({"destination": destination, "type": "bind", "source": canary.path(), "options": ["rbind"]});
    Bundle::new(&["true"]).mount(bind("/proc")).run().refused(125, "only proc");
    Bundle::new(&["true"]).edit(|spec| spec["mounts"][0] = bind("/proc")).run().refused(125, "only proc");
    Bundle::new(&["true"]).mount(bind("/proc/sys")).run().refused(125, "inside /proc");
    Bundle::new(&["true"])
        .link("/a", "/proc/sys")
        .mount(bind("/a/kernel"))
        .run()
        .refused(125, "inside /proc");
    let tmpfs = json!({"destination": "/proc/tty", "type": "tmpfs", "source": "tmpfs"});
    Bundle::new(&["true"]).mount(tmpfs).run().refused(125, "inside /proc");
    let meminfo = json!({"destination": "/proc/meminfo", "type": "bind", "source": canary.path().join("secret"), "options": ["bind"]});
    assert_eq!(Bundle::sh("cat /proc/meminfo").mount(meminfo).run().ok(), "canary");
    canary.is_untouched();
}

fn working_directories_through_descriptors() {
    let host = fs::metadata("/").map(|root| std::os::unix::fs::MetadataExt::dev(&root)).expect("root");
    for number in (0..24).chain([100, 1023]) {
        let path = format!("/proc/self/fd/{number}");
        let run = |cwd: &str, link: bool| {
            let bundle = Bundle::sh("stat -c %d .; ls -d ./enter.sh ./root 2>/dev/null");
            let bundle = if link { bundle.link("/w", &path) } else { bundle };
            bundle.edit(|spec| spec["process"]["cwd"] = cwd.into()).run()
        };
        for done in [run(&path, false), run("/w", true)] {
            assert!(done.code != 0 || done.out.trim() != host.to_string(), "{number}: {done:?}");
            assert_ne!(done.code, 0, "{number}: no such directory can exist: {done:?}");
        }
    }
    for number in [3, 5, 7] {
        let path = format!("/proc/self/fd/{number}");
        let done = Bundle::new(&["sleep", "100"])
            .exec(|process| {
                process["args"] = json!(["pwd"]);
                process["cwd"] = path.as_str().into();
            })
            .run();
        assert_ne!(done.code, 0, "{done:?}");
    }
}

fn working_directories_through_links() {
    let canary = Canary::new();
    let target = canary.path().to_str().expect("path");
    let run = |link: &str, cwd: &str| {
        Bundle::sh("pwd").link("/w", link).edit(|spec| spec["process"]["cwd"] = cwd.into()).run()
    };
    // The links mean the container's own paths: made there, never on the host.
    assert_eq!(run(target, "/w/new").ok(), format!("{target}/new"));
    assert_eq!(run(&format!("../../../../../..{target}"), "/w/rel").ok(), format!("{target}/rel"));
    assert_eq!(run("/", "/w/../../x").ok(), "/x");
    run("/w", "/w/new").refused(125, "/w/new");
    canary.is_untouched();
}

fn bind_targets_through_links() {
    let (canary, source) = (Canary::new(), Canary::new());
    let up = "../".repeat(12);
    let target = canary.path().to_str().expect("path").trim_start_matches('/').to_owned();
    let bind = |destination: &str| json!({"destination": destination, "type": "bind", "source": source.path(), "options": ["rbind"]});
    let done = Bundle::sh("cat /x/y/secret; ls /").link("/a", &up).mount(bind("/a/x/y")).run();
    assert!(done.ok().starts_with("canary"), "{done:?}");
    let done = Bundle::sh(&format!("cat /{target}/new/secret"))
        .link("/a", &format!("{up}{target}"))
        .mount(bind("/a/new"))
        .run();
    assert_eq!(done.ok(), "canary");
    let done = Bundle::sh("cat /b/secret").mount(bind("/../../../b")).run();
    assert_eq!(done.ok(), "canary");
    canary.is_untouched();
    // A volume with a link in it, as another container could have left it.
    symlink(canary.path(), source.path().join("link")).expect("link");
    let done = Bundle::new(&["true"]).mount(bind("/v")).mount(bind("/v/link/deep")).run();
    done.ok();
    canary.is_untouched();
}

fn user_strings() {
    let passwd =
        "root:x:0:0::/root:/bin/sh\n99999999999:x:0:0::/:/bin/sh\n2147483648:x:0:0::/:/x\n+1:x:0:0::/:/x\n";
    for user in [
        "1000:",
        ":5",
        "+1",
        " 1",
        "1e3",
        "0x10",
        "4294967295",
        "-1",
        "1000:x",
        "4294967296",
        "99999999999",
        "2147483648",
        "18446744073709551616",
        "root ",
        "root:0:0",
    ] {
        let run = |exec: bool| {
            let bundle =
                Bundle::new(if exec { &["sleep", "100"] } else { &["id", "-u"] }).file("/etc/passwd", passwd);
            let set = |process: &mut serde_json::Value| {
                process["args"] = json!(["id", "-u"]);
                process["user"]["username"] = user.into();
            };
            let bundle = if exec { bundle.exec(set) } else { bundle.edit(|spec| set(&mut spec["process"])) };
            bundle.run()
        };
        for done in [run(false), run(true)] {
            // Where so high an id is mapped it may be had, exactly: never another.
            let exact = user == "2147483648" && done.out.trim() == user;
            assert!(exact || (done.code == 126 && done.out.is_empty()), "`{user}`: {done:?}");
        }
    }
}

fn passwd_that_is_no_file() {
    for user in ["", "web", "33"] {
        let with_fifo = Bundle::new(&["true"]).edit(|spec| spec["process"]["user"]["username"] = user.into());
        let etc = with_fifo.image("/etc");
        fs::create_dir_all(&etc).expect("directory");
        let mode = rustix::fs::Mode::from_raw_mode(0o644);
        rustix::fs::mknodat(rustix::fs::CWD, etc.join("passwd"), rustix::fs::FileType::Fifo, mode, 0)
            .expect("fifo");
        let done = with_fifo.run();
        assert!(done.time.as_secs() < 5, "{done:?}");
        done.refused(126, "not a regular file");
        let zero = Bundle::new(&["true"])
            .link("/etc/passwd", "/dev/zero")
            .edit(|spec| spec["process"]["user"]["username"] = user.into());
        zero.run().refused(126, "not a regular file");
        let huge = Bundle::new(&["true"])
            .file("/etc/group", "")
            .edit(|spec| spec["process"]["user"]["username"] = "web".into());
        fs::File::options()
            .write(true)
            .open(huge.image("/etc/group"))
            .expect("open")
            .set_len(4 << 30)
            .expect("sparse");
        huge.run().refused(126, "larger than 1 MiB");
    }
}

fn no_descriptor_leaks() {
    for (terminal, init) in [(false, false), (false, true), (true, false), (true, true)] {
        let done = Bundle::new(&["ls", "/proc/self/fd"])
            .plan(|plan| (plan.terminal, plan.init) = (terminal, init))
            .run();
        let names: Vec<_> = done.ok().split_whitespace().collect();
        // The fourth is the directory that `ls` reads.
        assert_eq!(names, ["0", "1", "2", "3"], "{terminal} {init}");
    }
}

fn the_hosts_program_cannot_be_opened() {
    let own = fs::read(std::env::current_exe().expect("own program")).expect("read");
    let script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do for p in /proc/[0-9]*; do \
                  case $(readlink $p/exe) in */busybox|'') ;; *) echo leak $p $(readlink $p/exe);; esac; \
                  (echo x >> $p/exe) 2>/dev/null; done; done; true";
    let done = Bundle::new(&["sh", "-c", script]).plan(|plan| plan.init = true).run();
    assert_eq!(done.ok(), "");
    // /proc/self/exe of a process that is about to become the program is the host's (CVE-2019-5736).
    for exec in [false, true] {
        for command in ["/proc/self/exe", "/script", "/nested", "/link", "/loader"] {
            let bundle = Bundle::new(&[if exec { "sleep" } else { command }, "100"])
                .file("/script", "#!/proc/self/exe --version\n")
                .file("/nested", "#! /script\n")
                .link("/link", "/proc/self/exe");
            fs::write(bundle.image("/loader"), elf_with_interpreter("/proc/self/exe")).expect("file");
            fs::set_permissions(bundle.image("/loader"), fs::Permissions::from_mode(0o755)).expect("mode");
            let bundle =
                if exec { bundle.exec(|process| process["args"] = json!([command])) } else { bundle };
            bundle.run().refused(126, "leads to a file of the host");
        }
    }
    assert!(
        fs::read(std::env::current_exe().expect("own program")).expect("read") == own,
        "the helper was changed"
    );
}

fn setuid_programs_gain_only_what_is_bounded() {
    let done = Bundle::sh("su -s /bin/sh root -c 'grep CapEff /proc/self/status' < /dev/null; id -u")
        .edit(|spec| spec["process"]["user"]["username"] = "1000".into())
        .run();
    assert!(done.out.trim().ends_with("1000"), "{done:?}");
}

fn console_links_are_not_followed() {
    let canary = Canary::new();
    let target = canary.path().to_str().expect("path");
    let done = Bundle::sh("tty")
        .link("/dev/pts", target)
        .link("/dev/console", target)
        .plan(|plan| plan.terminal = true)
        .run();
    assert_eq!(done.ok(), "/dev/pts/0");
    canary.is_untouched();
}

/// The start of a 64-bit ELF file with one program header: PT_INTERP.
fn elf_with_interpreter(path: &str) -> Vec<u8> {
    let mut file = vec![0_u8; 64 + 56];
    file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    file[16] = 2;
    file[18] = if cfg!(target_arch = "x86_64") { 62 } else { 183 };
    file[20] = 1;
    file[32] = 64;
    file[52] = 64;
    file[54] = 56;
    file[56] = 1;
    file[64] = 3;
    file[64 + 8] = 120;
    let length = u8::try_from(path.len() + 1).expect("short");
    file[64 + 32] = length;
    file[64 + 40] = length;
    file.extend(path.bytes());
    file.push(0);
    file
}
