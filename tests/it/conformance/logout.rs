//! The modules that sign out.

use std::collections::BTreeMap;

use reqwest::Method;
use url::Url;

use super::modules::Module;
use super::suite::{AT_SUITE, End, Outcome, Suite};
use crate::support::jwt;

impl Module<'_> {
    async fn leave(&mut self, params: &[(&str, &str)]) -> End {
        let mut url: Url = self.suite.issuer.join("/oidc/logout").expect("a path");
        url.query_pairs_mut().extend_pairs(params);
        self.suite.pictured = false;
        self.suite.visit(self.name, Method::GET, &url).await
    }

    async fn is_signed_in(&mut self) -> bool {
        let mut params = self.usual("client");
        params.push(("prompt", "none".to_owned()));
        self.answer(Method::GET, &params).await.contains_key("code")
    }

    pub(super) async fn logout(&mut self, which: &str) -> Outcome {
        let signed = self.happy(&[]).await;
        let hint = signed.id_token.as_str();
        let back = format!("{AT_SUITE}/post_logout_redirect");
        let state = "q".repeat(128);
        let foreign = format!("{back}/other");
        let query = format!("{back}?foo=bar");
        let parts: Vec<&str> = hint.split('.').collect();
        let none = format!("{}.{}.", jwt::encode(br#"{"alg":"none"}"#), parts[1]);
        let forged = format!("{}.{}.{}", parts[0], parts[1], jwt::encode(&[7; 256]));
        let all = |hint, to| {
            vec![("id_token_hint", hint), ("post_logout_redirect_uri", to), ("state", state.as_str())]
        };
        let (params, ends) = match which {
            "" => (all(hint, &back), true),
            "no-state" => (all(hint, &back)[..2].to_vec(), true),
            "bad-post-logout-redirect-uri" => (all(hint, &foreign), false),
            "query-added-to-post-logout-redirect-uri" => (all(hint, &query), false),
            "modified-id-token-hint" => (all(&none, &back), false),
            "bad-id-token-hint" => (all(&forged, &back), false),
            "no-id-token-hint" => (all(hint, &back)[1..].to_vec(), false),
            "no-params" => (vec![], true),
            "no-post-logout-redirect-uri" => (vec![("id_token_hint", hint), ("state", &state)], true),
            "only-state" => (vec![("state", state.as_str())], true),
            other => panic!("what does {other} do?"),
        };
        let end = self.leave(&params).await;
        match (which, end) {
            ("" | "no-state", End::Back { at, fields, .. }) => {
                assert!(at.as_str().starts_with(&back), "{at}");
                let wanted = which.is_empty().then_some(&state);
                assert_eq!(fields.get("state"), wanted, "{which}");
            }
            ("" | "no-state", end) | (_, end @ End::Back { .. }) => panic!("{which}: {end:?}"),
            (_, End::Page) => assert!(self.suite.pictured, "{which}: no picture was asked for"),
        }
        // A module that stays on a page has a script for that page alone; the session is asked for by the one of all.
        let pictured = std::mem::replace(&mut self.suite.pictured, false);
        assert_eq!(self.is_signed_in().await, !ends, "{which}");
        self.suite.pictured = pictured;
        Outcome::Passed
    }

    pub(super) async fn back_channel(&mut self) -> Outcome {
        let signed = self.happy(&[]).await;
        let back = format!("{AT_SUITE}/post_logout_redirect");
        let hint = signed.id_token.clone();
        let params = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", &back), ("state", "s")];
        assert!(matches!(self.leave(&params).await, End::Back { .. }));
        let token = self.suite.logout_token(&signed.claims["sid"]).await;
        let logout = jwt::read(&token);
        assert_eq!(
            (&logout.claims["aud"], &logout.header["alg"]),
            (&"conformance-backchannel".into(), &"RS256".into())
        );
        assert!(!self.is_signed_in().await);
        Outcome::Passed
    }

    /// The page loads the service's frame, and goes back by itself.
    pub(super) async fn front_channel(&mut self) -> Outcome {
        let signed = self.happy(&[]).await;
        let back = format!("{AT_SUITE}/post_logout_redirect");
        let hint = signed.id_token.clone();
        let params = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", &back), ("state", "s")];
        match self.leave(&params).await {
            End::Back { at, fields, .. } => {
                assert!(at.as_str().starts_with(&back), "{at}");
                assert_eq!(fields.get("state").map(String::as_str), Some("s"), "{at}");
            }
            End::Page => panic!("{}: the page does not go on", self.name),
        }
        let [frame] = &self.suite.framed[..] else { panic!("{:?}", self.suite.framed) };
        let frame: Url = frame.parse().expect("a URL");
        assert!(frame.as_str().starts_with(&format!("{AT_SUITE}/frontchannel_logout?")), "{frame}");
        let told: BTreeMap<String, String> = frame.query_pairs().into_owned().collect();
        for name in ["iss", "sid"] {
            assert_eq!(told.get(name).map(String::as_str), signed.claims[name].as_str(), "{frame}");
        }
        assert!(!self.is_signed_in().await);
        Outcome::Passed
    }

    /// A browser in which nobody is signed in: a hint still proves where to go back, and without one there is a page.
    async fn without_session(&mut self) -> Outcome {
        let signed = self.happy(&[]).await;
        self.suite.begin();
        let back = format!("{AT_SUITE}/post_logout_redirect");
        let hint = signed.id_token.clone();
        let params = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", &back), ("state", "s")];
        let end = self.leave(&params).await;
        assert!(matches!(&end, End::Back { at, .. } if at.as_str() == format!("{back}?state=s")), "{end:?}");
        Outcome::Passed
    }
}

/// Signing out where there is no session.
pub(super) async fn without_session(suite: &mut Suite) -> Outcome {
    suite.begin();
    let mut module = Module { suite, name: "oidcc-rp-initiated-logout", form_post: false };
    module.without_session().await
}
