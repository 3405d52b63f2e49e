//! Names for containers without one: an adjective and a noun, as people know it from Podman.

use crate::ContainerName;

/// Words that say something kind.
#[rustfmt::skip]
const ADJECTIVES: [&str; 191] = [
    "able", "agile", "alert", "amber", "ample", "apt", "arctic", "ardent", "autumn", "azure", "basic",
    "bold", "brave", "breezy", "bright", "brisk", "bronze", "calm", "candid", "careful", "cheery", "chief",
    "civil", "clear", "clever", "coastal", "cobalt", "compact", "coral", "cosmic", "cosy", "crimson",
    "crisp", "curious", "dapper", "daring", "dawning", "deft", "devout", "diligent", "downy", "driven",
    "dusky", "eager", "early", "earnest", "easy", "elated", "elegant", "emerald", "exact", "fabled", "fair",
    "faithful", "famous", "fancy", "festive", "fine", "firm", "fleet", "fluent", "fond", "frank", "free",
    "fresh", "friendly", "frosty", "funny", "gallant", "gentle", "giant", "gifted", "glad", "gleaming",
    "golden", "grand", "grateful", "green", "handy", "happy", "hardy", "hazel", "hearty", "helpful",
    "honest", "humble", "icy", "ideal", "indigo", "ivory", "jade", "jolly", "jovial", "joyful", "keen",
    "kind", "lasting", "lavish", "leafy", "light", "lilac", "limber", "lively", "logical", "loyal", "lucid",
    "lucky", "lunar", "magical", "maroon", "mellow", "merry", "mighty", "mild", "mindful", "misty",
    "modest", "mossy", "musical", "natural", "neat", "nimble", "noble", "nordic", "opal", "open", "orange",
    "patient", "peaceful", "placid", "playful", "plucky", "polar", "polite", "proud", "prudent", "quick",
    "quiet", "radiant", "rapid", "ready", "regal", "restful", "robust", "rosy", "royal", "ruby", "rustic",
    "scarlet", "serene", "sharp", "shining", "silent", "silken", "silver", "sincere", "smart", "smooth",
    "snowy", "solar", "solid", "spry", "stable", "starry", "steady", "stellar", "sturdy", "subtle", "sunny",
    "supple", "swift", "tender", "thrifty", "tidal", "tidy", "timely", "topaz", "tranquil", "true",
    "trusty", "upbeat", "valiant", "velvet", "verdant", "vital", "vivid", "warm", "wise", "witty", "young",
    "zesty",
];

/// Plants, animals, places.
#[rustfmt::skip]
const NOUNS: [&str; 244] = [
    "acacia", "acorn", "albatross", "almond", "alpaca", "anchor", "antler", "apple", "apricot", "arch",
    "aspen", "aurora", "avocet", "badger", "bamboo", "banyan", "barley", "basil", "bay", "beacon", "beaver",
    "beech", "beetle", "birch", "bison", "bluff", "bobcat", "boulder", "bramble", "breeze", "bridge",
    "brook", "buffalo", "canyon", "caracal", "caribou", "castle", "cedar", "cheetah", "cherry", "chestnut",
    "cicada", "cliff", "clover", "cobble", "comet", "condor", "copper", "cork", "cormorant", "cove",
    "coyote", "crane", "creek", "cricket", "curlew", "cypress", "dahlia", "daisy", "delta", "desert",
    "dolphin", "donkey", "dove", "dragonfly", "dune", "eagle", "egret", "elder", "elk", "elm", "ember",
    "estuary", "falcon", "fennel", "fern", "ferret", "fig", "finch", "firefly", "fjord", "flamingo",
    "forest", "fox", "galaxy", "garnet", "gazelle", "gecko", "geyser", "ginger", "glacier", "glade",
    "goose", "grove", "gull", "hamlet", "harbour", "hare", "harvest", "hawk", "hazelnut", "heath",
    "heather", "hedgehog", "heron", "hickory", "hill", "hollow", "horizon", "ibex", "ibis", "iguana",
    "island", "jackal", "jaguar", "jasmine", "juniper", "kestrel", "kingfisher", "kiwi", "koala", "lagoon",
    "lake", "lantern", "larch", "lark", "lavender", "lemon", "lemur", "linden", "lion", "lizard", "llama",
    "lotus", "lynx", "magnolia", "magpie", "mango", "maple", "marlin", "marmot", "marsh", "marten",
    "meadow", "meteor", "mill", "mint", "moon", "moose", "moth", "mountain", "mulberry", "nectar", "nettle",
    "newt", "nutmeg", "oak", "oasis", "ocelot", "olive", "orchard", "orchid", "oriole", "osprey", "otter",
    "owl", "oyster", "panda", "panther", "papaya", "parrot", "peach", "pebble", "pelican", "penguin",
    "pepper", "petrel", "pheasant", "pigeon", "pine", "planet", "plover", "plum", "pond", "poplar", "poppy",
    "prairie", "puffin", "quail", "quarry", "quince", "rabbit", "raven", "reed", "reef", "ridge", "river",
    "robin", "rook", "rosemary", "rowan", "saffron", "sage", "salmon", "sandpiper", "savanna", "seal",
    "sequoia", "shore", "skylark", "sparrow", "spruce", "squirrel", "starling", "stork", "summit",
    "swallow", "swan", "tapir", "tern", "thicket", "thistle", "thrush", "thyme", "tiger", "toucan", "trout",
    "tulip", "tundra", "turtle", "valley", "violet", "walnut", "walrus", "warbler", "waterfall", "whale",
    "willow", "wombat", "woodland", "wren", "yarrow", "zebra", "zephyr",
];

/// A name from 64 random bits (who has randomness passes it in): `calm_otter`. From the third `attempt` on, counted from
/// 0, it ends in a number, so that a store full of containers does not run out of names.
///
/// # Errors
/// Never in practice: each pair of words is a name.
pub fn generate(random: u64, attempt: u32) -> Result<ContainerName, crate::name::InvalidName> {
    let pick = |words: &'static [&'static str], random: u64| {
        let index = usize::try_from(random % words.len() as u64).unwrap_or(0);
        words.get(index).copied().unwrap_or("calm")
    };
    let adjective = pick(&ADJECTIVES, random & 0xffff_ffff);
    let noun = pick(&NOUNS, random >> 32);
    let name = if attempt < 3 {
        format!("{adjective}_{noun}")
    } else {
        format!("{adjective}_{noun}{}", (random >> 16) % 10u64.saturating_pow(attempt.min(9)))
    };
    name.parse()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_plain_and_there_are_enough() {
        assert!(ADJECTIVES.len() >= 100 && NOUNS.len() >= 100);
        let plain = |word: &&str| word.bytes().all(|b| b.is_ascii_lowercase());
        assert!(ADJECTIVES.iter().all(plain) && NOUNS.iter().all(plain));
    }

    proptest! {
        #[test]
        fn any_bits_make_a_name(random: u64, attempt in 0u32..50) {
            let name = generate(random, attempt).expect("a name").to_string();
            prop_assert!(name.split_once('_').is_some());
        }
    }
}
