//! The grammar of `--user` and USER (security rule R8): closed, so that no odd number becomes root.

use cala_spec::invalid::InvalidValue;

/// The largest id: 2^32 - 1 means "no id" in the kernel.
const MAX_ID: u64 = (1 << 32) - 2;

/// Checks `user[:group]`, each a decimal number or a name that is not all digits. Whether a name exists is known only
/// inside the image; the runtime looks it up there.
///
/// # Errors
/// When a part is empty, too large, or of other characters than names have.
pub(super) fn check(text: &str) -> Result<(), InvalidValue> {
    if text.is_empty() {
        return Ok(());
    }
    let mut parts = text.split(':');
    let user = parts.next().unwrap_or_default();
    let group = parts.next();
    if parts.next().is_some() || !part(user) || !group.is_none_or(part) {
        let shown: String = text.chars().take(80).collect();
        return Err(InvalidValue::new("invalid_user", format!("invalid user \"{shown}\"")).allowing(
            "a user is `name`, `uid`, or either with `:group` or `:gid`; ids go up to 4294967294",
        ));
    }
    Ok(())
}

fn part(text: &str) -> bool {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse::<u64>().is_ok_and(|id| id <= MAX_ID);
    }
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_' || b > 127);
    let rest = text.bytes().all(|b| {
        b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'$' | b'@' | b'\\') || b > 127
    });
    first && rest && text.len() <= 256
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_and_ids_pass() {
        for good in
            ["", "0", "1000", "1000:1000", "nobody", "www-data:33", "4294967294", "_apt", "a.b@c", "ünal"]
        {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in [
            ":5",
            "1000:",
            "+1",
            " 1",
            "1 ",
            "1e3",
            "0x10",
            "4294967295",
            "-1",
            "99999999999",
            "a:b:c",
            "1000:4294967296",
            "a b",
            "a\nb",
            "../x",
            "99999999999999999999999",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
