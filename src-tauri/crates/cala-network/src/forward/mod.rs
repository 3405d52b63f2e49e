//! The data path of published ports.
