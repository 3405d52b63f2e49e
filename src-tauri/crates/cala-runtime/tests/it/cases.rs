//! What a container is.

use std::fs;

use serde_json::json;

use crate::bundle::Bundle;
use crate::runner::Case;

pub(crate) const CASES: &[Case] = &[
    ("true_runs", || {
        Bundle::new(&["true"]).plan(|plan| plan.seccomp = false).run().ok();
    }),
];

#[allow(dead_code, reason = "grows")]
fn unused() {
    let _ = (fs::exists("/"), json!({}));
}
