//! OCI runtime spec: bundle to process; namespaces, rootfs, seccomp, capabilities, cgroup v2.
