//! OCI distribution client: auth, mirrors, resumable parallel blobs. The only outward HTTP.
