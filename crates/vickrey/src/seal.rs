//! Commitments: sealed reports, and outcomes that nature has fixed before it shows them.

/// What a commitment is: a hash that gives nothing away and fits one content only.
pub type Seal = [u8; 32];

/// What makes a commitment impossible to guess: as many random bytes.
pub type Salt = [u8; 32];

/// The commitment to some numbers of a kind, for example a period, a player and her report.
pub(crate) fn seal(what: &[u8], numbers: &[u64], salt: &Salt) -> Seal {
    let mut hasher = blake3::Hasher::new_keyed(salt);
    hasher.update(&(what.len() as u64).to_le_bytes());
    hasher.update(what);
    for number in numbers {
        hasher.update(&number.to_le_bytes());
    }
    *hasher.finalize().as_bytes()
}
