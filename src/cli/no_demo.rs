//! `yagona demo` in a build without the stand-ins: a word to whoever looks for it.

use clap::Args;

use crate::app::StartError;

/// Tells that this build has no demo.
#[derive(Args)]
pub(super) struct Demo {
    /// Whatever the demo would have been told
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _ignored: Vec<String>,
}

impl Demo {
    #[expect(clippy::unused_async, reason = "as the demo of builds that have one")]
    pub(super) async fn run(self) -> Result<(), StartError> {
        Err(StartError(
            "this build has no demo: it was made without the feature `stand-ins` (cargo build --no-default-features)"
                .to_owned(),
        ))
    }
}
