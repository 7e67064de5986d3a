//! Bodies of the messages of consensus, and back.

use serde_json::{Value, json};
use vickrey::faithful::consensus::protocol::Report;

/// Larger numbers are none.
const LARGEST: f64 = 1e150;

/// Longest address, bytes.
pub const LONGEST_ADDRESS: usize = 255;

/// The body of NEIGHBOURS: where each is reached.
pub fn neighbours(reached: impl Iterator<Item = (usize, String)>) -> Value {
    let list: Vec<Value> =
        reached.map(|(follower, address)| json!({ "follower": follower, "address": address })).collect();
    json!({ "neighbours": list })
}

/// Reads the body of NEIGHBOURS: the addresses of these neighbours, in this order. None: somebody is missing, or an address
/// is none.
pub fn read_neighbours(body: &Value, neighbours: &[usize]) -> Option<Vec<String>> {
    let list = body.get("neighbours")?.as_array()?;
    let of = |neighbour: &usize| {
        let entry =
            list.iter().find(|e| e.get("follower").and_then(Value::as_u64) == Some(*neighbour as u64))?;
        address(entry)
    };
    neighbours.iter().map(of).collect()
}

/// The address in an acknowledgement or an entry of NEIGHBOURS: a host and a port.
pub fn address(body: &Value) -> Option<String> {
    let text = body.get("address")?.as_str()?;
    is_address(text).then(|| text.to_owned())
}

/// Whether a text can be an address: a host, a colon and a port other than 0.
pub fn is_address(text: &str) -> bool {
    let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port);
    text.len() <= LONGEST_ADDRESS
        && text.bytes().all(|b| b.is_ascii_graphic())
        && port.and_then(|port| port.parse::<u16>().ok()).is_some_and(|port| port > 0)
}

/// The body of STATE.
pub fn state(k: u64, z: f64) -> Value {
    json!({ "k": k, "z": z })
}

/// The position in the body of STATE for round `k`; none if it cannot be used.
pub fn read_state(body: &Value, k: u64) -> Option<f64> {
    let same = body.get("k").and_then(Value::as_u64) == Some(k);
    body.get("z").and_then(Value::as_f64).filter(|z| same && z.is_finite())
}

/// The body of VALUE.
pub fn value(report: Report) -> Value {
    json!({ "v": report.value, "position": report.position })
}

/// Reads the body of VALUE; never fails, what cannot be used is no number.
pub fn read_value(body: &Value) -> Report {
    // Beyond this sums of values might not be finite: no position that anybody can see costs so much.
    let number = |key: &str| body.get(key).and_then(Value::as_f64).filter(|x| x.abs() <= LARGEST);
    Report { value: number("v").unwrap_or(f64::NAN), position: number("position") }
}
