//! Carries receipts to the provider, off the path of the gateway's answers, over connections that are kept.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use time::OffsetDateTime;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::http::{Connection, Target};
use crate::receipts::Receipt;

/// Connections over which receipts go; the next receipt of each waits for the answer to the one before.
const CONNECTIONS: usize = 16;

/// Messages whose receipts are not answered yet, the sender's ids by the gateway's: the provider asks for them back.
pub(crate) type Messages = Rc<RefCell<HashMap<String, String>>>;

/// Starts the connections; what is sent into the queue is posted once each, in order of arrival.
pub(crate) fn start(messages: &Messages) -> UnboundedSender<Receipt> {
    let (queue, waiting) = mpsc::unbounded_channel();
    let waiting = Rc::new(Mutex::new(waiting));
    for _ in 0..CONNECTIONS {
        tokio::task::spawn_local(carry(waiting.clone(), messages.clone()));
    }
    queue
}

async fn carry(waiting: Rc<Mutex<UnboundedReceiver<Receipt>>>, messages: Messages) {
    let mut way: Option<Way> = None;
    loop {
        let next = waiting.lock().await.recv().await;
        let Some(receipt) = next else { return };
        if way.as_ref().is_none_or(|way| way.callback_url != receipt.callback_url) {
            way = Way::to(&receipt.callback_url);
        }
        if let Some(way) = &mut way {
            // The provider's own counter tells how many of them counted.
            let _ = way.connection.exchange(&way.request(&receipt)).await;
        }
        messages.borrow_mut().remove(&receipt.gateway_id);
    }
}

/// A connection to one address for receipts.
struct Way {
    callback_url: String,
    target: Target,
    connection: Connection,
}

impl Way {
    fn to(callback_url: &str) -> Option<Self> {
        let target = Target::parse(callback_url).ok()?;
        let connection = Connection::new(target.address);
        Some(Self { callback_url: callback_url.to_owned(), target, connection })
    }

    fn request(&self, receipt: &Receipt) -> Vec<u8> {
        let body = receipt.form(OffsetDateTime::now_utc());
        format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.target.base.path(),
            self.target.host,
            body.len()
        )
        .into_bytes()
    }
}
