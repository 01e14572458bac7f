//! What was agreed, and whether it still covers what is asked.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{AgreedData, DataSet};
use crate::clients::{Basis, Client, DataRequest, PersonalData, Terms};
use crate::platform::clock::Timestamp;

/// How far a consent goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// Sets that may be released.
    pub released: BTreeSet<DataSet>,
    /// Sets that were asked for and withheld: they are not asked for again.
    pub withheld: BTreeSet<DataSet>,
    /// Whether use in absence was agreed to.
    pub offline: bool,
    /// Data with a purpose of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<AgreedData>,
}

impl Extent {
    /// What agreeing to `request` with only the `ticked` optional sets means at `now`.
    pub fn agreed(request: &DataRequest, ticked: &BTreeSet<DataSet>, now: Timestamp) -> Self {
        let chosen: BTreeSet<DataSet> = request.optional.intersection(ticked).copied().collect();
        Self {
            withheld: request.optional.difference(&chosen).copied().collect(),
            released: request.required.union(&chosen).copied().collect(),
            offline: request.offline,
            details: request.details.iter().map(|asked| AgreedData::to(asked, now)).collect(),
        }
    }

    /// All data sets that may go, for whatever purpose.
    pub fn sets(&self) -> BTreeSet<DataSet> {
        let detailed = self.details.iter().flat_map(|detail| &detail.asked.data_sets);
        self.released.iter().chain(detailed).copied().collect()
    }

    /// What of the details stands at `now`, until it ends. What is read once belongs to the sign-in in which it was given.
    fn standing(&self, now: Timestamp) -> impl Iterator<Item = &AgreedData> {
        self.details.iter().filter(move |detail| !detail.asked.is_single() && detail.is_live(now))
    }

    /// The data sets that stand at `now`.
    pub fn standing_sets(&self, now: Timestamp) -> BTreeSet<DataSet> {
        let detailed = self.standing(now).flat_map(|detail| &detail.asked.data_sets);
        self.released.iter().chain(detailed).copied().collect()
    }

    /// Whether anything was decided about any data, or whether the two have only met.
    pub fn decides(&self) -> bool {
        !self.released.is_empty() || !self.withheld.is_empty() || !self.details.is_empty()
    }

    /// Whether this lets a client have `set` at `now` for all that `request` asks for it: in general, and for each purpose of its
    /// own.
    pub fn allows(&self, set: DataSet, request: &DataRequest, now: Timestamp) -> bool {
        let general = !request.general().contains(&set) || self.released.contains(&set);
        let stands = |asked: &PersonalData| {
            let parts = self.standing(now).filter_map(|own| own.asked.within(asked));
            parts.flat_map(|part| part.data_sets).any(|own| own == set)
        };
        general && request.details.iter().filter(|asked| asked.data_sets.contains(&set)).all(stands)
    }

    /// Whether this goes at least as far at `now` as `other`: everything that it lets a client have, this does as well.
    pub fn allows_all_of(&self, other: &Self, now: Timestamp) -> bool {
        let details =
            other.standing(now).all(|detail| self.details.iter().any(|own| own.covers(&detail.asked, now)));
        details && other.released.is_subset(&self.released) && (self.offline || !other.offline)
    }

    /// Whether any of `request` is allowed by this.
    pub fn allows_any_of(&self, request: &DataRequest) -> bool {
        let general = request.general().intersection(&self.released).next().is_some();
        let detailed = || {
            let agreed = self.details.iter().filter(|detail| !detail.asked.is_single());
            let mut agreed =
                agreed.flat_map(|own| request.details.iter().map(move |asked| own.within(asked)));
            agreed.any(|part| part.is_some())
        };
        general || (self.offline && request.offline) || detailed()
    }

    fn covers(&self, request: &DataRequest, now: Timestamp) -> bool {
        let answered: BTreeSet<DataSet> = self.released.union(&self.withheld).copied().collect();
        request.required.is_subset(&self.released)
            && request.optional.is_subset(&answered)
            && (self.offline || !request.offline)
            && request.details.iter().all(|asked| self.details.iter().any(|own| own.covers(asked, now)))
    }
}

/// A consent on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Its identifier.
    pub id: String,
    /// How far it goes.
    pub extent: Extent,
    /// When it ends.
    pub expires_at: Timestamp,
    /// What the person was told; `None` for consents of versions that did not keep it.
    pub terms: Option<Box<Terms>>,
}

/// By what a release was permitted (R68).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PermittedBy {
    /// By a one-time code; the message that carried it.
    Code(String),
    /// By a button.
    Click,
    /// By a law.
    Law,
}

impl PermittedBy {
    /// Its name in the store.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Code(_) => "code",
            Self::Click => "click",
            Self::Law => "law",
        }
    }

    /// The message that carried the code, if there is one.
    pub fn code_id(&self) -> Option<&str> {
        match self {
            Self::Code(id) => Some(id),
            Self::Click | Self::Law => None,
        }
    }
}

/// A consent to be recorded.
#[derive(Clone, Debug)]
pub struct NewConsent {
    /// Its identifier: recording it twice records it once.
    pub id: String,
    /// How far it goes.
    pub extent: Extent,
    /// Whether nothing was asked for but data that are read once: then it stands beside other consents.
    pub once: bool,
    /// When it ends (exclusive).
    pub expires_at: Timestamp,
    /// The terms that it is bound to.
    pub terms: Terms,
    /// The text that was shown, as JSON; empty when no page asked.
    pub shown: String,
    /// By what it was permitted.
    pub permitted_by: PermittedBy,
    /// Whether it stands beside the person's other consents to the client: it follows none and ends none, and no later decision
    /// looks at it. What is read once does so whatever this says.
    pub beside: bool,
}

/// What is to be done before data may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A consent on record covers the request.
    Covered(Consent),
    /// A law covers it: it is recorded, not asked (D-i).
    Statutory(Extent),
    /// The person must be asked.
    Ask,
    /// Nothing personal is asked for, but the person has never decided to go on to this service: doing so on a page
    /// that names it is the decision, and is recorded with an empty extent (OpenID Connect Core §3.1.2.4).
    Meet,
}

/// Holds a request against what is on record. A consent covers what it was given for, under the terms that were shown.
/// With `ask_again` a consent on record is not enough; a law that lets the client have the data leaves nothing to ask.
pub fn decide(
    client: &Client,
    request: &DataRequest,
    on_record: Option<&Consent>,
    ask_again: bool,
    now: Timestamp,
) -> Decision {
    if ask_again && client.data.basis == Basis::Consent {
        return Decision::Ask;
    }
    let holds = |consent: &Consent| match &consent.terms {
        // A decision of a version that did not keep the terms is no permission, but the two have met.
        None => request.is_empty(),
        Some(terms) if request.is_empty() => client.terms.same_service(terms),
        Some(terms) => {
            consent.extent.covers(request, now) && client.terms.changed(terms, &request.all()).is_empty()
        }
    };
    match on_record.filter(|consent| consent.expires_at > now) {
        Some(consent) if holds(consent) => Decision::Covered(consent.clone()),
        _ if request.is_empty() => Decision::Meet,
        _ if client.data.basis == Basis::Statutory => {
            Decision::Statutory(Extent::agreed(request, &request.optional, now))
        }
        _ => Decision::Ask,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::{Registration, Rules};

    fn sets(sets: &[DataSet]) -> BTreeSet<DataSet> {
        sets.iter().copied().collect()
    }

    fn request(required: &[DataSet], optional: &[DataSet], offline: bool) -> DataRequest {
        DataRequest { required: sets(required), optional: sets(optional), offline, details: Vec::new() }
    }

    #[test]
    fn a_consent_covers_the_same_or_less_and_nothing_more() {
        let asked = request(&[DataSet::Name], &[DataSet::Phone, DataSet::Address], false);
        let extent = Extent::agreed(&asked, &sets(&[DataSet::Phone]), NOW);
        assert_eq!(extent.released, sets(&[DataSet::Name, DataSet::Phone]));
        assert!(extent.covers(&asked, NOW), "what was withheld is not asked again");
        assert!(extent.covers(&request(&[], &[DataSet::Phone], false), NOW));
        assert!(!extent.covers(&request(&[DataSet::Name, DataSet::Pinfl], &[], false), NOW), "it grew");
        assert!(!extent.covers(&request(&[DataSet::Address], &[], false), NOW), "withheld, and now required");
        assert!(!extent.covers(&request(&[DataSet::Name], &[], true), NOW), "absence was not agreed to");
    }

    #[test]
    fn a_consent_goes_as_far_as_another_or_falls_short_of_it() {
        let extent =
            |released: &[DataSet], offline| Extent { released: sets(released), offline, ..Extent::default() };
        let wide = extent(&[DataSet::Name, DataSet::Phone], true);
        assert!(wide.allows_all_of(&extent(&[DataSet::Phone], false), NOW));
        assert!(!extent(&[DataSet::Name], true).allows_all_of(&wide, NOW), "a set less");
        assert!(!extent(&[DataSet::Name, DataSet::Phone], false).allows_all_of(&wide, NOW), "not in absence");
        assert!(wide.allows_any_of(&request(&[], &[DataSet::Phone, DataSet::Address], false)));
        assert!(!wide.allows_any_of(&request(&[DataSet::Address], &[], false)));
        assert!(wide.allows_any_of(&request(&[DataSet::Address], &[], true)), "absence");
    }

    const NOW: Timestamp = Timestamp(1_000);

    fn shop(more: &str) -> Client {
        let text = format!(
            "client_id = 'shop'\nclient_name = 'Shop'\nredirect_uris = ['https://shop.uz/cb']\n\
             policy_uri = 'https://shop.uz/policy'\n{more}"
        );
        let text = text + if more.contains("owner") { "" } else { "\nowner = 'Shop LLC'" };
        let text = text + if more.contains("purpose") { "" } else { "\npurpose = 'To serve you'" };
        let text = text + if more.contains("basis") { "" } else { "\nbasis = 'consent'" };
        let sms_host = "id.uz".to_owned();
        let rules = Rules {
            loopback_http: false,
            issuer: "https://id.uz".to_owned(),
            sms_host,
            shortest_secret: 8,
            published_secrets: true,
        };
        toml::from_str::<Registration>(&text).unwrap().parse(&rules).unwrap()
    }

    fn given(client: &Client, released: &[DataSet]) -> Consent {
        Consent {
            id: "c".to_owned(),
            extent: Extent { released: sets(released), ..Extent::default() },
            expires_at: NOW.plus(1),
            terms: Some(Box::new(client.terms.clone())),
        }
    }

    #[test]
    fn a_consent_is_bound_to_what_was_shown() {
        let (shop, asked) = (shop(""), request(&[DataSet::Name], &[], false));
        let consent = given(&shop, &[DataSet::Name]);
        let decided = |client: &Client| decide(client, &asked, Some(&consent), false, NOW);
        assert_eq!(decided(&shop), Decision::Covered(consent.clone()));
        for other in ["owner = 'Others LLC'", "purpose = 'Advertising'", "recipients = 'Anybody'"] {
            assert_eq!(decided(&super::tests::shop(other)), Decision::Ask, "{other}");
        }
        let of_before = Consent { terms: None, ..consent.clone() };
        assert_eq!(decide(&shop, &asked, Some(&of_before), false, NOW), Decision::Ask);
        assert_eq!(decide(&shop, &asked, Some(&consent), false, NOW.plus(1)), Decision::Ask, "expired");
        assert_eq!(decide(&shop, &asked, Some(&consent), true, NOW), Decision::Ask, "asked again");
    }

    #[test]
    fn the_first_meeting_is_a_decision_of_its_own() {
        let (shop, nothing) = (shop(""), DataRequest::default());
        assert_eq!(decide(&shop, &nothing, None, false, NOW), Decision::Meet);
        for known in [given(&shop, &[]), given(&shop, &[DataSet::Phone])] {
            assert_eq!(decide(&shop, &nothing, Some(&known), false, NOW), Decision::Covered(known.clone()));
            let (sold, grown) =
                (super::tests::shop("owner = 'Others LLC'"), super::tests::shop("purpose = 'Other'"));
            assert_eq!(decide(&sold, &nothing, Some(&known), false, NOW), Decision::Meet, "another service");
            assert_eq!(decide(&grown, &nothing, Some(&known), false, NOW), Decision::Covered(known));
        }
        let met = given(&shop, &[]);
        let asked = request(&[DataSet::Name], &[], false);
        assert_eq!(decide(&shop, &asked, Some(&met), false, NOW), Decision::Ask, "a meeting allows no data");
        let agency = super::tests::shop("kind = 'state'\nbasis = 'statutory'\nbasis_reference = 'Law 1'");
        assert_eq!(decide(&agency, &nothing, None, false, NOW), Decision::Meet);
        let lawful = Extent { released: sets(&[DataSet::Name]), ..Extent::default() };
        assert_eq!(decide(&agency, &asked, None, true, NOW), Decision::Statutory(lawful));
    }

    #[test]
    fn ticking_what_was_not_asked_for_releases_nothing() {
        let asked = request(&[DataSet::Name], &[], false);
        let extent = Extent::agreed(&asked, &sets(&[DataSet::Pinfl]), NOW);
        assert_eq!(extent.released, sets(&[DataSet::Name]));
    }

    #[test]
    fn rfc9396_a_consent_is_bound_to_purpose_term_and_data_and_one_use_is_agreed_to_each_time() {
        use crate::clients::{Ends, Use, detail_tests::loan};
        let asking = |detail: PersonalData| DataRequest { details: vec![detail], ..DataRequest::default() };
        let repeated = loan(&[DataSet::Phone, DataSet::Address], Use::Repeated);
        let extent = Extent::agreed(&asking(repeated.clone()), &BTreeSet::new(), NOW);
        assert_eq!((extent.released.len(), extent.sets().len()), (0, 2));
        assert!(extent.covers(&asking(repeated.clone()), NOW));
        assert!(extent.covers(&asking(loan(&[DataSet::Phone], Use::Repeated)), NOW), "less of the same");
        assert!(!extent.covers(&asking(repeated.clone()), NOW.plus(86_400)), "its term is over");
        for other in [
            PersonalData { purpose: "A car".to_owned(), ..repeated.clone() },
            PersonalData { ends: Ends::After(1), ..repeated.clone() },
            loan(&[DataSet::Phone, DataSet::Pinfl], Use::Repeated),
            loan(&[DataSet::Phone], Use::Single),
        ] {
            assert!(!extent.covers(&asking(other.clone()), NOW), "{other:?}");
        }
        assert!(!extent.covers(&request(&[DataSet::Phone], &[], false), NOW), "for every purpose");
        assert!(extent.allows_any_of(&asking(repeated)));

        let once = asking(loan(&[DataSet::Phone], Use::Single));
        let single = Extent::agreed(&once, &BTreeSet::new(), NOW);
        assert!(!single.covers(&once, NOW) && !single.allows_any_of(&once));
        // What is read once takes nothing away that stands, and is nothing that stands.
        assert!(extent.allows_all_of(&single, NOW) && !single.allows_all_of(&extent, NOW));
        assert!(single.allows_all_of(&extent, NOW.plus(86_400)), "nothing stands any more");
    }

    #[test]
    fn what_was_allowed_for_one_purpose_was_allowed_for_that_one_alone() {
        use crate::clients::{Use, detail_tests::loan};
        let asking = |detail: PersonalData| DataRequest { details: vec![detail], ..DataRequest::default() };
        let repeated = asking(loan(&[DataSet::Phone], Use::Repeated));
        let detailed = Extent::agreed(&repeated, &BTreeSet::new(), NOW);
        let general = Extent::agreed(&request(&[DataSet::Phone], &[], false), &BTreeSet::new(), NOW);
        let car = asking(PersonalData { purpose: "A car".to_owned(), ..repeated.details[0].clone() });
        assert!(detailed.allows(DataSet::Phone, &repeated, NOW));
        assert!(!detailed.allows(DataSet::Phone, &request(&[DataSet::Phone], &[], false), NOW));
        assert!(!detailed.allows(DataSet::Phone, &car, NOW) && !general.allows(DataSet::Phone, &car, NOW));
        assert!(!detailed.allows(DataSet::Phone, &repeated, NOW.plus(86_400)), "its term is over");
        let single = asking(loan(&[DataSet::Phone], Use::Single));
        let once = Extent::agreed(&single, &BTreeSet::new(), NOW);
        assert!(!once.allows(DataSet::Phone, &single, NOW), "it is read once");
        assert!(detailed.decides() && once.decides() && !Extent::default().decides());
    }
}
