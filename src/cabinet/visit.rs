//! Who is at a page: the person of the browser's session, or the way through the sign-in and back.

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::paths::EMAIL;
use super::{Cabinet, PATH};
use crate::people::{Account, PersonId};
use crate::platform::bytes;
use crate::platform::clock::Timestamp;
use crate::platform::seal::Mac;
use crate::platform::service_error::ServiceError;
use crate::platform::web::page_context::{PageContext, Problem};
use crate::platform::web::params::{Malformed, Params};
use crate::platform::web::problem::ProblemKind;
use crate::platform::web::respond;
use crate::sign_in::{Acr, Means, OpenSession, Protocol, classes, told};

/// The oldest proof of who somebody is that a page takes which could hurt, in seconds (OWASP ASVS 5.0 §7.5.1, §7.5.3).
const FRESH: i64 = 300;

/// How long a form that was shown under such a proof may be filled in, in seconds: whoever writes slowly loses nothing.
const FILLING: i64 = 900;

/// The longest address that is come back to, in bytes.
const LONGEST: usize = 512;

/// How recently a person must have proved who they are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// The session will do.
    Session,
    /// Within the last [`FRESH`] seconds.
    Fresh,
}

/// A person at a page.
pub(super) struct Visit<'r> {
    pub(super) context: PageContext<'r>,
    pub(super) open: OpenSession,
    /// As of now, never from memory.
    pub(super) account: Arc<Account>,
    pub(super) query: Params,
    pub(super) now: Timestamp,
    /// What the page asked for.
    proof: Proof,
    /// What a fresh proof must reach; empty where anything will do.
    demands: Vec<Acr>,
    forms: Arc<Mac>,
    /// Whether mails are sent here.
    mails: bool,
}

impl Visit<'_> {
    /// Whether there is a page of that path here.
    pub(super) fn offers(&self, path: &str) -> bool {
        self.mails || path != EMAIL
    }

    /// Who it is.
    pub(super) fn person(&self) -> &PersonId {
        &self.open.session.person_id
    }

    /// What each form holds: it proves that a page of this session showed it, and when, if that page wanted a fresh proof. It goes on when the person proves who they are once more
    /// at this browser, so that a form that led to that can be sent after it.
    pub(super) fn form_token(&self) -> String {
        let token = self.mac(b"form", b"");
        if self.proof != Proof::Fresh {
            return token;
        }
        let shown = self.now.0.to_string();
        format!("{token}.{shown}.{}", self.mac(b"shown", shown.as_bytes()))
    }

    /// Whether a form of this session holds that, and whether it was shown, not long ago, under a fresh proof.
    fn holds(&self, given: &str) -> (bool, bool) {
        let mut parts = given.split('.');
        let mut part = || parts.next().unwrap_or_default();
        let (token, shown, proof) = (part(), part(), part());
        let own = bytes::same(token.as_bytes(), self.mac(b"form", b"").as_bytes());
        let fresh = bytes::same(proof.as_bytes(), self.mac(b"shown", shown.as_bytes()).as_bytes());
        let since = shown.parse().map_or(i64::MAX, |at| self.now.since(Timestamp(at)));
        (own, own && fresh && (0..FILLING).contains(&since))
    }

    /// Leads to a page that says what was done. The word is proved, so that no link of somebody else's makes a page say what nobody did.
    pub(super) fn done(&self, path: &str, word: &str) -> HttpResponse {
        respond::see_other(&format!("{path}?said={word}.{}", self.mac(b"said", word.as_bytes())))
    }

    /// What the address says was done, if this provider said so to this session.
    pub(super) fn said(&self) -> Option<&str> {
        let (word, proof) = self.query.get("said")?.split_once('.')?;
        bytes::same(proof.as_bytes(), self.mac(b"said", word.as_bytes()).as_bytes()).then_some(word)
    }

    fn mac(&self, what: &[u8], word: &[u8]) -> String {
        let session = &self.open.session;
        self.forms.digest(&[what, word, session.person_id.as_str().as_bytes(), &session.sid_key.0]).encode()
    }

    /// Whether they proved that recently enough for what could hurt, at this browser, by what the page demands of a fresh proof.
    pub(super) fn is_fresh(&self) -> bool {
        let proved = self.open.session.proved_since(self.now.minus(FRESH - 1));
        !proved.is_empty() && told(&proved, &self.demands).is_some()
    }

    /// What they proved at this browser as recently as a form that wants a fresh proof may have been filled in since.
    pub(super) fn proved(&self) -> Vec<Means> {
        self.open.session.proved_since(self.now.minus(FRESH + FILLING))
    }
}

impl Cabinet {
    /// Shows a page to the person of the session; whoever has none signs in first and comes back to this very page.
    pub(super) async fn show<'r>(
        &self,
        request: &'r HttpRequest,
        proof: Proof,
        page: impl AsyncFnOnce(&Visit<'r>) -> Result<HttpResponse, ServiceError>,
    ) -> HttpResponse {
        let here = request.uri().path_and_query().map_or(PATH, |here| here.as_str());
        let here = if here.len() <= LONGEST { here } else { request.path() };
        let context = PageContext::new(request, self.cookies, None);
        match self.enter(context, here, proof).await {
            Ok(visit) => {
                let answered = page(&visit).await;
                visit.context.remember_language(visit.context.or_failure(answered))
            }
            Err(instead) => instead,
        }
    }

    /// Takes a form, which only pages of this provider may post; whoever has no session comes back to the page `from` that has it. The
    /// headers of browsers are not enough to tell: old ones send none, and `Origin: null` is sent by frames of anybody. So each form
    /// holds a token of its session, and one without it changes nothing and leads to the page.
    pub(super) async fn posted<'r>(
        &self,
        request: &'r HttpRequest,
        (from, proof, body): (&str, Proof, &[u8]),
        take: impl AsyncFnOnce(&Visit<'r>, &Params) -> Result<HttpResponse, ServiceError>,
    ) -> HttpResponse {
        let form = Params::of_form(request, body);
        self.took(request, (from, proof, form), async |visit, form| take(visit, &form).await).await
    }

    /// As [`Cabinet::posted`], of a form that was read before, with whatever came with it.
    pub(super) async fn took<'r, F: AsRef<Params>>(
        &self,
        request: &'r HttpRequest,
        (from, proof, form): (&str, Proof, Result<F, Malformed>),
        take: impl AsyncFnOnce(&Visit<'r>, F) -> Result<HttpResponse, ServiceError>,
    ) -> HttpResponse {
        let context = PageContext::new(request, self.cookies, None);
        let Ok(form) = form.and_then(|form| {
            if respond::is_same_origin(request, &self.origin) {
                Ok(form)
            } else {
                Err(Malformed("another site's form"))
            }
        }) else {
            return context.problem(ProblemKind::BadRequest, &Problem::default());
        };
        match self.enter(context, from, Proof::Session).await {
            Ok(visit) => {
                let (own, fresh) = visit.holds(form.as_ref().get("form").unwrap_or_default());
                if proof == Proof::Fresh && !fresh && !visit.is_fresh() {
                    return self.prove_again(&visit, from);
                }
                if !own {
                    return visit.done(from, "untaken");
                }
                let answered = take(&visit, form).await;
                visit.context.or_failure(answered)
            }
            Err(instead) => instead,
        }
    }

    /// The person of the session, as of now: a session that was ended anywhere shows nothing.
    ///
    /// # Errors
    /// The answer to send instead: the way through the sign-in and back to `here`.
    async fn enter<'r>(
        &self,
        context: PageContext<'r>,
        here: &str,
        proof: Proof,
    ) -> Result<Visit<'r>, HttpResponse> {
        match self.find(&context).await {
            Err(error) => Err(context.failure(&error)),
            Ok(None) => Err(context.or_failure(self.first_party.begin(&context, here, None))),
            Ok(Some((open, account))) => {
                let now = self.sign_in.clock.now();
                let demands = match self.demands(&open, &account).await {
                    Ok(demands) => demands,
                    Err(error) => return Err(context.failure(&error)),
                };
                if open.session.told(&demands).is_none() {
                    let begun = self.first_party.step_up(&context, here, &open, &demands);
                    return Err(context.or_failure(begun));
                }
                let query = Params::parse(context.request.query_string()).unwrap_or_default();
                let forms = Arc::clone(&self.forms);
                let mails = self.emails.is_some();
                let visit = Visit { context, open, account, query, now, proof, demands, forms, mails };
                if proof == Proof::Fresh && !visit.is_fresh() {
                    return Err(self.prove_again(&visit, here));
                }
                Ok(visit)
            }
        }
    }

    /// Leads a person through a proof of who they are, and back to `here`.
    fn prove_again(&self, visit: &Visit<'_>, here: &str) -> HttpResponse {
        let (again, demands) = (Some(visit.person()), visit.demands.clone());
        visit.context.or_failure(self.first_party.begin_with(&visit.context, here, again, demands))
    }

    /// What a visit must rest on: where the person has anything stronger than a password, a password alone is not enough, so that who
    /// has stolen it sees nothing here. Only a session that rests on one costs a statement, and only where no number is enrolled.
    async fn demands(&self, open: &OpenSession, account: &Account) -> Result<Vec<Acr>, ServiceError> {
        let stronger = |means: &[Means]| {
            let all = classes(means).into_iter();
            all.filter(|acr| *acr > Acr::Password).collect::<Vec<_>>()
        };
        let offered = &self.sign_in.settings.offered;
        if account.phone.is_some() || !stronger(open.session.counting()).is_empty() {
            return Ok(if offered.contains(&Means::Password) { stronger(offered) } else { Vec::new() });
        }
        // A signature or a face is nobody's for certain before it was used.
        let added = self.sign_in.held(account, Protocol::FirstParty).await?.contains(&Means::Passkey);
        Ok(if added { stronger(offered) } else { Vec::new() })
    }

    async fn find(
        &self,
        context: &PageContext<'_>,
    ) -> Result<Option<(OpenSession, Arc<Account>)>, ServiceError> {
        let sessions = &self.sign_in.sessions;
        let Some(open) = sessions.of_browser(context.request, self.cookies).await? else { return Ok(None) };
        let person = &open.session.person_id;
        let found = self.release.consent_context(person, self.first_party.client()).await?;
        let Some(found) = found.filter(|found| open.is_of(&found.account.account_state)) else {
            return Ok(None);
        };
        sessions.keep_alive(&open).await?;
        Ok(Some((open, found.account)))
    }
}

/// A page that exists, asked for by a method that it is not opened by.
pub(super) async fn wrong_method(cabinet: Data<Cabinet>, request: HttpRequest) -> HttpResponse {
    PageContext::new(&request, cabinet.cookies, None)
        .problem(ProblemKind::MethodNotAllowed, &Problem::default())
}
