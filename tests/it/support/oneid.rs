//! OneID's protocol as its clients speak it: one URL, and parameters wherever they put them.

use reqwest::{Method, RequestBuilder};
use url::Url;

use super::client_file::{CALLBACK, secret};
use super::{Browser, Person, Tokens, World, code_of};

/// Where everything is.
pub(crate) const PATH: &str = "/sso/oauth/Authorization.do";

/// What a browser asks for on behalf of `client`, as most clients write it.
pub(crate) fn link(world: &World, client: &str) -> Url {
    let mut url = world.url(PATH);
    url.query_pairs_mut().extend_pairs([
        ("response_type", "one_code"),
        ("client_id", client),
        ("redirect_uri", CALLBACK),
        ("scope", client),
        ("state", "testState"),
    ]);
    url
}

/// A link with a query as it stands.
pub(crate) fn raw_link(world: &World, query: &str) -> Url {
    let mut url = world.url(PATH);
    url.set_query(Some(query));
    url
}

/// What proves a client.
pub(crate) fn proof(client: &str) -> Vec<(String, String)> {
    vec![("client_id".to_owned(), client.to_owned()), ("client_secret".to_owned(), secret(client))]
}

/// The fields of a request of `client`, with its proof.
pub(crate) fn fields(client: &str, fields: &[(&str, &str)]) -> Vec<(String, String)> {
    let given = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    given.chain(proof(client)).collect()
}

/// A service's server.
impl World {
    /// A bare request to the one URL.
    pub(crate) fn oneid_request(&self, method: Method, query: &str) -> RequestBuilder {
        self.browser().request(method, &raw_link(self, query))
    }

    /// What a service gets for a form.
    pub(crate) async fn oneid(&self, client: &str, given: &[(&str, &str)]) -> Tokens {
        self.oneid_at(self.nodes[0].port, client, given).await
    }

    /// As `oneid`, of a certain node.
    pub(crate) async fn oneid_at(&self, port: u16, client: &str, given: &[(&str, &str)]) -> Tokens {
        let request = self.browser().at(port).request(Method::POST, &self.url(PATH));
        Tokens::of(request.form(&fields(client, given)).send().await.expect("an answer")).await
    }

    /// What a service gets for a code.
    pub(crate) async fn oneid_redeem(&self, client: &str, code: &str) -> Tokens {
        let given = [("grant_type", "one_authorization_code"), ("redirect_uri", CALLBACK), ("code", code)];
        self.oneid(client, &given).await
    }

    /// What a service reads with a token.
    pub(crate) async fn oneid_identify(&self, client: &str, token: &str) -> Tokens {
        let given =
            [("grant_type", "one_access_token_identify"), ("access_token", token), ("scope", "whatever")];
        self.oneid(client, &given).await
    }

    /// Ends what a service got.
    pub(crate) async fn oneid_log_out(&self, client: &str, token: &str) -> Tokens {
        self.oneid(client, &[("grant_type", "one_log_out"), ("access_token", token), ("scope", client)]).await
    }

    /// Signs somebody in and redeems the code for a token.
    pub(crate) async fn oneid_token(&self, client: &str, browser: &mut Browser, person: &Person) -> String {
        let url = browser.sign_in_at(self, &link(self, client), person).await;
        let tokens = self.oneid_redeem(client, &code_of(&url)).await.granted();
        tokens.get("access_token").to_owned()
    }
}

/// A refusal in OneID's words.
impl Tokens {
    /// Fails unless this error was given, in the form of OneID's.
    pub(crate) fn refused_by_oneid(&self, status: u16, message: &str, error: &str) {
        let body = serde_json::json!({"message": message, "error": error});
        assert_eq!((self.status, &self.body), (status, &body));
        assert_eq!(self.headers["content-type"], "application/json");
    }
}
