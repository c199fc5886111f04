//! A TCP proxy between one client and a broker that damages what passes, by the kind of Kafka's request.
//!
//! The broker tells clients to come to the proxy: `Proxied::start` gives it a second listener whose advertised address is
//! the proxy's, so that the judge's plain listener stays undisturbed.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use crate::kafka::Cluster;
use crate::kafka::broker::Broker;

/// Kafka's numbers of requests, as its protocol guide lists them.
pub(crate) mod api {
    pub(crate) const PRODUCE: i16 = 0;
    pub(crate) const END_TXN: i16 = 26;
}

/// No held response waits longer: a test that forgot it ends all the same.
const HOLD_MAX: Duration = Duration::from_mins(2);
/// Above any frame that a test sends; more is no frame.
const FRAME_MAX: usize = 128 << 20;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The broker never sees it.
    LoseRequest,
    /// The broker did it, and the client never learns.
    DropResponse,
    /// The broker did it, and the client learns it, and all that comes after on that connection, at `release`.
    HoldResponse,
    /// The broker did it, and the connection breaks instead of the answer.
    CutInsteadOfResponse,
}

/// What happens to a new connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Door {
    #[default]
    Open,
    /// It ends at once.
    Refusing,
    /// It ends, and the proxy with it.
    Closed,
}

#[derive(Default)]
struct State {
    /// The next request of a kind meets this.
    armed: BTreeMap<i16, Fault>,
    /// Each request of a kind that meets nothing else meets this.
    always: BTreeMap<i16, Fault>,
    /// How many requests of a kind met a fault.
    met: BTreeMap<i16, u32>,
    holding: bool,
    door: Door,
    open: Vec<TcpStream>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    released: Condvar,
}

/// The proxy; dropping it cuts all and ends it.
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The fault for a request of this kind.
    fn fault(&self, kind: i16) -> Option<Fault> {
        let mut state = self.state();
        let fault = state.armed.remove(&kind).or_else(|| state.always.get(&kind).copied())?;
        *state.met.entry(kind).or_default() += 1;
        state.holding |= fault == Fault::HoldResponse;
        Some(fault)
    }

    fn cut(&self) {
        for stream in self.state().open.drain(..) {
            // The other side may have closed it.
            stream.shutdown(Shutdown::Both).ok();
        }
    }
}

impl Proxy {
    /// Listens on a free port and forwards to the broker's port.
    pub(crate) fn start(broker_port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::<Shared>::default();
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let door = accepting.state().door;
                match door {
                    // A broker that is down is a connection that ends at once.
                    Door::Open => connect(client, broker_port, &accepting).unwrap_or_default(),
                    Door::Refusing => {}
                    Door::Closed => return,
                }
            }
        });
        Self { port, shared }
    }

    /// The next request of this kind meets the fault.
    pub(crate) fn next(&self, kind: i16, fault: Fault) {
        self.shared.state().armed.insert(kind, fault);
    }

    /// From now on each request of this kind meets the fault.
    pub(crate) fn always(&self, kind: i16, fault: Fault) {
        self.shared.state().always.insert(kind, fault);
    }

    /// How many requests of this kind met a fault until now.
    pub(crate) fn met(&self, kind: i16) -> u32 {
        self.shared.state().met.get(&kind).copied().unwrap_or_default()
    }

    /// Delivers what is held.
    pub(crate) fn release(&self) {
        self.shared.state().holding = false;
        self.shared.released.notify_all();
    }

    /// Breaks all connections; clients may come again.
    pub(crate) fn cut(&self) {
        self.shared.cut();
    }

    /// From now on new connections end at once; standing ones stay.
    pub(crate) fn refuse(&self) {
        self.shared.state().door = Door::Refusing;
    }

    /// From now on new connections go through again.
    pub(crate) fn accept(&self) {
        self.shared.state().door = Door::Open;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.state().door = Door::Closed;
        self.release();
        self.cut();
        // Wakes the accepting thread, which then ends.
        TcpStream::connect(("127.0.0.1", self.port)).ok();
    }
}

/// Requests of one connection whose responses are to be damaged, by correlation id.
type Marked = Arc<Mutex<BTreeMap<i32, Fault>>>;

fn connect(client: TcpStream, broker_port: u16, shared: &Arc<Shared>) -> io::Result<()> {
    let broker = TcpStream::connect(("127.0.0.1", broker_port))?;
    for stream in [&client, &broker] {
        stream.set_nodelay(true)?;
        shared.state().open.push(stream.try_clone()?);
    }
    let marked = Marked::default();
    let (from, to) = (client.try_clone()?, broker.try_clone()?);
    let (of_requests, marks) = (Arc::clone(shared), Arc::clone(&marked));
    std::thread::spawn(move || ended(requests(from, to, &of_requests, &marks)));
    let of_responses = Arc::clone(shared);
    std::thread::spawn(move || ended(responses(broker, client, &of_responses, &marked)));
    Ok(())
}

/// The end of a connection is nothing to report: the test cut it, or a process ended.
fn ended(_: io::Result<()>) {}

fn frame(from: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut size = [0; 4];
    from.read_exact(&mut size)?;
    let length = usize::try_from(i32::from_be_bytes(size)).unwrap_or(usize::MAX);
    if !(8..=FRAME_MAX).contains(&length) && length != 4 {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut frame = size.to_vec();
    frame.resize(4 + length, 0);
    from.read_exact(&mut frame[4..])?;
    Ok(frame)
}

/// A request begins with its kind (two bytes), its version (two), and its correlation id (four).
fn requests(
    mut from: TcpStream,
    mut to: TcpStream,
    shared: &Shared,
    marked: &Marked,
) -> io::Result<()> {
    loop {
        let request = match frame(&mut from) {
            Ok(request) => request,
            Err(error) => {
                to.shutdown(Shutdown::Both)?;
                return Err(error);
            }
        };
        let kind = i16::from_be_bytes([request[4], request[5]]);
        let id = i32::from_be_bytes([request[8], request[9], request[10], request[11]]);
        match shared.fault(kind) {
            Some(Fault::LoseRequest) => continue,
            Some(fault) => {
                marked.lock().unwrap().insert(id, fault);
            }
            None => {}
        }
        to.write_all(&request)?;
    }
}

/// A response begins with the correlation id of its request.
fn responses(
    mut from: TcpStream,
    mut to: TcpStream,
    shared: &Shared,
    marked: &Marked,
) -> io::Result<()> {
    loop {
        let response = match frame(&mut from) {
            Ok(response) => response,
            Err(error) => {
                to.shutdown(Shutdown::Both)?;
                return Err(error);
            }
        };
        let id = i32::from_be_bytes([response[4], response[5], response[6], response[7]]);
        let fault = marked.lock().unwrap().remove(&id);
        match fault {
            Some(Fault::DropResponse) => continue,
            Some(Fault::HoldResponse) => hold(shared),
            Some(Fault::CutInsteadOfResponse) => {
                to.shutdown(Shutdown::Both)?;
                return from.shutdown(Shutdown::Both);
            }
            Some(Fault::LoseRequest) | None => {}
        }
        to.write_all(&response)?;
    }
}

fn hold(shared: &Shared) {
    let held = shared.released.wait_timeout_while(shared.state(), HOLD_MAX, |s| s.holding);
    assert!(!held.unwrap().1.timed_out(), "a held response was never released");
}

/// A broker and the proxy before it.
pub(crate) struct Proxied {
    pub(crate) proxy: Proxy,
    pub(crate) broker: Broker,
}

impl Proxied {
    pub(crate) fn start(properties: &[(&str, &str)]) -> Self {
        let [behind] = Broker::free_ports();
        let proxy = Proxy::start(behind);
        let broker = Broker::with_listener(behind, proxy.port, "PLAINTEXT", properties);
        Self { proxy, broker }
    }

    /// The cluster as the proxy's clients see it; `broker.cluster()` is the undisturbed way.
    pub(crate) fn cluster(&self) -> Cluster {
        Cluster::at(&format!("127.0.0.1:{}", self.proxy.port))
    }
}

mod tests {
    use super::*;
    use crate::kafka::record::Record;
    use crate::kafka::{End, Isolation, unique};
    use crate::wait::{SOON, eventually};

    fn records() -> [Record; 1] {
        [Record::new(Some("k"), Some("v")).to(0)]
    }

    #[test]
    fn a_held_commit_is_done_on_the_broker_and_unknown_to_the_client() {
        let proxied = Proxied::start(&[]);
        let (direct, through) = (proxied.broker.cluster(), proxied.cluster());
        let (topic, id) = (direct.topic("held", 1), unique("held"));
        proxied.proxy.next(api::END_TXN, Fault::HoldResponse);
        let seen = || direct.read(&topic, Isolation::Committed).len();
        std::thread::scope(|threads| {
            let client =
                threads.spawn(|| through.transact(&topic, &id, &[(&records(), End::Commit)]));
            eventually(SOON, "the transaction is committed", || (seen() == 1).then_some(()));
            assert!(!client.is_finished());
            assert_eq!(proxied.proxy.met(api::END_TXN), 1);
            proxied.proxy.release();
            client.join().unwrap();
        });
        assert_eq!(seen(), 1);
    }

    #[test]
    fn a_client_survives_dropped_answers_lost_requests_and_cuts() {
        let proxied = Proxied::start(&[]);
        let direct = proxied.broker.cluster();
        let impatient =
            serde_json::json!({"request.timeout.ms": 1500, "delivery.timeout.ms": 20_000});
        let through = proxied.cluster().with(impatient);
        let topic = direct.topic("faults", 1);
        let faults = [Fault::DropResponse, Fault::LoseRequest, Fault::CutInsteadOfResponse];
        for (done, fault) in (0..).zip(faults) {
            proxied.proxy.next(api::PRODUCE, fault);
            through.produce(&topic, &records());
            assert_eq!(proxied.proxy.met(api::PRODUCE), done + 1, "{fault:?}");
        }
        proxied.proxy.cut();
        through.produce(&topic, &records());
        // Java's producer is idempotent: what came twice stands once.
        assert_eq!(direct.read(&topic, Isolation::Committed).len(), 4);

        proxied.proxy.refuse();
        proxied.proxy.cut();
        assert!(!through.answers());
        proxied.proxy.accept();
        eventually(SOON, "the cluster is back", || through.answers().then_some(()));
    }
}
