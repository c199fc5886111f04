//! Ports for those who listen later, in a process of their own, or never.
//!
//! A port that the system chose is the next one's as soon as it is closed: of another test, of a client that connects. So these lie
//! outside of the range that the system chooses from, and each is claimed, as long as the process lives, by a socket with its
//! number in the name, which all test processes on this host see.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::ops::Range;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Below lie the ports of known services.
const FIRST: u32 = 10_000;
const END: u32 = 65_536;
/// Fewer are too few for a run of all tests.
const FEWEST: usize = 1_000;
/// Processes begin so far from each other: what still looks for the broker of an earlier one does not find that of a later.
const STRIDE: u32 = 101;

/// A port on which nobody listens.
pub(super) fn free() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    static CLAIMS: Mutex<Vec<UnixListener>> = Mutex::new(Vec::new());
    let range = outside(&system());
    let count = range.end - range.start;
    let begin = std::process::id().wrapping_mul(STRIDE);
    for _ in range.clone() {
        let port = range.start + begin.wrapping_add(NEXT.fetch_add(1, Relaxed)) % count;
        let port = u16::try_from(port).unwrap();
        let Some(claim) = claim(port) else { continue };
        CLAIMS.lock().unwrap().push(claim);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port of {range:?} is free");
}

/// Nothing, where another has it.
fn claim(port: u16) -> Option<UnixListener> {
    let name = SocketAddr::from_abstract_name(format!("krouted-test-port-{port}")).unwrap();
    match UnixListener::bind_addr(&name) {
        Ok(claim) => Some(claim),
        Err(error) if error.kind() == ErrorKind::AddrInUse => None,
        Err(error) => panic!("the claim of port {port}: {error}"),
    }
}

/// What the system chooses from, for listeners on port 0 and for connections.
fn system() -> Range<u32> {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
    let mut ends = text.split_whitespace().map(|end| end.parse::<u32>().unwrap());
    let [first, last] = [ends.next().unwrap(), ends.next().unwrap()];
    first..last + 1
}

/// The larger part that the system leaves; all ports where it leaves too little, and then only the claim is between tests.
fn outside(system: &Range<u32>) -> Range<u32> {
    let (below, above) = (FIRST..system.start.max(FIRST), system.end..END);
    let larger = if below.len() >= above.len() { below } else { above };
    if larger.len() < FEWEST { FIRST..END } else { larger }
}

#[test]
fn a_given_port_is_given_once_and_is_none_of_the_systems() {
    let ports = [free(), free()];
    assert_ne!(ports[0], ports[1]);
    for port in ports {
        assert!(claim(port).is_none(), "another process may take {port}");
        assert!(outside(&system()).contains(&port.into()));
    }
}

#[test]
fn the_larger_part_that_the_system_leaves_is_taken() {
    for (system, expected) in [
        (32_768..61_000, 10_000..32_768),
        (9_000..20_000, 20_000..65_536),
        (1_024..65_536, 10_000..65_536),
        (10_900..65_000, 10_000..65_536),
    ] {
        assert_eq!(outside(&system), expected, "{system:?}");
    }
}
