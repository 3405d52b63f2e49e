//! How an image was built, step by step.

use std::collections::HashMap;

use cala_spec::Digest;
use cala_store::layers::chain_ids;
use cala_store::{Image, ImageRecord};
use oci_spec::image::History;

use crate::view::HistoryLayer;
use crate::{Engine, Result, time};

/// What stands for the id of a step that no image of its own is here for.
const MISSING: &str = "<missing>";

impl Engine {
    /// The steps of an image, the last one first. A step has the id of the image that ends with it, when that is here.
    ///
    /// # Errors
    /// When there is no such image or it is damaged.
    pub fn image_history(&self, name: &str) -> Result<Vec<HistoryLayer>> {
        let store = self.store()?;
        let record = store.resolve_image(name)?;
        let config = store.image_config(&record)?;
        let steps = config.history().clone().unwrap_or_default();
        let images = store.images()?;
        let bases = Bases::new(&images, &record);
        let length = |image: &Image| -> Option<usize> {
            let config = store.read_image_config(image.id()).ok()?.0;
            Some(config.history().as_ref().map_or(0, Vec::len))
        };
        Ok(rows(&record, &steps, &bases, &length))
    }
}

/// Images by the chain id of their topmost layer, as far as they end somewhere in the image that is looked at.
struct Bases<'a> {
    by_chain: HashMap<Digest, Vec<&'a Image>>,
    chain: Vec<Digest>,
}

impl<'a> Bases<'a> {
    fn new(images: &'a [Image], record: &ImageRecord) -> Self {
        let chain = chain_of(record);
        let mut by_chain: HashMap<Digest, Vec<&Image>> = HashMap::new();
        for image in images {
            if let Some(top) = chain_of(&image.record).pop().filter(|top| chain.contains(top)) {
                by_chain.entry(top).or_default().push(image);
            }
        }
        Self { by_chain, chain }
    }

    /// The images whose topmost layer is the `count`th of the image.
    fn ending_at(&self, count: usize) -> &[&'a Image] {
        let chain_id = count.checked_sub(1).and_then(|at| self.chain.get(at));
        chain_id.and_then(|id| self.by_chain.get(id)).map_or(&[], Vec::as_slice)
    }
}

/// Chain ids of an image's layers, lowest first.
pub(super) fn chain_of(record: &ImageRecord) -> Vec<Digest> {
    let diff_ids: Vec<Digest> = record.layers.iter().map(|layer| layer.diff_id.clone()).collect();
    chain_ids(&diff_ids)
}

fn rows(
    record: &ImageRecord,
    steps: &[History],
    bases: &Bases<'_>,
    length: &dyn Fn(&Image) -> Option<usize>,
) -> Vec<HistoryLayer> {
    let mut layers = 0;
    let mut rows = Vec::with_capacity(steps.len());
    for (at, step) in steps.iter().enumerate() {
        let size = if step.empty_layer().unwrap_or(false) {
            0
        } else {
            layers += 1;
            record.layers.get(layers - 1).map_or(0, |layer| layer.size)
        };
        let here = bases.ending_at(layers);
        let last = at + 1 == steps.len();
        let base = if last { None } else { here.iter().find(|image| length(image) == Some(at + 1)) };
        let id = match base {
            _ if last => record.image_id.hex(),
            Some(image) => image.id().hex(),
            None => MISSING,
        };
        rows.push(HistoryLayer {
            id: id.to_owned(),
            created: step.created().clone().unwrap_or_else(|| time::NEVER.to_owned()),
            created_by: step.created_by().clone().unwrap_or_default(),
            tags: here.iter().flat_map(|image| image.names.clone()).collect(),
            size,
            comment: step.comment().clone().unwrap_or_default(),
        });
    }
    rows.reverse();
    rows
}
