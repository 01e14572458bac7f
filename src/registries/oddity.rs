//! What can be odd about a record and is kept beside it, so that whoever uses it decides what follows.

/// What is odd about a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Oddity {
    /// The person has several PINFLs.
    SeveralPinfls,
    /// The PINFL's check digit is wrong: an old record.
    WrongCheckDigit,
    /// The PINFL carries another birth date than the record.
    OtherBirthDateInPinfl,
    /// The PINFL carries another sex than the record.
    OtherSexInPinfl,
    /// There is no patronymic.
    NoPatronymic,
    /// There is no name in the Cyrillic script.
    NoCyrillicName,
    /// There is no name as in travel documents.
    NoEnglishName,
    /// The register does not say which document is the current one.
    NoCurrentDocument,
    /// A document is of a kind that is not known here.
    UnknownDocument,
    /// The citizenship is not known here.
    UnknownCitizenship,
    /// The photo cannot be used: too large, or none.
    UnusablePhoto,
    /// The register does not say whether the person lives.
    LifeUnsaid,
    /// The answer does not say that it is one.
    NoFlag,
    /// The register had more than one record.
    SeveralRecords,
}

impl Oddity {
    /// Its name in stored findings and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SeveralPinfls => "several_pinfls",
            Self::WrongCheckDigit => "wrong_check_digit",
            Self::OtherBirthDateInPinfl => "other_birth_date_in_pinfl",
            Self::OtherSexInPinfl => "other_sex_in_pinfl",
            Self::NoPatronymic => "no_patronymic",
            Self::NoCyrillicName => "no_cyrillic_name",
            Self::NoEnglishName => "no_english_name",
            Self::NoCurrentDocument => "no_current_document",
            Self::UnknownDocument => "unknown_document",
            Self::UnknownCitizenship => "unknown_citizenship",
            Self::UnusablePhoto => "unusable_photo",
            Self::LifeUnsaid => "life_unsaid",
            Self::NoFlag => "no_flag",
            Self::SeveralRecords => "several_records",
        }
    }
}
