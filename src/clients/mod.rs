//! Relying parties: who they are, what they may do and ask for, and their secrets.
//!
//! A registration is kept as the document it came as (RFC 7591's member names beside our own) and parsed into a
//! [`Client`], whose policy the protocols read. Every node holds all clients in memory and takes changes over
//! within a second. Services may register themselves, for an operator to approve (`dynamic/`). What a person agreed to give a
//! client lives in `release`. What a service may have at most is in its contract (`contracts/`).

mod application;
mod client;
mod contracts;
mod data_request;
mod detail;
mod dynamic;
mod file;
mod icon;
mod icons;
mod keys;
mod localized;
mod probe;
mod redirect_uri;
mod registration;
mod registry;
mod resource_uris;
mod secret;
mod sector;
mod settings;
mod store;
mod subject_ids;

pub use application::Application;
#[cfg(test)]
pub(crate) use application::tests as application_tests;
pub use client::{Client, ClientId, OWN_CLIENT};
pub use contracts::{
    Contract, ContractDocument, ContractFile, ContractFileError, ContractsError, Institution,
    InstitutionKind, Listed as ListedContract, Payment, Purpose, Right, Spent, Suspension, Unsuited,
    UsageRow, Version, Words,
};
pub use data_request::DataRequest;
#[cfg(test)]
pub(crate) use detail::tests as detail_tests;
pub use detail::{DetailType, Ends, PersonalData, Use};
pub use dynamic::{
    Approved, HeldIcon, InitialToken, ListedToken, MadeToken, Managed, NewToken, OwnRegistration, Rejected,
    SelfRegistrationError, SelfRegistrationRules, Standing, Unfit, Waiting, read_members,
};
pub use file::{ClientFile, FileError};
pub use icon::{Icon, IconError};
pub use icons::IconFailure;
pub use keys::{ClientKeyError, ClientKeys};
pub use localized::Localized;
pub use probe::probe;
pub use redirect_uri::{RedirectUri, check_redirect_uri, csp_source};
pub use registration::{
    ACR_VALUES, AccessTokenFormat, AnswerPolicy, AssertionAudience, AuthMethod, AuthenticationDocument,
    AuthenticationPolicy, BackchannelDocument, BackchannelPolicy, Basis, CertificatesDocument, CodeBinding,
    DataDocument, DataPolicy, DataSetEntry, DataSetPolicy, Delivery, GrantType, Identity, IdentityDocument,
    KeySetDocument, KeySource, KeysDocument, OneIdDates, OneIdDocument, OneIdPolicy, OneIdProfile, OwnerKind,
    Permission, Profile, REQUEST_ALGS, Redirects, RedirectsDocument, Registration, RegistrationErrors,
    RequestPolicy, RequestsDocument, Rules, SessionPolicy, SessionsDocument, SubjectType, Term, Terms,
    TokenPolicy, TokensDocument, UnderContract,
};
pub use registry::{ClientsError, Registered, Registry};
pub use secret::{ClientSecret, SecretDigest};
pub use settings::ContractSettings;
pub(crate) use store::TABLES;
pub use subject_ids::SubjectIds;

/// What fuzz targets (`fuzz/`) reach of the parsers in here.
#[cfg(fuzzing)]
pub mod fuzzing {
    /// What a service sends to register itself, beside what an operator gives: what is refused is told in plain ASCII.
    pub fn registration(body: &[u8]) {
        super::dynamic::fuzz(body);
    }

    /// The document of a sector.
    pub fn sector(document: &[u8]) {
        let _ = super::sector::missing(document, &["https://a.uz/cb".to_owned()]);
    }
}
