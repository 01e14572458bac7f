//! The toll that a form may cost (`docs/risk.md`): what was paid, and the page on which it is paid. Every page that asks one shares it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::Pages;
use super::step::StepContext;
use super::view::{TollPage, TollReason};
use crate::platform::web::params::Params;
use crate::platform::web::respond;
use crate::sign_in::Page;
use crate::sign_in::risk::{Level, Paid, Toll};

/// A form that may cost a toll.
pub(super) struct Tolled<'f> {
    page: Page,
    why: TollReason,
    /// What the form names itself by, and what was typed there: the toll counts for that alone.
    named: (&'static str, &'f str),
    token: &'f str,
    work: &'f str,
    held: &'f str,
}

impl<'f> Tolled<'f> {
    /// A form of `page`, which `named` names by one of its fields.
    pub(super) fn read(
        form: &'f Params,
        page: Page,
        why: TollReason,
        named: (&'static str, &'f str),
    ) -> Self {
        let field = |name| form.get(name).unwrap_or_default();
        Self { page, why, named, token: field("toll"), work: field("work"), held: field("held") }
    }

    /// What was paid for it.
    pub(super) fn paid(&self, pages: &Pages, step: &StepContext<'_>) -> Paid {
        let (tolls, now) = (&pages.sign_in.tolls, pages.sign_in.clock.now());
        tolls.paid(self.token, self.work, &self.place(step), now)
    }

    /// What it holds of what was typed before.
    pub(super) fn held(&self, pages: &Pages) -> Option<String> {
        pages.sign_in.tolls.held(self.token, self.held)
    }

    /// The page of a toll of `level`, which holds `secret` until then; `None` where that is longer than anything that could be meant.
    pub(super) fn due(
        &self,
        pages: &Pages,
        step: &StepContext<'_>,
        level: Level,
        secret: Option<&str>,
    ) -> Option<HttpResponse> {
        let tolls = &pages.sign_in.tolls;
        let toll = tolls.due(level, &self.place(step), pages.sign_in.clock.now());
        let held = match secret {
            Some(secret) => Some(tolls.hold(&toll.token, secret)?),
            None => None,
        };
        Some(self.page(step, &toll, held.as_deref()))
    }

    /// The page once more, with what is left of the wait.
    pub(super) fn early(&self, step: &StepContext<'_>, toll: &Toll) -> HttpResponse {
        self.page(step, toll, Some(self.held).filter(|held| !held.is_empty()))
    }

    /// It goes on by itself, or by its button after a wait.
    fn page(&self, step: &StepContext<'_>, toll: &Toll, held: Option<&str>) -> HttpResponse {
        let (action, cancel) = (step.path(self.page), step.cancel_path(self.page));
        let wait = u32::try_from(toll.wait.max(0)).unwrap_or(u32::MAX);
        let (name, typed) = self.named;
        let page = TollPage {
            frame: step.frame(self.page, &action),
            why: self.why.message(step.context.text()),
            name,
            typed: &kept(typed),
            held,
            toll: &toll.token,
            bits: toll.bits,
            wait: step.context.text().waiting(wait),
            cancel: &cancel,
        };
        respond::page(StatusCode::OK, &page, &step.csp_sources())
    }

    /// What a toll counts for: this attempt, and what was typed here.
    fn place(&self, step: &StepContext<'_>) -> Vec<u8> {
        let (name, typed) = self.named;
        // As it is written back into the page, and whatever stands between the digits of a number.
        let typed = match self.why {
            TollReason::Codes => typed.chars().filter(char::is_ascii_digit).collect(),
            TollReason::Passwords | TollReason::Networks => kept(typed),
        };
        [&step.open.id.digest().0[..], name.as_bytes(), b"/", typed.as_bytes()].concat()
    }
}

/// What was typed, as far as a page may show it again.
pub(super) fn kept(typed: &str) -> String {
    typed.chars().filter(|c| !c.is_control()).take(80).collect()
}
