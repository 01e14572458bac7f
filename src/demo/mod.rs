//! The relying parties of the demo. They reach the provider over the network only.

pub mod portal;
