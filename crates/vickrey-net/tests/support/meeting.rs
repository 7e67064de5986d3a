//! Followers of consensus, in process and over sockets.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use vickrey::faithful::consensus::protocol::Agreement;
use vickrey::faithful::consensus::solve::Played;
use vickrey::faithful::consensus::{Graph, Instance, Rules, Terms as Chosen, Test, Watch};
use vickrey_net::announce::Terms;
use vickrey_net::consensus::follow::Wish;
use vickrey_net::consensus::post::Post;
use vickrey_net::course::{Course, Stage};
use vickrey_net::desk::{Desk, Intent, What};
use vickrey_net::follow::{Clerk, Identity, Private, Reply, Sight, Tax, follow};
use vickrey_net::keys::{Enrolment, Key};
use vickrey_net::lead::lead;
use vickrey_net::mechanism::Mechanism;
use vickrey_net::message::{Party, Sealed};

/// Nobody is late here, however slow the machine is.
pub const PATIENT: Terms = Terms { round_ms: 60_000, value_ms: 60_000, deposit: 0.0 };

/// Rules, wishes, and everybody's keys.
pub struct Meeting {
    pub rules: Arc<Rules>,
    pub wishes: Vec<f64>,
    pub leader: Key,
    pub keys: Vec<Key>,
    pub enrolment: Arc<Enrolment>,
}

impl Meeting {
    pub fn new(graph: Graph, wishes: &[f64], rounds: usize, test: Test, watch: Watch) -> Self {
        let instance = Instance::new(graph, &vec![(0.0, 1.0); wishes.len()]).unwrap();
        let rules = Rules::new(instance, Chosen { step: None, rounds, test, watch }).unwrap();
        let key = |i: usize| Key::from_seed(&[i as u8 + 1; 32]);
        let keys: Vec<Key> = (0..wishes.len()).map(key).collect();
        let leader = key(200);
        let named = |(i, k): (usize, &Key)| (rules.instance().name(i).into_owned(), k.public());
        let followers = keys.iter().enumerate().map(named).collect();
        let enrolment = Arc::new(Enrolment { leader: leader.public(), followers });
        Self { rules: Arc::new(rules), wishes: wishes.to_vec(), leader, keys, enrolment }
    }

    /// The mechanism's worked example: three in a row.
    pub fn three(rounds: usize, watch: Watch) -> Self {
        Self::new(Graph::path(3).unwrap(), &[0.0, 1.0, 0.25], rounds, Test::Corrected, watch)
    }

    pub fn len(&self) -> usize {
        self.wishes.len()
    }

    pub fn intent(&self, terms: Terms, observe: Option<PathBuf>) -> Intent {
        Intent {
            what: What::Consensus { rules: self.rules.clone(), observe },
            terms,
            run: None,
            key: self.leader.clone(),
            enrolment: (*self.enrolment).clone(),
        }
    }

    /// A follower; without a listener she is reached nowhere.
    pub fn identity(
        &self,
        follower: usize,
        listener: Option<Arc<TcpListener>>,
        place: Option<PathBuf>,
    ) -> Identity {
        let address =
            listener.as_ref().map_or_else(|| "127.0.0.1:1".into(), |l| l.local_addr().unwrap().to_string());
        let (wish, enrolment) = (self.wishes[follower], self.enrolment.clone());
        let private = Private::Wish(Wish { wish, enrolment, listener, address, place });
        Identity { follower, private, key: self.keys[follower].clone(), leader: self.leader.public() }
    }

    pub fn clerks(&self) -> Vec<Clerk> {
        (0..self.len()).map(|i| Clerk::new(self.identity(i, None, None), None).unwrap()).collect()
    }

    /// The run in one process, without messages.
    pub fn expected(&self) -> Played {
        self.rules.play(&self.wishes)
    }

    pub fn open(&self, bytes: &[u8]) -> Sealed {
        Sealed::open(bytes, &|party: Party| self.enrolment.key(party).copied()).unwrap()
    }

    /// Everybody acknowledges, and hears where the others are.
    pub fn join(&self, desk: &mut Desk, clerks: &mut [Clerk]) {
        for (i, clerk) in clerks.iter_mut().enumerate() {
            let announcement = desk.seal(desk.course().announcement(i));
            let Reply::Send(ack) = clerk.handle(&announcement).unwrap() else {
                panic!("she does not take part")
            };
            desk.take(self.open(&ack)).unwrap();
        }
        if desk.course().stage() == Stage::Joining {
            desk.close().unwrap();
        }
        if desk.course().stage() == Stage::Rounds {
            for (i, clerk) in clerks.iter_mut().enumerate() {
                let letter = desk.letter(i).unwrap();
                assert!(matches!(clerk.handle(&letter).unwrap(), Reply::Noted | Reply::Send(_)));
            }
        }
    }

    /// All rounds by hand; what does not `pass` (round, from, to) is lost. Everybody's path is returned.
    pub fn walk(&self, clerks: &[Clerk], pass: &dyn Fn(u64, usize, usize) -> bool) -> Vec<Vec<f64>> {
        let posts: Vec<Arc<Post>> = clerks.iter().map(|clerk| clerk.post().unwrap()).collect();
        let mut paths = vec![Vec::new(); posts.len()];
        for k in posts[0].k()..=self.rules.rounds() as u64 {
            for (i, post) in posts.iter().enumerate() {
                paths[i].push(post.position());
                for (at, &j) in post.neighbours().iter().enumerate().filter(|(_, j)| pass(k, i, **j)) {
                    let back = posts[j].neighbours().binary_search(&i).unwrap();
                    let states = post.states(at, k);
                    assert_eq!(states.len(), 1, "the newest is of the open round");
                    posts[j].hear(back, &self.open(&states[0]));
                }
            }
            posts.iter().for_each(|post| post.step());
        }
        paths
    }

    /// From the values to the receipts, by hand; who is not in `speaks` says no value.
    pub fn settle(&self, desk: &mut Desk, clerks: &mut [Clerk], speaks: &dyn Fn(usize) -> bool) -> Vec<Tax> {
        if desk.course().stage() == Stage::Rounds {
            for (i, clerk) in clerks.iter_mut().enumerate().filter(|(i, _)| speaks(*i)) {
                clerk.hello();
                let value = clerk.unasked().unwrap().expect("she has arrived");
                desk.take(self.open(&value)).unwrap();
                assert!(desk.course().awaited().iter().all(|&j| j != i));
            }
            desk.close().unwrap();
        }
        if desk.course().blind() {
            let seen = clerks.iter().map(|clerk| clerk.post().unwrap().position());
            desk.observe(seen.collect()).unwrap();
        }
        if desk.course().stage() == Stage::Observing {
            desk.close().unwrap();
        }
        let mut taxes = Vec::new();
        for (i, clerk) in clerks.iter_mut().enumerate() {
            let letter = desk.letter(i).unwrap();
            let Reply::Taxed(receipt, tax) = clerk.handle(&letter).unwrap() else { panic!("no tax") };
            desk.take(self.open(&receipt)).unwrap();
            taxes.push(tax);
        }
        if desk.course().stage() != Stage::Over {
            desk.close().unwrap();
        }
        taxes
    }
}

/// What was decided.
pub fn agreement(course: &Course) -> &Agreement {
    let Mechanism::Consensus(side) = course.mechanism() else { panic!("another mechanism") };
    side.agreement().unwrap()
}

/// Every number of an agreement; -0 counts as 0, as on the wire.
pub fn numbers(agreement: &Agreement) -> Vec<u64> {
    let settlement = &agreement.settlement;
    let lists = [&agreement.positions, &agreement.values];
    let optional = lists.into_iter().flatten().map(|x| x.unwrap_or(f64::INFINITY));
    let rest = settlement.payment.iter().copied().chain([settlement.disagreement, settlement.limit]);
    optional.chain(rest).map(|x| (x + 0.0).to_bits()).collect()
}

/// The same of a run without messages.
pub fn played(played: &Played) -> Vec<u64> {
    let settlement = &played.settlement;
    let lists = [&played.positions, &played.value, &settlement.payment];
    let more = [settlement.disagreement, settlement.limit];
    lists.into_iter().flatten().copied().chain(more).map(|x| (x + 0.0).to_bits()).collect()
}

/// Somebody who sees where all stand: reads where they go until they have gone all rounds, then writes that down.
pub fn sense(places: &[PathBuf], names: &[String], rounds: usize, seen: &Path, over: &AtomicBool) {
    let last = format!("\n{rounds},");
    while !over.load(Ordering::Relaxed) {
        let texts: Vec<String> =
            places.iter().map(|p| std::fs::read_to_string(p).unwrap_or_default()).collect();
        let ends: Option<Vec<&str>> =
            texts.iter().map(|text| text.split_once(&last).map(|(_, z)| z.trim())).collect();
        if let Some(ends) = ends {
            let mut text = "follower,position\n".to_owned();
            names.iter().zip(ends).for_each(|(name, z)| text.push_str(&format!("{name},{z}\n")));
            return std::fs::write(seen, text).unwrap();
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// A free port of this machine.
pub fn port() -> Arc<TcpListener> {
    Arc::new(TcpListener::bind("127.0.0.1:0").unwrap())
}

/// A whole run over sockets; `guests` may do what they like to the followers' ports before.
pub fn over_sockets(
    meeting: &Meeting,
    terms: Terms,
    folder: &Path,
    guests: &dyn Fn(&[SocketAddr]),
) -> (Desk, Vec<Tax>, Vec<Sight>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let seen = folder.join("seen.csv");
    let observe = (meeting.rules.watch() == Watch::Observed).then(|| seen.clone());
    let mut desk = Desk::open(meeting.intent(terms, observe), &folder.join("record")).unwrap().0;
    let places: Vec<PathBuf> = (0..meeting.len()).map(|i| folder.join(format!("place-{i}"))).collect();
    let names: Vec<String> = (0..meeting.len()).map(|i| desk.course().name(i)).collect();
    let ports: Vec<Arc<TcpListener>> = places.iter().map(|_| port()).collect();
    guests(&ports.iter().map(|p| p.local_addr().unwrap()).collect::<Vec<_>>());
    let (stop, over) = (AtomicBool::new(false), AtomicBool::new(false));
    let (taxes, sights) = thread::scope(|scope| {
        let followers: Vec<_> = places
            .iter()
            .zip(&ports)
            .enumerate()
            .map(|(i, (place, port))| {
                let identity = meeting.identity(i, Some(port.clone()), Some(place.clone()));
                let stop = &stop;
                scope.spawn(move || {
                    let mut clerk = Clerk::new(identity, None).unwrap();
                    let dial = || TcpStream::connect(address);
                    let mut sights = Vec::new();
                    let mut watch = |sight| sights.push(sight);
                    let tax = follow(&mut clerk, &dial, Duration::from_secs(60), &mut watch, stop).unwrap();
                    (tax, sights)
                })
            })
            .collect();
        scope.spawn(|| sense(&places, &names, meeting.rules.rounds(), &seen, &over));
        lead(&mut desk, &listener, Duration::from_secs(60), &mut |_, _| {}, &stop).unwrap();
        over.store(true, Ordering::Relaxed);
        let all = followers.into_iter().map(|f| f.join().unwrap());
        let (taxes, sights): (Vec<Tax>, Vec<Vec<Sight>>) = all.unzip();
        (taxes, sights.concat())
    });
    (desk, taxes, sights)
}
