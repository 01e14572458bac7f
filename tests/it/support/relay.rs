//! A relay in front of a server: lets a test take the server away and give it back.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

/// A relay. It runs on a thread of its own, since tests wait for commands on theirs, and lives as long as the tests.
pub struct Relay {
    address: SocketAddr,
    open: Arc<watch::Sender<bool>>,
}

impl Relay {
    /// Stands in front of `target`, at first open.
    pub fn before(target: String) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("an option");
        let address = listener.local_addr().expect("its address");
        let (open, state) = watch::channel(true);
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                serve(listener, target, state).await;
            });
        });
        Self { address, open: Arc::new(open) }
    }

    /// Port of this machine.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Cuts all connections and refuses new ones.
    pub fn cut(&self) {
        self.open.send_replace(false);
    }

    /// Gives the server back.
    pub fn restore(&self) {
        self.open.send_replace(true);
    }
}

/// Relays while the state is open; while it is not, nobody listens.
async fn serve(listener: TcpListener, target: String, mut state: watch::Receiver<bool>) {
    let address = listener.local_addr().expect("its address");
    let mut listener = Some(listener);
    loop {
        if !*state.borrow_and_update() {
            listener = None;
            if state.changed().await.is_err() {
                return;
            }
            continue;
        }
        let current = match listener.take() {
            Some(listener) => listener,
            None => listen_again(address),
        };
        tokio::select! {
            accepted = current.accept() => {
                if let Ok((connection, _)) = accepted {
                    tokio::spawn(pass(connection, target.clone(), state.clone()));
                }
            }
            changed = state.changed() => if changed.is_err() { return },
        }
        listener = Some(current);
    }
}

fn listen_again(address: SocketAddr) -> TcpListener {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("an option");
    socket.bind(address).expect("the same port");
    socket.listen(64).expect("a listener")
}

async fn pass(mut near: TcpStream, target: String, mut state: watch::Receiver<bool>) {
    let Ok(mut far) = TcpStream::connect(&target).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut near, &mut far) => {}
        _ = state.wait_for(|open| !open) => {}
    }
}
