/// `[tokens]`: how long what clients receive is worth something.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Life of an authorization code, in seconds.
    pub code_seconds: u32,
    /// Life of an access token, in seconds.
    pub access_seconds: u32,
    /// Life of an ID token, in seconds.
    pub id_seconds: u32,
    /// A refresh token's end without use, in days.
    pub refresh_idle_days: u32,
    /// A refresh token family's end whatever happens, in days.
    pub refresh_absolute_days: u32,
}
