//! The line between two who know each other's keys: TLS 1.3 over TCP, both sides with a certificate.
//!
//! A certificate is made on the spot from the Ed25519 key that its owner signs messages with, and is accepted for that key
//! alone: names, dates and issuers in it mean nothing, the enrolment is what counts. So there is no authority to ask and
//! nothing that expires, nobody in between can read or change a byte, and a line that was recorded cannot be played again.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::version::TLS13;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, Connection, DigitallySignedStruct,
    DistinguishedName, Error as TlsError, PeerIncompatible, ServerConfig, ServerConnection, SignatureScheme,
};

use crate::keys::{Key, PublicKey};

/// What stands before the 32 bytes of an Ed25519 key in a certificate (RFC 8410).
const BEFORE_PUBLIC: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// What stands before the 32 bytes of a secret one in PKCS #8.
const BEFORE_SECRET: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Read from the socket and handed to it at once at most: about one record.
const PIECE: usize = 1 << 14;

/// How long a refused side has to take note of it.
const PARTING: Duration = Duration::from_millis(500);

/// The name in certificates; nobody looks at it, but TLS wants one.
const NAME: &str = "vickrey";

/// One's own side of all lines: a certificate for the key, and whom one talks to.
#[derive(Clone)]
pub struct Badge {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl fmt::Debug for Badge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Badge")
    }
}

impl Badge {
    /// The side of who has `key` and talks to those who have one of `others`, to nobody else.
    ///
    /// # Errors
    /// TLS cannot use the key; not seen with keys of this crate.
    pub fn new(key: &Key, others: &[PublicKey]) -> Result<Self, io::Error> {
        let failed = |e: &dyn fmt::Display| io::Error::other(format!("no certificate: {e}"));
        let secret = PrivatePkcs8KeyDer::from([&BEFORE_SECRET[..], key.seed()].concat());
        let pair = KeyPair::try_from(&secret).map_err(|e| failed(&e))?;
        let params = CertificateParams::new(vec![NAME.into()]).map_err(|e| failed(&e))?;
        let certificate = params.self_signed(&pair).map_err(|e| failed(&e))?.der().clone();
        let provider = Arc::new(ring::default_provider());
        let whom = Arc::new(Whom { keys: others.to_vec(), provider: provider.clone() });
        let secret = || PrivateKeyDer::from(secret.clone_key());
        let mut client = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13])
            .map_err(|e| failed(&e))?
            .dangerous()
            .with_custom_certificate_verifier(whom.clone())
            .with_client_auth_cert(vec![certificate.clone()], secret())
            .map_err(|e| failed(&e))?;
        // Every line proves both keys anew.
        client.resumption = Resumption::disabled();
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(|e| failed(&e))?
            .with_client_cert_verifier(whom)
            .with_single_cert(vec![certificate], secret())
            .map_err(|e| failed(&e))?;
        server.send_tls13_tickets = 0;
        Ok(Self { client: client.into(), server: server.into() })
    }
}

/// Accepts certificates for some keys, whatever else they say.
#[derive(Debug)]
struct Whom {
    keys: Vec<PublicKey>,
    provider: Arc<CryptoProvider>,
}

impl Whom {
    fn accept(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
    ) -> Result<(), TlsError> {
        let known = key_in(certificate).is_some_and(|key| self.keys.contains(&key));
        if known && others.is_empty() {
            return Ok(());
        }
        Err(TlsError::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn proves(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }
}

/// TLS 1.2 is not spoken.
fn too_old<T>() -> Result<T, TlsError> {
    Err(TlsError::PeerIncompatible(PeerIncompatible::Tls12NotOffered))
}

impl ServerCertVerifier for Whom {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        self.accept(certificate, others).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        too_old()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.proves(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

impl ClientCertVerifier for Whom {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        self.accept(certificate, others).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        too_old()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.proves(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

/// The Ed25519 key that a certificate is for.
fn key_in(certificate: &CertificateDer<'_>) -> Option<PublicKey> {
    let info = ParsedCertificate::try_from(certificate).ok()?.subject_public_key_info();
    PublicKey::from_bytes(info.as_ref().strip_prefix(&BEFORE_PUBLIC)?.try_into().ok()?)
}

/// A line on which the other side has proved her key. One thread may read from it while another writes.
///
/// Where the socket has time limits, they are those of reading and writing here: a pause ends a call with
/// [`ErrorKind::WouldBlock`] or [`ErrorKind::TimedOut`], and reading may be tried again.
#[derive(Debug)]
pub struct Line {
    socket: TcpStream,
    tls: Mutex<Connection>,
    /// What came from the socket and was not decrypted yet.
    arrived: Mutex<Vec<u8>>,
    /// Held while bytes go to the socket, so that they go in the order in which they were encrypted.
    writing: Mutex<()>,
    peer: PublicKey,
}

impl Line {
    /// As the side that dialled. `wait` is asked at every pause whether to go on.
    ///
    /// # Errors
    /// The other side has no accepted key or does not accept this one's, says something else, or is not there any more.
    pub fn dial(socket: TcpStream, badge: &Badge, wait: &mut dyn FnMut() -> bool) -> io::Result<Self> {
        let name = ServerName::try_from(NAME).map_err(io::Error::other)?;
        let tls = ClientConnection::new(badge.client.clone(), name).map_err(io::Error::other)?;
        Self::shake_hands(socket, tls.into(), wait)
    }

    /// As the side that was called. `wait` is asked at every pause whether to go on.
    ///
    /// # Errors
    /// The other side has no accepted key or does not accept this one's, says something else, or is not there any more.
    pub fn answer(socket: TcpStream, badge: &Badge, wait: &mut dyn FnMut() -> bool) -> io::Result<Self> {
        let tls = ServerConnection::new(badge.server.clone()).map_err(io::Error::other)?;
        Self::shake_hands(socket, tls.into(), wait)
    }

    fn shake_hands(
        mut socket: TcpStream,
        mut tls: Connection,
        wait: &mut dyn FnMut() -> bool,
    ) -> io::Result<Self> {
        while tls.is_handshaking() || tls.wants_write() {
            // Asked at every step: who sends a byte now and then would otherwise never be asked.
            if !wait() {
                return Err(ErrorKind::TimedOut.into());
            }
            match shake_once(&mut tls, &mut socket) {
                Ok(()) => {}
                Err(e) if pauses(&e) => {}
                Err(e) => {
                    part(&socket);
                    return Err(said(e));
                }
            }
        }
        let peer = tls.peer_certificates().and_then(|list| key_in(list.first()?));
        let peer = peer.ok_or_else(|| io::Error::other("the other side has shown no key"))?;
        Ok(Self { socket, tls: tls.into(), arrived: Mutex::default(), writing: Mutex::default(), peer })
    }

    /// The key that the other side has proved to hold.
    pub fn peer(&self) -> PublicKey {
        self.peer
    }

    /// Nothing more is read here.
    pub fn stop_reading(&self) {
        let _ = self.socket.shutdown(Shutdown::Read);
    }

    /// Nothing more is written here, and the other side is told.
    pub fn stop_writing(&self) {
        lock(&self.tls).send_close_notify();
        let _ = self.send();
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    /// Ends the line at once, and never waits: whoever reads or writes on it is told.
    pub fn cut(&self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// Sends what is encrypted.
    fn send(&self) -> io::Result<()> {
        let _turn = lock(&self.writing);
        let mut bytes = Vec::new();
        {
            let mut tls = lock(&self.tls);
            while tls.wants_write() {
                tls.write_tls(&mut bytes)?;
            }
        }
        (&self.socket).write_all(&bytes)
    }

    /// Decrypts some of what has arrived; false: there is nothing.
    fn decrypt(&self, arrived: &mut Vec<u8>) -> io::Result<bool> {
        if arrived.is_empty() {
            return Ok(false);
        }
        let mut tls = lock(&self.tls);
        let mut rest = &arrived[..];
        tls.read_tls(&mut rest)?;
        let used = arrived.len() - rest.len();
        arrived.drain(..used);
        let processed = tls.process_new_packets();
        let answers = tls.wants_write();
        drop(tls);
        if answers {
            // An alert, or a new key.
            self.send()?;
        }
        processed.map(|_| true).map_err(|e| said(io::Error::other(e)))
    }
}

impl Read for &Line {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut arrived = lock(&self.arrived);
        let mut asked = false;
        loop {
            match lock(&self.tls).reader().read(into) {
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                done => return done,
            }
            if self.decrypt(&mut arrived)? {
                continue;
            }
            if asked {
                // Parts of a record may come for ever: who reads decides whether to go on.
                return Err(ErrorKind::WouldBlock.into());
            }
            asked = true;
            arrived.resize(PIECE, 0);
            let came = (&self.socket).read(&mut arrived);
            arrived.truncate(*came.as_ref().unwrap_or(&0));
            if came? == 0 {
                return Ok(0);
            }
        }
    }
}

impl Write for &Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = lock(&self.tls).writer().write(&bytes[..bytes.len().min(PIECE)])?;
        self.send()?;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

/// A thread that panicked while it held a lock has left nothing half done that matters: its line is broken at worst.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One reading from the socket or one writing to it.
fn shake_once(tls: &mut Connection, socket: &mut TcpStream) -> io::Result<()> {
    if tls.wants_write() {
        return tls.write_tls(socket).map(drop);
    }
    if tls.read_tls(socket)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    let processed = tls.process_new_packets();
    if processed.is_err() {
        // Says why, if it can be said.
        let _ = tls.write_tls(socket);
    }
    processed.map(drop).map_err(io::Error::other)
}

/// Lets the other side read why it is refused: closing with bytes unread would throw away what is on its way to her.
fn part(mut socket: &TcpStream) {
    let until = Instant::now() + PARTING;
    let _ = socket.shutdown(Shutdown::Write);
    let mut unread = [0; 1024];
    while Instant::now() < until {
        match socket.read(&mut unread) {
            Ok(1..) => {}
            Err(e) if pauses(&e) => {}
            _ => return,
        }
    }
}

fn pauses(e: &io::Error) -> bool {
    matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// TLS errors in words of this crate, where they have one.
fn said(e: io::Error) -> io::Error {
    let why = match e.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
        Some(TlsError::InvalidCertificate(_)) => {
            "the other side shows a key that is not the one enrolled for it"
        }
        Some(TlsError::AlertReceived(AlertDescription::AccessDenied)) => {
            "the other side does not accept this key: it is not the one enrolled there"
        }
        Some(TlsError::NoCertificatesPresented) => "the other side shows no key",
        Some(TlsError::InvalidMessage(_)) => "the other side does not speak TLS 1.3",
        _ => return e,
    };
    io::Error::new(ErrorKind::PermissionDenied, why)
}
