//! Lines between neighbours: the lower number dials the higher one, as often as it takes.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::post::Post;
use crate::frame;
use crate::line::Line;
use crate::message::Kind;

/// How often threads look up from waiting, to see whether everything is over.
const TICK: Duration = Duration::from_millis(50);
/// A stranger has so long to say who she is.
const INTRODUCTION: Duration = Duration::from_secs(5);
/// A try to reach a neighbour takes no longer.
const DIAL: Duration = Duration::from_secs(2);
/// A line that does not take what is said within this time ends.
const TAKEN: Duration = Duration::from_secs(2);
/// Longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// On a line where nothing is heard for two rounds, and this long, the other end is thought to be gone.
const LEAST_SILENCE: Duration = Duration::from_secs(2);
/// A neighbour's name may stand for so many addresses.
const ADDRESSES: usize = 4;
/// Longest message between neighbours, bytes.
const LONGEST: usize = 4096;
/// Messages that wait for one line: a neighbour who is behind gets several at once.
const OUTBOX: usize = 64;
/// Connections of strangers at a time.
const STRANGERS: usize = 64;

/// A line to a neighbour at her address.
fn dial(post: &Post, at: usize, address: &str) -> io::Result<Line> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, format!("{address}: found no such address"));
    for address in address.to_socket_addrs()?.take(ADDRESSES) {
        if post.over() {
            break;
        }
        match TcpStream::connect_timeout(&address, DIAL) {
            Ok(stream) => {
                prepare(&stream)?;
                let line = Line::dial(stream, post.badge(), &mut patience(post))?;
                if post.is_neighbour(at, &line) {
                    return Ok(line);
                }
                last = io::Error::new(io::ErrorKind::PermissionDenied, "found another neighbour there");
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TICK))?;
    stream.set_write_timeout(Some(TAKEN))
}

/// How long somebody has to say who she is.
fn patience(post: &Post) -> impl FnMut() -> bool {
    let until = Instant::now() + INTRODUCTION;
    move || !post.over() && Instant::now() < until
}

/// Everything that runs at a post, until it is closed: the clock, who answers, and who dials.
pub fn stand<'s>(scope: &'s Scope<'s, '_>, post: &Arc<Post>) {
    let own = post.clone();
    spawn(scope, move || own.keep_time(TICK));
    let own = post.clone();
    spawn(scope, move || receive(scope, &own));
    for (at, neighbour) in post.neighbours().iter().enumerate() {
        if *neighbour > post.follower() {
            let own = post.clone();
            spawn(scope, move || reach(scope, &own, at));
        }
    }
}

/// A thread, if the system has one left; whether it has. Without it a line is as good as broken.
fn spawn<'s>(scope: &'s Scope<'s, '_>, work: impl FnOnce() + Send + 's) -> bool {
    thread::Builder::new().spawn_scoped(scope, work).is_ok()
}

/// Dials a neighbour again and again.
fn reach<'s>(scope: &'s Scope<'s, '_>, post: &Arc<Post>, at: usize) {
    let mut pause = TICK;
    while !post.over() {
        let address = post.address_of(at);
        // Until the run begins there is nobody to dial, and no reason to become slower.
        let early = address.is_none();
        if let Some(address) = address
            && let Ok(line) = dial(post, at, &address)
            && frame::write(&mut &line, &post.hello(at)).is_ok()
            && attend(scope, post, at, line, None)
        {
            pause = TICK;
        }
        let until = Instant::now() + pause;
        while !post.over() && Instant::now() < until {
            thread::sleep(TICK.min(pause));
        }
        pause = if early { TICK } else { (pause * 2).min(LONGEST_PAUSE) };
    }
}

/// Answers those who dial.
fn receive<'s>(scope: &'s Scope<'s, '_>, post: &Arc<Post>) {
    let Some(listener) = post.listener() else { return };
    let strangers = Arc::new(AtomicUsize::new(0));
    if listener.set_nonblocking(true).is_err() {
        return;
    }
    while !post.over() {
        let Ok((stream, _)) = listener.accept() else {
            // Nobody there, or an error that only concerns one caller.
            thread::sleep(Duration::from_millis(5));
            continue;
        };
        if strangers.fetch_add(1, Ordering::Relaxed) >= STRANGERS {
            strangers.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let (post, guests) = (post.clone(), strangers.clone());
        let taken = spawn(scope, move || {
            let introduced = introduce(stream, &post);
            guests.fetch_sub(1, Ordering::Relaxed);
            if let Some((line, at, from)) = introduced {
                attend(scope, &post, at, line, Some(from));
            }
        });
        if !taken {
            strangers.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Makes a line with who has dialled and reads HELLO: which neighbour it is, and in which round she is.
fn introduce(stream: TcpStream, post: &Post) -> Option<(Line, usize, u64)> {
    prepare(&stream).ok()?;
    let mut wait = patience(post);
    let line = Line::answer(stream, post.badge(), &mut wait).ok()?;
    let bytes = frame::read(&mut &line, LONGEST, &mut wait).ok()?;
    let (at, sealed) = post.open(&bytes)?;
    let body = &sealed.message.body;
    let same = body.get("follower").and_then(Value::as_u64) == Some(post.neighbours()[at] as u64);
    let herself = post.is_neighbour(at, &line);
    let last = body.get("last_k").and_then(Value::as_u64).unwrap_or(0);
    (sealed.message.kind == Kind::Hello && same && herself).then_some((line, at, last))
}

/// One line from its beginning to its end; whether anything was heard on it. `from`: what she needs to hear.
fn attend<'s>(scope: &'s Scope<'s, '_>, post: &Arc<Post>, at: usize, line: Line, from: Option<u64>) -> bool {
    let (outbox, letters) = mpsc::sync_channel(OUTBOX);
    let line = Arc::new(line);
    let writing = line.clone();
    if !spawn(scope, move || write_letters(&writing, &letters)) {
        return false;
    }
    let number = post.enter(at, outbox, from);
    let patience = (post.round() * 2).max(LEAST_SILENCE);
    let (mut heard, mut last) = (false, Instant::now());
    loop {
        let mut wait = || !post.over() && last.elapsed() < patience;
        let Ok(bytes) = frame::read(&mut &*line, LONGEST, &mut wait) else { break };
        // After a frame that is broken the next one cannot be trusted to begin where it seems to.
        match post.open(&bytes) {
            Some((from, sealed)) if from == at => post.hear(at, &sealed),
            _ => break,
        };
        (heard, last) = (true, Instant::now());
    }
    post.leave(at, number);
    line.cut();
    heard
}

fn write_letters(line: &Line, letters: &Receiver<Arc<[u8]>>) {
    for letter in letters {
        if frame::write(&mut &*line, &letter).is_err() {
            break;
        }
    }
    line.cut();
}
