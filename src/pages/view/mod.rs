//! The pages of a sign-in and a sign-out as values: what each shows, and nothing of how it is decided. Every
//! page is an [`askama::Template`], so `render()` turns it into HTML; handlers live one file up.

mod application;
mod approval;
mod code;
mod consent;
mod eri;
mod face;
mod leaving;
mod locked;
mod means;
mod number;
mod passkey;
mod password;
mod qr;
mod qr_image;
#[cfg(test)]
mod tests;
mod toll;

pub(super) use application::{ApplicationPage, Shown};
pub(super) use approval::{ApprovalPage, Choice, LimitedPage, ReferencePage};
pub(super) use code::{CodeData, CodeError, CodeMeaning, CodePage, Next};
pub(super) use consent::{AskedFor, ConsentPage, ContinuePage, Datum};
pub(super) use eri::{EriComputer, EriPage, EriPhone, EriStep, NoAccountPage};
pub(super) use face::FacePage;
pub(super) use leaving::{SignOutPage, SignedOutPage, WelcomePage};
pub(super) use locked::LockedPage;
pub(super) use means::{MeansPage, OtherMeans};
pub(super) use number::{NumberError, NumberPage};
pub(super) use passkey::{PasskeyError, PasskeyPage};
pub(super) use password::{
    FirstPasswordPage, NewPasswordError, NewPasswordPage, PasswordError, PasswordPage, rules,
};
pub(super) use qr::{QrAskPage, QrDonePage, QrPage, ShownCode};
pub(super) use toll::{TollPage, TollReason};
