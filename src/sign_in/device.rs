//! What is known of where a sign-in came from: the browser by its own words, and the address that it was seen at. Both can be
//! faked by whoever sends them; they are for the person to recognise themselves by, and nothing is decided by them.

use actix_web::HttpRequest;
use actix_web::http::header::USER_AGENT;
use serde::{Deserialize, Serialize};

use crate::platform::telemetry::client_of;
use crate::platform::web::user_agent::named;

/// A browser at an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// The browser's name, if it is one that is known; one of a closed list, never the text that was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<String>,
    /// The system that it runs on, as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The address of the network that the request came from.
    pub address: String,
}

impl Device {
    /// Where a request came from.
    pub fn of(request: &HttpRequest) -> Self {
        let agent =
            request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        Self { address: client_of(request).ip().to_string(), ..Self::named(agent) }
    }

    fn named(agent: &str) -> Self {
        let (browser, system) = named(agent);
        let owned = |name: Option<&'static str>| name.map(str::to_owned);
        Self { browser: owned(browser), system: owned(system), address: String::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_known_by_their_own_names_and_nothing_that_was_sent_is_kept() {
        let of = |agent: &str| {
            let device = Device::named(agent);
            (device.browser.unwrap_or_default(), device.system.unwrap_or_default())
        };
        let named = |browser: &str, system: &str| (browser.to_owned(), system.to_owned());
        let android = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)";
        assert_eq!(
            of(&format!("{android} Chrome/140.0.0.0 Mobile Safari/537.36")),
            named("Chrome", "Android")
        );
        assert_eq!(
            of(&format!("{android} SamsungBrowser/28.0 Chrome/130.0 Mobile Safari/537.36")),
            named("Samsung Internet", "Android")
        );
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15";
        assert_eq!(
            of(&format!("{phone} Version/18.0 Mobile/15E148 Safari/604.1")),
            named("Safari", "iPhone")
        );
        let desk = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)";
        let edge = format!("{desk} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0");
        assert_eq!(of(&edge), named("Edge", "Windows"));
        assert_eq!(of("<script>alert(1)</script>"), named("", ""));
    }
}
