//! What the door of the portal's app and that of the person's own pages share (chapter 4 of the regulation): proofs by Face-ID and by an
//! ID-card's signature, refusals on the grounds that were found, and the end of one's own enrolment without the phone (R56–R58, R65, R90).

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Ground34, LifeEvents};
use crate::mobile_id::{
    ActError, Comparison, Evidence, Findings, Ground, Identification, Identifications, RemoteGround, Signed,
    State,
};
use crate::people::{PersonId, Pinfl};
use crate::platform::clock::Timestamp;
use crate::platform::db::Statement;
use crate::platform::ephemeral::{Ephemeral, EphemeralKey, KeySpace};
use crate::platform::service_error::ServiceError;
use crate::registries::eimzo::{Progress, SignatureError};
use crate::registries::{Asker, FaceVerdict, Registries, RegistryError};
use crate::sign_in::WINDOWS;

/// Signatures that are waited for. Their loss costs signing again.
pub const SIGNATURES: KeySpace = KeySpace::new(b'i', "signature that is waited for");

/// For how long a signature is waited for, in seconds: as long as E-IMZO's server knows it.
const SIGNING: i64 = 120;

const DAY: i64 = 86_400;

/// How often proofs of one person may be tried in a day.
#[derive(Clone, Copy, Debug)]
pub struct ProofLimits {
    /// Faces that are compared.
    pub faces: u64,
    /// Signatures that are begun.
    pub signatures: u64,
}

/// The operations. Cheap to clone.
#[derive(Clone)]
pub struct Remote {
    /// Applications.
    pub identifications: Identifications,
    /// What ends enrolments.
    pub life_events: LifeEvents,
    /// Who compares and confirms.
    pub registries: Registries,
    /// Where signatures are waited for.
    pub ephemeral: Ephemeral,
    /// How often.
    pub limits: ProofLimits,
}

/// A signature that was begun: what E-IMZO's app is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signing {
    /// The 84 characters of the QR code.
    pub qr: String,
    /// The link that opens the app on the same phone.
    pub link: String,
    /// Until when it is waited for.
    pub expires_at: Timestamp,
}

#[derive(Clone, Serialize, Deserialize)]
struct Waiting {
    document: String,
    pinfl: String,
}

/// How far a signature is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Signature {
    /// Nobody has signed yet.
    Waiting,
    /// It was not begun, or is not waited for any more.
    Expired,
    /// What was signed proves nothing: begin another one.
    Invalid(SignatureError),
    /// It was verified; whether it is the person's is said by the Tax Committee (R58).
    Verified(Signed),
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// It was tried too often today.
    #[error("this was tried too often today")]
    TooOften,
    /// A register does not answer, or not as it should.
    #[error(transparent)]
    Register(#[from] RegistryError),
    /// The application does not allow it.
    #[error(transparent)]
    Act(#[from] ActError),
    /// A store is unavailable.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl From<crate::platform::ephemeral::Unavailable> for RemoteError {
    fn from(error: crate::platform::ephemeral::Unavailable) -> Self {
        Self::Service(error.into())
    }
}

impl From<crate::platform::db::DbError> for RemoteError {
    fn from(error: crate::platform::db::DbError) -> Self {
        Self::Service(error.into())
    }
}

/// What became of the wish to end one's own enrolment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// It has ended (R85, R90).
    Ended,
    /// The person has no enrolled number.
    NotEnrolled,
    /// It is not the person.
    NotThePerson,
    /// The image shows no face that can be compared.
    Unusable,
}

impl Remote {
    /// Counts that a face of this person is compared, whoever asks and whether or not anybody has that PINFL.
    ///
    /// # Errors
    /// [`RemoteError::TooOften`]; then it is not to be compared.
    pub async fn may_compare(&self, pinfl: &Pinfl) -> Result<(), RemoteError> {
        self.may_try("face", pinfl, self.limits.faces).await
    }

    async fn may_try(&self, what: &str, pinfl: &Pinfl, most: u64) -> Result<(), RemoteError> {
        let index = self.life_events.people.pinfl_index(pinfl).encode();
        let window = EphemeralKey::of(WINDOWS, &format!("proof/{what}/{index}"));
        if self.ephemeral.count(window, DAY).await? > most { Err(RemoteError::TooOften) } else { Ok(()) }
    }

    /// Begins a signature by the ID-card of a person. `place` names what it is for.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub async fn begin_signature(
        &self,
        place: &str,
        pinfl: &Pinfl,
        (ip, asker): (IpAddr, &Asker),
    ) -> Result<Signing, RemoteError> {
        self.may_try("signature", pinfl, self.limits.signatures).await?;
        let begun = self.registries.eimzo().begin(ip, asker).await?;
        let waiting = Waiting { document: begun.document_id, pinfl: pinfl.digits().to_owned() };
        self.ephemeral.put(signature_key(place), &waiting, SIGNING).await?;
        Ok(Signing {
            qr: begun.payload.as_str().to_owned(),
            link: begun.payload.deep_link(),
            expires_at: self.life_events.clock.now().plus(SIGNING),
        })
    }

    /// Whether a signature is waited for.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub async fn is_signing(&self, place: &str) -> Result<bool, RemoteError> {
        Ok(self.ephemeral.get::<Waiting>(signature_key(place)).await?.is_some())
    }

    /// How far a signature is. Once it was made, it is taken: of several callers one gets it.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub async fn signature(
        &self,
        place: &str,
        (ip, asker): (IpAddr, &Asker),
    ) -> Result<(Signature, Option<Pinfl>), RemoteError> {
        let key = signature_key(place);
        let Some((waiting, _)) = self.ephemeral.get::<Waiting>(key).await? else {
            return Ok((Signature::Expired, None));
        };
        let eimzo = self.registries.eimzo();
        match eimzo.progress(&waiting.document, ip, asker).await? {
            Progress::Waiting => return Ok((Signature::Waiting, None)),
            Progress::Expired => return Ok((Signature::Expired, None)),
            Progress::Signed => {}
        }
        let Some(waiting) = self.ephemeral.take::<Waiting>(signature_key(place)).await? else {
            return Ok((Signature::Expired, None));
        };
        let pinfl = Pinfl::from_registry(&waiting.pinfl)
            .map_err(|error| ServiceError::Internal(format!("a signature that is waited for: {error}")))?;
        let signer = match eimzo.authenticate(&waiting.document, ip, asker).await? {
            Ok(signer) => signer,
            Err(wrong) => return Ok((Signature::Invalid(wrong), Some(pinfl))),
        };
        // R58: the certificate says whose it is, and the Tax Committee whether that is so.
        let confirmed = signer.pinfl == pinfl
            && self.registries.tax_confirms(&pinfl, &signer.serial_number, asker).await?.value;
        let at = self.life_events.clock.now();
        Ok((Signature::Verified(Signed { serial: signer.serial_number, confirmed, at }), Some(pinfl)))
    }

    /// Takes a signature into an application, if it is there.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub async fn take_signature(
        &self,
        application: &Identification,
        whose: (IpAddr, &Asker),
    ) -> Result<Signature, RemoteError> {
        let (signature, _) = self.signature(&place_of(application), whose).await?;
        if let Signature::Verified(signed) = &signature {
            let evidence = Evidence { signature: Some(signed.clone()), ..Evidence::default() };
            self.identifications.evidence(&application.id, (&[], evidence), Vec::new()).await?;
        }
        Ok(signature)
    }

    /// Takes a face that was compared into an application, where it is not there yet.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub async fn take_face(&self, application: Identification) -> Result<Identification, RemoteError> {
        if application.state.is_over() {
            return Ok(application);
        }
        let Some(Comparison::Done { face: Some(face), .. }) =
            self.identifications.comparison(&application.id).await?
        else {
            return Ok(application);
        };
        if application.evidence.face.as_ref() == Some(&face) {
            return Ok(application);
        }
        let evidence = Evidence { face: Some(face), ..Evidence::default() };
        Ok(self.identifications.evidence(&application.id, (&[], evidence), Vec::new()).await?)
    }

    /// Refuses an application on a ground of clause 27 that was found: registers or a comparison say so, or the person declines to prove
    /// who they are. Any other refusal is prohibited (R65).
    ///
    /// # Errors
    /// [`ActError::Illegal`] where the ground is not so.
    pub async fn refuse(
        &self,
        application: Identification,
        ground: RemoteGround,
        findings: Option<&Findings>,
    ) -> Result<Identification, RemoteError> {
        let application = self.take_face(application).await?;
        if !bears_out(&application, ground, findings) {
            return Err(ActError::Illegal(crate::mobile_id::Illegal::Ground).into());
        }
        Ok(self.identifications.refuse(&application.id, Ground::Remote(ground), Vec::new()).await?)
    }

    /// Ends a person's own enrolment after their face was compared (R90), with `also`.
    ///
    /// # Errors
    /// [`RemoteError`]; then it is not known whether it has ended, and asking again is safe.
    pub async fn end_by_face(
        &self,
        pinfl: &Pinfl,
        photo: &[u8],
        asker: &Asker,
        also: Vec<Statement>,
    ) -> Result<Ended, RemoteError> {
        self.may_compare(pinfl).await?;
        match self.registries.face(pinfl, photo, asker).await?.value.verdict {
            FaceVerdict::Match => self.end(pinfl, also).await,
            FaceVerdict::NoMatch | FaceVerdict::NothingToCompare => Ok(Ended::NotThePerson),
            FaceVerdict::NoFace
            | FaceVerdict::SeveralFaces
            | FaceVerdict::PoorPhoto
            | FaceVerdict::NotAPhoto => Ok(Ended::Unusable),
        }
    }

    /// Ends a person's own enrolment once they have signed (R90), with `also`.
    ///
    /// # Errors
    /// As for [`Remote::end_by_face`].
    pub async fn end_by_signature(
        &self,
        place: &str,
        whose: (IpAddr, &Asker),
        also: Vec<Statement>,
    ) -> Result<(Signature, Option<Ended>), RemoteError> {
        let (signature, pinfl) = self.signature(place, whose).await?;
        let ended = match (&signature, pinfl) {
            (Signature::Verified(Signed { confirmed: true, .. }), Some(pinfl)) => {
                Some(self.end(&pinfl, also).await?)
            }
            (Signature::Verified(_), _) => Some(Ended::NotThePerson),
            _ => None,
        };
        Ok((signature, ended))
    }

    async fn end(&self, pinfl: &Pinfl, also: Vec<Statement>) -> Result<Ended, RemoteError> {
        let Some(person) = self.life_events.people.with_pinfl(pinfl).await? else {
            return Ok(Ended::NotEnrolled);
        };
        let ended = self.end_of(&person, also).await?;
        Ok(if ended { Ended::Ended } else { Ended::NotEnrolled })
    }

    async fn end_of(&self, person: &PersonId, also: Vec<Statement>) -> Result<bool, RemoteError> {
        Ok(self.life_events.end_enrolment(person, Ground34::Request, also).await?)
    }
}

/// What the signature of an application is waited for as.
pub fn place_of(application: &Identification) -> String {
    format!("application/{}", application.id.as_str())
}

fn signature_key(place: &str) -> EphemeralKey {
    EphemeralKey::of(SIGNATURES, place)
}

/// Whether what is known makes the ground so.
fn bears_out(application: &Identification, ground: RemoteGround, findings: Option<&Findings>) -> bool {
    if !matches!(application.state, State::Open | State::CodeSent) {
        return true;
    }
    let found = |wanted: RemoteGround| {
        let obstacles = findings.into_iter().flat_map(|findings| findings.obstacles.iter());
        obstacles
            .map(|obstacle| obstacle.ground(application.channel()))
            .any(|found| found == Ground::Remote(wanted))
    };
    let evidence = &application.evidence;
    let failed = evidence.face.as_ref().is_some_and(|face| !face.matched)
        || evidence.signature.as_ref().is_some_and(|signed| !signed.confirmed);
    let proved = evidence.face.as_ref().is_some_and(|face| face.matched)
        || evidence.signature.as_ref().is_some_and(|signed| signed.confirmed);
    match ground {
        RemoteGround::Data | RemoteGround::Unfit => found(ground),
        RemoteGround::Proof => failed && !proved,
        // That they decline is the person's own word, and no longer so once they have given one of the two.
        RemoteGround::Declined => !proved,
    }
}
