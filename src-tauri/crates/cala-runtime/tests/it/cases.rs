//! What a container is, and how it ends.

use std::fs;

use serde_json::json;

use crate::bundle::Bundle;
use crate::runner::Case;

pub(crate) const CASES: &[Case] = &[
    ("a_program_runs", a_program_runs),
    ("exit_status_is_the_programs", exit_status_is_the_programs),
    ("command_not_found_is_127", command_not_found_is_127),
    ("not_executable_is_126", not_executable_is_126),
    ("namespaces_are_its_own", namespaces_are_its_own),
    ("layers_and_upper", layers_and_upper),
    ("a_directory_as_root", a_directory_as_root),
    ("dev_is_complete", dev_is_complete),
    ("proc_sys_cgroup", proc_sys_cgroup),
    ("masked_and_read_only_paths", masked_and_read_only_paths),
    ("binds_and_tmpfs", binds_and_tmpfs),
    ("tmpfs_copies_up", tmpfs_copies_up),
    ("read_only_root", read_only_root),
    ("users_and_groups", users_and_groups),
    ("working_directory_is_made", working_directory_is_made),
    ("capabilities", capabilities),
    ("no_new_privileges_and_seccomp", no_new_privileges_and_seccomp),
    ("limits", limits),
    ("terminal", terminal),
    ("init_reaps_and_forwards", init_reaps_and_forwards),
    ("exec_enters", exec_enters),
    ("exec_errors", exec_errors),
    ("single_id", single_id),
    ("host_network", host_network),
    ("sysctls", sysctls),
    ("cgroup_is_entered", cgroup_is_entered),
    ("many_layers", many_layers),
    ("oci_life", oci_life),
    ("oci_errors", oci_errors),
    ("starts_are_quick", starts_are_quick),
];

fn a_program_runs() {
    Bundle::new(&["true"]).plan(|plan| plan.seccomp = false).run().ok();
    assert_eq!(Bundle::sh("echo hello").run().ok(), "hello");
}

fn exit_status_is_the_programs() {
    assert_eq!(Bundle::sh("exit 7").run().code, 7);
    assert_eq!(
        Bundle::sh("kill -9 $$; sleep 1")
            .edit(|spec| {
                spec["linux"]["namespaces"]
                    .as_array_mut()
                    .expect("list")
                    .retain(|entry| entry["type"] != "time");
            })
            .plan(|plan| plan.init = true)
            .run()
            .code,
        137
    );
}

fn command_not_found_is_127() {
    Bundle::new(&["no-such-command"]).run().refused(127, "not found");
    Bundle::new(&["/no/such/command"]).run().refused(127, "not found");
    Bundle::new(&["/etc/passwd/x"]).run().refused(127, "not found");
    Bundle::new(&["no-such-command"]).plan(|plan| plan.init = true).run().refused(127, "not found");
}

fn not_executable_is_126() {
    Bundle::new(&["/etc/passwd"]).run().refused(126, "permission denied");
    Bundle::new(&["/etc"]).run().refused(126, "directory");
    Bundle::new(&["/odd"]).file("/odd", "no program\n").run().refused(126, "exec format error");
    Bundle::new(&["script"]).file("/bin/script", "#!/no/interpreter\n").run().refused(126, "interpreter");
}

fn namespaces_are_its_own() {
    let done = Bundle::sh("echo $$; hostname; ip -o link | wc -l; ip -o addr show lo | grep -c 127.0.0.1; cat /proc/self/uid_map | head -1; readlink /proc/self/ns/cgroup").run();
    let lines: Vec<_> = done.ok().lines().collect();
    assert_eq!(&lines[..4], ["1", "box", "1", "1"]);
    let host = fs::read_link("/proc/self/ns/cgroup").expect("link");
    assert_ne!(lines[5], host.to_string_lossy());
}

fn layers_and_upper() {
    let bundle = Bundle::sh("cat /both /only; echo changed > /both; rm /only")
        .file("/both", "upper\n")
        .file("/only", "only\n");
    fs::write(bundle.dir.path().join("base/both"), "lower\n").expect("file");
    assert_eq!(bundle.run().ok(), "upper\nonly");
    assert_eq!(fs::read_to_string(bundle.dir.path().join("upper/both")).expect("copied up"), "changed\n");
    assert_eq!(fs::read_to_string(bundle.image("/both")).expect("untouched"), "upper\n");
    // The second start sees what the first wrote.
    assert_eq!(Bundle::run(&bundle).code, 1);
}

fn a_directory_as_root() {
    let bundle = Bundle::sh("ls /; grep -c ' / ' /proc/self/mountinfo").plan(|plan| plan.lower.clear());
    fs::remove_dir(bundle.dir.path().join("merged")).expect("remove");
    fs::rename(bundle.dir.path().join("base"), bundle.dir.path().join("merged")).expect("rename");
    assert!(bundle.run().ok().contains("bin"));
}

fn dev_is_complete() {
    let done = Bundle::sh(
        "cd /dev; ls; for d in null zero full random urandom tty; do stat -c '%n %t %T %F' $d; done; for l in fd stdin stdout stderr ptmx; do readlink $l; done; \
         echo x > null && head -c 4 zero | wc -c; ls /dev/pts; touch /dev/shm/a /dev/mqueue/b && echo writable; grep -E ' /dev(/shm)? ' /proc/self/mountinfo",
    )
    .run();
    let out = done.ok();
    for line in [
        "null 1 3 character special file",
        "tty 5 0 character special file",
        "pts/ptmx",
        "/proc/self/fd",
        "4",
        "writable",
    ] {
        assert!(out.lines().any(|other| other == line), "{line}: {out}");
    }
    assert!(out.contains("nosuid,noexec"), "{out}");
}

fn proc_sys_cgroup() {
    let done = Bundle::sh("ls /proc | grep -c '^[0-9]'; ls /sys/class/net; mkdir /sys/x; ls /sys/fs/cgroup/cgroup.procs; mkdir /sys/fs/cgroup/x; grep cgroup2 /proc/self/mountinfo").run();
    assert!(done.out.contains("lo\n"), "{done:?}");
    assert!(done.out.contains("/sys/fs/cgroup/cgroup.procs"), "{done:?}");
    assert_eq!(done.err.matches("Read-only file system").count(), 2, "{done:?}");
}

fn masked_and_read_only_paths() {
    let done = Bundle::sh("cat /proc/keys | wc -c; cat /proc/interrupts | wc -c; ls /proc/acpi | wc -l; ls /sys/firmware | wc -l; echo 1 > /proc/sys/net/ipv4/ip_forward; touch /proc/fs/x; stat -c %a /sys/firmware").run();
    let zeros = done.out.lines().filter(|line| *line == "0").count();
    // Not every kernel has all of these.
    assert!(zeros >= 3, "{done:?}");
    assert!(done.err.contains("ip_forward: Read-only file system"), "{done:?}");
}

fn binds_and_tmpfs() {
    let host = tempfile::tempdir().expect("directory");
    fs::create_dir(host.path().join("sub")).expect("directory");
    fs::write(host.path().join("file"), "from the host\n").expect("file");
    let file = host.path().join("file");
    let done = Bundle::sh("cat /data/file /new/deep/file; echo y > /data/written; touch /ro/x; touch /ro/sub/x; touch /scratch/x && stat -c %a /scratch; df -k /scratch | grep -c 1024")
        .mount(json!({"destination": "/data", "type": "bind", "source": host.path(), "options": ["rbind", "rprivate"]}))
        .mount(json!({"destination": "/ro", "type": "bind", "source": host.path(), "options": ["rbind", "ro"]}))
        .mount(json!({"destination": "/new/deep/file", "type": "bind", "source": file, "options": ["bind", "ro"]}))
        .mount(json!({"destination": "/scratch", "type": "tmpfs", "source": "tmpfs", "options": ["size=1m", "mode=700", "noexec"]}))
        .run();
    assert_eq!(done.out.trim(), "from the host\nfrom the host\n700\n1", "{done:?}");
    assert_eq!(done.err.matches("Read-only file system").count(), 2, "{done:?}");
    assert_eq!(fs::read_to_string(host.path().join("written")).expect("written"), "y\n");
    Bundle::new(&["true"])
        .mount(json!({"destination": "/data", "type": "bind", "source": "/no/such/source", "options": ["rbind"]}))
        .run()
        .refused(125, "cannot bind `/no/such/source`: No such file");
}

fn tmpfs_copies_up() {
    let done = Bundle::sh(
        "cat /conf/d/file; readlink /conf/link; stat -c %a /conf/d/file; touch /conf/new && echo writable",
    )
    .file("/conf/d/file", "of the image\n")
    .link("/conf/link", "/etc/passwd")
    .mount(json!({"destination": "/conf", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]}))
    .run();
    assert_eq!(done.ok(), "of the image\n/etc/passwd\n755\nwritable");
}

fn read_only_root() {
    let done = Bundle::sh("touch /x; touch /tmp/x; touch /dev/shm/x && echo shm; pwd")
        .edit(|spec| {
            spec["root"]["readonly"] = true.into();
            spec["process"]["cwd"] = "/made/first".into();
        })
        .run();
    assert_eq!(done.ok(), "shm\n/made/first");
    assert_eq!(done.err.matches("Read-only file system").count(), 2, "{done:?}");
}

fn users_and_groups() {
    let id = |user: &str| {
        Bundle::sh("id -u; id -g; id -G; echo $HOME")
            .edit(|spec| spec["process"]["user"]["username"] = user.into())
            .run()
    };
    assert_eq!(id("").ok(), "0\n0\n0\n/root");
    assert_eq!(id("web").ok(), "33\n34\n34 29\n/tmp");
    assert_eq!(id("1000").ok(), "1000\n0\n0\n/");
    assert_eq!(id("1000:www").ok(), "1000\n34\n34\n/");
    id("nobody").refused(126, "unable to find user nobody");
    if !fs::read_to_string("/proc/self/uid_map").expect("map").contains("4294967295")
        || !rustix::process::getuid().is_root()
    {
        id("200000000").refused(126, "subordinate ids");
    }
    let done = Bundle::sh("id -u; id -G").edit(|spec| {
        spec["process"]["user"] = json!({"uid": 5, "gid": 6, "additionalGids": [7]});
    });
    assert_eq!(done.run().ok(), "5\n6 7");
}

fn working_directory_is_made() {
    let done = Bundle::sh("pwd; stat -c '%u %a' .").edit(|spec| {
        spec["process"]["cwd"] = "/srv/deep/er".into();
        spec["process"]["user"]["username"] = "web".into();
    });
    assert_eq!(done.run().ok(), "/srv/deep/er\n33 755");
    Bundle::new(&["true"])
        .edit(|spec| spec["process"]["cwd"] = "/etc/passwd".into())
        .run()
        .refused(126, "/etc/passwd");
}

fn capabilities() {
    let done = Bundle::sh("grep Cap /proc/self/status").run();
    let out = done.ok();
    for line in [
        "CapInh:\t0000000000000000",
        "CapPrm:\t00000000800405fb",
        "CapEff:\t00000000800405fb",
        "CapBnd:\t00000000800405fb",
        "CapAmb:\t0000000000000000",
    ] {
        assert!(out.contains(line), "{line}: {out}");
    }
    for seccomp in [true, false] {
        let done = Bundle::sh("grep Cap /proc/self/status")
            .edit(|spec| spec["process"]["user"]["username"] = "1000".into())
            .plan(|plan| plan.seccomp = seccomp)
            .run();
        for line in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert!(done.ok().contains(&format!("{line}:\t0000000000000000")), "{done:?}");
        }
    }
}

fn no_new_privileges_and_seccomp() {
    let status = |nnp: bool, user: &str| {
        let bundle = Bundle::sh("grep -E 'NoNewPrivs|^Seccomp:' /proc/self/status; unshare -U true; ping -c1 -W1 127.0.0.1 >/dev/null && echo pong; umount /proc")
            .edit(|spec| {
                spec["process"]["noNewPrivileges"] = nnp.into();
                spec["process"]["user"]["username"] = user.into();
                spec["linux"]["sysctl"]["net.ipv4.ping_group_range"] = "0 100".into();
            });
        bundle.run()
    };
    for (nnp, user) in [(false, ""), (true, ""), (false, "1000"), (true, "1000")] {
        let done = status(nnp, user);
        assert!(done.out.contains(&format!("NoNewPrivs:\t{}", u8::from(nnp))), "{done:?}");
        assert!(done.out.contains("Seccomp:\t2"), "{done:?}");
        assert_eq!(done.err.matches("Operation not permitted").count(), 2, "{done:?}");
    }
}

fn limits() {
    let done = Bundle::sh("ulimit -n; ulimit -Hn; ulimit -c")
        .edit(|spec| spec["process"]["rlimits"] = json!([{"type": "RLIMIT_NOFILE", "soft": 123, "hard": 456}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]))
        .run();
    assert_eq!(done.ok(), "123\n456\n0");
    if !rustix::process::getuid().is_root() {
        Bundle::new(&["true"])
            .edit(|spec| {
                spec["process"]["rlimits"] =
                    json!([{"type": "RLIMIT_NOFILE", "soft": 9, "hard": 1_073_741_816}])
            })
            .run()
            .refused(125, "the host allows");
    }
}

fn terminal() {
    let done = Bundle::sh("tty; stty size; test -t 0 && test -t 2 && echo terminal; ls -l /dev/console | cut -c1; echo typed > /dev/console; stat -c %u /dev/pts/0; echo ctty > /dev/tty")
        .edit(|spec| spec["process"]["user"]["username"] = "web".into())
        .plan(|plan| plan.terminal = true)
        .run();
    let out = done.ok().replace('\r', "");
    for line in ["/dev/pts/0", "33 99", "terminal", "typed", "33", "ctty"] {
        assert!(out.lines().any(|other| other == line), "{line}: {out}");
    }
}

fn init_reaps_and_forwards() {
    let done = Bundle::sh("echo $$; (sleep 0.01 &) ; sleep 0.1; ps | grep -c '[Z] '; cat /proc/1/comm; readlink /proc/1/exe; ls /proc/1/fd; exit 3")
        .plan(|plan| plan.init = true)
        .run();
    assert_eq!(done.code, 3, "{done:?}");
    assert!(done.out.starts_with("2\n0\ncala:init\n"), "{done:?}");
    assert_eq!(done.out.lines().count(), 3, "nothing of process 1 can be looked at: {done:?}");
    let done = Bundle::sh("trap 'echo got it; exit 5' TERM; kill -TERM 1; while true; do sleep 0.1; done")
        .plan(|plan| plan.init = true)
        .run();
    assert_eq!((done.code, done.out.trim()), (5, "got it"), "{done:?}");
    let terminal =
        Bundle::sh("tty; echo $$ > /dev/tty").plan(|plan| (plan.init, plan.terminal) = (true, true)).run();
    assert!(terminal.ok().contains("/dev/pts/0"), "{terminal:?}");
}

fn exec_enters() {
    let bundle = Bundle::new(&["sleep", "100"]).exec(|process| {
        process["args"] = json!(["sh", "-c", "echo $$; hostname; cat /proc/1/comm; id -u; grep -E '^Cap(Eff|Inh)|^Seccomp:|^NoNew' /proc/self/status; readlink /proc/self/ns/cgroup; readlink /proc/1/ns/cgroup; pwd; ls /proc/self/fd; exit 4"]);
        process["cwd"] = "/tmp".into();
    });
    let done = bundle.run();
    assert_eq!(done.code, 4, "{done:?}");
    let lines: Vec<_> = done.out.lines().collect();
    assert_ne!(lines[0], "1");
    assert_eq!(&lines[1..4], ["box", "sleep", "0"], "{done:?}");
    assert_eq!(
        &lines[4..8],
        ["CapInh:\t0000000000000000", "CapEff:\t00000000800405fb", "NoNewPrivs:\t0", "Seccomp:\t2"],
        "{done:?}"
    );
    assert_eq!(lines[8], lines[9], "{done:?}");
    assert_eq!(&lines[10..], ["/tmp", "0", "1", "2", "3"], "{done:?}");
    let terminal = Bundle::new(&["sleep", "100"])
        .plan(|plan| plan.terminal = true)
        .exec(|process| {
            process["args"] = json!(["sh", "-c", "tty; stty size; id -u"]);
            process["user"]["username"] = "web".into();
        })
        .run();
    assert_eq!(terminal.ok().replace('\r', ""), "/dev/pts/1\n44 88\n33");
}

fn exec_errors() {
    let run = |change: &dyn Fn(&mut serde_json::Value)| Bundle::new(&["sleep", "100"]).exec(change).run();
    run(&|process| process["args"] = json!(["nope"])).refused(127, "not found");
    run(&|process| process["args"] = json!(["/etc"])).refused(126, "directory");
    run(&|process| process["cwd"] = "/missing".into()).refused(127, "/missing");
    run(&|process| process["user"]["username"] = "nobody".into()).refused(126, "unable to find user");
}

fn single_id() {
    let done =
        Bundle::sh("id -u; cat /proc/self/uid_map; touch /x && echo wrote; ls -ld /dev/pts/ptmx | cut -c1")
            .plan(|plan| plan.single = true)
            .run();
    if rustix::process::getuid().is_root() {
        return;
    }
    let out = done.ok();
    assert!(out.starts_with("0\n") && out.contains("wrote"), "{out}");
    Bundle::sh("true")
        .edit(|spec| spec["process"]["user"]["username"] = "web".into())
        .plan(|plan| plan.single = true)
        .run()
        .refused(126, "subordinate ids");
    Bundle::new(&["sleep", "100"])
        .plan(|plan| plan.single = true)
        .exec(|process| process["args"] = json!(["true"]))
        .run()
        .ok();
}

fn host_network() {
    let change = |spec: &mut serde_json::Value| {
        spec["linux"]["namespaces"].as_array_mut().expect("list").retain(|entry| entry["type"] != "network");
        spec["linux"]["sysctl"] = json!({});
    };
    let done = Bundle::sh("readlink /proc/self/ns/net; touch /sys/x; ls /sys/fs/cgroup/cgroup.procs")
        .edit(change)
        .run();
    assert_eq!(
        done.out.lines().next().expect("a line"),
        fs::read_link("/proc/self/ns/net").expect("link").to_string_lossy()
    );
    assert!(done.err.contains("Read-only"), "{done:?}");
    Bundle::new(&["sleep", "100"]).edit(change).exec(|process| process["args"] = json!(["true"])).run().ok();
    Bundle::new(&["true"])
        .edit(change)
        .edit(|spec| spec["linux"]["sysctl"] = json!({"net.ipv4.ip_forward": "1"}))
        .run()
        .refused(125, "would change the host");
}

fn sysctls() {
    let done = Bundle::sh("cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/ping_group_range /proc/sys/kernel/shmmax")
        .edit(|spec| {
            spec["linux"]["sysctl"] = json!({"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ip_forward": "1", "net.ipv4.ping_group_range": "0 60000", "kernel.shmmax": "4096"});
        })
        .run();
    assert_eq!(done.ok(), "0\n1\n0\t60000\n4096");
    Bundle::new(&["true"])
        .edit(|spec| spec["linux"]["sysctl"] = json!({"kernel.core_pattern": "x"}))
        .run()
        .refused(125, "would change the host");
}

fn cgroup_is_entered() {
    let own = fs::read_to_string("/proc/self/cgroup").expect("own cgroup");
    let own =
        own.lines().find_map(|line| line.strip_prefix("0::")).expect("cgroup v2").trim_start_matches('/');
    let Some(parent) =
        std::path::Path::new("/sys/fs/cgroup").join(own).parent().map(std::path::Path::to_owned)
    else {
        return;
    };
    let path = parent.join(format!("runtime-{}", std::process::id()));
    if !parent.join("cgroup.procs").exists() || fs::create_dir(&path).is_err() {
        println!("cgroup_is_entered: no delegated cgroup here, not tested");
        return;
    }
    let group = cala_runtime::cgroup::Cgroup::open(&path).expect("open");
    let done = Bundle::sh("cat /proc/self/cgroup; cat /sys/fs/cgroup/cgroup.procs | head -1")
        .plan(|plan| plan.cgroup = Some(path.clone()))
        .run();
    assert!(
        done.ok().lines().any(|line| line == "0::/") && done.out.lines().any(|line| line == "1"),
        "{done:?}"
    );
    group.freeze(true).expect("freeze");
    group.freeze(false).expect("thaw");
    group.kill().expect("kill");
    group.remove().expect("remove");
    group.remove().expect("already gone");
}

fn many_layers() {
    let bundle = Bundle::sh("cat /last; ls / | grep -c '^l[0-9]'");
    let mut lower = bundle.plan.lower.clone();
    for number in 0..100 {
        let dir = bundle.dir.path().join(format!("{}-{number}", "x".repeat(200)));
        fs::create_dir(&dir).expect("directory");
        fs::write(dir.join(format!("l{number}")), "").expect("file");
        fs::write(dir.join("last"), format!("{number}\n")).expect("file");
        lower.push(dir);
    }
    assert_eq!(bundle.plan(|plan| plan.lower = lower).run().ok(), "99\n100");
}

fn starts_are_quick() {
    let done = Bundle::new(&["true"]).plan(|plan| plan.times = 60).run();
    done.ok();
    println!("{}", done.err.trim());
}

fn oci_life() {
    let bundle = Bundle::sh("echo $$; hostname");
    bundle.as_oci();
    assert_eq!(bundle.oci(&["run", "c1"]).ok(), "1\nbox");
    bundle.oci(&["state", "c1"]).refused(125, "no such container");

    let bundle = Bundle::new(&["sleep", "100"]);
    bundle.as_oci();
    // Its streams stay with the process, so they must not be a pipe that is read to its end.
    let null = |words: &[&str]| {
        let status = std::process::Command::new(std::env::current_exe().expect("own program"))
            .arg("__oci")
            .arg("--root")
            .arg(bundle.dir.path().join("state"))
            .args(words)
            .current_dir(bundle.dir.path())
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status()
            .expect("runs");
        assert!(status.success(), "{words:?}");
    };
    null(&["create", "--bundle", ".", "--pid-file", "pid", "c2"]);
    assert!(bundle.oci(&["state", "c2"]).ok().contains("\"status\": \"created\""));
    assert!(
        fs::read_to_string(bundle.dir.path().join("pid")).expect("pid").parse::<i32>().expect("a number") > 0
    );
    bundle.oci(&["create", "c2"]).refused(125, "there already");
    bundle.oci(&["delete", "c2"]).refused(125, "is created");
    bundle.oci(&["start", "c2"]).ok();
    bundle.oci(&["start", "c2"]).refused(125, "is running");
    assert!(bundle.oci(&["state", "c2"]).ok().contains("\"status\": \"running\""));
    bundle.oci(&["kill", "c2", "KILL"]).ok();
    assert!(bundle.oci(&["state", "c2"]).ok().contains("\"status\": \"stopped\""));
    bundle.oci(&["kill", "c2"]).refused(125, "is stopped");
    bundle.oci(&["delete", "c2"]).ok();
    bundle.oci(&["delete", "c2"]).refused(125, "no such container");
    bundle.oci(&["delete", "--force", "c2"]).ok();
}

fn oci_errors() {
    let bundle = Bundle::new(&["no-such-command"]);
    bundle.as_oci();
    bundle.oci(&["run", "c1"]).refused(127, "not found");
    bundle.oci(&["state", "c1"]).refused(125, "no such container");
    fs::write(bundle.dir.path().join("config.json"), "{").expect("write");
    bundle.oci(&["create", "c1"]).refused(125, "cannot parse");
    bundle.oci(&["frobnicate", "c1"]).refused(125, "unknown command");
    bundle.oci(&["create", "--bundle", "/no/such", "c1"]).refused(125, "/no/such");
    let hooked =
        Bundle::new(&["true"]).edit(|spec| spec["hooks"] = json!({"prestart": [{"path": "/bin/true"}]}));
    hooked.as_oci();
    hooked.oci(&["run", "c1"]).refused(125, "hooks");
    Bundle::new(&["true"])
        .edit(|spec| spec["process"]["selinuxLabel"] = "a:b:c".into())
        .run()
        .refused(125, "SELinux");
}
