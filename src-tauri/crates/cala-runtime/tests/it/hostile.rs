//! Images and requests that want out (security.md, R1 to R9).

use crate::runner::Case;

pub(crate) const CASES: &[Case] = &[];
