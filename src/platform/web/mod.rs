//! What every page of Yagona shares, whatever it is about: the reader's language and the words in it, the
//! frame around a page, static files, problem pages. Pages themselves live with their subjects.

pub mod assets;
pub mod frame;
pub mod locale;
#[cfg(test)]
pub(crate) mod markup;
pub mod problem;
pub mod text;
