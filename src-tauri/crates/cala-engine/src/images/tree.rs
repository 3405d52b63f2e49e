//! The layers of an image, and what is built upon them.

use std::collections::{BTreeMap, HashMap};

use cala_spec::Digest;

use super::history::chain_of;
use crate::view::{ImageTree, TreeLayer};
use crate::{Engine, Result};

/// What is known of a layer at its place in a chain.
#[derive(Debug, Default)]
struct Place {
    size: u64,
    names: Vec<String>,
    above: BTreeMap<Digest, ()>,
}

impl Engine {
    /// The layers of an image, lowest first; with `what_requires` its topmost layer and all layers of other images that
    /// lie upon it.
    ///
    /// # Errors
    /// When there is no such image or the store cannot be read.
    pub fn image_tree(&self, name: &str, what_requires: bool) -> Result<ImageTree> {
        let store = self.store()?;
        let record = store.resolve_image(name)?;
        let mut places: HashMap<Digest, Place> = HashMap::new();
        for image in store.images()? {
            let mut below: Option<Digest> = None;
            for (id, layer) in chain_of(&image.record).into_iter().zip(&image.record.layers) {
                places.entry(id.clone()).or_default().size = layer.size;
                if let Some(below) = below.replace(id.clone()) {
                    places.entry(below).or_default().above.insert(id, ());
                }
            }
            if let Some(top) = below {
                places.entry(top).or_default().names.extend(image.names);
            }
        }
        let chain = chain_of(&record);
        let layers = match (what_requires, chain.last()) {
            (true, Some(top)) => vec![with_above(top, &places)],
            _ => chain.iter().map(|id| layer(id, &places)).collect(),
        };
        let names = store.image(&record.image_id)?.names;
        Ok(ImageTree { id: record.image_id.hex().to_owned(), names, size: record.size, layers })
    }
}

fn layer(id: &Digest, places: &HashMap<Digest, Place>) -> TreeLayer {
    let place = places.get(id);
    TreeLayer {
        id: id.hex().to_owned(),
        size: place.map_or(0, |place| place.size),
        top_of: place.map(|place| place.names.clone()).unwrap_or_default(),
        above: Vec::new(),
    }
}

/// A layer with all that lies upon it. As deep as the tallest image, which its manifest's size limits.
fn with_above(id: &Digest, places: &HashMap<Digest, Place>) -> TreeLayer {
    let above = places.get(id).into_iter().flat_map(|place| place.above.keys());
    TreeLayer { above: above.map(|id| with_above(id, places)).collect(), ..layer(id, places) }
}
