//! Relying parties: who they are, what they may do and ask for, and their secrets.
//!
//! A registration is kept as the document it came as (RFC 7591's member names beside our own) and parsed into a
//! [`Client`], whose policy the protocols read. Every node holds all clients in memory and takes changes over
//! within a second. What a person agreed to give a client lives in `release`.

mod client;
mod data_request;
mod file;
mod icon;
mod icons;
mod keys;
mod localized;
mod redirect_uri;
mod registration;
mod registry;
mod resource_uris;
mod secret;
mod store;
mod subject_ids;

pub use client::{Client, ClientId};
pub use data_request::DataRequest;
pub use file::{ClientFile, FileError};
pub use icon::{Icon, IconError};
pub use icons::IconFailure;
pub use keys::{ClientKeyError, ClientKeys};
pub use localized::Localized;
pub use redirect_uri::{RedirectUri, check_redirect_uri, csp_source};
pub use registration::{
    ACR_VALUES, AccessTokenFormat, AssertionAudience, AuthMethod, AuthenticationDocument,
    AuthenticationPolicy, BackchannelDocument, BackchannelPolicy, Basis, CertificatesDocument, CodeBinding,
    DataDocument, DataPolicy, DataSetEntry, DataSetPolicy, Delivery, GrantType, Identity, IdentityDocument,
    KeySetDocument, KeySource, KeysDocument, OneIdDates, OneIdDocument, OneIdPolicy, OneIdProfile, OwnerKind,
    Permission, Profile, REQUEST_ALGS, Redirects, RedirectsDocument, Registration, RegistrationErrors,
    RequestPolicy, RequestsDocument, Rules, SessionPolicy, SessionsDocument, SubjectType, Term, Terms,
    TokenPolicy, TokensDocument,
};
pub use registry::{ClientsError, Registered, Registry};
pub use secret::{ClientSecret, SecretDigest};
pub(crate) use store::TABLES;
pub use subject_ids::SubjectIds;
