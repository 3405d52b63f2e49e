//! The images that are measured with.

use cala_testkit::image::{Compression, Image};
use cala_testkit::{LayerBuilder, Registry};
use serde_json::json;

/// One layer of 200 MB that no compressor makes smaller (a xorshift generator; the same bytes each time).
pub(super) fn large(registry: &Registry) -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(200 << 20);
    while bytes.len() < 200 << 20 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    let layer = LayerBuilder::default().file("noise", 0o644, &bytes).tar();
    registry.push("bench/large", "1", &Image::new(vec![layer], Compression::Gzip, &json!({ "Cmd": ["x"] })))
}

/// 30 layers with 1,000 small files each.
pub(super) fn many(registry: &Registry) -> String {
    let layers = (0..30).map(small_layer).collect();
    registry.push("bench/many", "1", &Image::new(layers, Compression::Gzip, &json!({ "Cmd": ["x"] })))
}

fn small_layer(layer: u32) -> Vec<u8> {
    let mut builder = LayerBuilder::default().folder(&format!("l{layer}"), 0o755);
    for folder in 0..10 {
        builder = builder.folder(&format!("l{layer}/d{folder}"), 0o755);
        for file in 0..100 {
            let content = format!("{layer} {folder} {file}\n").repeat(40);
            builder = builder.file(&format!("l{layer}/d{folder}/f{file}"), 0o644, content.as_bytes());
        }
    }
    builder.tar()
}
