//! The supervisor's body: stdio, logs, exit, exec, attach. One thread, no tokio.
