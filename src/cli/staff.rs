//! `yagona staff`: who works at places, their passkeys, what they did, and complaints about them.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::operator;
use super::output::{Format, say};
use super::place::place_id;
use crate::app::settings::Settings;
use crate::app::{StartError, Stores, cannot_start};
use crate::audit::Event;
use crate::mobile_id::Reference;
use crate::people::{CivilDate, Pinfl};
use crate::platform::clock::Timestamp;
use crate::platform::plain_text::is_shown_as_written;
use crate::staff::{
    Changed, ComplaintAbout, DeskComplaint, Member, NewDeskComplaint, NewMember, PlaceId, Recorded, Role,
    Staff as Store, StaffId, What, Why,
};

/// Rows that one command lists.
const MOST: i64 = 1000;

/// Adds, lists and disables members of staff, and gives them links for passkeys.
#[derive(Subcommand)]
pub(super) enum Staff {
    /// Adds a member of staff
    Add(Add),
    /// Lists the members
    List {
        /// Of one place alone
        #[arg(long)]
        place: Option<String>,
    },
    /// Disables a member at once; what they did stays on record
    Disable {
        /// The member's identifier
        id: String,
    },
    /// Makes a link by which a member makes a passkey: used once, and for a short time. Hand it over in person
    Link {
        /// The member's identifier
        id: String,
    },
    /// Lists a member's passkeys, or removes one
    Passkeys {
        /// The member's identifier
        id: String,
        /// Removes the passkey of this identifier
        #[arg(long, value_name = "PASSKEY")]
        remove: Option<String>,
    },
    /// Lists what members read and did, the newest first, and says which rows were changed behind the program's back
    Actions {
        /// At one place alone
        #[arg(long)]
        place: Option<String>,
        /// So many at most
        #[arg(long, default_value_t = 100)]
        most: u32,
    },
    /// Lists, opens and answers complaints about refusals and about staff
    #[command(subcommand)]
    Complaints(Complaints),
}

/// A member as flags.
#[derive(Args)]
pub(super) struct Add {
    /// Where they work
    #[arg(long)]
    place: String,
    /// What they may do
    #[arg(long, value_enum)]
    role: Role,
    /// Their name
    #[arg(long)]
    name: String,
    /// Their PINFL: their own record is refused to them
    #[arg(long)]
    pinfl: String,
    /// PINFL of a relative, whose record is refused to them; may be repeated
    #[arg(long = "relative", value_name = "PINFL")]
    relatives: Vec<String>,
    /// The day of their signed undertaking to keep secret what they learn, as YYYY-MM-DD
    #[arg(long, value_name = "DAY")]
    sworn_on: String,
}

/// Lists, opens and answers complaints.
#[derive(Subcommand)]
pub(super) enum Complaints {
    /// Lists open complaints, the oldest first
    List {
        /// Answered ones as well
        #[arg(long)]
        all: bool,
    },
    /// Opens a complaint that somebody wrote or called about
    Open {
        /// The place that it is about
        #[arg(long)]
        place: String,
        /// What it is about
        #[arg(long, value_enum)]
        about: ComplaintAbout,
        /// The reference on the sheet of the refusal
        #[arg(long, default_value = "")]
        reference: String,
        /// The member whom it is about, if that is known
        #[arg(long)]
        member: Option<String>,
        /// What the person says
        #[arg(long)]
        note: String,
        /// How to reach them
        #[arg(long)]
        contact: String,
    },
    /// Answers a complaint
    Answer {
        /// Its number, ten letters
        number: String,
        /// What the person is answered
        #[arg(long)]
        answer: String,
    },
}

fn pinfl(text: &str) -> Result<Pinfl, StartError> {
    Pinfl::parse(text).map_err(|why| StartError(format!("this is no PINFL: {why}")))
}

fn unknown(id: &str) -> StartError {
    StartError(format!("there is no enabled member `{id}`; `yagona staff list` shows them"))
}

impl Staff {
    pub(super) async fn run(self, settings: Settings, format: Format) -> Result<(), StartError> {
        let stores = super::existing(settings).await?;
        let staff = stores.staff();
        match self {
            Self::Add(add) => add_member(&stores, &staff, add, format).await?,
            Self::List { place } => list(&stores, &staff, place.as_deref(), format).await?,
            Self::Disable { id } => {
                let disable = async {
                    let done = staff.disable_member(&StaffId::stored(id.clone())).await;
                    if done.map_err(cannot_start)? { Ok(()) } else { Err(unknown(&id)) }
                };
                let about = |event: Event<'static>| event.staff(id.clone());
                operator::recorded(&stores, "staff disable", about, disable).await?;
                format.print(&json!({ "staff": id, "disabled": true }), || {
                    say!("{id} is disabled, and signed out everywhere.");
                    Ok(())
                })?;
            }
            Self::Link { id } => link(&stores, &staff, &id, format).await?,
            Self::Passkeys { id, remove } => {
                passkeys(&stores, &staff, (&id, remove.as_deref()), format).await?;
            }
            Self::Actions { place, most } => {
                actions(&stores, &staff, (place.as_deref(), most), format).await?;
            }
            Self::Complaints(complaints) => complaints.run(&stores, &staff, format).await?,
        }
        stores.db.close().await;
        Ok(())
    }
}

async fn add_member(stores: &Stores, staff: &Store, add: Add, format: Format) -> Result<(), StartError> {
    let place = place_id(&add.place)?;
    let name = add.name.trim().to_owned();
    if !(1..=100).contains(&name.chars().count()) || !is_shown_as_written(&name) {
        return Err(StartError("the name is one line of 1 to 100 characters".to_owned()));
    }
    let sworn_on = CivilDate::parse(&add.sworn_on).map_err(cannot_start)?;
    if sworn_on > CivilDate::of(stores.clock.now()) {
        return Err(StartError("the undertaking is not signed yet: its day is to come".to_owned()));
    }
    let relatives = add.relatives.iter().map(|text| pinfl(text)).collect::<Result<_, _>>()?;
    let (id, pinfl) = (StaffId::random(), pinfl(&add.pinfl)?);
    let new = NewMember { id: id.clone(), place, role: add.role, name, pinfl, relatives, sworn_on };
    let store = async {
        match staff.add_member(&new).await.map_err(cannot_start)? {
            Changed::Done => Ok(()),
            Changed::NoPlace => Err(StartError(format!(
                "there is no open place `{}`; `yagona place list` shows them",
                add.place
            ))),
            Changed::Already => Err(StartError("this person is a member of staff already".to_owned())),
        }
    };
    let about = |event: Event<'static>| event.staff(id.as_str().to_owned()).place(add.place.clone());
    operator::recorded(stores, "staff add", about, store).await?;
    let id = id.as_str();
    format.print(&json!({ "staff": id }), || {
        say!("{id} is a member of staff. `yagona staff link {id}` makes the link for their first passkey.");
        Ok(())
    })
}

async fn list(stores: &Stores, staff: &Store, place: Option<&str>, format: Format) -> Result<(), StartError> {
    let place = place.map(place_id).transpose()?;
    let read = async { staff.members(place.as_ref()).await.map_err(cannot_start) };
    let members = operator::recorded(stores, "staff list", |event| event, read).await?;
    let document = |member: &Member| {
        json!({
            "id": member.id, "place": member.place, "role": member.role, "name": member.name,
            "sworn_on": member.sworn_on.to_string(), "passkeys": member.passkeys,
            "added_at": member.added_at.to_rfc3339(),
            "disabled_at": member.disabled_at.map(Timestamp::to_rfc3339),
        })
    };
    format.print(&json!({ "staff": members.iter().map(document).collect::<Vec<_>>() }), || {
        if members.is_empty() {
            say!("There are no members of staff yet; `yagona staff add` adds one.");
        }
        for member in &members {
            let state = if member.disabled_at.is_some() { "disabled" } else { "enabled" };
            let (id, place, role) = (member.id.as_str(), member.place.as_str(), member.role.name());
            let keys = member.passkeys;
            say!("{id:<26}  {place:<20} {role:<13} {state:<8} passkeys {keys}  {}", member.name);
        }
        Ok(())
    })
}

async fn link(stores: &Stores, staff: &Store, id: &str, format: Format) -> Result<(), StartError> {
    let make = async {
        let made = staff.link(&StaffId::stored(id.to_owned()), Vec::new()).await.map_err(cannot_start)?;
        made.ok_or_else(|| unknown(id))
    };
    let about = |event: Event<'static>| event.staff(id.to_owned());
    let token = operator::recorded(stores, "staff link", about, make).await?;
    let base = stores.settings.server.issuer.as_str().trim_end_matches('/');
    let (url, minutes) = (format!("{base}/desk/passkey?link={token}"), stores.settings.desk.link_minutes);
    format.print(&json!({ "staff": id, "url": url, "minutes": minutes }), || {
        say!("{url}");
        say!("It works once, within {minutes} minutes, at the member's own device. Earlier links end.");
        Ok(())
    })
}

async fn passkeys(
    stores: &Stores,
    staff: &Store,
    (id, remove): (&str, Option<&str>),
    format: Format,
) -> Result<(), StartError> {
    let member = StaffId::stored(id.to_owned());
    if let Some(passkey) = remove {
        let take = async {
            let done = staff.remove_passkey(&member, passkey, Vec::new()).await.map_err(cannot_start)?;
            if done { Ok(()) } else { Err(StartError(format!("{id} has no passkey `{passkey}`"))) }
        };
        let about = |event: Event<'static>| event.staff(id.to_owned());
        operator::recorded(stores, "staff passkeys", about, take).await?;
    }
    let all = staff.passkeys(&member).await.map_err(cannot_start)?;
    let document = |passkey: &crate::staff::Passkey| {
        json!({
            "id": passkey.id, "label": passkey.label, "added_at": passkey.added_at.to_rfc3339(),
            "used_at": passkey.used_at.map(Timestamp::to_rfc3339),
        })
    };
    format.print(&json!({ "passkeys": all.iter().map(document).collect::<Vec<_>>() }), || {
        if all.is_empty() {
            say!("{id} has no passkey; `yagona staff link {id}` makes a link for one.");
        }
        for passkey in &all {
            say!("{}  {}  {}", passkey.id, passkey.added_at.to_rfc3339(), passkey.label);
        }
        Ok(())
    })
}

async fn actions(
    stores: &Stores,
    staff: &Store,
    (place, most): (Option<&str>, u32),
    format: Format,
) -> Result<(), StartError> {
    let place = place.map(place_id).transpose()?;
    let read = async { staff.actions(place.as_ref(), i64::MAX, most.into()).await.map_err(cannot_start) };
    let all = operator::recorded(stores, "staff actions", |event| event, read).await?;
    let document = |action: &Recorded| {
        json!({
            "id": action.id, "staff": action.staff, "place": action.place,
            "at": Timestamp(action.at_ms.div_euclid(1000)).to_rfc3339(),
            "what": action.what.map(What::name), "about": action.about, "why": action.why.map(Why::name),
            "intact": action.intact,
        })
    };
    format.print(&json!({ "actions": all.iter().map(document).collect::<Vec<_>>() }), || {
        for action in &all {
            let at = Timestamp(action.at_ms.div_euclid(1000)).to_rfc3339();
            let (what, why) =
                (action.what.map_or("unknown", What::name), action.why.map_or("unknown", Why::name));
            let altered = if action.intact { "" } else { "  CHANGED" };
            let (place, staff) = (action.place.as_str(), action.staff.as_str());
            say!("{at}  {place}  {staff}  {what:<18} {why:<15} {}{altered}", action.about);
        }
        Ok(())
    })
}

impl Complaints {
    async fn run(self, stores: &Stores, staff: &Store, format: Format) -> Result<(), StartError> {
        match self {
            Self::List { all } => {
                let read = async { staff.complaints((None, None), all, MOST).await.map_err(cannot_start) };
                let listed = operator::recorded(stores, "staff complaints list", |event| event, read).await?;
                let documents: Vec<Value> = listed.iter().map(document).collect();
                format.print(&json!({ "complaints": documents }), || {
                    if listed.is_empty() {
                        say!("There are no complaints.");
                    }
                    for one in &listed {
                        let state = if one.answered.is_some() { "answered" } else { "open" };
                        let about = one.about.map_or("unknown", ComplaintAbout::name);
                        let (at, place) = (one.opened_at.to_rfc3339(), one.place.as_str());
                        say!("{}  {at}  {state:<8} {about:<8} {place}  {}", one.number, one.reference);
                        say!("  {}", one.note.replace(char::is_control, " "));
                        say!("  reach them: {}", one.contact.replace(char::is_control, " "));
                    }
                    Ok(())
                })
            }
            Self::Open { place, about, reference, member, note, contact } => {
                let place: PlaceId = place_id(&place)?;
                if staff.place(&place).await.map_err(cannot_start)?.is_none() {
                    return Err(StartError(
                        "there is no such place; `yagona place list` shows them".to_owned(),
                    ));
                }
                let member = match member.map(StaffId::stored) {
                    None => None,
                    Some(id) => {
                        let known = staff.member(&id).await.map_err(cannot_start)?;
                        Some(
                            known
                                .ok_or_else(|| StartError(format!("there is no member {}", id.as_str())))?
                                .id,
                        )
                    }
                };
                // As what was done about the application has it.
                let reference = Reference::parse(&reference).map_or(reference, |known| known.to_string());
                let (note, contact) = (text(&note)?, text(&contact)?);
                let opened_by = "operator".to_owned();
                let new = NewDeskComplaint {
                    place: place.clone(),
                    about,
                    reference,
                    staff: member,
                    note,
                    contact,
                    opened_by,
                };
                let open = async { staff.open_complaint(&new, |_| Vec::new()).await.map_err(cannot_start) };
                let what = |event: Event<'static>| event.place(place.as_str().to_owned());
                let number = operator::recorded(stores, "staff complaints open", what, open).await?;
                format.print(&json!({ "number": number }), || {
                    say!("The complaint {number} is open.");
                    Ok(())
                })
            }
            Self::Answer { number, answer } => {
                let (number, answer) = (number.to_uppercase(), text(&answer)?);
                let close = async {
                    let parts = (number.as_str(), None);
                    let done = staff.answer_complaint(parts, ("operator", &answer), Vec::new()).await;
                    if done.map_err(cannot_start)? {
                        Ok(())
                    } else {
                        Err(StartError(format!("there is no open complaint `{number}`")))
                    }
                };
                let what = |event: Event<'static>| event.detail(number.clone());
                operator::recorded(stores, "staff complaints answer", what, close).await?;
                format.print(&json!({ "number": number, "answered": true }), || {
                    say!("The complaint {number} is answered.");
                    Ok(())
                })
            }
        }
    }
}

fn text(given: &str) -> Result<String, StartError> {
    Store::complaint_text(given).ok_or_else(|| StartError("a text is needed".to_owned()))
}

fn document(one: &DeskComplaint) -> Value {
    json!({
        "number": one.number, "place": one.place, "about": one.about, "reference": one.reference, "staff": one.staff,
        "opened_at": one.opened_at.to_rfc3339(), "opened_by": one.opened_by, "note": one.note,
        "contact": one.contact,
        "answered_at": one.answered.as_ref().map(|(at, ..)| at.to_rfc3339()),
        "answered_by": one.answered.as_ref().map(|(_, by, _)| by),
        "answer": one.answered.as_ref().map(|(.., answer)| answer),
    })
}
