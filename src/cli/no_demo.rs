//! `yagona demo` in a build without the feature `stand-ins`: explains that there is no demo.

use clap::Args;

use crate::app::StartError;

/// Explains that this build has no demo.
#[derive(Args)]
pub(super) struct Demo {
    /// Arguments of the demo, ignored
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _ignored: Vec<String>,
}

impl Demo {
    #[expect(clippy::unused_async, reason = "the signature of the real command")]
    pub(super) async fn run(self) -> Result<(), StartError> {
        Err(StartError(
            "this build has no demo: it was built without the feature `stand-ins` (cargo build --no-default-features)"
                .to_owned(),
        ))
    }
}
