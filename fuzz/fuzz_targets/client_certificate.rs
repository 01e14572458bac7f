//! A certificate in a header of a proxy, its names and its key; and the names that are registered.

#![no_main]

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::test::TestRequest;
use libfuzzer_sys::fuzz_target;
use yagona::platform::certificates::{self, SubjectName};

fuzz_target!(|data: &[u8]| {
    let name = HeaderName::from_static("client-cert");
    if let Ok(value) = HeaderValue::from_bytes(data) {
        let request = TestRequest::get().insert_header((name.clone(), value)).to_http_request();
        certificates::fuzzing::header(request.headers(), &name);
    }
    let _ = certificates::public_key(data);
    SubjectName::Dns("portal.uz".to_owned()).names(data);
    if let Some(subject) = SubjectName::distinguished("CN=portal,C=UZ") {
        subject.names(data);
    }
    let _ = std::str::from_utf8(data).ok().and_then(SubjectName::distinguished);
});
