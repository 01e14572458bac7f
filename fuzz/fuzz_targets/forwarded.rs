//! What proxies say of a client's address.

#![no_main]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use yagona::platform::config::Cidr;
use yagona::platform::telemetry::{ForwardedHeader, client_address};

fuzz_target!(|line: &[u8]| {
    let Ok(value) = HeaderValue::from_bytes(line) else { return };
    let trusted: Vec<Cidr> = vec!["10.0.0.0/8".parse().expect("a block")];
    for (name, header) in
        [("x-forwarded-for", ForwardedHeader::XForwardedFor), ("forwarded", ForwardedHeader::Forwarded)]
    {
        let mut headers = HeaderMap::new();
        headers.append(HeaderName::from_static(name), value.clone());
        let seen = |peer: [u8; 4]| {
            let peer = SocketAddr::from((peer, 4711));
            client_address(Some(peer), &headers, (&trusted, header)).ip()
        };
        seen([10, 0, 0, 1]);
        // A stranger's word does not count.
        assert_eq!(seen([203, 0, 113, 9]), IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9)));
    }
});
