//! A relay in front of a server, to simulate outages: unavailable, hanging, available again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

/// A relay. It runs on a thread of its own, since tests wait for commands on theirs, and lives as long as the tests.
pub(crate) struct Relay {
    address: SocketAddr,
    state: Arc<watch::Sender<State>>,
    accepted: Arc<AtomicUsize>,
    /// Connections before this one have vanished.
    vanished: Arc<AtomicUsize>,
}

/// One connection.
#[derive(Clone)]
struct Passage {
    number: usize,
    vanished: Arc<AtomicUsize>,
    state: watch::Receiver<State>,
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
        let (accepted, vanished) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let first = Passage { number: 0, vanished: Arc::clone(&vanished), state };
        let counter = Arc::clone(&accepted);
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                serve(listener, target, first, &counter).await;
            });
        });
        Self { address, state: Arc::new(sender), accepted, vanished }
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

    /// Lets present connections vanish without an end, as a fail-over or a partition does: nothing more comes from them,
    /// ever, and nothing gets through. New ones work.
    pub(crate) fn swallow(&self) {
        self.vanished.store(self.accepted.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// How many connections were taken so far.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
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
async fn serve(listener: TcpListener, target: String, first: Passage, accepted: &AtomicUsize) {
    let mut state = first.state.clone();
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
            arrived = current.accept() => {
                if let Ok((connection, _)) = arrived {
                    let number = accepted.fetch_add(1, Ordering::SeqCst);
                    tokio::spawn(pass(connection, target.clone(), Passage { number, ..first.clone() }));
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
async fn pass(near: TcpStream, target: String, mut passage: Passage) {
    let Ok(far) = TcpStream::connect(&target).await else { return };
    let (near, far) = (near.into_split(), far.into_split());
    tokio::select! {
        () = carry(near.0, far.1, passage.clone(), &[State::Open, State::Mute]) => {}
        () = carry(far.0, near.1, passage.clone(), &[State::Open]) => {}
        _ = passage.state.wait_for(|state| *state == State::Cut) => {}
    }
}

/// One direction, in these states. What is read in another one is passed on when it is over.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut passage: Passage, passing: &[State]) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length) = from.read(&mut buffer).await {
        let open = passage.state.wait_for(|state| passing.contains(state)).await.is_ok();
        if passage.number < passage.vanished.load(Ordering::SeqCst) {
            // Not even its end gets through.
            std::future::pending::<()>().await;
        }
        if length == 0 || !open || to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
