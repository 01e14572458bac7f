//! One keep-alive connection of one user: requests as ready bytes, answers framed by hand. Two system calls per
//! request besides the wait, so that the load costs less than what it measures.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use url::Url;

use crate::wire::{self, Body};

/// Where requests go: `http` only, since TLS would cost the load more than the server.
#[derive(Clone)]
pub(crate) struct Target {
    pub base: Url,
    pub address: SocketAddr,
    /// The `Host` header.
    pub host: String,
    /// The `Origin` header of posts.
    pub origin: String,
}

impl Target {
    /// # Errors
    /// In words, when `base` is not an http URL that resolves.
    pub(crate) fn parse(base: &str) -> Result<Self, String> {
        let base: Url = base.parse().map_err(|error| format!("{base}: {error}"))?;
        if base.scheme() != "http" {
            return Err(format!("{base}: only http can be measured"));
        }
        let addresses = base.socket_addrs(|| None).map_err(|error| format!("{base}: {error}"))?;
        // Servers on loopback listen on IPv4 more often than on both.
        let address = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first()).copied();
        let address = address.ok_or_else(|| format!("{base}: no address"))?;
        let origin = base.origin().ascii_serialization();
        let host = origin.trim_start_matches("http://").to_owned();
        Ok(Self { base, address, host, origin })
    }
}

/// A connection with the answer that came last.
pub(crate) struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    inbox: Vec<u8>,
    filled: usize,
    head: usize,
    body: usize,
    dechunked: Option<Vec<u8>>,
    status: u16,
}

const INBOX: usize = 16 * 1024;
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

impl Connection {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let inbox = vec![0; INBOX];
        Self { address, stream: None, inbox, filled: 0, head: 0, body: 0, dechunked: None, status: 0 }
    }

    /// Sends one request and waits for its answer, on a new connection if the kept one was closed meanwhile.
    ///
    /// # Errors
    /// When the server cannot be reached or answers with something else than HTTP/1.1.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> io::Result<()> {
        let kept = self.stream.is_some();
        let outcome = self.attempt(request).await;
        if outcome.is_err() {
            self.stream = None;
        }
        match outcome {
            Err(error) if kept && self.filled == 0 && closed(&error) => self.attempt(request).await,
            outcome => outcome,
        }
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// The answer's first header of a lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        wire::header(&self.inbox[..self.head], name.as_bytes())
    }

    /// The answer's headers of a lower-case name.
    pub(crate) fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        wire::headers(&self.inbox[..self.head], name.as_bytes())
    }

    pub(crate) fn body(&self) -> &[u8] {
        self.dechunked.as_deref().unwrap_or(&self.inbox[self.head..self.head + self.body])
    }

    async fn attempt(&mut self, request: &[u8]) -> io::Result<()> {
        (self.filled, self.head, self.body, self.dechunked) = (0, 0, 0, None);
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
        }
        self.write(request).await?;
        self.read_answer().await
    }

    async fn write(&mut self, mut rest: &[u8]) -> io::Result<()> {
        while !rest.is_empty() {
            let stream = self.stream.as_mut().ok_or(ErrorKind::NotConnected)?;
            let written = poll_fn(|context| Pin::new(&mut *stream).poll_write(context, rest)).await?;
            rest = &rest[written..];
        }
        Ok(())
    }

    async fn read_answer(&mut self) -> io::Result<()> {
        let head = loop {
            self.read_some().await?;
            if let Some(head) = wire::head(&self.inbox[..self.filled]).map_err(malformed)? {
                break head;
            }
        };
        self.head = head.length;
        self.status = wire::status(&self.inbox[..head.length]).map_err(malformed)?;
        match head.body {
            Body::Length(length) => {
                while self.filled < head.length + length {
                    self.read_some().await?;
                }
                self.body = length;
            }
            Body::Chunked => {
                let mut decoded = Vec::new();
                let whole =
                    |this: &Self, out: &mut Vec<u8>| wire::dechunk(&this.inbox[this.head..this.filled], out);
                while whole(self, &mut decoded).map_err(malformed)?.is_none() {
                    self.read_some().await?;
                }
                self.dechunked = Some(decoded);
            }
            Body::UntilClose => {
                while self.read_some().await.is_ok() {}
                self.body = self.filled - head.length;
            }
        }
        if head.closes || head.body == Body::UntilClose {
            self.stream = None;
        }
        Ok(())
    }

    async fn read_some(&mut self) -> io::Result<()> {
        if self.filled == self.inbox.len() {
            if self.filled >= LARGEST_ANSWER {
                return Err(io::Error::other("an answer of more than 4 MiB"));
            }
            self.inbox.resize(self.filled * 2, 0);
        }
        let stream = self.stream.as_mut().ok_or(ErrorKind::NotConnected)?;
        let mut room = ReadBuf::new(&mut self.inbox[self.filled..]);
        poll_fn(|context| Pin::new(&mut *stream).poll_read(context, &mut room)).await?;
        match room.filled().len() {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            read => {
                self.filled += read;
                Ok(())
            }
        }
    }
}

fn closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::BrokenPipe
            | ErrorKind::ConnectionAborted
    )
}

fn malformed(_: wire::Malformed) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "the answer is no HTTP/1.1")
}
