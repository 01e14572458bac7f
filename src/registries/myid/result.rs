//! MyID's result codes (`docs/registries.md`): each a variant, and for each what the person can do about it.

/// What helps the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Advice {
    /// The document's data do not agree with the register's.
    Document,
    /// The document is not in force.
    DocumentExpired,
    /// A living face was not recognised.
    Liveness,
    /// The face is not that of the document's photo.
    OtherFace,
    /// The register says that the person died.
    Deceased,
    /// Something of MyID or behind it is out of order.
    Later,
    /// No photo arrived.
    Connection,
    /// It took too long.
    Slow,
    /// The photo is too poor.
    Quality,
    /// The photo is blurred.
    Blurred,
    /// The face is not whole on the photo.
    Whole,
    /// Several faces are on it.
    Alone,
    /// The photo has no colours.
    Colours,
    /// Dark glasses.
    Glasses,
    /// The eyes are closed.
    Eyes,
    /// The head is turned or bent.
    Straight,
    /// Light is reflected.
    Light,
    /// Something covers the face.
    Uncovered,
    /// The camera cannot take what is needed.
    OtherDevice,
    /// The camera could not be used.
    Camera,
    /// The person left or broke it off.
    Left,
    /// MyID has stopped attempts of this person or device for a time.
    Banned,
    /// MyID gave no reason that is known.
    Again,
}

impl Advice {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::Document,
        Self::DocumentExpired,
        Self::Liveness,
        Self::OtherFace,
        Self::Deceased,
        Self::Later,
        Self::Connection,
        Self::Slow,
        Self::Quality,
        Self::Blurred,
        Self::Whole,
        Self::Alone,
        Self::Colours,
        Self::Glasses,
        Self::Eyes,
        Self::Straight,
        Self::Light,
        Self::Uncovered,
        Self::OtherDevice,
        Self::Camera,
        Self::Left,
        Self::Banned,
        Self::Again,
    ];

    /// The key of its sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Document => "face.document",
            Self::DocumentExpired => "face.document_expired",
            Self::Liveness => "face.liveness",
            Self::OtherFace => "face.other_face",
            Self::Deceased => "face.deceased",
            Self::Later => "face.later",
            Self::Connection => "face.connection",
            Self::Slow => "face.slow",
            Self::Quality => "face.quality",
            Self::Blurred => "face.blurred",
            Self::Whole => "face.whole",
            Self::Alone => "face.alone",
            Self::Colours => "face.colours",
            Self::Glasses => "face.glasses",
            Self::Eyes => "face.eyes",
            Self::Straight => "face.straight",
            Self::Light => "face.light",
            Self::Uncovered => "face.uncovered",
            Self::OtherDevice => "face.other_device",
            Self::Camera => "face.camera",
            Self::Left => "face.left",
            Self::Banned => "face.banned",
            Self::Again => "face.again",
        }
    }
}

/// Declares the codes: the variant, its number, what helps.
macro_rules! codes {
    ($($(#[doc = $about:literal])+ $Name:ident = $code:literal, $Advice:ident;)+) => {
        /// Why MyID did not recognise somebody, by its own codes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum FaceProblem {
            $($(#[doc = $about])+ $Name,)+
            /// A code that is not known here, or none.
            Unknown,
        }

        impl FaceProblem {
            /// All that have a code.
            pub const ALL: &[Self] = &[$(Self::$Name,)+];

            /// What a code means; `1` is no problem, and never comes here.
            pub fn of(code: i64) -> Self {
                match code {
                    $($code => Self::$Name,)+
                    _ => Self::Unknown,
                }
            }

            /// The code; 0 of an unknown one.
            pub const fn code(self) -> i64 {
                match self {
                    $(Self::$Name => $code,)+
                    Self::Unknown => 0,
                }
            }

            /// What helps the person.
            pub const fn advice(self) -> Advice {
                match self {
                    $(Self::$Name => Advice::$Advice,)+
                    Self::Unknown => Advice::Again,
                }
            }
        }
    };
}

codes! {
    /// The document's data are wrong.
    DocumentData = 2, Document;
    /// No living face.
    NotAlive = 3, Liveness;
    /// The face does not match.
    NoMatch = 4, OtherFace;
    /// An outside service is down.
    OutsideService = 5, Later;
    /// The person is dead, by the register.
    Deceased = 6, Deceased;
    /// No photo was received.
    NoPhoto = 7, Connection;
    /// MyID's own error.
    Internal = 8, Later;
    /// The task took too long.
    TaskExpired = 9, Slow;
    /// The queue took too long.
    QueueExpired = 10, Slow;
    /// MyID is unavailable.
    Unavailable = 11, Later;
    /// The photo is too poor to see whether the face lives.
    PoorForLiveness = 14, Quality;
    /// The photo is too poor to compare.
    PoorForComparison = 17, Quality;
    /// The service of liveness failed.
    LivenessService = 18, Later;
    /// The service of comparison failed.
    ComparisonService = 19, Later;
    /// The photo is blurred.
    Blurred = 20, Blurred;
    /// The face is not whole.
    NotWhole = 21, Whole;
    /// Several faces.
    SeveralFaces = 22, Alone;
    /// No colours.
    Greyscale = 23, Colours;
    /// Dark glasses.
    DarkGlasses = 24, Glasses;
    /// A photo of another kind than is allowed.
    PhotoKind = 25, Quality;
    /// Closed eyes.
    EyesClosed = 26, Eyes;
    /// The head is turned.
    HeadTurned = 27, Straight;
    /// The parts of the face were not found.
    Landmarks = 28, Straight;
    /// Light is reflected.
    Glare = 29, Light;
    /// Something covers the face.
    Covered = 30, Uncovered;
    /// The camera's picture cannot be used: the first of three codes of cameras.
    Camera31 = 31, OtherDevice;
    /// The camera's picture cannot be used: the second of three codes of cameras.
    Camera32 = 32, OtherDevice;
    /// The camera has no infrared.
    NoInfrared = 33, OtherDevice;
    /// The passport has expired.
    DocumentExpired = 34, DocumentExpired;
    /// The person left.
    Left = -1, Left;
    /// Broken off, or for an unknown reason.
    Cancelled = 101, Left;
    /// No camera.
    NoCamera = 102, Camera;
    /// The server did not answer MyID's program.
    Server = 103, Later;
    /// MyID's program found the picture blurred.
    BlurredPicture = 120, Blurred;
    /// Too many attempts.
    Banned = 122, Banned;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::platform::web::locale::Language;
    use crate::platform::web::text::Text;

    #[test]
    fn each_code_is_a_variant_with_advice_and_each_advice_a_sentence_in_every_language() {
        for problem in FaceProblem::ALL {
            assert_eq!(FaceProblem::of(problem.code()), *problem);
        }
        assert_eq!((FaceProblem::ALL.len(), FaceProblem::of(77)), (35, FaceProblem::Unknown));
        assert_eq!(FaceProblem::of(77).advice(), Advice::Again);
        for language in Language::ALL {
            let text = Text::new(language);
            let said: BTreeSet<&str> = Advice::ALL.map(|advice| text.get(advice.sentence())).into();
            assert_eq!(said.len(), Advice::ALL.len(), "{language:?}");
            assert!(said.iter().all(|sentence| !sentence.starts_with("face.")), "{language:?}");
        }
        for advice in Advice::ALL {
            let used = advice == Advice::Again || FaceProblem::ALL.iter().any(|one| one.advice() == advice);
            assert!(used, "{advice:?}");
        }
    }
}
