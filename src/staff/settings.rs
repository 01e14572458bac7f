use crate::platform::config::settings;

settings! {
    /// The desk, where staff identify people in person: sessions, and unusual volume.
    [desk]
    pub struct DeskSettings {
        /// Idle lifetime of a session of a member of staff.
        session_idle_seconds: u32 = 600, count(60..=1800, "seconds");
        /// Absolute lifetime of such a session.
        session_absolute_seconds: u32 = 28800, count(600..=43_200, "seconds");
        /// How long the use of a passkey counts before an identification is completed or revoked.
        proof_seconds: u32 = 120, count(30..=300, "seconds");
        /// How long a link lives by which a member of staff makes a passkey.
        link_minutes: u32 = 15, count(1..=120, "minutes");
        /// How long photos are kept, sealed, that are taken at revocations, recoveries and for accounts.
        photo_days: u32 = 365, count(1..=3650, "days");
        /// Completed identifications of one member in an hour, from which on a supervisor must release them.
        completions_per_hour: u32 = 20, count(1..=10_000, "identifications");
        /// Applications that one member opened in an hour beyond those that were completed, from which on a supervisor must
        /// release them.
        look_ups_per_hour: u32 = 15, count(1..=10_000, "applications");
    }
}
