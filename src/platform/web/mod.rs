//! Common parts of pages: languages and texts, the frame, static files, problem pages; and of pages and protocol
//! messages: parameters, cookies, headers. The pages themselves are in `pages`.

pub mod assets;
pub mod cookies;
pub mod cors;
pub mod frame;
pub mod locale;
#[cfg(test)]
pub(crate) mod markup;
pub mod page_context;
pub mod params;
pub mod problem;
pub mod respond;
pub mod settings;
pub mod site;
pub mod support;
pub mod support_code;
pub mod text;
pub mod user_agent;
pub mod well_known;
