//! Names for containers that were given none: an adjective and a noun of the sea, for a cala is a cove.

use cala_spec::ContainerName;

const ADJECTIVES: [&str; 64] = [
    "amber", "ample", "ancient", "azure", "balmy", "bold", "brave", "breezy", "bright", "calm", "candid",
    "clear", "coastal", "coral", "crisp", "curious", "daring", "deep", "dreamy", "drifting", "eager",
    "early", "easy", "emerald", "fair", "fearless", "foamy", "fond", "free", "fresh", "gentle", "gleaming",
    "golden", "hardy", "hidden", "humble", "jolly", "keen", "kind", "lively", "lucid", "merry", "mellow",
    "misty", "nimble", "noble", "open", "patient", "pearly", "placid", "proud", "quiet", "rapid", "salty",
    "serene", "shady", "silver", "sunny", "steady", "swift", "tidal", "tranquil", "vivid", "warm",
];

const NOUNS: [&str; 64] = [
    "anchor",
    "anchovy",
    "atoll",
    "bay",
    "beach",
    "beacon",
    "boat",
    "breeze",
    "buoy",
    "cape",
    "clam",
    "cliff",
    "cormorant",
    "cove",
    "crab",
    "current",
    "dolphin",
    "dory",
    "dune",
    "eddy",
    "fjord",
    "foam",
    "gull",
    "gulf",
    "harbor",
    "heron",
    "horizon",
    "inlet",
    "island",
    "jetty",
    "kelp",
    "kite",
    "lagoon",
    "lantern",
    "lighthouse",
    "lobster",
    "mast",
    "mussel",
    "oar",
    "octopus",
    "osprey",
    "otter",
    "oyster",
    "pebble",
    "pelican",
    "pier",
    "plankton",
    "reef",
    "rock",
    "rudder",
    "sail",
    "sardine",
    "seal",
    "shell",
    "shore",
    "skiff",
    "spray",
    "starfish",
    "strait",
    "tern",
    "tide",
    "turtle",
    "wave",
    "whale",
];

/// A name from random bytes; from the third try on with a number, so that it ends even with thousands of containers.
pub(crate) fn generate(random: [u8; 4], attempt: u32) -> Option<ContainerName> {
    let [first, second, low, high] = random;
    let adjective = ADJECTIVES.get(usize::from(first) % ADJECTIVES.len())?;
    let noun = NOUNS.get(usize::from(second) % NOUNS.len())?;
    let text = match attempt {
        0..3 => format!("{adjective}_{noun}"),
        _ => format!("{adjective}_{noun}{}", u16::from_le_bytes([low, high])),
    };
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn words_are_distinct_and_every_name_is_valid() {
        assert_eq!(ADJECTIVES.iter().collect::<HashSet<_>>().len(), ADJECTIVES.len());
        assert_eq!(NOUNS.iter().collect::<HashSet<_>>().len(), NOUNS.len());
        for byte in 0..=255 {
            assert!(generate([byte, byte, 1, 2], 0).is_some_and(|name| name.as_str().contains('_')));
        }
        assert_eq!(generate([9, 19, 1, 0], 3).map(|name| name.to_string()), Some("calm_eddy1".to_owned()));
    }
}
