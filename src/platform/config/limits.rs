/// `[limits]`: what one number, address, client and the whole country may cause.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Messages to one number in ten minutes.
    pub sends_per_number_10m: u32,
    /// Messages to one number in an hour.
    pub sends_per_number_hour: u32,
    /// Messages to one number in a day.
    pub sends_per_number_day: u32,
    /// Codes asked for from one address (IPv6: one /64) in five minutes.
    pub sends_per_address_5m: u32,
    /// Messages that one client's sign-ins may cause in an hour.
    pub sends_per_client_hour: u32,
    /// Messages that the whole provider may send in an hour.
    pub sends_per_country_hour: u32,
    /// Consecutive wrong codes until an account is locked.
    pub failures_per_account: u32,
    /// Requests to sign-in pages from one address (IPv6: one /64) in a minute.
    pub requests_per_address_minute: u32,
}
