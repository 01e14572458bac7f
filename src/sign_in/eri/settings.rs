use crate::platform::config::{Loader, settings};

settings! {
    /// Signing in with an electronic digital signature (ERI); offered where this section exists. It needs `[registries.eimzo]`.
    [eri]
    pub struct EriSettings {
        /// The WebSockets of E-IMZO's program on people's computers. A page over https takes the first `wss:` one, another the first `ws:`
        /// one; pages may connect to nothing else.
        capiws: Vec<String> = ["wss://127.0.0.1:64443/service/cryptapi", "ws://127.0.0.1:64646/service/cryptapi"];
        /// This site's domains, each followed by the key that E-IMZO gave to it: the program answers no page without one.
        api_keys: Vec<String> = [];
        /// Whether the certificate of an ID-card must be the person's by the Tax Committee's data, where `[registries.tax]` exists.
        tax_committee: bool = true;
    }
}

impl EriSettings {
    pub(crate) fn check(&self, loader: &mut Loader) {
        let fits = |address: &String| {
            (address.starts_with("wss://") || address.starts_with("ws://"))
                && address.bytes().all(|b| b.is_ascii_graphic() && !b";,'\"".contains(&b))
        };
        if !self.api_keys.len().is_multiple_of(2)
            || !self.api_keys.iter().all(|one| one.bytes().all(|b| b.is_ascii_graphic()))
        {
            loader.report(
                "eri.api_keys",
                "is no list of domains and keys",
                "write each domain, then its key",
            );
        }
        if self.capiws.is_empty() || !self.capiws.iter().all(fits) {
            loader.report("eri.capiws", "is no list of WebSockets", "use addresses with wss:// or ws://");
        }
    }
}
