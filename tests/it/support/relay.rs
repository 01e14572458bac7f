//! A relay in front of a server, to simulate outages: unavailable, hanging, available again.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

/// A relay. It runs on a thread of its own, since tests wait for commands on theirs, and lives as long as the tests.
pub(crate) struct Relay {
    address: SocketAddr,
    state: Arc<watch::Sender<State>>,
}

/// What a relay does with connections.
#[derive(Clone, Copy, PartialEq)]
enum State {
    /// It passes on what they carry.
    Open,
    /// It keeps them and takes new ones, and passes nothing on.
    Hanging,
    /// It passes on what is asked, and no answer.
    Mute,
    /// It ends them and refuses new ones.
    Cut,
}

impl Relay {
    /// A relay to `target`, initially open.
    pub(crate) fn before(target: String) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("an option");
        let address = listener.local_addr().expect("its address");
        let (sender, state) = watch::channel(State::Open);
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                serve(listener, target, state).await;
            });
        });
        Self { address, state: Arc::new(sender) }
    }

    /// Port of this machine.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Cuts all connections and refuses new ones.
    pub(crate) fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    /// Passes nothing on, like a hanging server.
    pub(crate) fn hang(&self) {
        self.state.send_replace(State::Hanging);
    }

    /// Keeps all answers back: what is asked is done, and nobody learns of it.
    pub(crate) fn mute(&self) {
        self.state.send_replace(State::Mute);
    }

    /// Makes the server available again.
    pub(crate) fn restore(&self) {
        self.state.send_replace(State::Open);
    }
}

/// Relays unless the state is cut; while it is, connections are refused.
async fn serve(listener: TcpListener, target: String, mut state: watch::Receiver<State>) {
    let address = listener.local_addr().expect("its address");
    let mut listener = Some(listener);
    loop {
        if *state.borrow_and_update() == State::Cut {
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

/// Carries one connection until either side ends it or the relay is cut.
async fn pass(near: TcpStream, target: String, mut state: watch::Receiver<State>) {
    let Ok(far) = TcpStream::connect(&target).await else { return };
    let (near, far) = (near.into_split(), far.into_split());
    tokio::select! {
        () = carry(near.0, far.1, state.clone(), &[State::Open, State::Mute]) => {}
        () = carry(far.0, near.1, state.clone(), &[State::Open]) => {}
        _ = state.wait_for(|state| *state == State::Cut) => {}
    }
}

/// One direction, in these states. What is read in another one is passed on when it is over.
async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<State>,
    passing: &[State],
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let open = state.wait_for(|state| passing.contains(state)).await.is_ok();
        if !open || to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
