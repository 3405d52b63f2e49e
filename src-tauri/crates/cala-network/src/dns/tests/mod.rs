//! Tests of the name server over loopback.
