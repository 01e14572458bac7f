//! An SMS gateway that speaks Eskiz's wire format, accepts everything at once and sends nothing: what is measured
//! is the provider, not somebody's queue.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};

use crate::wire::{self, Body};

const LARGEST_REQUEST: usize = 64 * 1024;

/// Starts the gateway on a free port of loopback; it runs as long as the process does.
///
/// # Errors
/// When no port can be had.
pub(crate) async fn start() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::task::spawn_local(async move {
                // A peer that goes away ends its own connection and nothing else.
                let _ = serve(stream).await;
            });
        }
    });
    Ok(address)
}

async fn serve(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut inbox = Vec::with_capacity(4096);
    let mut sent = 0_u64;
    loop {
        while let Some((request, length)) = request(&inbox)? {
            sent += 1;
            let answer = answer(&request, sent);
            inbox.drain(..length);
            write(&stream, answer.as_bytes()).await?;
        }
        if inbox.len() > LARGEST_REQUEST {
            return Err(ErrorKind::InvalidData.into());
        }
        stream.readable().await?;
        match stream.try_read_buf(&mut inbox) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// The request line and length of a request that has arrived whole.
fn request(inbox: &[u8]) -> io::Result<Option<(String, usize)>> {
    let malformed = |_| io::Error::from(ErrorKind::InvalidData);
    let Some(head) = wire::head(inbox).map_err(malformed)? else { return Ok(None) };
    let length = match head.body {
        Body::Length(length) => Some(length).filter(|length| inbox.len() >= head.length + length),
        Body::Chunked => wire::dechunk(&inbox[head.length..], &mut Vec::new()).map_err(malformed)?,
        Body::UntilClose => None,
    };
    let line = inbox.split(|byte| *byte == b'\r').next().unwrap_or_default();
    Ok(length.map(|length| (String::from_utf8_lossy(line).into_owned(), head.length + length)))
}

fn answer(request: &str, count: u64) -> String {
    let mut line = request.split(' ');
    let (method, path) = (line.next().unwrap_or_default(), line.next().unwrap_or_default());
    let id = format!("00000000-0000-4000-8000-{count:012}");
    let (status, body) = match (method, path.split('?').next().unwrap_or_default()) {
        ("POST", "/api/auth/login") | ("PATCH", "/api/auth/refresh") => ("200 OK", token()),
        ("POST", "/api/message/sms/send") => {
            ("200 OK", format!(r#"{{"id":"{id}","message":"Waiting for SMS provider","status":"waiting"}}"#))
        }
        ("GET", path) if path.starts_with("/api/message/sms/status_by_id/") => {
            let id = path.rsplit('/').next().unwrap_or_default();
            let data = format!(r#"{{"id":1,"request_id":"{id}","parts_count":1,"status":"DELIVERED"}}"#);
            ("200 OK", format!(r#"{{"status":"success","data":{data}}}"#))
        }
        _ => ("404 Not Found", r#"{"message":"Not Found"}"#.to_owned()),
    };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A token of the real one's looks: `{"alg":"HS256","typ":"JWT"}`, expiring in 2096.
fn token() -> String {
    let jwt = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjQwMDAwMDAwMDAsInN1YiI6IjEifQ.bG9hZA";
    format!(r#"{{"message":"token_generated","data":{{"token":"{jwt}"}},"token_type":"bearer"}}"#)
}

async fn write(stream: &TcpStream, mut rest: &[u8]) -> io::Result<()> {
    while !rest.is_empty() {
        stream.writable().await?;
        match stream.try_write(rest) {
            Ok(written) => rest = &rest[written..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
