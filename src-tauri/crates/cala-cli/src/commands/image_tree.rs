//! `cala image tree`.

use std::fmt::Write as _;

use cala_engine::view::{ImageTree, TreeLayer};
use cala_spec::ByteSize;

use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// Show the layers of an image as a tree
#[derive(Debug, clap::Args)]
#[command(after_help = "cala image tree alpine\ncala image tree --whatrequires alpine")]
pub(crate) struct Args {
    /// Show the layers of other images that lie upon the image
    #[arg(long)]
    whatrequires: bool,
    #[arg(value_name = "IMAGE", num_args = 0..)]
    images: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let [image] = args.images.as_slice() else {
        return Err(Failure::new(format!("accepts 1 arg(s), received {}", args.images.len())));
    };
    let tree = context.engine()?.image_tree(image, args.whatrequires)?;
    output::data(shown(&tree))?;
    Ok(0)
}

fn shown(tree: &ImageTree) -> String {
    let mut text = format!(
        "Image ID: {}\nTags:     [{}]\nSize:     {}\n",
        short(&tree.id),
        tree.names.join(" "),
        ByteSize(tree.size).human_compact(4)
    );
    text.push_str(if tree.layers.is_empty() { "No Image Layers\n" } else { "Image Layers\n" });
    let level: Vec<Branch<'_>> = tree.layers.iter().flat_map(level).collect();
    branches(&level, "", &mut text);
    text.push('\n');
    text
}

/// A layer as it is drawn.
struct Branch<'a> {
    layer: &'a TreeLayer,
    below: Vec<Branch<'a>>,
}

/// A layer and the only one upon it, and so on, stand below each other, as Podman draws them; where the ways part they
/// become branches.
fn level(layer: &TreeLayer) -> Vec<Branch<'_>> {
    let mut level = vec![Branch { layer, below: Vec::new() }];
    let mut top = layer;
    while let [only] = top.above.as_slice() {
        level.push(Branch { layer: only, below: Vec::new() });
        top = only;
    }
    if let Some(last) = level.last_mut() {
        last.below = top.above.iter().map(branch).collect();
    }
    level
}

fn branch(layer: &TreeLayer) -> Branch<'_> {
    let mut below = level(layer);
    let first = below.remove(0);
    if below.is_empty() { first } else { Branch { layer, below } }
}

fn branches(level: &[Branch<'_>], indent: &str, text: &mut String) {
    for (at, Branch { layer, below }) in level.iter().enumerate() {
        let last = at + 1 == level.len();
        let top = if layer.top_of.is_empty() {
            String::new()
        } else {
            format!(" Top Layer of: [{}]", layer.top_of.join(" "))
        };
        _ = writeln!(
            text,
            "{indent}{} ID: {} Size: {:>7}{top}",
            if last { "└──" } else { "├──" },
            short(&layer.id),
            ByteSize(layer.size).human_compact(4)
        );
        let indent = format!("{indent}{}", if last { "    " } else { "│   " });
        branches(below, &indent, text);
    }
}

fn short(id: &str) -> String {
    id.chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(id: &str, top_of: &[&str], above: Vec<TreeLayer>) -> TreeLayer {
        let top_of = top_of.iter().map(|name| (*name).to_owned()).collect();
        TreeLayer { id: id.repeat(64), size: 2_027_000, top_of, above }
    }

    #[test]
    fn branches_hang_on_their_layers() {
        let layers = vec![layer(
            "a",
            &["localhost/a:1"],
            vec![layer("b", &[], vec![layer("c", &["x", "y"], vec![])]), layer("d", &[], vec![])],
        )];
        let layers = vec![layer("f", &[], layers)];
        let names = vec!["localhost/a:1".to_owned()];
        let tree = ImageTree { id: "e".repeat(64), names, size: 2_031_000, layers };
        let expected = "Image ID: eeeeeeeeeeee\nTags:     [localhost/a:1]\nSize:     2.031MB\nImage Layers\n\
            ├── ID: ffffffffffff Size: 2.027MB\n\
            └── ID: aaaaaaaaaaaa Size: 2.027MB Top Layer of: [localhost/a:1]\n\
            \u{20}   ├── ID: bbbbbbbbbbbb Size: 2.027MB\n\
            \u{20}   │   └── ID: cccccccccccc Size: 2.027MB Top Layer of: [x y]\n\
            \u{20}   └── ID: dddddddddddd Size: 2.027MB\n\n";
        assert_eq!(shown(&tree), expected);
    }
}
