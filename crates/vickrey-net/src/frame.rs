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

/// A frame that arrives piece by piece.
#[derive(Debug, Default)]
pub struct Reader {
    head: [u8; 4],
    /// Once it is known.
    length: Option<usize>,
    /// Of the head, or of the bytes.
    have: usize,
    bytes: Vec<u8>,
}

impl Reader {
    /// Reads once, and answers the frame if it is whole now. Nothing is lost where reading has a time limit.
    ///
    /// # Errors
    /// The length is out of range (`longest` bytes are accepted), or the connection is closed or fails.
    pub fn poll(&mut self, from: &mut impl Read, longest: usize) -> Result<Option<Vec<u8>>, FrameError> {
        let room = match self.length {
            None => &mut self.head[self.have..],
            Some(found) => {
                if self.have == self.bytes.len() {
                    self.bytes.resize(found.min(self.have + PIECE), 0);
                }
                &mut self.bytes[self.have..]
            }
        };
        match from.read(room) {
            Ok(0) => return Err(FrameError::Closed),
            Ok(n) => self.have += n,
            Err(e)
                if matches!(
                    e.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) =>
            {
                return Ok(None);
            }
            Err(e) => return Err(e.into()),
        }
        match self.length {
            None if self.have == self.head.len() => {
                let found = u32::from_be_bytes(self.head) as usize;
                let accepted = longest.min(LONGEST);
                if !(1..=accepted).contains(&found) {
                    return Err(FrameError::Length { found, accepted });
                }
                (self.length, self.have) = (Some(found), 0);
                Ok(None)
            }
            Some(found) if self.have == found => {
                (self.length, self.have) = (None, 0);
                Ok(Some(std::mem::take(&mut self.bytes)))
            }
            _ => Ok(None),
        }
    }
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
    let mut reader = Reader::default();
    while wait() {
        if let Some(bytes) = reader.poll(from, longest)? {
            return Ok(bytes);
        }
    }
    Err(FrameError::Closed)
}
