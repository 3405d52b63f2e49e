//! remove_tree.
