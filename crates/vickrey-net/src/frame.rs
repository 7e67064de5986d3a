//! Frames: a length as four bytes, most significant first, and so many bytes.

use std::io::{self, ErrorKind, Read, Write};

/// The longest frame of the protocol, bytes.
pub const LONGEST: usize = 64 << 20;

/// Read at once at most: a frame takes memory as it arrives, not as it announces itself.
const PIECE: usize = 1 << 16;

/// Why no frame could be read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The length is out of range.
    #[error("frame: found a length of {found} bytes, accepted are 1 to {accepted}")]
    Length {
        /// What it says.
        found: usize,
        /// The limit here.
        accepted: usize,
    },
    /// The connection is closed, or its end is wanted.
    #[error("the connection is closed")]
    Closed,
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
}

/// Writes one frame.
///
/// # Errors
/// The frame is too long, or the connection fails.
pub fn write(to: &mut impl Write, bytes: &[u8]) -> Result<(), FrameError> {
    let length = u32::try_from(bytes.len()).ok().filter(|_| (1..=LONGEST).contains(&bytes.len()));
    let length = length.ok_or(FrameError::Length { found: bytes.len(), accepted: LONGEST })?;
    to.write_all(&length.to_be_bytes())?;
    to.write_all(bytes)?;
    Ok(to.flush()?)
}

/// Reads one frame of at most `longest` bytes. Where reading has a time limit, `wait` is asked at every pause whether to go
/// on; `false` ends it as if the other side had closed.
///
/// # Errors
/// The length is out of range, or the connection is closed or fails.
pub fn read(
    from: &mut impl Read,
    longest: usize,
    wait: &mut dyn FnMut() -> bool,
) -> Result<Vec<u8>, FrameError> {
    let mut length = [0; 4];
    fill(from, &mut length, wait)?;
    let found = u32::from_be_bytes(length) as usize;
    let accepted = longest.min(LONGEST);
    if !(1..=accepted).contains(&found) {
        return Err(FrameError::Length { found, accepted });
    }
    let mut bytes = Vec::new();
    while bytes.len() < found {
        let from_here = bytes.len();
        bytes.resize(found.min(from_here + PIECE), 0);
        fill(from, &mut bytes[from_here..], wait)?;
    }
    Ok(bytes)
}

fn fill(from: &mut impl Read, mut rest: &mut [u8], wait: &mut dyn FnMut() -> bool) -> Result<(), FrameError> {
    while !rest.is_empty() {
        if !wait() {
            return Err(FrameError::Closed);
        }
        match from.read(rest) {
            Ok(0) => return Err(FrameError::Closed),
            Ok(n) => rest = &mut rest[n..],
            Err(e)
                if matches!(
                    e.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}
