//! A relying party's server that publishes a document, such as its keys.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

/// A server that answers every request with the same document; it lives as long as the tests.
pub(crate) struct Publisher {
    /// Where the document is.
    pub url: String,
    asked: Arc<AtomicUsize>,
}

impl Publisher {
    /// Starts one.
    pub(crate) fn start(document: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/document", listener.local_addr().expect("its address"));
        let (asked, body) = (Arc::new(AtomicUsize::new(0)), document.to_string());
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.read(&mut [0; 4096]);
                count.fetch_add(1, Ordering::SeqCst);
                let length = body.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
                );
            }
        });
        Self { url, asked }
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}
