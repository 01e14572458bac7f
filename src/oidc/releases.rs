//! What leaves by the endpoints, as entries of the ledger: names of claims, never their values.
//!
//! A release is the first reading of data by a token. What an ID token says, and what UserInfo gives for the access token beside it,
//! is written when the code is redeemed, by the statement that redeems it. So the entries are computed from what was granted alone,
//! without the person's record: a claim that the record lacks is named all the same.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::audience::Audience;
use super::{Provider, Tokens, claims, verified_claims};
use crate::clients::{AccessTokenFormat, Basis, Client, DetailType};
use crate::grants::{Assured, GrantDetails};
use crate::ledger::{self, Channel, Entry, EntryId, Ground};
use crate::notices::inbox::{NewNotice, NoticeKind};
use crate::people::{CivilDate, DataSet, PersonId};
use crate::platform::bytes::{self, Digest};
use crate::platform::clock::Timestamp;
use crate::platform::db::{DbError, Statement};
use crate::platform::service_error::ServiceError;
use crate::release::AgreedData;

/// The member that details stand in.
const DETAILS: &str = super::authorization_details::NAME;

/// One release, before it is written: it owns what its entry names.
#[derive(Debug)]
pub(super) struct Release<'a> {
    reader: Reader<'a>,
    person: &'a PersonId,
    consent: Option<&'a str>,
    channel: Channel,
    sets: BTreeSet<DataSet>,
    fields: Vec<String>,
    purpose: Option<(&'a str, Basis)>,
    once: Vec<String>,
}

/// To whom something goes.
#[derive(Clone, Debug)]
pub(super) enum Reader<'a> {
    /// The client whose request it is.
    Caller(&'a Client),
    /// A resource server that reads what was given to the client.
    Server(Arc<Client>),
}

impl Reader<'_> {
    fn client(&self) -> &Client {
        match self {
            Self::Caller(client) => client,
            Self::Server(client) => client,
        }
    }
}

impl Release<'_> {
    fn entry(&self) -> Entry<'_> {
        let usual = Entry::to(self.person, self.reader.client(), self.channel);
        Entry {
            data_sets: self.sets.iter().map(|set| set.name()).collect(),
            fields: self.fields.iter().map(String::as_str).collect(),
            purpose: self.purpose.map_or(usual.purpose, |(purpose, _)| Some(purpose)),
            basis: self.purpose.map_or(usual.basis, |(_, basis)| basis.into()),
            consent: self.consent,
            once: self.once.iter().map(String::as_str).collect(),
            ..usual
        }
    }
}

/// Releases as entries.
pub(super) fn entries<'a>(releases: &'a [Release<'_>]) -> Vec<Entry<'a>> {
    releases.iter().map(Release::entry).collect()
}

/// The identifier of the first access token of a grant. It follows from the grant, so that a redemption that is repeated because
/// nobody got an answer to it tells the ledger the same once more.
pub(super) fn first_token(grant: &str) -> String {
    bytes::encode(&Digest::of(format!("first access token of {grant}").as_bytes()).0[..16])
}

/// What an ID token says of the person's record, if anything.
pub(super) fn of_id_token<'a>(
    client: &'a Client,
    details: &'a GrantDetails,
    once: Vec<String>,
) -> Option<Release<'a>> {
    let asked = &details.claims;
    if !asked.any_in_id_token() {
        return None;
    }
    let released = details.may_go(client);
    let plain = claims::names_for_id_token(&asked.id_token, &released);
    let (sets, fields) = named(plain, &asked.verified_id_token, &released);
    (!fields.is_empty()).then_some(Release {
        reader: Reader::Caller(client),
        person: &details.person_id,
        consent: details.consent_id.as_deref(),
        channel: Channel::IdToken,
        sets,
        fields,
        purpose: None,
        once,
    })
}

/// What UserInfo gives for an access token.
pub(super) struct Opened<'a> {
    pub(super) client: &'a Client,
    pub(super) person: &'a PersonId,
    pub(super) consent: Option<&'a str>,
    pub(super) grant: &'a str,
    pub(super) token: &'a str,
    pub(super) scope: &'a str,
    pub(super) claims: &'a BTreeSet<String>,
    pub(super) verified: &'a [Assured],
    /// What may be released, and the registration allows today.
    pub(super) released: BTreeSet<DataSet>,
    pub(super) details: &'a [AgreedData],
}

impl<'a> Opened<'a> {
    /// What it gives as often as it is asked: an entry for what was agreed to in general, and one for each purpose.
    pub(super) fn releases(&self, provider: &Provider) -> Vec<Release<'a>> {
        let plain = claims::names_for_userinfo(self.scope, self.claims, &self.released);
        let (sets, fields) = named(plain, self.verified, &self.released);
        let mut releases = Vec::new();
        if !fields.is_empty() {
            let once = vec![self.token.to_owned(), fields.join(" ")];
            releases.push(self.release(sets, fields, None, once));
        }
        releases.extend(
            self.due(provider).filter(|detail| !detail.asked.is_single()).map(|detail| self.of(detail)),
        );
        releases
    }

    /// What it gives of a detail. Of one that is read once, the grant makes it one release, whichever token reads it.
    pub(super) fn of(&self, detail: &'a AgreedData) -> Release<'a> {
        let sets = allowed(detail, self.client);
        let fields: Vec<String> = claims::names_for_purposes(&sets).into_iter().map(str::to_owned).collect();
        let reader = if detail.asked.is_single() { self.grant } else { self.token };
        let once = vec![reader.to_owned(), detail.key().encode(), fields.join(" ")];
        self.release(sets, fields, Some(detail), once)
    }

    /// The details that UserInfo acts on.
    pub(super) fn due(&self, provider: &Provider) -> impl Iterator<Item = &'a AgreedData> {
        let (now, here) = (provider.clock.now(), [provider.issuer.to_string()]);
        let client = self.client;
        let details =
            if client.data.detail_types.contains(&DetailType::PersonalData) { self.details } else { &[] };
        details.iter().filter(move |detail| is_due(detail, client, now, &here))
    }

    fn release(
        &self,
        sets: BTreeSet<DataSet>,
        fields: Vec<String>,
        detail: Option<&'a AgreedData>,
        once: Vec<String>,
    ) -> Release<'a> {
        let purpose = detail.map(|detail| (detail.asked.purpose.as_str(), detail.asked.basis));
        let (reader, person, consent) = (Reader::Caller(self.client), self.person, self.consent);
        Release { reader, person, consent, channel: Channel::UserInfo, sets, fields, purpose, once }
    }
}

fn is_due(detail: &AgreedData, client: &Client, now: Timestamp, here: &[String]) -> bool {
    let asked = &detail.asked;
    let lawful = asked.basis == client.data.basis
        && client.contract.as_ref().is_none_or(|contract| contract.allows_purpose(&asked.purpose));
    lawful && detail.is_live(now) && detail.is_for(here) && !allowed(detail, client).is_empty()
}

/// The data sets of a detail that the registration allows today.
pub(super) fn allowed(detail: &AgreedData, client: &Client) -> BTreeSet<DataSet> {
    detail.asked.data_sets.iter().copied().filter(|set| client.data_set(*set).is_some()).collect()
}

/// Details that a resource server is told of: which data were agreed to for what, and no value. So no data set went, and none stands in
/// the entry. The client that asked for the details knows them: what tells it of them again (the answer of the token endpoint, its own
/// introspection, its grants) is no release.
pub(super) fn of_details<'a>(
    (reader, person, consent): (&Reader<'a>, &'a PersonId, Option<&'a str>),
    channel: Channel,
    details: impl IntoIterator<Item = &'a AgreedData>,
    once: &[&str],
) -> Vec<Release<'a>> {
    let release = |detail: &'a AgreedData| Release {
        reader: reader.clone(),
        person,
        consent,
        channel,
        sets: BTreeSet::new(),
        fields: vec![DETAILS.to_owned()],
        purpose: Some((detail.asked.purpose.as_str(), detail.asked.basis)),
        once: once.iter().map(|part| (*part).to_owned()).chain([detail.key().encode()]).collect(),
    };
    details.into_iter().map(release).collect()
}

/// What leaves, or is opened, when a grant is redeemed, with the mark of what its access token opens at UserInfo.
pub(super) fn of_redemption<'a>(
    tokens: &Tokens,
    client: &'a Client,
    (details, told): (&'a GrantDetails, &'a [AgreedData]),
    audience: &Audience,
    (grant, token): (&'a str, &'a str),
) -> (Vec<Release<'a>>, Option<String>) {
    let provider = &tokens.provider;
    let opened = Opened {
        client,
        person: &details.person_id,
        consent: details.consent_id.as_deref(),
        grant,
        token,
        scope: &details.scope,
        claims: &details.claims.userinfo,
        verified: &details.claims.verified_userinfo,
        released: details.may_go(client),
        details: told,
    };
    let here = !audience.elsewhere && details.scope.split(' ').any(|scope| scope == "openid");
    let mut releases = if here { opened.releases(provider) } else { Vec::new() };
    let mark = ledger::mark(&tokens.ledger.names(&entries(&releases)));
    releases.extend(of_id_token(client, details, vec![token.to_owned()]));
    let about = (&details.person_id, details.consent_id.as_deref());
    releases.extend(of_signed_token(tokens, (client, audience), about, told, &[token]));
    (releases, mark)
}

/// What an access token says to each resource server that reads it: a sealed one nothing.
pub(super) fn of_signed_token<'a>(
    tokens: &Tokens,
    (client, audience): (&Client, &Audience),
    (person, consent): (&'a PersonId, Option<&'a str>),
    told: &'a [AgreedData],
    once: &[&str],
) -> Vec<Release<'a>> {
    let legible = match client.tokens.access_token_format {
        AccessTokenFormat::Opaque => return Vec::new(),
        AccessTokenFormat::Jwt => audience.legible(told, (client, &tokens.provider)),
    };
    if legible.is_empty() {
        return Vec::new();
    }
    let of = |reader: Arc<Client>| {
        let once: Vec<&str> = once.iter().copied().chain([reader.id.as_str()]).collect();
        let about = (&Reader::Server(Arc::clone(&reader)), person, consent);
        of_details(about, Channel::AccessToken, legible.iter().copied(), &once)
    };
    audience.readers(client, &tokens.provider).into_iter().flat_map(of).collect()
}

/// Writes releases that this node does not know to be written; their names, to count what is read. Their consent is that of their
/// grant, which is read where something is written. What a law lets go is told to the person with its row.
///
/// # Errors
/// [`ServiceError`]: nothing may leave.
pub(super) async fn record(
    tokens: &Tokens,
    grant: &str,
    releases: &[Release<'_>],
) -> Result<Vec<EntryId>, ServiceError> {
    let entries = entries(releases);
    let names = tokens.ledger.names(&entries);
    if !tokens.ledger.knows(&names) {
        let found = tokens.grants.find(grant).await?;
        let consent = found.and_then(|found| found.details.consent_id);
        let entries: Vec<Entry<'_>> =
            entries.into_iter().map(|entry| Entry { consent: consent.as_deref(), ..entry }).collect();
        write(tokens, &entries).await?;
    }
    Ok(names)
}

/// Writes entries, each that rests on a law with the notice of it.
///
/// # Errors
/// [`DbError`]: what they tell of must not leave.
pub(super) async fn write(tokens: &Tokens, entries: &[Entry<'_>]) -> Result<(), DbError> {
    let (by_law, others): (Vec<&Entry<'_>>, Vec<&Entry<'_>>) =
        entries.iter().partition(|entry| notice(tokens, entry).is_some());
    for entry in by_law {
        let told = notice(tokens, entry).map(|told| tokens.data.inbox().rows(entry.person, &told));
        tokens.ledger.write_with(entry, told.unwrap_or_default()).await?;
    }
    tokens.ledger.write(others).await
}

/// The notices of entries that rest on a law, for the transaction that writes them.
pub(super) fn notices(tokens: &Tokens, entries: &[Entry<'_>]) -> Vec<Statement> {
    let told = entries.iter().filter_map(|entry| Some((entry, notice(tokens, entry)?)));
    told.flat_map(|(entry, told)| tokens.data.inbox().rows(entry.person, &told)).collect()
}

/// The notice of an access that rests on a law (R70, D-i), where data go after the sign-in that raised one: one for each service and
/// day. Where a resource server is told of an agreement no data go.
fn notice(tokens: &Tokens, entry: &Entry<'_>) -> Option<NewNotice> {
    if entry.basis != Ground::Statutory || entry.data_sets.is_empty() {
        return None;
    }
    let day = CivilDate::of(tokens.provider.clock.now()).to_string();
    let parts = ["statutory", entry.client.as_str(), entry.person.as_str(), &day];
    let notice = NewNotice::once(NoticeKind::DataReleased, &parts).service(entry.client.as_str());
    let notice = notice.data_sets(entry.data_sets.iter().copied());
    Some(match entry.purpose {
        Some(purpose) => notice.purpose(purpose),
        None => notice,
    })
}

/// The names of plain and verified claims with the sets that they are of.
fn named(
    plain: Vec<&'static str>,
    verified: &[Assured],
    released: &BTreeSet<DataSet>,
) -> (BTreeSet<DataSet>, Vec<String>) {
    let asked = verified.iter().flat_map(|request| request.claims.keys());
    let verified: BTreeSet<&str> = claims::names_for_id_token(asked, released).into_iter().collect();
    let sets = claims::sets_of(plain.iter().copied().chain(verified.iter().copied()));
    let inner = verified.into_iter().map(|name| format!("{}.{name}", verified_claims::NAME));
    (sets, plain.into_iter().map(str::to_owned).chain(inner).collect())
}
