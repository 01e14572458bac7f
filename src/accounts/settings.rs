use crate::platform::config::{choices, settings};

settings! {
    /// Accounts and their means of signing in besides Mobile-ID.
    [accounts]
    pub struct AccountSettings {
        /// What an account that is opened on the way to Mobile-ID gets as its first credential: `temporary_password` sends one by SMS with
        /// the login, `setup_link` sends a link by which the person sets one (D-e).
        initial_credentials: InitialCredentials = "temporary_password";
        /// After how many hours a means counts as a second factor that was added on a code by SMS alone.
        new_means_wait_hours: u32 = 72, count(0..=720, "hours");
        /// Whether people can sign in by a passkey, and add one in their cabinet.
        passkeys: bool = true;
    }
}

choices! {
    /// The first credential of an account (D-e).
    pub enum InitialCredentials {
        /// A temporary password, in the message that tells of the account.
        TemporaryPassword = "temporary_password",
        /// A link by which the person sets one.
        SetupLink = "setup_link",
    }
}
