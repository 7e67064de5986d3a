//! One text for one value: what is signed, hashed and compared.
//!
//! Keys are sorted, nothing is spaced, numbers are the shortest decimals that read back as the same double, written as
//! RFC 8785 writes them (`1`, `0.1`, `1e+21`, `1e-7`), -0 as 0. A text that is not in this form is refused when it is
//! read, so no two texts mean the same: doubled keys, spaces and spare zeros cannot be smuggled past a signature.

use serde_json::Value;

/// Values (numbers, words, lists) in one message at most: they take about thirty times the memory of `0,`.
pub const MOST_VALUES: usize = 1 << 22;

/// Why a text is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCanonical {
    /// Too many values.
    #[error("found about {found} values, accepted are {MOST_VALUES}")]
    Values {
        /// How many, roughly.
        found: usize,
    },
    /// No JSON at all.
    #[error("found no JSON: {0}")]
    Json(String),
    /// JSON, but another text of the value.
    #[error("found JSON that differs from its canonical form at byte {at}")]
    Form {
        /// The first byte that differs.
        at: usize,
    },
}

/// The text of a value.
pub fn text(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

/// Appends the text of a value.
pub fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        // Without arbitrary precision every number is a double or an integer, and both have one.
        Value::Number(x) => number(x.as_f64().unwrap_or(0.0), out),
        Value::String(word) => string(word, out),
        Value::Array(list) => {
            out.push('[');
            for (k, value) in list.iter().enumerate() {
                if k > 0 {
                    out.push(',');
                }
                write(value, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by(|a, b| a.0.cmp(b.0));
            out.push('{');
            for (k, (key, value)) in entries.into_iter().enumerate() {
                if k > 0 {
                    out.push(',');
                }
                string(key, out);
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
    }
}

fn string(word: &str, out: &mut String) {
    // serde_json escapes exactly what RFC 8785 asks for.
    out.push_str(&Value::from(word).to_string());
}

/// Appends a finite number (RFC 8785, section 3.2.2.3).
fn number(x: f64, out: &mut String) {
    if x == 0.0 {
        out.push('0');
        return;
    }
    // The shortest digits that read back: d.ddde-7.
    let shortest = format!("{:e}", x.abs());
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let digits = mantissa.replace('.', "");
    // The decimal point stands behind so many digits.
    let point = exponent.parse::<i32>().unwrap_or(0) + 1;
    let count = digits.len() as i32;
    if x < 0.0 {
        out.push('-');
    }
    let zeros = |n: i32| "0".repeat(n.max(0) as usize);
    if (count..=21).contains(&point) {
        out.push_str(&digits);
        out.push_str(&zeros(point - count));
    } else if (1..=21).contains(&point) {
        let (whole, part) = digits.split_at(point as usize);
        out.extend([whole, ".", part]);
    } else if (-5..=0).contains(&point) {
        out.extend(["0.", &zeros(-point), &digits]);
    } else {
        let (first, rest) = digits.split_at(1);
        out.push_str(first);
        if !rest.is_empty() {
            out.extend([".", rest]);
        }
        out.push_str(&format!("e{}{}", if point > 0 { '+' } else { '-' }, (point - 1).abs()));
    }
}

/// Reads a text in canonical form.
///
/// # Errors
/// It is no JSON, in another form, or has too many values.
pub fn read(bytes: &[u8]) -> Result<Value, NotCanonical> {
    let found = bytes.iter().filter(|b| matches!(b, b',' | b'[' | b'{')).count();
    if found > MOST_VALUES {
        return Err(NotCanonical::Values { found });
    }
    let value: Value = serde_json::from_slice(bytes).map_err(|e| NotCanonical::Json(e.to_string()))?;
    let again = text(&value);
    if again.as_bytes() == bytes {
        return Ok(value);
    }
    let at = again.bytes().zip(bytes).position(|(a, b)| a != *b).unwrap_or(again.len().min(bytes.len()));
    Err(NotCanonical::Form { at })
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The bytes of so many lower-case hexadecimal digits, nothing else.
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// SHA-256 as hexadecimal digits.
pub fn hash(text: &[u8]) -> String {
    use sha2::Digest;
    hex(&sha2::Sha256::digest(text))
}
