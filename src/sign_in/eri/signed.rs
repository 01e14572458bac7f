//! Who signed, as a sign-in takes it.

use crate::registries::eimzo::Certificate;
use crate::sign_in::{Amr, Organisation};

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EriSigned {
    /// By which certificate.
    pub certificate: Certificate,
    /// Whether hardware protects the key: an ID-card.
    pub hardware: bool,
}

impl EriSigned {
    /// By which methods it was proved (RFC 8176 §2): a key, in hardware or not, and the password or PIN that it asks for.
    pub fn amr(&self) -> Vec<Amr> {
        vec![if self.hardware { Amr::Hwk } else { Amr::Swk }, Amr::Pin]
    }

    /// The legal entity that the person acts for.
    pub fn organisation(&self) -> Option<Box<Organisation>> {
        self.certificate.organisation.as_ref().map(|one| {
            Box::new(Organisation {
                tin: one.tin.clone(),
                name: one.name.clone(),
                position: Some(one.position.clone()).filter(|position| !position.is_empty()),
                until: Some(self.certificate.validity.1),
            })
        })
    }
}
