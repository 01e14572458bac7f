//! Why a contract lets no service go on.

/// Why nobody signs in to a client, and it gets nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Suspension {
    /// It names no contract, or none that is known.
    NoContract,
    /// The period of its contract has not begun.
    NotBegun,
    /// The period of its contract is over.
    Expired,
    /// An operator ended its contract.
    Ended,
}

impl Suspension {
    /// What its developers are told, in ASCII (RFC 6749 section 5.2, `error_description`).
    pub const fn description(self) -> &'static str {
        match self {
            Self::NoContract => {
                "the client has no contract with the provider: it can be used once the operator registers one"
            }
            Self::NotBegun => {
                "the contract of the client has not begun: it can be used from the first day of its period"
            }
            Self::Expired => {
                "the contract of the client has expired: it can be used once the contract is prolonged"
            }
            Self::Ended => "the contract of the client was ended: it can be used once there is another one",
        }
    }

    /// Its word in lists.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoContract => "no contract",
            Self::NotBegun => "not begun",
            Self::Expired => "expired",
            Self::Ended => "ended",
        }
    }
}
