//! The compiled programs against the policies, over all numbers and the arguments at the borders of each condition.

use oci_spec::runtime::Capability;
use proptest::prelude::*;

use super::assemble::{assemble, run};
use super::numbers::{AUDIT_ARCH, all, of};
use super::policy::{ALLOW, Condition, ENOSYS, EPERM, KILL_PROCESS, Policy, Test};
use super::{compile, default_filter, from_docker_json, profile};

const AUDIT_ARCH_I386: u32 = 0x4000_0003;

fn number(name: &str) -> u32 {
    of(name).expect("known")
}

fn borders() -> Vec<u64> {
    let base =
        [0, 8, 38, 39, 40, 41, 0x2_0000, 0x2_0008, 0x7e02_0000, 0x1000_0000, 0xffff_ffff, u64::MAX, 17];
    base.iter()
        .flat_map(|n: &u64| [n.wrapping_sub(1), *n, n.wrapping_add(1), n | 1 << 32, n | 1 << 63])
        .collect()
}

#[test]
fn the_default_program_decides_as_the_table_for_every_number_and_argument() {
    for caps in
        [&[][..], &[Capability::SysAdmin], &[Capability::SysPtrace, Capability::SysNice, Capability::Bpf]]
    {
        let (program, policy) = (default_filter(caps), profile::policy(caps));
        assert!(program.len() > 100, "not the fallback");
        for number in (0..1024).chain([0x3fff_ffff]) {
            for value in borders() {
                let arguments = [value, value.rotate_left(7), 1, 2, 3, value];
                assert_eq!(
                    run(&program, AUDIT_ARCH, number, arguments),
                    policy.decide(number, arguments),
                    "{number} {value:#x}"
                );
            }
        }
    }
}

#[test]
fn the_default_profile_is_dockers() {
    let plain = default_filter(&[Capability::Chown]);
    let run = |name, first| run(&plain, AUDIT_ARCH, number(name), [first, 0, 0, 0, 0, 0]);
    for name in [
        "read",
        "execve",
        "openat2",
        "futex_wait",
        "ptrace",
        "statmount",
        "memfd_create",
        "setresuid",
        "capset",
    ] {
        assert_eq!(run(name, 0), ALLOW, "{name}");
    }
    for name in [
        "mount",
        "io_uring_setup",
        "bpf",
        "keyctl",
        "userfaultfd",
        "unshare",
        "setns",
        "kexec_load",
        "reboot",
        "open_by_handle_at",
        "chroot",
    ] {
        assert_eq!(run(name, 0), EPERM, "{name}");
    }
    assert_eq!(run("clone3", 0), ENOSYS);
    assert_eq!(run("clone", 0x0120_0011), ALLOW, "fork");
    assert_eq!(run("clone", 0x1000_0011), EPERM, "a new user namespace");
    assert_eq!(run("socket", 2), ALLOW);
    assert_eq!(run("socket", 38), EPERM, "AF_ALG");
    assert_eq!(run("socket", 1 << 32 | 38), EPERM, "AF_ALG with bits that the kernel does not look at");
    assert_eq!(run("socket", 40), EPERM, "AF_VSOCK");
    assert_eq!(run("socket", 41), ALLOW);
    assert_eq!(run("personality", 0xffff_ffff), ALLOW);
    assert_eq!(run("personality", 0x0004_0000), EPERM, "ADDR_NO_RANDOMIZE");
}

#[test]
fn capabilities_open_their_calls() {
    let admin = default_filter(&[Capability::SysAdmin, Capability::SysChroot]);
    for name in ["mount", "unshare", "setns", "clone3", "clone", "chroot"] {
        assert_eq!(run(&admin, AUDIT_ARCH, number(name), [0x1000_0011, 0, 0, 0, 0, 0]), ALLOW, "{name}");
    }
}

#[test]
fn other_interfaces_are_closed() {
    let program = default_filter(&[]);
    assert_eq!(run(&program, AUDIT_ARCH_I386, 3, [0; 6]), KILL_PROCESS);
    assert_eq!(run(&program, AUDIT_ARCH, 5000, [0; 6]), ENOSYS, "newer than this table");
    if cfg!(target_arch = "x86_64") {
        assert_eq!(run(&program, AUDIT_ARCH, 0x4000_0000, [0; 6]), ENOSYS, "x32");
        assert_eq!(run(&program, AUDIT_ARCH, 400, [0; 6]), ENOSYS, "never assigned");
    }
}

#[test]
fn the_tree_is_shallow() {
    let program = default_filter(&[]);
    assert!(program.len() < 600, "{} instructions", program.len());
}

#[test]
fn profiles_of_docker_are_read() {
    let text = r#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "archMap": [], "syscalls": [
        {"names": ["read", "nonsense"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28},
        {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_ADMIN"]},
         "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]},
        {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "99.0"}},
        {"name": "write", "action": "SCMP_ACT_ALLOW", "args": []}]}"#;
    let plain = compile(&from_docker_json(text, &[]).expect("profile")).expect("program");
    let call = |program: &[_], name, first| run(program, AUDIT_ARCH, number(name), [first, 0, 0, 0, 0, 0]);
    assert_eq!(call(&plain, "read", 0), ALLOW);
    assert_eq!(call(&plain, "write", 0), ALLOW);
    assert_eq!(call(&plain, "mkdirat", 0), 0x0005_0000 | 28);
    assert_eq!(call(&plain, "mount", 0), EPERM);
    assert_eq!(call(&plain, "ptrace", 0), EPERM);
    assert_eq!(call(&plain, "clone", 17), ALLOW);
    assert_eq!(call(&plain, "clone", 0x1000_0000), EPERM);
    let admin = compile(&from_docker_json(text, &[Capability::SysAdmin]).expect("profile")).expect("program");
    assert_eq!(call(&admin, "mount", 0), ALLOW);
    assert_eq!(call(&admin, "clone", 17), EPERM, "excluded");
}

#[test]
fn bad_profiles_are_errors() {
    for text in ["", "{}", "[]", r#"{"defaultAction": "SCMP_ACT_MAYBE"}"#] {
        assert!(from_docker_json(text, &[]).is_err(), "{text}");
    }
    let notify = r#"{"defaultAction": "SCMP_ACT_NOTIFY"}"#;
    assert!(compile(&from_docker_json(notify, &[]).expect("parses")).is_err());
}

fn condition() -> impl Strategy<Value = Condition> {
    let tests =
        [Test::Equal, Test::NotEqual, Test::Less, Test::LessOrEqual, Test::Greater, Test::GreaterOrEqual];
    let value = prop_oneof![0..4_u64, any::<u64>(), Just(1 << 32), Just(u64::MAX), Just(0xffff_ffff_u64)];
    let mask = prop_oneof![Just(u64::MAX), Just(0xffff_ffff_u64), any::<u64>(), Just(0xff_0000_0000_u64)];
    (0..6_u32, mask, 0..tests.len(), value).prop_map(move |(argument, mask, test, value)| Condition {
        argument,
        mask,
        test: tests[test],
        value,
    })
}

proptest! {
    #[test]
    fn any_policy_compiles_to_what_it_says(
        rules in prop::collection::vec((prop::collection::vec(condition(), 1..4), any::<bool>(), 0..20_u32), 0..30),
        arguments in prop::collection::vec(prop_oneof![0..5_u64, any::<u64>(), Just(1 << 32), Just(u64::MAX)], 6),
    ) {
        let mut policy = Policy::new(EPERM, ENOSYS);
        for (conditions, allow, number) in rules {
            policy.add_rule(number, conditions, if allow { ALLOW } else { ENOSYS });
        }
        let program = assemble(&policy).expect("compiles");
        let arguments: [u64; 6] = arguments.try_into().expect("six");
        for number in all().chain([9999]) {
            prop_assert_eq!(run(&program, AUDIT_ARCH, number, arguments), policy.decide(number, arguments));
        }
    }
}
