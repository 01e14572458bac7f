//! The pages of a sign-in and a sign-out as values: what each shows, and nothing of how it is decided. Every
//! page is an [`askama::Template`], so `render()` turns it into HTML; handlers live one file up.

mod application;
mod approval;
mod code;
mod consent;
mod leaving;
mod means;
mod number;
#[cfg(test)]
mod tests;

pub(super) use application::{ApplicationPage, Shown};
pub(super) use approval::{ApprovalPage, Choice, LimitedPage, ReferencePage};
pub(super) use code::{CodeData, CodeError, CodeMeaning, CodePage, Next};
pub(super) use consent::{AskedFor, ConsentPage, ContinuePage, Datum};
pub(super) use leaving::{SignOutPage, SignedOutPage, WelcomePage};
pub(super) use means::{MeansPage, OtherMeans};
pub(super) use number::{NumberError, NumberPage};
