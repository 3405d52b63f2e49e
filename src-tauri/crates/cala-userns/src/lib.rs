//! U: makes or joins the user namespace that holds the user's whole id range.
