/// `[sign_in]`: the sign-in's clocks and counters.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Time to finish a sign-in once begun, in seconds.
    pub transaction_seconds: u32,
    /// Life of an SMS code, in seconds.
    pub code_seconds: u32,
    /// Guesses allowed at one code.
    pub code_tries: u32,
    /// Waits before the first, second, … resend of a code, in seconds; its length is the number of resends.
    pub resend_after_seconds: Vec<u32>,
    /// An SSO session's end without use, in seconds.
    pub session_idle_seconds: u32,
    /// An SSO session's end whatever happens, in seconds.
    pub session_absolute_seconds: u32,
}
