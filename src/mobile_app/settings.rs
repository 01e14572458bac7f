use crate::platform::config::settings;

settings! {
    /// The API for the portal's mobile app (docs/mobile-app.md).
    [mobile_app]
    pub struct MobileAppSettings {
        /// Requests of one app in a minute.
        requests_per_minute: u32 = 6000, count(1..=1_000_000, "requests");
        /// Applications and ends about one person in a day, by whatever app.
        per_person_day: u32 = 30, count(1..=1000, "requests");
        /// Faces of one person that are compared in a day, for whatever they are.
        faces_per_person_day: u32 = 10, count(1..=1000, "faces");
        /// Signatures that are begun for one person in a day.
        signatures_per_person_day: u32 = 20, count(1..=1000, "signatures");
    }
}
