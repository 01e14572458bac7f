//! Attribution of store round trips: to the request in whose task they are counted, or else to the background; and where
//! that request came from.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;

use super::proxy::ClientAddress;
use super::request_id::RequestId;
use super::routes::{RoundTrip, Route};

tokio::task_local! {
    static REQUEST: Rc<RequestTrips>;
}

/// The round trips of one request, added to a route at its end, when the route is known. A cancelled request counts for
/// its initial route.
pub(super) struct RequestTrips {
    counts: [Cell<u64>; 3],
    route: RefCell<Option<Route>>,
    origin: Option<(RequestId, ClientAddress)>,
}

impl RequestTrips {
    /// Zero, for a request of `route` until [`RequestTrips::belong_to`] is called.
    pub(super) fn new(route: Option<Route>, origin: Option<(RequestId, ClientAddress)>) -> Rc<Self> {
        Rc::new(Self { counts: Default::default(), route: RefCell::new(route), origin })
    }

    /// Sets the route.
    pub(super) fn belong_to(&self, route: &Route) {
        self.route.replace(Some(route.clone()));
    }
}

impl Drop for RequestTrips {
    fn drop(&mut self) {
        let Some(route) = self.route.get_mut() else { return };
        for (kind, count) in RoundTrip::ALL.into_iter().zip(&self.counts) {
            if count.get() > 0 {
                route.add(kind, count.get());
            }
        }
    }
}

/// Runs `work`, and counts its round trips in `trips`.
pub(super) async fn caused_by<T>(trips: Rc<RequestTrips>, work: impl Future<Output = T>) -> T {
    REQUEST.scope(trips, work).await
}

/// Runs background work that has a name of its own: its round trips are counted under `route`.
pub async fn on_account_of<T>(route: &Route, work: impl Future<Output = T>) -> T {
    caused_by(RequestTrips::new(Some(route.clone()), None), work).await
}

/// Reads id and client of the request in whose task this runs; `None` in the background.
pub fn origin<T>(read: impl FnOnce(&RequestId, ClientAddress) -> T) -> Option<T> {
    let read = |trips: &Rc<RequestTrips>| trips.origin.as_ref().map(|(id, client)| read(id, *client));
    REQUEST.try_with(read).ok().flatten()
}

/// Counts one round trip for the request in whose task this runs, or else for `background`.
pub(super) fn count(kind: RoundTrip, background: &Route) {
    let counted = REQUEST.try_with(|trips| {
        let count = &trips.counts[kind as usize];
        count.set(count.get() + 1);
    });
    if counted.is_err() {
        background.add(kind, 1);
    }
}
