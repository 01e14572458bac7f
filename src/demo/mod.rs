//! The country in miniature that a newcomer meets first. Here live its relying parties; the sandbox's outside
//! systems and the provider itself do not. Whatever is here reaches the provider over the network only.

pub mod portal;
