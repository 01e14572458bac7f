//! The demo's places and the staff who work there. They have no passkey at first: `yagona staff link` makes one for whoever tries the desk.

use std::collections::BTreeMap;

use crate::app::{StartError, cannot_start};
use crate::people::{CivilDate, Pinfl};
use crate::platform::clock::Timestamp;
use crate::staff::{NewMember, Place, PlaceId, PlaceKind, PlaceNames, Role, Staff, StaffId};

/// The places: identifier, kind, names in Uzbek (Latin, Cyrillic), Russian and English.
const PLACES: [(&str, PlaceKind, [&str; 4]); 3] = [
    (
        "demo-dxm",
        PlaceKind::ServiceCentre,
        [
            "Yunusobod davlat xizmatlari markazi",
            "Юнусобод давлат хизматлари маркази",
            "Юнусабадский центр государственных услуг",
            "Yunusobod state service centre",
        ],
    ),
    (
        "demo-notary",
        PlaceKind::NotaryOffice,
        [
            "Samarqand 7-sonli notarial idorasi",
            "Самарқанд 7-сонли нотариал идораси",
            "Самаркандская нотариальная контора № 7",
            "Samarkand notary office No. 7",
        ],
    ),
    (
        "demo-post",
        PlaceKind::PostOffice,
        [
            "Chilonzor 12-sonli aloqa boʻlimi",
            "Чилонзор 12-сонли алоқа бўлими",
            "Чиланзарское почтовое отделение № 12",
            "Chilonzor post office No. 12",
        ],
    ),
];

/// The members: identifier, place, role, name, a PINFL of nobody.
const MEMBERS: [(&str, &str, Role, &str, &str); 5] = [
    ("demo-operator", "demo-dxm", Role::Operator, "Nilufar Rashidova", "42503880010023"),
    ("demo-supervisor", "demo-dxm", Role::Supervisor, "Bekzod Tursunov", "31405790010031"),
    ("demo-administrator", "demo-dxm", Role::Administrator, "Malika Yusupova", "40908910010042"),
    ("demo-notary", "demo-notary", Role::Operator, "Sardor Ismoilov", "32212850010057"),
    ("demo-post", "demo-post", Role::Operator, "Zuhra Hamidova", "41507920010068"),
];

/// Adds what is not there yet.
///
/// # Errors
/// [`StartError`] when it cannot be stored.
pub(super) async fn add(staff: &Staff) -> Result<(), StartError> {
    for (id, kind, [uz_latn, uz_cyrl, ru, en]) in PLACES {
        let names = [uz_latn, uz_cyrl, ru, en].map(str::to_owned);
        let [uz_latn, uz_cyrl, ru, en] = names;
        let place = Place {
            id: PlaceId::stored(id.to_owned()),
            kind,
            names: PlaceNames { uz_latn, uz_cyrl, ru, en },
            region: "Toshkent shahri".to_owned(),
            accounts: BTreeMap::from([("place".to_owned(), "20208000900000000001".to_owned())]),
            opened_at: Timestamp(0),
            closed_at: None,
        };
        staff.add_place(&place).await.map_err(cannot_start)?;
    }
    for (id, place, role, name, pinfl) in MEMBERS {
        let id = StaffId::stored(id.to_owned());
        if staff.member(&id).await.map_err(cannot_start)?.is_some() {
            continue;
        }
        let new = NewMember {
            id,
            place: PlaceId::stored(place.to_owned()),
            role,
            name: name.to_owned(),
            pinfl: Pinfl::from_registry(pinfl).map_err(cannot_start)?,
            relatives: Vec::new(),
            sworn_on: CivilDate::parse("2026-01-05").map_err(cannot_start)?,
        };
        staff.add_member(&new).await.map_err(cannot_start)?;
    }
    Ok(())
}
