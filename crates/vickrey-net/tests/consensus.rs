//! Consensus between processes ends where one process does, bit for bit, and charges the same; what is lost means what the
//! rules say.

mod support;

use std::sync::Arc;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use support::meeting::{Meeting, PATIENT, agreement, numbers, over_sockets, played, port};
use vickrey::faithful::consensus::{Graph, Test, Watch};
use vickrey_net::announce::{NotAnnounceable, Terms};
use vickrey_net::course::{CourseError, Stage, Verdict};
use vickrey_net::desk::{Desk, DeskError, replay};
use vickrey_net::follow::{Clerk, FollowError, Private, Reply, Sight};

fn ring(n: usize) -> Graph {
    Graph::new(n, (0..n).map(|i| (i, (i + 1) % n)).collect()).unwrap()
}

fn meetings() -> Vec<Meeting> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut wishes = |n: usize| (0..n).map(|_| rng.random_range(0.0..1.0)).collect::<Vec<f64>>();
    vec![
        Meeting::three(10, Watch::Observed),
        Meeting::new(Graph::star(6).unwrap(), &wishes(6), 25, Test::Tighter, Watch::Reported),
        Meeting::new(ring(5), &wishes(5), 40, Test::Spectral, Watch::Observed),
        Meeting::new(Graph::path(2).unwrap(), &wishes(2), 1, Test::Corrected, Watch::Reported),
    ]
}

fn observe(meeting: &Meeting, folder: &std::path::Path) -> Option<std::path::PathBuf> {
    (meeting.rules.watch() == Watch::Observed).then(|| folder.join("seen.csv"))
}

#[test]
fn without_losses_it_is_one_process_bit_for_bit() {
    for meeting in meetings() {
        let folder = tempfile::tempdir().unwrap();
        let record = folder.path().join("record");
        let intent = meeting.intent(PATIENT, observe(&meeting, folder.path()));
        let mut desk = Desk::open(intent, &record).unwrap().0;
        let mut clerks = meeting.clerks();
        meeting.join(&mut desk, &mut clerks);
        meeting.walk(&clerks, &|_, _, _| true);
        let taxes = meeting.settle(&mut desk, &mut clerks, &|_| true);
        let expected = meeting.expected();
        assert_eq!(numbers(agreement(desk.course())), played(&expected));
        for (i, tax) in taxes.iter().enumerate() {
            assert_eq!(tax.payment, expected.settlement.payment[i]);
            assert_eq!(tax.decision, Some(vec![expected.positions[i]]));
            assert_eq!((tax.status.as_str(), tax.epsilon), ("agreed", meeting.rules.epsilon()));
        }
        assert_eq!(meeting.rules.epsilon().is_some(), meeting.rules.watch() == Watch::Observed);
        assert_eq!(desk.course().incidents(), []);
        drop(desk);
        assert_eq!(numbers(agreement(&replay(&record).unwrap())), played(&expected));
    }
}

#[test]
fn over_sockets_it_is_the_same_with_a_sensor_and_without() {
    for meeting in meetings() {
        let folder = tempfile::tempdir().unwrap();
        let (desk, taxes, sights) = over_sockets(&meeting, PATIENT, folder.path(), &|_| {});
        let expected = meeting.expected();
        assert_eq!(numbers(agreement(desk.course())), played(&expected));
        let paid: Vec<f64> = taxes.iter().map(|tax| tax.payment).collect();
        assert_eq!(paid, expected.settlement.payment);
        assert!(
            !sights.iter().any(|s| matches!(s, Sight::Missed { .. } | Sight::TwoStates { .. })),
            "{sights:?}"
        );
        let walked = sights.iter().filter(|s| matches!(s, Sight::Walked(_))).count();
        assert_eq!(walked, meeting.len() * meeting.rules.rounds());
        drop(desk);
        assert_eq!(numbers(agreement(&replay(&folder.path().join("record")).unwrap())), played(&expected));
    }
}

/// What one follower says is lost at random: the others end where the library says that they end with these messages.
#[test]
fn lost_states_mean_what_the_rules_say() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    for meeting in meetings() {
        for liar in 0..meeting.len() {
            let lost: Vec<Vec<bool>> = (0..meeting.rules.rounds())
                .map(|_| (0..meeting.len()).map(|_| rng.random_range(0..3) == 0).collect())
                .collect();
            let folder = tempfile::tempdir().unwrap();
            let intent = meeting.intent(PATIENT, observe(&meeting, folder.path()));
            let mut desk = Desk::open(intent, &folder.path().join("record")).unwrap().0;
            let mut clerks = meeting.clerks();
            meeting.join(&mut desk, &mut clerks);
            let pass = |k: u64, i: usize, j: usize| i != liar || !lost[k as usize - 1][j];
            let path = meeting.walk(&clerks, &pass).swap_remove(liar);
            let neighbours = meeting.rules.instance().graph().neighbours(liar);
            let said = |(k, z): (usize, &f64)| {
                neighbours.iter().map(|&j| (!lost[k][j]).then_some(*z)).collect::<Vec<_>>()
            };
            let messages: Vec<_> = path.iter().enumerate().map(said).collect();
            let finish = clerks[liar].post().unwrap().position();
            let expected = meeting.rules.iterate_against(&meeting.wishes, liar, &messages, finish);
            meeting.settle(&mut desk, &mut clerks, &|_| true);
            let ends = &agreement(desk.course()).positions;
            for (i, z) in ends.iter().enumerate() {
                assert_eq!(z.unwrap().to_bits(), expected[i].to_bits(), "liar {liar}, follower {i}");
            }
        }
    }
}

#[test]
fn a_missing_value_is_left_out_and_a_missing_position_fails_the_test() {
    for (meeting, watch) in [Watch::Observed, Watch::Reported].map(|watch| (Meeting::three(10, watch), watch))
    {
        let folder = tempfile::tempdir().unwrap();
        let intent = meeting.intent(PATIENT, observe(&meeting, folder.path()));
        let mut desk = Desk::open(intent, &folder.path().join("record")).unwrap().0;
        let mut clerks = meeting.clerks();
        meeting.join(&mut desk, &mut clerks);
        meeting.walk(&clerks, &|_, _, _| true);
        let taxes = meeting.settle(&mut desk, &mut clerks, &|i| i != 2);
        let (expected, found) = (meeting.expected(), agreement(desk.course()));
        assert_eq!(found.values[2], None);
        let paid: Vec<f64> = taxes.iter().map(|tax| tax.payment).collect();
        match watch {
            Watch::Observed => {
                // The second's tax is what the first says, and the other way round; the third's own does not change.
                let value = &expected.value;
                assert_eq!(paid, [value[1], value[0], expected.settlement.payment[2]]);
            }
            Watch::Reported => {
                assert_eq!(paid, [3.0; 3], "the fine, N (B - A)^2");
                assert!(taxes.iter().all(|tax| tax.status == "fined"));
            }
        }
    }
}

#[test]
fn a_silent_robot_makes_everybody_pay_the_fine() {
    let meeting = Meeting::three(40, Watch::Observed);
    let folder = tempfile::tempdir().unwrap();
    let mut desk =
        Desk::open(meeting.intent(PATIENT, observe(&meeting, folder.path())), &folder.path().join("record"))
            .unwrap()
            .0;
    let mut clerks = meeting.clerks();
    meeting.join(&mut desk, &mut clerks);
    // Neither hears nor is heard, and stays where she is.
    meeting.walk(&clerks, &|_, i, j| i != 0 && j != 0);
    let taxes = meeting.settle(&mut desk, &mut clerks, &|i| i != 0);
    assert!(taxes.iter().all(|tax| tax.payment == meeting.rules.fine() && tax.status == "fined"));
}

#[test]
fn everybody_has_to_join_and_who_does_not_is_named() {
    let meeting = Meeting::three(10, Watch::Reported);
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record");
    let mut desk = Desk::open(meeting.intent(PATIENT, None), &record).unwrap().0;
    let mut clerks = meeting.clerks();
    for i in [0, 2] {
        let letter = desk.letter(i).unwrap();
        let Reply::Send(ack) = clerks[i].handle(&letter).unwrap() else { panic!() };
        assert_eq!(desk.take(meeting.open(&ack)).unwrap(), Verdict::Counts);
    }
    let error = desk.close().unwrap_err();
    assert!(matches!(error, DeskError::Course(CourseError::Incomplete(_))));
    assert!(error.to_string().contains("agent 1, who did not join in time"), "{error}");
    // The record can be taken up again, and then she comes.
    drop(desk);
    let mut desk = Desk::open(meeting.intent(PATIENT, None), &record).unwrap().0;
    assert_eq!(desk.course().silent(), [1]);
    meeting.join(&mut desk, &mut clerks);
    assert_eq!(desk.course().stage(), Stage::Rounds);
}

#[test]
fn a_wish_outside_the_range_is_refused_without_saying_how() {
    let meeting = Meeting::three(10, Watch::Reported);
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(meeting.intent(PATIENT, None), &folder.path().join("record")).unwrap().0;
    let mut identity = meeting.identity(1, None, None);
    let Private::Wish(wish) = &mut identity.private else { panic!() };
    wish.wish = 1.25;
    assert!(!format!("{wish:?}").contains("1.25"), "nor in what is printed for debugging");
    let mut clerk = Clerk::new(identity, None).unwrap();
    let Reply::Ended(refusal, error) = clerk.handle(&desk.letter(1).unwrap()).unwrap() else { panic!() };
    assert!(error.to_string().contains("found 1.25, accepted is a number from 0 to 1"), "{error}");
    let text = String::from_utf8(refusal.to_vec()).unwrap();
    assert!(text.contains("\"found\":null") && !text.contains("1.25"), "{text}");
    desk.take(meeting.open(&refusal)).unwrap();
    assert_eq!(desk.course().awaited(), [0, 2]);
    let error = desk.close().unwrap_err().to_string();
    assert!(error.contains("agent 1, who refuses"), "{error}");
}

#[test]
fn private_files_of_the_other_mechanism_are_refused() {
    let (meeting, game) = (
        Meeting::three(10, Watch::Reported),
        support::case_a(
            support::ascent(0.4),
            vickrey::faithful::dual::rules::Stop::Rounds(3),
            vickrey::faithful::dual::rules::Mode::Vcg,
        ),
    );
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(meeting.intent(PATIENT, None), &folder.path().join("record")).unwrap().0;
    let mut clerk = Clerk::new(game.identity(0), None).unwrap();
    let Reply::Ended(_, error) = clerk.handle(&desk.letter(0).unwrap()).unwrap() else { panic!() };
    assert!(matches!(error, FollowError::OtherMechanism { found: "consensus", .. }), "{error}");
    let mut desk = Desk::open(game.intent(PATIENT), &folder.path().join("dual")).unwrap().0;
    let mut clerk = Clerk::new(meeting.identity(0, None, None), None).unwrap();
    let Reply::Ended(_, error) = clerk.handle(&desk.letter(0).unwrap()).unwrap() else { panic!() };
    assert!(matches!(error, FollowError::OtherMechanism { accepted: "consensus", .. }), "{error}");
}

#[test]
fn positions_are_waited_for_until_they_are_whole() {
    let meeting = Meeting::three(5, Watch::Observed);
    let folder = tempfile::tempdir().unwrap();
    let (record, seen) = (folder.path().join("record"), folder.path().join("seen.csv"));
    let intent = || meeting.intent(PATIENT, Some(seen.clone()));
    std::fs::write(&seen, "old").unwrap();
    let error = Desk::open(intent(), &record).unwrap_err();
    assert!(matches!(error, DeskError::OldPositions(_)), "{error}");
    std::fs::remove_file(&seen).unwrap();
    let _ = std::fs::remove_file(&record);
    let mut desk = Desk::open(intent(), &record).unwrap().0;
    let mut clerks = meeting.clerks();
    meeting.join(&mut desk, &mut clerks);
    meeting.walk(&clerks, &|_, _, _| true);
    for clerk in &mut clerks {
        let value = clerk.unasked().unwrap().unwrap();
        desk.take(meeting.open(&value)).unwrap();
    }
    desk.close().unwrap();
    assert_eq!((desk.course().stage(), desk.course().blind()), (Stage::Observing, true));
    assert!(matches!(desk.close(), Err(DeskError::Course(CourseError::Unfounded(_)))));
    let says = |text: &str, desk: &mut Desk| {
        std::fs::write(&seen, text).unwrap();
        let first = desk.look().unwrap();
        assert_eq!(first, Ok(false), "it may still be written to");
        desk.look().unwrap().map_err(|e| e.to_string())
    };
    assert_eq!(says("follower,position\nagent 0,0.25", &mut desk), Ok(false), "no end of line");
    for (text, said) in [
        ("who,where\nagent 0,1\n", "found the columns"),
        ("follower,position\nagent 0,1\n", "found no position of agent 1, agent 2"),
        ("follower,position\nagent 0,x\n", "line 2: found the position \"x\""),
        ("follower,position\nagent 0,NaN\n", "line 2: found the position \"NaN\""),
        ("follower,position\nagent 0,1\nagent 0,1\n", "line 3: found \"agent 0\" a second time"),
        ("follower,position\nEve,1\n", "line 2: found \"Eve\", who is no follower"),
        ("follower,position\nagent 0\n", "found record with 1 fields"),
    ] {
        let error = says(text, &mut desk).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
    let whole = "follower, position\nagent 2, 0.5\nagent 1, 0.5\nagent 0, 0.5\n";
    assert_eq!(says(whole, &mut desk), Ok(true));
    assert!(desk.observe(vec![0.0; 3]).is_err(), "it is seen once");
    desk.close().unwrap();
    assert_eq!(agreement(desk.course()).positions, [Some(0.5); 3]);
    drop(desk);
    assert_eq!(agreement(&replay(&record).unwrap()).positions, [Some(0.5); 3]);
    let error = Desk::open(meeting.intent(PATIENT, None), &folder.path().join("other")).unwrap_err();
    assert!(matches!(error, DeskError::Intent(NotAnnounceable::NoSensor { .. })), "{error}");
}

/// A follower who is reached elsewhere after a restart: the leader tells her neighbours.
#[test]
fn who_moves_is_found_again() {
    let meeting = Meeting::three(10, Watch::Reported);
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(meeting.intent(PATIENT, None), &folder.path().join("record")).unwrap().0;
    let mut clerks = meeting.clerks();
    meeting.join(&mut desk, &mut clerks);
    let before = desk.letter(1).unwrap();
    let mut moved = Clerk::new(meeting.identity(0, Some(port()), None), None).unwrap();
    let Reply::Send(ack) = moved.handle(&desk.seal(desk.course().announcement(0))).unwrap() else { panic!() };
    let ack = meeting.open(&ack);
    assert_eq!(desk.take(ack.clone()).unwrap(), Verdict::Moved);
    assert_eq!(desk.moves(&ack), [1]);
    assert_eq!(desk.take(ack.clone()).unwrap(), Verdict::Repeat);
    let after = desk.letter(1).unwrap();
    assert_ne!(before, after);
    assert!(matches!(clerks[1].handle(&after).unwrap(), Reply::Noted));
    assert_eq!(desk.course().incidents(), []);
    let address = &ack.message.body["address"];
    assert_eq!(meeting.open(&after).message.body["neighbours"][0]["address"], *address);
}

/// Killed in the middle with a memory, a follower goes on where she was; her signatures are the same.
#[test]
fn a_follower_with_a_memory_goes_on_where_she_was() {
    let meeting = Meeting::three(10, Watch::Reported);
    let folder = tempfile::tempdir().unwrap();
    let memory = folder.path().join("memory");
    let mut desk = Desk::open(meeting.intent(PATIENT, None), &folder.path().join("record")).unwrap().0;
    let mut clerks = meeting.clerks();
    clerks[1] = Clerk::new(meeting.identity(1, None, None), Some(memory.clone())).unwrap();
    meeting.join(&mut desk, &mut clerks);
    let posts: Vec<_> = clerks.iter().map(|c| c.post().unwrap()).collect();
    for k in 1..=4 {
        for (i, post) in posts.iter().enumerate() {
            for (at, &j) in post.neighbours().iter().enumerate() {
                let back = posts[j].neighbours().binary_search(&i).unwrap();
                posts[j].hear(back, &meeting.open(&post.states(at, k)[0]));
            }
        }
        posts.iter().for_each(|post| post.step());
    }
    let before = (posts[1].k(), posts[1].position(), posts[1].states(0, 1));
    clerks[1] = Clerk::new(meeting.identity(1, None, None), Some(memory.clone())).unwrap();
    let again = clerks[1].post().unwrap();
    assert_eq!((again.k(), again.position(), again.states(0, 1)), before);
    meeting.join(&mut desk, &mut clerks);
    meeting.walk(&clerks, &|_, _, _| true);
    meeting.settle(&mut desk, &mut clerks, &|_| true);
    assert_eq!(numbers(agreement(desk.course())), played(&meeting.expected()));
    // Somebody else's memory, and one that was changed, are refused.
    let error = Clerk::new(meeting.identity(0, None, None), Some(memory.clone())).unwrap_err();
    assert!(error.to_string().contains("another follower"), "{error}");
    let text = std::fs::read_to_string(&memory).unwrap();
    std::fs::write(&memory, text.replace("\"k\":11", "\"k\":12")).unwrap();
    let error = Clerk::new(meeting.identity(1, None, None), Some(memory)).unwrap_err();
    assert!(error.to_string().contains("another form of rounds"), "{error}");
}

/// A neighbour who never dials is waited for, round by round, and no longer.
#[test]
fn rounds_end_without_those_who_are_silent() {
    let meeting = Meeting::three(3, Watch::Reported);
    let folder = tempfile::tempdir().unwrap();
    let terms = Terms { round_ms: 120, value_ms: 2_000, deposit: 0.0 };
    let mut desk = Desk::open(meeting.intent(terms, None), &folder.path().join("record")).unwrap().0;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let begun = std::time::Instant::now();
    std::thread::scope(|scope| {
        for i in 0..3 {
            let (meeting, stop) = (&meeting, &stop);
            scope.spawn(move || {
                // The second dials the leader as everybody, but her port answers nobody, and she dials a dead one.
                let silent = Arc::new(std::net::TcpListener::bind("127.0.0.1:0").unwrap());
                let identity = if i == 1 {
                    meeting.identity(i, None, None)
                } else {
                    meeting.identity(i, Some(silent), None)
                };
                let mut clerk = Clerk::new(identity, None).unwrap();
                let dial = || std::net::TcpStream::connect(address);
                vickrey_net::follow::follow(&mut clerk, &dial, Duration::from_secs(60), &mut |_| {}, stop)
                    .unwrap()
            });
        }
        vickrey_net::lead::lead(&mut desk, &listener, Duration::from_secs(60), &mut |_, _| {}, &stop)
            .unwrap();
    });
    // The first hears nobody and stays; the third is dialled by the second, as the lower number.
    let ends = &agreement(desk.course()).positions;
    assert_eq!(ends[0], Some(0.0));
    assert!(ends[1].unwrap() < 1.0 && ends[2].unwrap() > 0.25, "{ends:?}");
    assert!(begun.elapsed() >= Duration::from_millis(3 * 120));
}
