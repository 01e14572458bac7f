//! What may be asked: the combinations of resolution 679's annex 3, and no others (R109–R112). A question that annex 3 does not
//! have cannot be built, so it leaves the house nowhere.

use crate::people::{BirthDate, DocumentKind, DocumentNumber, PhoneNumber, Pinfl};

/// A document as a question names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedDocument {
    /// Its kind.
    pub kind: DocumentKind,
    /// Its series and number.
    pub number: DocumentNumber,
}

/// A question about a person (679 A3-1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonQuery {
    /// By a document and the birth date.
    DocumentAndBirthDate(AskedDocument, BirthDate),
    /// By the PINFL alone.
    Pinfl(Pinfl),
    /// By PINFL and a document.
    PinflAndDocument(Pinfl, AskedDocument),
}

/// A question about addresses (679 A3-2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressQuery {
    /// By the PINFL.
    Pinfl(Pinfl),
    /// By a document.
    Document(AskedDocument),
}

/// A question about a taxpayer number (679 A3-3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TinQuery {
    /// By the PINFL.
    Pinfl(Pinfl),
    /// By a document.
    Document(AskedDocument),
}

/// A question about the present job (679 A3-4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobQuery {
    /// By the PINFL.
    Pinfl(Pinfl),
}

/// A question about subscribers (679 A3-5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriberQuery {
    /// Which numbers a person has.
    Pinfl(Pinfl),
    /// Whose a number is.
    Number(PhoneNumber),
}

/// What somebody wants to ask by; whatever is given counts.
#[derive(Debug, Clone, Default)]
pub struct Given<'a> {
    /// A PINFL.
    pub pinfl: Option<&'a str>,
    /// A document's kind and its number as typed.
    pub document: Option<(DocumentKind, &'a str)>,
    /// A birth date, `YYYY-MM-DD`.
    pub birth_date: Option<&'a str>,
    /// A phone number: `998` and nine digits.
    pub number: Option<&'a str>,
}

/// Why something cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Annex 3 of resolution 679 does not have this combination.
    #[error("annex 3 of resolution 679 does not have this combination")]
    Combination,
    /// The PINFL is none.
    #[error("the PINFL is none")]
    Pinfl,
    /// The document's number is none of its kind.
    #[error("the document's number is none of its kind")]
    Document,
    /// The birth date is none.
    #[error("the birth date is none")]
    BirthDate,
    /// The phone number is none of an operator of Uzbekistan.
    #[error("the phone number is none")]
    Number,
}

/// What was given, read.
struct Read {
    pinfl: Option<Pinfl>,
    document: Option<AskedDocument>,
    birth_date: Option<BirthDate>,
    number: Option<PhoneNumber>,
}

impl Given<'_> {
    fn read(&self) -> Result<Read, QueryError> {
        let document = |(kind, text): (DocumentKind, &str)| {
            DocumentNumber::parse(kind, text).map(|number| AskedDocument { kind, number })
        };
        Ok(Read {
            // Registers have records older than the rules, so only the length is held against the question.
            pinfl: self.pinfl.map(Pinfl::from_registry).transpose().map_err(|_| QueryError::Pinfl)?,
            document: self.document.map(document).transpose().map_err(|_| QueryError::Document)?,
            birth_date: self
                .birth_date
                .map(BirthDate::parse)
                .transpose()
                .map_err(|_| QueryError::BirthDate)?,
            number: self.number.map(PhoneNumber::from_digits).transpose().map_err(|_| QueryError::Number)?,
        })
    }
}

impl PersonQuery {
    /// The question that the given values make.
    ///
    /// # Errors
    /// [`QueryError`], before anybody is asked (R112).
    pub fn parse(given: &Given<'_>) -> Result<Self, QueryError> {
        match given.read()? {
            Read { pinfl: None, document: Some(document), birth_date: Some(born), number: None } => {
                Ok(Self::DocumentAndBirthDate(document, born))
            }
            Read { pinfl: Some(pinfl), document: None, birth_date: None, number: None } => {
                Ok(Self::Pinfl(pinfl))
            }
            Read { pinfl: Some(pinfl), document: Some(document), birth_date: None, number: None } => {
                Ok(Self::PinflAndDocument(pinfl, document))
            }
            _ => Err(QueryError::Combination),
        }
    }

    /// The PINFL that is asked by, if any.
    pub fn pinfl(&self) -> Option<&Pinfl> {
        match self {
            Self::Pinfl(pinfl) | Self::PinflAndDocument(pinfl, _) => Some(pinfl),
            Self::DocumentAndBirthDate(..) => None,
        }
    }

    /// The document that is asked by, if any.
    pub fn document(&self) -> Option<&AskedDocument> {
        match self {
            Self::DocumentAndBirthDate(document, _) | Self::PinflAndDocument(_, document) => Some(document),
            Self::Pinfl(_) => None,
        }
    }
}

/// What is asked by a PINFL or a document, and by nothing else.
fn one_of(given: &Given<'_>) -> Result<Result<Pinfl, AskedDocument>, QueryError> {
    match given.read()? {
        Read { pinfl: Some(pinfl), document: None, birth_date: None, number: None } => Ok(Ok(pinfl)),
        Read { pinfl: None, document: Some(document), birth_date: None, number: None } => Ok(Err(document)),
        _ => Err(QueryError::Combination),
    }
}

impl AddressQuery {
    /// The question that the given values make.
    ///
    /// # Errors
    /// [`QueryError`], before anybody is asked (R112).
    pub fn parse(given: &Given<'_>) -> Result<Self, QueryError> {
        one_of(given).map(|by| by.map_or_else(Self::Document, Self::Pinfl))
    }
}

impl TinQuery {
    /// The question that the given values make.
    ///
    /// # Errors
    /// [`QueryError`], before anybody is asked (R112).
    pub fn parse(given: &Given<'_>) -> Result<Self, QueryError> {
        one_of(given).map(|by| by.map_or_else(Self::Document, Self::Pinfl))
    }
}

impl JobQuery {
    /// The question that the given values make.
    ///
    /// # Errors
    /// [`QueryError`], before anybody is asked (R112).
    pub fn parse(given: &Given<'_>) -> Result<Self, QueryError> {
        match given.read()? {
            Read { pinfl: Some(pinfl), document: None, birth_date: None, number: None } => {
                Ok(Self::Pinfl(pinfl))
            }
            _ => Err(QueryError::Combination),
        }
    }
}

impl SubscriberQuery {
    /// The question that the given values make.
    ///
    /// # Errors
    /// [`QueryError`], before anybody is asked (R112).
    pub fn parse(given: &Given<'_>) -> Result<Self, QueryError> {
        match given.read()? {
            Read { pinfl: Some(pinfl), document: None, birth_date: None, number: None } => {
                Ok(Self::Pinfl(pinfl))
            }
            Read { pinfl: None, document: None, birth_date: None, number: Some(number) } => {
                Ok(Self::Number(number))
            }
            _ => Err(QueryError::Combination),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PINFL: &str = "41204902040015";
    const CARD: (DocumentKind, &str) = (DocumentKind::IdCard, "ad 1234567");
    const BORN: &str = "1990-04-12";
    const NUMBER: &str = "998901234567";

    /// All sixteen sets of what can be given.
    fn sets() -> impl Iterator<Item = (String, Given<'static>)> {
        (0_u8..16).map(|bits| {
            let has = |bit: u8| bits & (1 << bit) != 0;
            let given = Given {
                pinfl: has(0).then_some(PINFL),
                document: has(1).then_some(CARD),
                birth_date: has(2).then_some(BORN),
                number: has(3).then_some(NUMBER),
            };
            let names = ["pinfl", "document", "birth", "number"];
            let name: Vec<&str> = (0..4).filter(|bit| has(*bit)).map(|bit| names[bit as usize]).collect();
            (name.join("+"), given)
        })
    }

    fn accepted<T>(parse: impl Fn(&Given<'_>) -> Result<T, QueryError>) -> Vec<String> {
        sets()
            .filter_map(|(name, given)| match parse(&given) {
                Ok(_) => Some(name),
                Err(error) => {
                    assert_eq!(error, QueryError::Combination, "{name}");
                    None
                }
            })
            .collect()
    }

    #[test]
    fn r109_r110_r111_r112_only_the_combinations_of_annex_3_can_be_asked() {
        assert_eq!(accepted(PersonQuery::parse), ["pinfl", "pinfl+document", "document+birth"]);
        assert_eq!(accepted(AddressQuery::parse), ["pinfl", "document"]);
        assert_eq!(accepted(TinQuery::parse), ["pinfl", "document"]);
        assert_eq!(accepted(JobQuery::parse), ["pinfl"]);
        assert_eq!(accepted(SubscriberQuery::parse), ["pinfl", "number"]);
    }

    #[test]
    fn r112_what_is_no_value_of_its_kind_is_told_apart() {
        let person = |given: &Given<'_>| PersonQuery::parse(given).unwrap_err();
        assert_eq!(person(&Given { pinfl: Some("123"), ..Given::default() }), QueryError::Pinfl);
        let document = Some((DocumentKind::IdCard, "1"));
        assert_eq!(
            person(&Given { document, birth_date: Some(BORN), ..Given::default() }),
            QueryError::Document
        );
        assert_eq!(
            person(&Given { document: Some(CARD), birth_date: Some("12.04.1990"), ..Given::default() }),
            QueryError::BirthDate
        );
        let number = Some("99871234567");
        assert_eq!(
            SubscriberQuery::parse(&Given { number, ..Given::default() }).unwrap_err(),
            QueryError::Number
        );
    }

    #[test]
    fn a_question_says_by_what_it_asks() {
        let both = Given { pinfl: Some(PINFL), document: Some(CARD), ..Given::default() };
        let query = PersonQuery::parse(&both).unwrap();
        assert_eq!(query.pinfl().unwrap().digits(), PINFL);
        assert_eq!(query.document().unwrap().number.as_str(), "AD1234567");
        let shown = format!("{query:?}");
        assert!(!shown.contains(PINFL) && !shown.contains("1234567"), "{shown}");
    }
}
