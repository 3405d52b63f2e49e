//! Keeps `ui/src/lib/generated/index.ts` equal to the Rust types that cross the wire.
//!
//! `CALA_WRITE_TYPES=1 cargo test -p cala-desktop generated` writes the file; without it the test compares.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use cala_engine::view::{
    ContainerInspect, ContainerSummary, ImageInspect, ImageSummary, Info, NetworkMap, PortReport,
};
use cala_spec::network::NetworkSpec;
use cala_spec::{ContainerSpec, Network};
use ts_rs::{Config, TS, TypeVisitor};

use crate::dto::{ErrorBody, Happening, Settings, Task};

struct Collect<'a> {
    config: &'a Config,
    found: BTreeMap<String, String>,
}

impl TypeVisitor for Collect<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if T::output_path().is_some() {
            let name = T::ident(self.config);
            let docs = T::docs().unwrap_or_default();
            let declaration = format!("{docs}export {}\n", T::decl(self.config));
            if let Some(known) = self.found.get(&name) {
                assert_eq!(*known, declaration, "two types are called {name}: rename one by `ts(rename)`");
                return;
            }
            self.found.insert(name, declaration);
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}

fn generate() -> String {
    let config = Config::new().with_large_int("number");
    let mut collect = Collect { config: &config, found: BTreeMap::new() };
    collect.visit::<ContainerSpec>();
    collect.visit::<ContainerSummary>();
    collect.visit::<ContainerInspect>();
    collect.visit::<ImageSummary>();
    collect.visit::<ImageInspect>();
    collect.visit::<Info>();
    collect.visit::<Network>();
    collect.visit::<NetworkSpec>();
    collect.visit::<NetworkMap>();
    collect.visit::<PortReport>();
    collect.visit::<ErrorBody>();
    collect.visit::<Task>();
    collect.visit::<Happening>();
    collect.visit::<Settings>();
    let mut text = String::from(
        "// Generated from the Rust types by `CALA_WRITE_TYPES=1 cargo test -p cala-desktop generated`. Not for editing.\n\
         // `u64` and `i64` are `number`: sizes are exact to 2^53 bytes, times in nanoseconds to about 0.2 µs.\n",
    );
    for declaration in collect.found.values() {
        let _ = write!(text, "\n{declaration}");
    }
    text
}

#[test]
fn generated_types_are_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/src/lib/generated/index.ts");
    let text = generate();
    if std::env::var_os("CALA_WRITE_TYPES").is_some() {
        std::fs::write(&path, &text).expect("the window's source is writable");
    }
    let committed = std::fs::read_to_string(&path).expect("the window's source is there");
    assert!(
        committed == text,
        "ui/src/lib/generated is stale: CALA_WRITE_TYPES=1 cargo test -p cala-desktop generated"
    );
}
