//! The kinds of events: a closed list, so that nothing can be written that nobody thought of.

/// How many rows of a kind one node may write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Budget {
    /// Whatever happens: it rests on something that cannot be had for nothing.
    Unlimited,
    /// What anybody can bring about by sending a request: so many in a second, and ten times as many in one burst. What is
    /// more is logged and counted, and the count gets a row.
    PerSecond(i64),
}

/// The level of the event's line in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Weight {
    Info,
    Warn,
}

/// Rows that refused requests of strangers may cause in a second, of each kind and on each node.
const REFUSALS: i64 = 100;

/// Rows that sign-ins begun, and cancelled, may cause in a second on each node: more than a node can bring to an end.
const BEGINNINGS: i64 = 2000;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $Kind:ident = $name:literal, $weight:ident, $budget:expr, $message:literal;)+) => {
        /// What happened. The names are stable: collectors and auditors search for them.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Kind {
            $($(#[doc = $doc])+ $Kind,)+
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$Kind),+];

            /// The name in the log and in the rows.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$Kind => $name,)+
                }
            }

            /// What it says to people, in the log.
            pub(super) const fn message(self) -> &'static str {
                match self {
                    $(Self::$Kind => $message,)+
                }
            }

            pub(super) const fn weight(self) -> Weight {
                match self {
                    $(Self::$Kind => Weight::$weight,)+
                }
            }

            pub(super) const fn budget(self) -> Budget {
                use Budget::{PerSecond, Unlimited};
                match self {
                    $(Self::$Kind => $budget,)+
                }
            }
        }
    };
}

kinds! {
    /// A node began to serve.
    NodeStarted = "node.started", Info, Unlimited, "a node started";
    /// A node ended in order: its last row.
    NodeStopped = "node.stopped", Info, Unlimited, "a node stopped";
    /// A client asked for a sign-in that the person must do something for.
    SignInBegun = "sign_in.begun", Info, PerSecond(BEGINNINGS), "a sign-in began";
    /// A code was made; `sent` says whether it goes to anybody.
    CodeSent = "sign_in.code_sent", Info, PerSecond(BEGINNINGS), "a code was made";
    /// A code was asked for and a limit refused it.
    CodeLimited = "sign_in.limited", Info, PerSecond(REFUSALS), "a limit refused a code";
    /// A code was compared and not accepted.
    WrongCode = "sign_in.wrong_code", Info, PerSecond(BEGINNINGS), "a code was not accepted";
    /// A password was compared and not accepted; it says of whom where a delay began with it.
    WrongPassword = "sign_in.wrong_password", Info, PerSecond(BEGINNINGS), "a password was not accepted";
    /// A password was not compared, or had ended: too many tries, too many who wait, or a temporary one whose time is over.
    PasswordRefused = "sign_in.password_refused", Info, PerSecond(REFUSALS), "a password was not compared";
    /// One factor was proved, and is not enough: the person seems to be in many places.
    SignInDoubted = "sign_in.doubted", Warn, PerSecond(REFUSALS), "a person who seems to be in many places is asked for more";
    /// A device's code was entered that stands for nothing, or too many of those came from there.
    UserCodeRefused = "device.code_refused", Info, PerSecond(REFUSALS), "a device's code was not accepted";
    /// A service asked somebody who is not at its site; whether they were sent a message says `sign_in.code_sent`.
    ApprovalRequested = "ciba.requested", Info, PerSecond(BEGINNINGS), "a service asked somebody to approve";
    /// A request to ask somebody was refused before anybody was asked.
    ApprovalRequestRefused = "ciba.refused", Info, PerSecond(REFUSALS), "a request to ask somebody was refused";
    /// A person approved what a service asked.
    Approved = "ciba.approved", Info, Unlimited, "a person approved a request";
    /// A person refused what a service asked.
    ApprovalDenied = "ciba.denied", Info, Unlimited, "a person refused a request";
    /// A client learned that nobody decided in time.
    ApprovalLapsed = "ciba.lapsed", Info, PerSecond(BEGINNINGS), "nobody decided on a request in time";
    /// A person asked for no more messages of a service, or one was kept from them because of that.
    ApprovalMuted = "ciba.muted", Info, PerSecond(BEGINNINGS), "a person gets no messages of a service";
    /// A person lets the messages of a service through again.
    ApprovalUnmuted = "ciba.unmuted", Info, Unlimited, "a person gets a service's messages again";
    /// A reference was opened that names no request, or too many of those came from there.
    ReferenceRefused = "ciba.reference_refused", Info, PerSecond(REFUSALS), "a reference names no request";
    /// A client could not be told that there is an answer.
    PingFailed = "ciba.ping_failed", Warn, Unlimited, "a client was not told that there is an answer";
    /// A code was entered that could no longer be compared.
    CodeRefused = "sign_in.code_refused", Info, PerSecond(REFUSALS), "a code came too late or too often";
    /// Wrong codes delayed or locked an account.
    Locked = "sign_in.locked", Warn, Unlimited, "an account takes no code for now";
    /// A person proved who they are; a session was opened.
    SessionOpened = "session.opened", Info, Unlimited, "a session was opened";
    /// A session was ended by its person, or replaced by another person's.
    SessionEnded = "session.ended", Info, Unlimited, "a session was ended";
    /// A person added a passkey; `reason` says on what that rests: `stronger` means, or a `code` alone.
    PasskeyAdded = "passkey.added", Info, Unlimited, "a person added a passkey";
    /// A passkey was removed: by its `person`, or because somebody may have a copy (`copied`).
    PasskeyRemoved = "passkey.removed", Info, Unlimited, "a passkey was removed";
    /// What was given as a person's passkey was not taken.
    PasskeyRefused = "passkey.refused", Info, PerSecond(REFUSALS), "a passkey was not taken";
    /// A signature signed nobody in.
    SignatureRefused = "eri.refused", Info, PerSecond(REFUSALS), "a signature signed nobody in";
    /// A face signed nobody in.
    FaceRefused = "face.refused", Info, PerSecond(REFUSALS), "a face signed nobody in";
    /// A person on whose phone a QR code was opened let a computer sign in.
    QrApproved = "qr.approved", Info, Unlimited, "a sign-in at a computer was approved on a phone";
    /// They did not: they refused, or chose words that the computer does not show.
    QrRefused = "qr.refused", Warn, Unlimited, "a sign-in at a computer was refused on a phone";
    /// A means of signing in was added, changed or removed.
    CredentialChanged = "account.credential_changed", Info, Unlimited, "a means of signing in was changed";
    /// A person had a browser forgotten in which they had signed in.
    BrowserForgotten = "account.browser_forgotten", Info, Unlimited, "a known browser was forgotten";
    /// A forgotten password was set anew; the reason says by what.
    Recovered = "account.recovered", Warn, Unlimited, "an account was recovered";
    /// A recovery was stopped by its person.
    RecoveryStopped = "account.recovery_stopped", Warn, Unlimited, "a recovery was stopped";
    /// A client got an authorization code.
    SignInCompleted = "sign_in.completed", Info, Unlimited, "a sign-in was completed";
    /// A sign-in ended without an authorization code.
    SignInRefused = "sign_in.refused", Info, PerSecond(BEGINNINGS), "a sign-in was refused";
    /// An authorization request was refused before anybody was asked anything.
    AuthorizationRefused = "authorization.refused", Info, PerSecond(REFUSALS), "an authorization request was refused";
    /// A pushed authorization request was refused.
    PushRefused = "par.refused", Info, PerSecond(REFUSALS), "a pushed authorization request was refused";
    /// A person agreed, or a law lets the client have the data.
    ConsentGiven = "consent.given", Info, Unlimited, "a consent was recorded";
    /// A person was asked for consent and refused.
    ConsentRefused = "consent.refused", Info, Unlimited, "a consent was refused";
    /// A consent was ended with the client's grants.
    ConsentEnded = "consent.ended", Info, Unlimited, "a consent was ended";
    /// Tokens were issued for an authorization code, or to a client itself.
    TokenIssued = "token.issued", Info, Unlimited, "tokens were issued";
    /// A client redeemed what a person confirmed: an application, of which there is a receipt.
    ApplicationConfirmed = "application.confirmed", Info, Unlimited, "a person confirmed an application";
    /// Tokens were issued for a refresh token.
    TokenRefreshed = "token.refreshed", Info, Unlimited, "tokens were refreshed";
    /// A request for tokens was refused.
    TokenRefused = "token.refused", Info, PerSecond(REFUSALS), "a token request was refused";
    /// A client revoked a grant or an access token.
    TokenRevoked = "token.revoked", Info, Unlimited, "tokens were revoked";
    /// An authorization code was used twice: its grant was revoked.
    CodeReplayed = "code.replayed", Warn, Unlimited, "a code was redeemed twice: its grant is revoked";
    /// A refresh token was used twice: its grant was revoked.
    RefreshReplayed = "refresh_token.replayed", Warn, Unlimited, "a refresh token was used twice: its grant is revoked";
    /// An introspection request was refused.
    IntrospectionRefused = "introspection.refused", Info, PerSecond(REFUSALS), "an introspection request was refused";
    /// A revocation request was refused.
    RevocationRefused = "revocation.refused", Info, PerSecond(REFUSALS), "a revocation request was refused";
    /// A UserInfo request was refused.
    UserinfoRefused = "userinfo.refused", Info, PerSecond(REFUSALS), "a UserInfo request was refused";
    /// A service created, changed or deleted its stream of security events.
    StreamChanged = "ssf.stream_changed", Info, Unlimited, "a service changed its stream of security events";
    /// A request of the portal's app to enrol somebody was refused before anything was asked of the person.
    MobileAppRefused = "mobile_app.refused", Info, PerSecond(REFUSALS), "a request to enrol somebody was refused";
    /// The civil registry says that a person died, and another register that they live.
    DeathContradicted = "death.contradicted", Warn, Unlimited, "registers contradict each other about a death";
    /// A service's request about its stream of security events was refused.
    SignalsRefused = "ssf.refused", Info, PerSecond(REFUSALS), "a request about a stream of security events was refused";
    /// A client's request about a grant of its own was refused.
    GrantManagementRefused = "grant_management.refused", Info, PerSecond(REFUSALS), "a request about a grant was refused";
    /// A service got a data set of a person by the data API, for the first time by this permission.
    DataReleased = "data.released", Info, Unlimited, "a service got data of a person";
    /// A request for data by the data API was refused.
    DataRefused = "data.refused", Info, PerSecond(REFUSALS), "a request for data was refused";
    /// A service asked whether a number is a person's; `reason` has the answer.
    NumberVerified = "verification.answered", Info, PerSecond(BEGINNINGS), "a service asked whose a number is";
    /// A request to verify a number was refused.
    VerificationRefused = "verification.refused", Info, PerSecond(REFUSALS), "a request to verify a number was refused";
    /// A service read a person's data by OneID's protocol.
    OneIdIdentified = "oneid.identified", Info, Unlimited, "a service read a person's data";
    /// A request of a service by OneID's protocol was refused.
    OneIdRefused = "oneid.refused", Info, PerSecond(REFUSALS), "a request by OneID's protocol was refused";
    /// A logout request was refused.
    LogoutRefused = "logout.refused", Info, PerSecond(REFUSALS), "a logout request was refused";
    /// Everything of a person was ended.
    AccessEnded = "person.access_ended", Info, Unlimited, "sessions, grants and tokens of a person were ended";
    /// A number was bound to a person: their identification in Mobile-ID was completed.
    Enrolled = "identification.enrolled", Info, Unlimited, "a number was enrolled in Mobile-ID";
    /// An application for identification was refused; `reason` has the clause.
    IdentificationRefused = "identification.refused", Info, Unlimited, "an identification was refused";
    /// A person did not go on with an application for identification.
    IdentificationWithdrawn = "identification.withdrawn", Info, Unlimited, "an identification was withdrawn";
    /// The enrolment of a number ended; `reason` has the ground.
    EnrolmentEnded = "identification.ended", Info, Unlimited, "the enrolment of a number ended";
    /// Billing says that another sum was paid than the invoice has, or after the application was over.
    PaymentNotApplied = "payment.not_applied", Warn, Unlimited, "a payment was not applied";
    /// A person said that something was not them: everything of theirs was ended.
    ComplaintOpened = "complaint.opened", Warn, Unlimited, "a person said that something was not them";
    /// An operator answered a complaint.
    ComplaintClosed = "complaint.closed", Info, Unlimited, "a complaint was closed";
    /// A person locked their account.
    SelfLocked = "person.self_locked", Info, Unlimited, "a person locked their account";
    /// An account was opened by registration on-line.
    Registered = "person.registered", Info, Unlimited, "an account was opened on-line";
    /// An account was opened or confirmed at a place, by staff who saw the document; `reason` says which.
    ServedAtPlace = "person.served_at_place", Info, Unlimited, "an account was opened or confirmed at a place";
    /// A person confirmed, changed or removed the address for mails; `reason` says which.
    EmailChanged = "person.email_changed", Info, Unlimited, "the e-mail address of a person was changed";
    /// An operator ended the lock that a person had put on their account.
    SelfLockEnded = "person.self_lock_ended", Info, Unlimited, "the lock of a person's account was ended";
    /// A member of staff read or did something at a desk: there is a row of `staff_actions`.
    StaffActed = "staff.acted", Info, Unlimited, "a member of staff read or did something";
    /// A passkey was not taken, or a member of staff wanted what they may not.
    StaffRefused = "staff.refused", Info, PerSecond(REFUSALS), "a passkey or a request of staff was refused";
    /// A member of staff was stopped because of unusual volume.
    StaffHeld = "staff.held", Warn, Unlimited, "a member of staff was stopped because of unusual volume";
    /// An operator unlocked an account.
    PersonUnlocked = "person.unlocked", Info, Unlimited, "an account was unlocked";
    /// A client was registered.
    ClientCreated = "client.created", Info, Unlimited, "a client was registered";
    /// A client's registration was replaced.
    ClientChanged = "client.changed", Info, Unlimited, "a client was changed";
    /// A client got a new secret.
    ClientSecretChanged = "client.secret_changed", Info, Unlimited, "a client got a new secret";
    /// A client was disabled.
    ClientDisabled = "client.disabled", Info, Unlimited, "a client was disabled";
    /// A client was enabled again.
    ClientEnabled = "client.enabled", Info, Unlimited, "a client was enabled";
    /// A client was deleted.
    ClientDeleted = "client.deleted", Info, Unlimited, "a client was deleted";
    /// A client would like to have another registration; an operator decides.
    ClientChangeHeld = "client.change_held", Info, Unlimited, "a client asked for another registration";
    /// An operator approved a client, or a change of it.
    ClientApproved = "client.approved", Info, Unlimited, "a client or its change was approved";
    /// An operator rejected a client or a change of it, or a client waited too long.
    ClientRejected = "client.rejected", Info, Unlimited, "a client or its change was rejected";
    /// An operator made a token by which services register themselves.
    RegistrationTokenCreated = "registration_token.created", Info, Unlimited, "a registration token was made";
    /// An operator revoked such a token.
    RegistrationTokenRevoked = "registration_token.revoked", Info, Unlimited, "a registration token was revoked";
    /// An operator stored an institution, or changed one.
    InstitutionChanged = "institution.changed", Info, Unlimited, "an institution was stored";
    /// An operator stored a contract, or changed one.
    ContractChanged = "contract.changed", Info, Unlimited, "a contract was stored";
    /// An operator ended a contract before its period was over.
    ContractEnded = "contract.ended", Warn, Unlimited, "a contract was ended";
    /// Everything was ended that people had agreed to under a contract and it no longer allows.
    ContractCleared = "contract.cleared", Info, Unlimited, "what a contract no longer allows has ended";
    /// A request to register, or to manage a registration, was refused.
    RegistrationRefused = "registration.refused", Info, PerSecond(REFUSALS), "a registration request was refused";
    /// A signing key was made because there was none of its algorithm.
    KeyCreated = "key.created", Info, Unlimited, "a signing key was created";
    /// A signing key was made that follows the former ones of its algorithm.
    KeyRotated = "key.rotated", Info, Unlimited, "a signing key was rotated";
    /// A signing key was withdrawn, since somebody else may have it: nothing that it signed is accepted.
    KeyWithdrawn = "key.withdrawn", Warn, Unlimited, "a signing key was withdrawn: nothing that it signed is accepted";
    /// An operator's command is about to change or read something.
    CommandBegun = "operator.command", Info, Unlimited, "a command was begun";
    /// An operator's command ended: its process's last row.
    CommandEnded = "operator.finished", Info, Unlimited, "a command ended";
    /// Events of strangers that got no row of their own.
    Suppressed = "audit.suppressed", Warn, Unlimited, "events were logged and got no row";
    /// Expired rows were removed.
    Purged = "audit.purged", Info, Unlimited, "expired rows of the audit log were removed";
    /// The end of the chain is before one that this node has seen: the table was changed or restored.
    RolledBack = "audit.rolled_back", Warn, Unlimited, "the audit log ends before where it had ended";
}

impl Kind {
    /// Whether a process writes nothing after it.
    pub(super) fn is_last(name: &str) -> bool {
        name == Self::NodeStopped.name() || name == Self::CommandEnded.name()
    }
}
