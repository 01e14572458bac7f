//! An SMS gateway that speaks Eskiz's wire format, accepts everything at once, sends nothing and reports each message
//! as delivered: what is measured is the provider, not somebody's queue.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::rc::Rc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedSender;

use crate::courier::{self, Messages};
use crate::receipts::Receipt;
use crate::wire::{self, Body};

const LARGEST_REQUEST: usize = 64 * 1024;

/// What all connections share.
struct Gateway {
    accepted: Cell<u64>,
    messages: Messages,
    receipts: UnboundedSender<Receipt>,
}

/// A request that has arrived whole.
struct Request {
    method: String,
    path: String,
    body: Vec<u8>,
    /// Bytes that it took.
    length: usize,
}

/// Starts the gateway on a free port of loopback; it runs as long as the process does.
///
/// # Errors
/// When no port can be had.
pub(crate) async fn start() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let messages = Messages::default();
    let receipts = courier::start(&messages);
    let gateway = Rc::new(Gateway { accepted: Cell::default(), messages, receipts });
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let gateway = gateway.clone();
            tokio::task::spawn_local(async move {
                // A peer that goes away ends its own connection and nothing else.
                let _ = gateway.serve(stream).await;
            });
        }
    });
    Ok(address)
}

impl Gateway {
    async fn serve(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut inbox = Vec::with_capacity(4096);
        loop {
            while let Some(request) = request(&inbox)? {
                inbox.drain(..request.length);
                let (answer, receipt) = self.answer(&request);
                write(&stream, answer.as_bytes()).await?;
                // After its answer: the provider learns the gateway's id of a message first.
                if let Some(receipt) = receipt {
                    let _ = self.receipts.send(receipt);
                }
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

    fn answer(&self, request: &Request) -> (String, Option<Receipt>) {
        let path = request.path.split('?').next().unwrap_or_default();
        let (status, body, receipt) = match (request.method.as_str(), path) {
            ("POST", "/api/auth/login") | ("PATCH", "/api/auth/refresh") => ("200 OK", token(), None),
            ("POST", "/api/message/sms/send") => {
                let (body, receipt) = self.accept(&request.body);
                ("200 OK", body, receipt)
            }
            ("GET", path) if path.starts_with("/api/message/sms/status_by_id/") => {
                let (status, body) = self.status_of(path.rsplit('/').next().unwrap_or_default());
                (status, body, None)
            }
            _ => ("404 Not Found", r#"{"message":"Not Found"}"#.to_owned(), None),
        };
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        (head + &body, receipt)
    }

    fn accept(&self, form: &[u8]) -> (String, Option<Receipt>) {
        let count = self.accepted.get() + 1;
        self.accepted.set(count);
        let id = format!("00000000-0000-4000-8000-{count:012}");
        let receipt = Receipt::asked_for(form, &id);
        if let Some(receipt) = &receipt {
            self.messages.borrow_mut().insert(id.clone(), receipt.message_id.clone());
        }
        (format!(r#"{{"id":"{id}","message":"Waiting for SMS provider","status":"waiting"}}"#), receipt)
    }

    fn status_of(&self, id: &str) -> (&'static str, String) {
        match self.messages.borrow().get(id) {
            Some(message_id) => {
                let data = serde_json::json!({
                    "id": 1, "user_sms_id": message_id, "request_id": id, "parts_count": 1, "status": "DELIVERED",
                });
                ("200 OK", serde_json::json!({ "status": "success", "data": data }).to_string())
            }
            None => ("404 Not Found", r#"{"status":"error","message":"Message not found"}"#.to_owned()),
        }
    }
}

/// The first request, once it has arrived whole.
fn request(inbox: &[u8]) -> io::Result<Option<Request>> {
    let malformed = |_| io::Error::from(ErrorKind::InvalidData);
    let Some(head) = wire::head(inbox).map_err(malformed)? else { return Ok(None) };
    let mut body = Vec::new();
    let arrived = match head.body {
        Body::Length(length) => inbox.get(head.length..head.length + length).map(|bytes| {
            body.extend_from_slice(bytes);
            length
        }),
        Body::Chunked => wire::dechunk(&inbox[head.length..], &mut body).map_err(malformed)?,
        Body::UntilClose => None,
    };
    let Some(arrived) = arrived else { return Ok(None) };
    let line = inbox.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut line = line.split(' ').map(str::to_owned);
    let (method, path) = (line.next().unwrap_or_default(), line.next().unwrap_or_default());
    Ok(Some(Request { method, path, body, length: head.length + arrived }))
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
