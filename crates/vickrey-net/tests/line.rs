//! Lines: who knows each other talks both ways at once, strangers do not, and nobody in between reads or changes anything.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use vickrey_net::frame::{self, FrameError};
use vickrey_net::keys::Key;
use vickrey_net::line::{Badge, Line};

fn key(seed: u8) -> Key {
    Key::from_seed(&[seed; 32])
}

fn badge(own: u8, others: &[u8]) -> Badge {
    let others: Vec<_> = others.iter().map(|other| key(*other).public()).collect();
    Badge::new(&key(own), &others).unwrap()
}

fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (near, listener.accept().unwrap().0)
}

fn prepared(socket: TcpStream) -> TcpStream {
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    socket
}

fn patient() -> impl FnMut() -> bool {
    let until = Instant::now() + Duration::from_secs(20);
    move || Instant::now() < until
}

fn say(line: &Line, text: &[u8]) -> Result<(), FrameError> {
    let mut line = line;
    frame::write(&mut line, text)
}

fn hear(line: &Line) -> Result<Vec<u8>, FrameError> {
    let mut line = line;
    frame::read(&mut line, frame::LONGEST, &mut patient())
}

type Heard = Result<Vec<u8>, String>;

/// What both ends hear of each other over two sockets, or why they hear nothing.
fn talk(near: &Badge, far: &Badge, (dialled, called): (TcpStream, TcpStream)) -> (Heard, Heard) {
    let words = |e: &dyn std::fmt::Display| e.to_string();
    thread::scope(|scope| {
        let answering = scope.spawn(|| -> Heard {
            let line = Line::answer(prepared(called), far, &mut patient()).map_err(|e| words(&e))?;
            let heard = hear(&line).map_err(|e| words(&e))?;
            say(&line, b"so does the far end").map_err(|e| words(&e))?;
            // Until the other has read it and closed.
            let _ = hear(&line);
            Ok(heard)
        });
        let dialling = || -> Heard {
            let line = Line::dial(prepared(dialled), near, &mut patient()).map_err(|e| words(&e))?;
            // Who dials may speak before she is accepted; a refusal comes with the answer.
            let said = say(&line, b"the near end speaks");
            let heard = hear(&line).map_err(|e| words(&e))?;
            said.map_err(|e| words(&e))?;
            line.stop_writing();
            Ok(heard)
        };
        (dialling(), answering.join().unwrap())
    })
}

fn assert_said(heard: Heard, said: &str) {
    let error = heard.unwrap_err();
    assert!(error.contains(said), "{error}");
}

#[test]
fn who_knows_each_other_talks_and_strangers_do_not() {
    let (near, far) = talk(&badge(1, &[2]), &badge(2, &[3, 1]), sockets());
    assert_eq!(near.unwrap(), b"so does the far end");
    assert_eq!(far.unwrap(), b"the near end speaks");
    // A stranger dials.
    let (near, far) = talk(&badge(4, &[2]), &badge(2, &[3, 1]), sockets());
    assert_said(near, "does not accept this key");
    assert_said(far, "not the one enrolled");
    // Somebody else answers.
    let (near, far) = talk(&badge(1, &[2]), &badge(5, &[1]), sockets());
    assert_said(near, "not the one enrolled");
    assert_said(far, "does not accept this key");
    // Nobody is known.
    assert!(talk(&badge(1, &[]), &badge(2, &[1]), sockets()).0.is_err());
}

#[test]
fn each_end_learns_who_the_other_is() {
    let (dialled, called) = sockets();
    let (one, other) = (badge(1, &[2]), badge(2, &[3, 1]));
    thread::scope(|scope| {
        let answering =
            scope.spawn(|| Line::answer(prepared(called), &other, &mut patient()).unwrap().peer());
        let line = Line::dial(prepared(dialled), &one, &mut patient()).unwrap();
        assert_eq!(line.peer(), key(2).public());
        assert_eq!(answering.join().unwrap(), key(1).public());
    });
}

/// Both ends write more than any buffer holds while they read.
#[test]
fn much_goes_both_ways_at_once() {
    let (dialled, called) = sockets();
    let (one, other) = (badge(1, &[2]), badge(2, &[1]));
    let text = |seed: usize| (0..3_000_000).map(|i| (i * seed % 251) as u8).collect::<Vec<u8>>();
    let both = |line: Line, own: usize, others: usize| {
        let line = Arc::new(line);
        let writer = line.clone();
        thread::scope(|scope| {
            scope.spawn(move || (0..3).for_each(|_| say(&writer, &text(own)).unwrap()));
            (0..3).for_each(|_| assert!(hear(&line).unwrap() == text(others)));
        });
        line
    };
    thread::scope(|scope| {
        let far = scope.spawn(|| {
            let line = both(Line::answer(prepared(called), &other, &mut patient()).unwrap(), 7, 11);
            assert!(matches!(hear(&line), Err(FrameError::Closed)), "the other end closes");
        });
        both(Line::dial(prepared(dialled), &one, &mut patient()).unwrap(), 11, 7).stop_writing();
        far.join().unwrap();
    });
}

/// Carries bytes one way, shows each piece to `change`, and returns what it carried.
fn carry(mut from: TcpStream, mut to: TcpStream, change: impl Fn(usize, &mut [u8])) -> Vec<u8> {
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(n @ 1..) = from.read(&mut piece) {
        change(all.len(), &mut piece[..n]);
        all.extend_from_slice(&piece[..n]);
        if to.write_all(&piece[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
    let _ = from.shutdown(std::net::Shutdown::Both);
    all
}

/// A talk with somebody in between, who changes a byte on the way to the end that answers, if there are so many.
fn overheard(at: usize) -> ((Heard, Heard), Vec<u8>) {
    let ((dialled, inner), (outer, called)) = (sockets(), sockets());
    thread::scope(|scope| {
        let back = (outer.try_clone().unwrap(), inner.try_clone().unwrap());
        let change = move |from: usize, piece: &mut [u8]| {
            if let Some(byte) = at.checked_sub(from).and_then(|k| piece.get_mut(k)) {
                *byte ^= 1;
            }
        };
        let there = scope.spawn(move || carry(inner, outer, change));
        scope.spawn(move || carry(back.0, back.1, |_, _| {}));
        let heard = talk(&badge(1, &[2]), &badge(2, &[1]), (dialled, called));
        (heard, there.join().unwrap())
    })
}

#[test]
fn who_is_in_between_reads_and_changes_nothing() {
    let ((near, far), carried) = overheard(usize::MAX);
    assert_eq!(
        (near.unwrap(), far.unwrap()),
        (b"so does the far end".to_vec(), b"the near end speaks".to_vec())
    );
    assert!(carried.len() > 300);
    for secret in [&b"the near end speaks"[..], key(1).public().to_string().as_bytes()] {
        assert!(!carried.windows(secret.len()).any(|window| window == secret));
    }
    // Not even the certificates can be seen. Whatever byte is changed, nothing wrong is heard.
    let mut broken = 0;
    for at in (0..carried.len()).step_by(carried.len() / 40) {
        let ((_, far), _) = overheard(at);
        match far {
            Ok(heard) => assert_eq!(heard, b"the near end speaks", "byte {at}"),
            Err(_) => broken += 1,
        }
    }
    assert!(broken > 30, "{broken}");
    // What was carried once is of no use a second time.
    let (mut replaying, called) = sockets();
    thread::scope(|scope| {
        let far = scope.spawn(|| Line::answer(prepared(called), &badge(2, &[1]), &mut patient()));
        replaying.write_all(&carried).unwrap();
        assert!(far.join().unwrap().is_err());
    });
}

#[test]
fn who_speaks_no_tls_is_told_apart() {
    let (mut plain, called) = sockets();
    thread::scope(|scope| {
        let far = scope.spawn(|| Line::answer(prepared(called), &badge(2, &[1]), &mut patient()));
        frame::write(&mut plain, br#"{"type":"HELLO"}"#).unwrap();
        assert!(far.join().unwrap().unwrap_err().to_string().contains("does not speak TLS 1.3"));
    });
    // Neither does who sends a byte now and then: she is asked at every one.
    let (mut slow, called) = sockets();
    thread::scope(|scope| {
        let begun = Instant::now();
        let until = begun + Duration::from_millis(300);
        let far = scope.spawn(move || {
            let ended =
                Line::answer(prepared(called), &badge(2, &[1]), &mut || Instant::now() < until).map(drop);
            (ended, begun.elapsed())
        });
        slow.write_all(&[22, 3, 1, 0x40, 0]).unwrap();
        while !far.is_finished() && slow.write_all(&[1]).is_ok() {
            thread::sleep(Duration::from_millis(10));
        }
        let (ended, took) = far.join().unwrap();
        assert!(ended.is_err() && took < Duration::from_secs(10), "{took:?}");
    });
    // And silence ends when patience does.
    let (_silent, called) = sockets();
    let until = Instant::now() + Duration::from_millis(100);
    let error = Line::answer(prepared(called), &badge(2, &[1]), &mut || Instant::now() < until).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}
