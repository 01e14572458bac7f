//! Attribution of store round trips: to the request in whose task they are counted, or else to the background.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;

use super::routes::{RoundTrip, Route};

tokio::task_local! {
    static REQUEST: Rc<RequestTrips>;
}

/// The round trips of one request, added to a route at its end, when the route is known. A cancelled request counts for
/// its initial route.
pub(super) struct RequestTrips {
    counts: [Cell<u64>; 3],
    route: RefCell<Option<Route>>,
}

impl RequestTrips {
    /// Zero, for a request of `route` until [`RequestTrips::belong_to`] is called.
    pub(super) fn new(route: Option<Route>) -> Rc<Self> {
        Rc::new(Self { counts: Default::default(), route: RefCell::new(route) })
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
