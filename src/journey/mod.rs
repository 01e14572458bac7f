//! journey

pub mod view;
