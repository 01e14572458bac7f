use crate::platform::config::settings;

settings! {
    /// Accounts and their means of signing in besides Mobile-ID.
    [accounts]
    pub struct AccountSettings {
        /// After how many hours a means counts as a second factor that was added on a code by SMS alone.
        new_means_wait_hours: u32 = 72, count(0..=720, "hours");
    }
}
