//! Plain requests to a provider's ports and the sandbox: no browser, no cookies.

use reqwest::{Client, Response};

/// A client for plain http on this machine. It verifies no certificates, so that it need not read the system's, which
/// takes a hundred times as long as a request.
pub(crate) fn client() -> Client {
    Client::builder().tls_danger_accept_invalid_certs(true).build().expect("an HTTP client")
}

/// What a URL answers.
///
/// # Errors
/// If the connection fails.
pub(crate) async fn get(url: &str) -> reqwest::Result<Response> {
    client().get(url).send().await
}
