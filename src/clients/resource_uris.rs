//! The URIs of resource servers (RFC 8707): each belongs to one of them. A second one would learn of tokens that are not for
//! it.

use std::collections::HashMap;

use super::store::StoredClient;
use super::{ClientFile, ClientsError};

/// Checks that no URI of the file's resource servers belongs to another client, in the file or beside it.
///
/// # Errors
/// [`ClientsError::ResourceTaken`].
pub(super) fn check(file: &ClientFile, known: &[StoredClient]) -> Result<(), ClientsError> {
    let mut owners: HashMap<&str, &str> = HashMap::new();
    // What the file replaces is free for others of the file.
    let beside = known.iter().filter(|old| file.clients.iter().all(|new| new.client_id != old.client_id));
    for old in beside {
        let uris = old.registration.as_ref().ok().and_then(|old| old.tokens.resource_uris.as_ref());
        owners.extend(uris.into_iter().flatten().map(|uri| (uri.as_str(), old.client_id.as_str())));
    }
    for client in &file.clients {
        for uri in client.tokens.resource_uris.iter().flatten() {
            let owner = *owners.entry(uri).or_insert(&client.client_id);
            if owner != client.client_id {
                let (uri, owner) = (uri.clone(), owner.to_owned());
                return Err(ClientsError::ResourceTaken { client: client.client_id.clone(), uri, owner });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Registration;
    use super::*;

    fn registration(id: &str, uris: &str) -> Registration {
        let text = format!("client_id = '{id}'\nresource_server = true\nresource_uris = [{uris}]");
        toml::from_str(&text).unwrap()
    }

    fn stored(id: &str, uris: &str) -> StoredClient {
        StoredClient {
            client_id: id.to_owned(),
            registration: Ok(registration(id, uris)),
            secret: None,
            former_secret: None,
            sealed: None,
            former_sealed: None,
            disabled_at: None,
            pending: false,
        }
    }

    fn taken(file: &[(&str, &str)], known: &[StoredClient]) -> Option<String> {
        let clients = file.iter().map(|(id, uris)| registration(id, uris)).collect();
        check(&ClientFile { clients }, known).err().map(|error| error.to_string())
    }

    #[test]
    fn rfc8707_2_a_uri_belongs_to_one_resource_server() {
        let known = [stored("api", "'https://api.uz/'"), stored("tax", "'https://tax.uz/'")];
        let said = "the client `new` cannot have the resource URI https://api.uz/: it belongs to `api`; nothing was stored";
        assert_eq!(taken(&[("new", "'urn:x:new', 'https://api.uz/'")], &known).as_deref(), Some(said));
        assert!(taken(&[("a", "'urn:x:a'"), ("b", "'urn:x:a'")], &[]).is_some(), "within a file");
        assert_eq!(taken(&[("new", "'https://api.uz/v1', 'urn:x:new'")], &known), None);
        // Again, twice in one list, and handed on in one file.
        assert_eq!(taken(&[("api", "'https://api.uz/', 'https://api.uz/'")], &known), None);
        assert_eq!(taken(&[("tax", "'https://api.uz/'"), ("api", "'https://tax.uz/'")], &known), None);
        assert!(taken(&[("tax", "'https://api.uz/'")], &known).is_some());
    }
}
