//! Paths of entries, normalised to components.

use super::UnpackError;

/// Components joined by `/`, without `.`, doubled or leading slashes; empty for the root itself.
///
/// # Errors
///
/// `..` is refused: what it means depends on links, and no layer needs it.
pub(super) fn normalise(path: &[u8]) -> Result<Vec<u8>, UnpackError> {
    let mut normal = Vec::with_capacity(path.len());
    for component in path.split(|byte| *byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => return Err(UnpackError::hostile(path, "it contains `..`")),
            component => {
                if !normal.is_empty() {
                    normal.push(b'/');
                }
                normal.extend_from_slice(component);
            }
        }
    }
    Ok(normal)
}

/// Parent (empty for the root) and name of a normalised path that is not the root.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (path.get(..slash).unwrap_or_default(), path.get(slash + 1..).unwrap_or_default()),
        None => (&[], path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_components_remain() {
        for (path, normal) in [
            (&b"a/b"[..], &b"a/b"[..]),
            (b"/etc/passwd", b"etc/passwd"),
            (b"./a//b/./", b"a/b"),
            (b"./", b""),
            (b"/", b""),
            (b"...", b"..."),
        ] {
            assert_eq!(normalise(path).unwrap(), normal);
        }
        for bad in [&b".."[..], b"../a", b"a/../b", b"a/.."] {
            assert!(normalise(bad).is_err());
        }
        assert_eq!(split(b"a/b/c"), (&b"a/b"[..], &b"c"[..]));
        assert_eq!(split(b"a"), (&b""[..], &b"a"[..]));
    }
}
