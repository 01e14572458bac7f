//! Signing in for pages of this provider itself: the same steps as for any service, and an answer that is a redirect back to the
//! page that wanted to know who is there.
//!
//! No tokens come of it, no consent is asked and no data are released: the page reads the session that the sign-in opened. The
//! client that it is done for is of this program and stands in no register, so no protocol can be used in its name.

use std::sync::Arc;

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use url::Url;

use crate::clients::{
    Client, ClientId, DataRequest, OWN_CLIENT, Registration, RegistrationErrors, Rules, SubjectIds,
    csp_source,
};
use crate::people::PersonId;
use crate::platform::service_error::ServiceError;
use crate::platform::web::assets::asset;
use crate::platform::web::locale::Language;
use crate::platform::web::page_context::PageContext;
use crate::platform::web::respond;
use crate::platform::web::settings::Operator;
use crate::platform::web::text::Text;
use crate::sign_in::{Acr, AskAgain, Beginning, OpenSession, Protocol, Reply, SignIn, SignInRequest};

/// Where somebody goes who does not sign in after all.
const LEFT: &str = "/";

/// Sign-ins for this provider's own pages. Cheap to clone.
#[derive(Clone)]
pub struct FirstParty {
    client: Arc<Client>,
    sign_in: SignIn,
    subject_ids: Arc<SubjectIds>,
}

/// What the answer is made from, as the attempt carries it.
#[derive(Serialize, Deserialize)]
struct ReplyState {
    /// The page to go back to: path and query on this origin.
    path: String,
}

impl FirstParty {
    /// Sign-ins of `client`, which [`own_client`] made.
    pub const fn new(client: Arc<Client>, sign_in: SignIn, subject_ids: Arc<SubjectIds>) -> Self {
        Self { client, sign_in, subject_ids }
    }

    /// The client that these sign-ins are done for.
    pub const fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Leads to the sign-in, and back to `path` after it. With `again`, that person has to prove anew who they are, whatever
    /// session there is (step-up), and nobody else will do.
    ///
    /// # Errors
    /// [`ServiceError::Internal`] when the path is too long for the address of a page, which none of this program's is.
    pub fn begin(
        &self,
        context: &PageContext<'_>,
        path: &str,
        again: Option<&PersonId>,
    ) -> Result<HttpResponse, ServiceError> {
        self.begin_with(context, path, again, Vec::new())
    }

    /// As [`FirstParty::begin`], where only these classes will do.
    ///
    /// # Errors
    /// As for [`FirstParty::begin`].
    pub fn begin_with(
        &self,
        context: &PageContext<'_>,
        path: &str,
        again: Option<&PersonId>,
        acr: Vec<Acr>,
    ) -> Result<HttpResponse, ServiceError> {
        let ask_again = AskAgain { sign_in: again.is_some(), ..AskAgain::default() };
        self.lead(context, path, (again, None), (ask_again, acr))
    }

    /// Leads the person of a session to a further factor, until what they proved is of one of these classes, and back to `path`
    /// (step-up). Nobody else will do.
    ///
    /// # Errors
    /// As for [`FirstParty::begin`].
    pub fn step_up(
        &self,
        context: &PageContext<'_>,
        path: &str,
        open: &OpenSession,
        accepted: &[Acr],
    ) -> Result<HttpResponse, ServiceError> {
        let who = (Some(&open.session.person_id), Some(open.clone()));
        self.lead(context, path, who, (AskAgain::default(), accepted.to_vec()))
    }

    fn lead(
        &self,
        context: &PageContext<'_>,
        path: &str,
        (person, session): (Option<&PersonId>, Option<OpenSession>),
        (ask_again, acr): (AskAgain, Vec<Acr>),
    ) -> Result<HttpResponse, ServiceError> {
        let state = ReplyState { path: path.to_owned() };
        let state = to_raw_value(&state).map_err(|error| ServiceError::Internal(error.to_string()))?;
        let home = self.client.identity.client_uri.as_deref();
        let request = SignInRequest {
            client_id: self.client.id.clone(),
            data: DataRequest::default(),
            application: None,
            ask_again,
            max_age: None,
            acr,
            represents: false,
            expected_sub: person.map(|person| self.subject_ids.of(&self.client, person)),
            return_to: home.and_then(csp_source),
            reply: Reply { protocol: Protocol::FirstParty, state },
        };
        let too_large = "the path of a page of this provider is too long";
        let beginning = Beginning {
            client: &self.client,
            subject_ids: &self.subject_ids,
            request,
            session,
            until: None,
            hint: None,
            scope: None,
            too_large,
        };
        let begun = self.sign_in.begin(context, beginning);
        begun.ok_or_else(|| ServiceError::Internal(too_large.to_owned()))
    }

    /// The redirect back, and what lets it be sent again.
    ///
    /// # Errors
    /// [`ServiceError`] when the request was stored by another version.
    pub fn answer(&self, request: &SignInRequest) -> Result<(HttpResponse, Box<RawValue>), ServiceError> {
        let state = restore(&request.reply.state)?;
        self.sign_in.metrics.sign_ins("answer", "first_party").inc();
        Ok((respond::see_other(&state.path), request.reply.state.clone()))
    }

    /// The redirect that was stored and may never have arrived.
    ///
    /// # Errors
    /// [`ServiceError`] when it was stored by another version.
    pub fn again(&self, stored: &RawValue) -> Result<HttpResponse, ServiceError> {
        Ok(respond::see_other(&restore(stored)?.path))
    }

    /// Where somebody goes who cancelled, or is not the one who was to prove something: the front page. The page that asked
    /// would only ask again.
    pub fn refuse(&self) -> HttpResponse {
        self.sign_in.metrics.sign_ins("answer", "access_denied").inc();
        respond::see_other(LEFT)
    }
}

fn restore(state: &RawValue) -> Result<ReplyState, ServiceError> {
    serde_json::from_str(state.get()).map_err(|error| ServiceError::Internal(error.to_string()))
}

/// The client of this provider's own pages, whose front page is `home`, as people see it when they sign in.
///
/// # Errors
/// [`RegistrationErrors`] when `operator` is no name of an owner.
pub fn own_client(rules: &Rules, home: &Url, operator: &Operator) -> Result<Client, RegistrationErrors> {
    let mut document = json!({
        "client_id": OWN_CLIENT,
        "client_uri": home.as_str(),
        "redirect_uris": [home.as_str()],
        "scope": "openid",
        "token_endpoint_auth_method": "none",
    });
    let default = Language::UzLatn;
    for language in Language::ALL {
        let name = Text::new(language).get("cabinet.name");
        let owner =
            Some(operator.in_language(language)).filter(|owner| !owner.is_empty()).unwrap_or("Yagona");
        document[format!("client_name#{}", language.tag())] = name.into();
        document[format!("owner#{}", language.tag())] = owner.into();
        if language == default {
            document["client_name"] = name.into();
            document["owner"] = owner.into();
        }
    }
    let registration: Registration = match serde_json::from_value(document) {
        Ok(registration) => registration,
        Err(error) => unreachable!("a document of this program: {error}"),
    };
    let mut client = registration.parse(rules)?;
    client.icon = Some(asset("mark.svg").to_owned());
    Ok(client)
}

/// Whether an identifier is that of this provider's own pages.
pub fn is_own(id: &ClientId) -> bool {
    id.as_str() == OWN_CLIENT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_of_the_own_pages_asks_for_nothing_and_is_named_in_each_language() {
        let rules = Rules {
            loopback_http: false,
            issuer: "https://id.uz".to_owned(),
            sms_host: "id.uz".to_owned(),
            shortest_secret: 32,
            published_secrets: false,
        };
        let home = Url::parse("https://id.uz/cabinet").unwrap();
        let client = own_client(&rules, &home, &Operator::default()).unwrap();
        assert!(is_own(&client.id) && client.data.sets.is_empty());
        assert_eq!(client.start_page(), Some("https://id.uz/cabinet"));
        let names: std::collections::BTreeSet<&str> =
            Language::ALL.iter().map(|language| client.identity.name.get(language.tag())).collect();
        assert_eq!(names.len(), 4, "{names:?}");
    }
}
