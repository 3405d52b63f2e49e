//! Which entry of an index serves a platform (OCI image specification, image-index.md, `platform`).

use cala_spec::Platform;
use oci_client::manifest::ImageIndexEntry;

use crate::manifest::is_index;

/// The best entry for `wanted`: the variant itself, else the nearest older one. `None` when nothing fits.
pub(crate) fn choose<'a>(entries: &'a [ImageIndexEntry], wanted: &Platform) -> Option<&'a ImageIndexEntry> {
    let images: Vec<_> = entries.iter().filter(|entry| is_index(&entry.media_type) == Some(false)).collect();
    let ranked = images.iter().filter_map(|entry| Some((rank(wanted, &platform_of(entry)?)?, *entry)));
    // `min_by_key` keeps the first of equals, which is the order that the specification asks for.
    let best = ranked.min_by_key(|(rank, _)| *rank).map(|(_, entry)| entry);
    match (best, images.as_slice()) {
        // Some builders wrap a single image in an index and leave the platform out.
        (None, [only]) if only.platform.is_none() => Some(only),
        (best, _) => best,
    }
}

/// What an index offers, for the message when nothing fits; attestations are no platforms.
pub(crate) fn offered(entries: &[ImageIndexEntry]) -> Vec<String> {
    let mut all: Vec<String> = entries
        .iter()
        .filter_map(platform_of)
        .filter(|platform| platform.os != "unknown")
        .map(|platform| platform.to_string())
        .collect();
    all.dedup();
    all
}

fn platform_of(entry: &ImageIndexEntry) -> Option<Platform> {
    let platform = entry.platform.as_ref()?;
    Some(Platform {
        os: platform.os.to_string(),
        architecture: platform.architecture.to_string(),
        variant: platform.variant.clone().filter(|variant| !variant.is_empty()),
    })
}

/// How far an offer is from the wish, 0 is exact; `None` when it does not serve.
fn rank(wanted: &Platform, offered: &Platform) -> Option<u32> {
    if wanted.os != offered.os || wanted.architecture != offered.architecture {
        return None;
    }
    let usual = match wanted.architecture.as_str() {
        "arm" => "v7",
        "arm64" => "v8",
        _ => "v1",
    };
    let wish = wanted.variant.as_deref().unwrap_or(usual);
    let offer = offered.variant.as_deref().unwrap_or(usual);
    if wish == offer {
        return Some(0);
    }
    let number = |variant: &str| variant.strip_prefix('v').and_then(|digits| digits.parse::<u32>().ok());
    match (number(wish), number(offer)) {
        // A processor runs what was built for an older one.
        (Some(wish), Some(offer)) if offer < wish => Some(wish - offer),
        // Who names no variant takes a newer one when there is nothing else.
        (Some(wish), Some(offer)) if wanted.variant.is_none() => Some(1000 + offer - wish),
        _ if wanted.variant.is_none() => Some(2000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(wanted: &str, offers: &[&str]) -> Option<usize> {
        let entries: Vec<ImageIndexEntry> = offers
            .iter()
            .map(|offer| {
                let mut parts = offer.split('/');
                let platform = serde_json::json!({
                    "os": parts.next(), "architecture": parts.next(), "variant": parts.next(),
                });
                serde_json::from_value(serde_json::json!({
                    "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "d", "size": 1,
                    "platform": platform,
                }))
                .expect("an entry")
            })
            .collect();
        let best = choose(&entries, &wanted.parse().expect("a platform"))?;
        entries.iter().position(|entry| std::ptr::eq(entry, best))
    }

    #[test]
    fn variants_fall_back_to_older_ones_only() {
        let arm = ["linux/arm/v5", "linux/arm/v6", "linux/arm/v7"];
        assert_eq!(chosen("linux/arm/v7", &arm), Some(2));
        assert_eq!(chosen("linux/arm/v6", &arm), Some(1));
        assert_eq!(chosen("linux/arm", &arm), Some(2));
        assert_eq!(chosen("linux/arm/v6", &["linux/arm/v7"]), None);
        assert_eq!(chosen("linux/arm64/v8", &["linux/amd64", "linux/arm64"]), Some(1));
        assert_eq!(chosen("linux/arm64", &["linux/arm64/v9"]), Some(0));
        assert_eq!(chosen("linux/amd64", &["linux/amd64/v3", "linux/amd64"]), Some(1));
        assert_eq!(chosen("linux/amd64/v3", &["linux/amd64", "linux/amd64/v2"]), Some(1));
    }

    #[test]
    fn attestations_and_other_systems_are_no_offer() {
        assert_eq!(chosen("linux/amd64", &["unknown/unknown", "windows/amd64"]), None);
        assert_eq!(chosen("linux/riscv64", &["linux/amd64"]), None);
    }
}
