//! A question to one part of the provider, asked when its health is asked for.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Asks one part of the provider whether it works; the error is for operators and carries no secret.
pub type Check = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// Makes a [`Check`] of an async closure.
pub fn check<F, R>(ask: F) -> Check
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), String>> + Send + 'static,
{
    Arc::new(move || Box::pin(ask()))
}
