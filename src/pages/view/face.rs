//! A face.

use askama::Template;

use super::OtherMeans;
use crate::platform::web::frame::Frame;

/// Leads to MyID.
#[derive(Template)]
#[template(path = "pages/face.html")]
pub(crate) struct FacePage<'a> {
    pub frame: Frame<'a>,
    /// What did not work, and what helps.
    pub error: Option<&'static str>,
    /// Other means that can lead to what the service accepts.
    pub others: Vec<OtherMeans>,
    /// Refuses and leads back to the service.
    pub cancel: &'a str,
}
