//! What every page of Yagona shares, whatever it is about: the reader's language and the words in it, the frame
//! around a page, static files, problem pages; and what pages and protocol messages are made of: parameters,
//! cookies, headers. Pages themselves live with their subjects.

pub mod assets;
pub mod cookies;
pub mod frame;
pub mod locale;
#[cfg(test)]
pub(crate) mod markup;
pub mod page_context;
pub mod params;
pub mod problem;
pub mod respond;
pub mod support;
pub mod text;
