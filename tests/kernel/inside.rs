//! What a container sees of itself, and what it cannot.

use crate::world;

#[test]
fn it_is_root_alone_in_namespaces_of_its_own() {
    let Some(world) = world() else { return };
    assert_eq!(world.sh(&[], "id -u; echo $$"), "0\n1");
    assert_eq!(world.sh(&["--hostname", "alpha"], "hostname; cat /etc/hostname"), "alpha\nalpha");
    for kind in ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"] {
        let outside = std::fs::read_link(format!("/proc/self/ns/{kind}")).expect("procfs");
        let inside = world.sh(&[], &format!("readlink /proc/self/ns/{kind}"));
        assert_ne!(inside, outside.display().to_string(), "{kind}");
    }
}

#[test]
fn many_ids_are_mapped() {
    let Some(world) = world() else { return };
    assert_eq!(world.sh(&["--user", "alice"], "id -u; id -g"), "1000\n1000");
    assert_eq!(
        world.sh(&["--user", "1234:5678"], "id -u; id -g; touch /tmp/x; stat -c %u:%g /tmp/x"),
        "1234\n5678\n1234:5678"
    );
    assert_eq!(world.sh(&["--user", "alice"], "id -G"), "1000 29");
}

#[test]
fn capabilities_are_podmans_and_gone_for_other_users() {
    let Some(world) = world() else { return };
    let caps = "grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb)' /proc/self/status | tr -d '\\t'";
    let root = world.sh(&[], caps);
    assert_eq!(
        root,
        "CapInh:0000000000000000\nCapPrm:00000000800405fb\nCapEff:00000000800405fb\nCapBnd:00000000800405fb\nCapAmb:0000000000000000"
    );
    let user = world.sh(&["--user", "1000"], caps);
    assert!(user.contains("CapEff:0000000000000000") && user.contains("CapInh:0000000000000000"), "{user}");
    let none = world.sh(&["--cap-drop", "ALL"], caps);
    assert!(none.contains("CapBnd:0000000000000000"), "{none}");
    let one = world.sh(&["--cap-drop", "all", "--cap-add", "net_raw"], caps);
    assert!(one.contains("CapEff:0000000000002000"), "{one}");
}

#[test]
fn secrets_of_the_machine_are_masked_and_the_kernel_read_only() {
    let Some(world) = world() else { return };
    assert_eq!(
        world.sh(&[], "cat /proc/kcore | wc -c; ls /proc/acpi 2>/dev/null | wc -l; ls /sys/firmware | wc -l"),
        "0\n0\n0"
    );
    let denied = world.sh(&[], "echo x >/proc/sys/kernel/core_pattern 2>/dev/null || echo denied; echo b >/proc/sysrq-trigger 2>/dev/null || echo denied");
    assert_eq!(denied, "denied\ndenied");
    assert_eq!(
        world.sh(
            &[],
            "touch /sys/x 2>/dev/null || echo denied; mkdir /sys/fs/cgroup/x 2>/dev/null || echo denied"
        ),
        "denied\ndenied"
    );
}

#[test]
fn only_three_descriptors_are_open() {
    let Some(world) = world() else { return };
    // The fourth is the folder that ls itself reads.
    assert_eq!(world.sh(&[], "ls /proc/self/fd | tr '\\n' ' '"), "0 1 2 3 ");
}

#[test]
fn devices_are_the_harmless_ones() {
    let Some(world) = world() else { return };
    let devices = world.sh(&[], "ls /dev | sort | tr '\\n' ' '");
    for name in [
        "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty",
        "urandom", "zero",
    ] {
        assert!(devices.split(' ').any(|device| device == name), "{name} is missing: {devices}");
    }
    assert_eq!(world.sh(&[], "echo x >/dev/null && head -c 4 /dev/zero | od -An -tx1"), " 00 00 00 00");
    assert_eq!(world.sh(&[], "stat -c %a /dev/shm /tmp"), "1777\n1777");
    let nodes = world.sh(&[], "grep -E ' /dev/(null|zero|full|tty|random|urandom) ' /proc/mounts");
    assert_eq!(nodes.lines().count(), 6, "{nodes}");
    assert!(nodes.lines().all(|line| line.contains(" rw,nosuid,noexec")), "{nodes}");
}

#[test]
fn environment_and_folder_are_as_asked() {
    let Some(world) = world() else { return };
    let seen = world
        .sh(&["-e", "A=1", "--env", "B=x y", "-w", "/var"], "echo $A; echo $B; pwd; echo $HOME; echo $PATH");
    assert_eq!(seen, "1\nx y\n/var\n/root\n/bin:/usr/bin");
    // Podman makes the image's folder, not the one that a person names.
    for (folder, words) in [("/not/there", "does not exist"), ("/etc/passwd", "exists on container")] {
        let output = world.run_rm(&["-w", folder], &["pwd"]).exits_with(126);
        assert!(output.stderr.contains(&format!("workdir \"{folder}\" {words}")), "{output:?}");
    }
    world.sleeper("here");
    world.cala.run(["exec", "-w", "/not/there", "here", "pwd"]).exits_with(127);
}

#[test]
fn mounts_are_where_they_should_be_and_read_only_when_asked() {
    let Some(world) = world() else { return };
    let folder = world.cala.folder().join("shared");
    std::fs::create_dir(&folder).expect("writable");
    std::fs::write(folder.join("note"), "from outside\n").expect("writable");
    let bind = format!("{}:/data", folder.display());
    assert_eq!(world.sh(&["-v", &bind], "cat /data/note; echo inside >/data/new"), "from outside");
    assert_eq!(std::fs::read_to_string(folder.join("new")).expect("written inside"), "inside\n");
    let read_only = format!("{bind}:ro");
    assert_eq!(world.sh(&["-v", &read_only], "echo x >/data/no 2>/dev/null || echo refused"), "refused");
    let mount = format!("type=bind,source={},target=/data,readonly", folder.display());
    assert_eq!(world.sh(&["--mount", &mount], "touch /data/no 2>/dev/null || echo refused"), "refused");
    assert_eq!(
        world.sh(
            &["--tmpfs", "/scratch:size=1m"],
            "stat -f -c %T /scratch; df -k /scratch | tail -1 | tr -s ' ' | cut -d' ' -f2"
        ),
        "tmpfs\n1024"
    );
    assert_eq!(
        world.sh(&["--read-only"], "touch /no 2>/dev/null || echo refused; touch /tmp/yes && echo ok"),
        "refused\nok"
    );
}

#[test]
fn a_named_volume_outlives_its_container() {
    let Some(world) = world() else { return };
    world.sh(&["-v", "kept:/data"], "echo 1 >/data/x");
    assert_eq!(world.sh(&["-v", "kept:/data"], "cat /data/x"), "1");
}

#[test]
fn limits_of_processes_apply() {
    let Some(world) = world() else { return };
    assert_eq!(world.sh(&["--ulimit", "nofile=100:200"], "ulimit -Sn; ulimit -Hn"), "100\n200");
    assert_eq!(
        world.sh(&["--shm-size", "2m"], "df -k /dev/shm | tail -1 | tr -s ' ' | cut -d' ' -f2"),
        "2048"
    );
}

#[test]
fn no_new_privileges_and_seccomp_are_in_force() {
    let Some(world) = world() else { return };
    let status = "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t'";
    assert_eq!(world.sh(&[], status), "NoNewPrivs:0\nSeccomp:2");
    assert_eq!(world.sh(&["--security-opt", "no-new-privileges"], status), "NoNewPrivs:1\nSeccomp:2");
    assert_eq!(world.sh(&["--security-opt", "seccomp=unconfined"], status), "NoNewPrivs:0\nSeccomp:0");
    assert_eq!(world.sh(&[], "unshare -U true 2>/dev/null || echo refused"), "refused");
}

#[test]
fn a_terminal_is_a_terminal_of_the_right_size() {
    let Some(world) = world() else { return };
    let output = world.run_rm(&["-t"], &["sh", "-c", "tty; test -t 0 && test -t 1 && echo yes"]).success();
    assert!(output.stdout.contains("/dev/pts/0") && output.stdout.contains("yes"), "{output:?}");
}

#[test]
fn the_host_network_is_there_only_when_asked_for() {
    let Some(world) = world() else { return };
    assert_eq!(world.sh(&[], "ls /sys/class/net | tr '\\n' ' '"), "lo ");
    let output =
        world.cala.run(["run", "--rm", "--network", "host", &world.image, "cat", "/proc/net/dev"]).success();
    let outside = std::fs::read_to_string("/proc/net/dev").expect("procfs");
    assert_eq!(output.stdout.lines().count(), outside.lines().count());
}

#[test]
fn init_reaps_orphans() {
    let Some(world) = world() else { return };
    let script = "sh -c 'sleep 0.05 & exec true'; sleep 0.4; ps -o pid,stat,comm | grep -c ' Z ' || true";
    assert_eq!(world.sh(&["--init"], script), "0");
}
