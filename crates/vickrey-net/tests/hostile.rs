//! Canonical texts, frames and signatures; nothing that arrives makes anything panic.

mod support;

use proptest::prelude::*;
use serde_json::{Value, json};
use support::{Game, ascent, case_a, mixed};
use vickrey::faithful::dual::rules::{Method, Mode, Stop};
use vickrey_net::announce::Terms;
use vickrey_net::canonical;
use vickrey_net::desk::Desk;
use vickrey_net::dual::{announce, letters};
use vickrey_net::follow::{Clerk, Reply};
use vickrey_net::frame::{self, FrameError};
use vickrey_net::keys::{Enrolment, Key, PublicKey};
use vickrey_net::log;
use vickrey_net::message::{BadMessage, Kind, Message, Party, Sealed};

const TERMS: Terms = Terms { round_ms: 1_000, value_ms: 1_000, deposit: 0.0 };

#[test]
fn numbers_are_written_as_rfc_8785_says() {
    // Its appendix B, by the bits of the doubles.
    for (bits, text) in [
        (0x0000_0000_0000_0000_u64, "0"),
        (0x8000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x8000_0000_0000_0001, "-5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0xc340_0000_0000_0000, "-9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
        (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"),
        (0x41b3_de43_5555_5557, "333333333.33333343"),
        (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
    ] {
        assert_eq!(canonical::text(&json!(f64::from_bits(bits))), text);
    }
}

#[test]
fn only_one_text_of_a_value_is_read() {
    for text in [
        "{\"a\":1,\"a\":1}",
        "{\"b\":1,\"a\":1}",
        "{\"a\": 1}",
        "[1.0]",
        "[1e0]",
        "[-0]",
        "[0.10]",
        "[12345678901234567890]",
        "[1e999]",
        "[NaN]",
        "[\"\\u0041\"]",
        "[1]\n",
        "",
        "[1",
    ] {
        assert!(canonical::read(text.as_bytes()).is_err(), "{text}");
    }
    assert!(canonical::read("[".repeat(100_000).as_bytes()).is_err());
    assert!(canonical::read(&vec![b','; canonical::MOST_VALUES + 1]).is_err());
    let good = "{\"a\":[null,true,-0.1,1e-7],\"b\":\"\\u001f\\n\u{e9}\"}";
    assert_eq!(canonical::text(&canonical::read(good.as_bytes()).unwrap()), good);
}

#[test]
fn a_frame_takes_no_memory_before_it_arrives() {
    let mut wait = || true;
    let mut short: &[u8] = &[0x03, 0xff, 0xff, 0xff, 1, 2, 3];
    assert!(matches!(frame::read(&mut short, frame::LONGEST, &mut wait), Err(FrameError::Closed)));
    let mut long: &[u8] = &[0xff; 8];
    assert!(matches!(
        frame::read(&mut long, frame::LONGEST, &mut wait),
        Err(FrameError::Length { found: 0xffff_ffff, .. })
    ));
    let mut none: &[u8] = &[0; 8];
    assert!(matches!(frame::read(&mut none, 10, &mut wait), Err(FrameError::Length { found: 0, .. })));
    let mut bytes = Vec::new();
    frame::write(&mut bytes, b"abc").unwrap();
    frame::write(&mut bytes, &vec![7; 200_000]).unwrap();
    let mut from = &bytes[..];
    assert_eq!(frame::read(&mut from, 1 << 20, &mut wait).unwrap(), b"abc");
    assert_eq!(frame::read(&mut from, 1 << 20, &mut wait).unwrap(), vec![7; 200_000]);
    assert!(matches!(frame::write(&mut bytes, b""), Err(FrameError::Length { found: 0, .. })));
}

fn message(body: Value) -> Message {
    Message {
        run: "r".into(),
        inst: "i".into(),
        kind: Kind::Report,
        from: Party::Follower(3),
        to: Party::Leader,
        k: 4,
        seq: 5,
        body,
    }
}

#[test]
fn no_bit_of_a_signed_message_can_change() {
    let key = Key::from_seed(&[9; 32]);
    let key_of = |party: Party| (party == Party::Follower(3)).then(|| key.public());
    let sealed = message(json!({ "z": [[[0.1, -2.5]]] })).seal(&key);
    let text = String::from_utf8(sealed.bytes.to_vec()).unwrap();
    assert!(text.starts_with("{\"body\":{\"z\":[[[0.1,-2.5]]]},\"from\":3,\"inst\":\"i\",\"k\":4,\"run\":\"r\",\"seq\":5,\"sig\":\""));
    assert!(text.ends_with("\",\"to\":\"L\",\"type\":\"REPORT\",\"v\":1}"), "{text}");
    assert_eq!(Sealed::open(&sealed.bytes, &key_of).unwrap().message, sealed.message);
    for at in 0..sealed.bytes.len() {
        for bit in 0..8 {
            let mut bytes = sealed.bytes.to_vec();
            bytes[at] ^= 1 << bit;
            assert!(Sealed::open(&bytes, &key_of).is_err(), "byte {at}, bit {bit}");
        }
    }
    assert_eq!(Sealed::open(&sealed.bytes, &|_| None).unwrap_err(), BadMessage::Signature);
    let other = Key::from_seed(&[10; 32]).public();
    assert_eq!(Sealed::open(&sealed.bytes, &|_| Some(other)).unwrap_err(), BadMessage::Signature);
}

#[test]
fn keys_and_enrolments_are_read_back_and_refused_with_reasons() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("north.key");
    let key = Key::generate().unwrap();
    key.write(&path).unwrap();
    assert_eq!(Key::read(&path).unwrap().public(), key.public());
    assert!(key.write(&path).is_err(), "no key is written over another");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(!format!("{key:?}").contains(&std::fs::read_to_string(&path).unwrap()[..16]));
    let followers =
        vec![("north \"1\"".into(), key.public()), ("south".into(), Key::from_seed(&[1; 32]).public())];
    let enrolment = Enrolment { leader: Key::from_seed(&[2; 32]).public(), followers };
    let path = folder.path().join("enrolment.toml");
    std::fs::write(&path, enrolment.text()).unwrap();
    assert_eq!(Enrolment::read(&path).unwrap(), enrolment);
    std::fs::write(&path, enrolment.text().replace("south", "north \\\"1\\\"")).unwrap();
    assert!(Enrolment::read(&path).unwrap_err().to_string().contains("same name or key"));
    for (text, said) in [("xyz", "64 hexadecimal digits"), (&"0".repeat(64), "no public key")] {
        let error = PublicKey::parse("leader", text).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn plans_come_back_from_their_announcement() {
    for method in [
        Method::Ascent { step: None, fading: false },
        Method::Accelerated { step: None },
        Method::Multipliers { rho: 0.5, relaxation: 1.6 },
        Method::Newton,
    ] {
        let game = mixed(method, Mode::Dual);
        let body = announce::write(&game.plan, &TERMS, false).unwrap();
        let (plan, terms) = announce::read(&body).unwrap();
        assert_eq!(terms, TERMS);
        assert_eq!(plan.problem().followers(), game.plan.problem().followers());
        assert_eq!(plan.step(), game.plan.step());
        // Told once more, it is the same text: so everybody has the same hash of it.
        assert_eq!(canonical::text(&announce::write(&plan, &terms, false).unwrap()), canonical::text(&body));
    }
}

#[test]
fn announcements_that_make_no_sense_are_refused_in_words() {
    let game = case_a(ascent(0.4), Stop::Rounds(3), Mode::Vcg);
    let body = announce::write(&game.plan, &TERMS, false).unwrap();
    let change = |key: &str, value: Value| {
        let mut body = body.clone();
        body[key] = value;
        announce::read(&body).unwrap_err().to_string()
    };
    for (key, value) in [
        ("N", json!(7)),
        ("m", json!(2)),
        ("R", json!([[[1.0]], [[1.0]]])),
        ("R", json!([[[1.0, 2.0]], [[1.0]], [[2.0]]])),
        ("lo", json!([[0.0], [0.0], [null, 1.0]])),
        ("gamma", json!(100.0)),
        ("gamma", Value::Null),
        ("algorithm", json!("magic")),
        ("eps", json!(1.0)),
        ("mode", json!("free")),
        ("round_ms", json!(0)),
        ("penalty", json!(-1.0)),
        ("surprise", json!(1)),
        ("c", json!([1e9])),
    ] {
        let error = change(key, value.clone());
        assert!(error.contains("found"), "{key} = {value}: {error}");
    }
}

/// A clerk and a desk in the first round.
fn first_round(game: &Game, folder: &std::path::Path) -> (Clerk, Desk) {
    let mut desk = Desk::open(game.intent(TERMS), &folder.join("record")).unwrap().0;
    let mut clerks = game.clerks();
    support::drive_stage(game, &mut desk, &mut clerks, &support::always);
    desk.close().unwrap();
    (clerks.remove(0), desk)
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0_u64..5).prop_map(Value::from),
        "[a-z\\[\\]\"]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        let keys = prop_oneof![
            Just("problems"),
            Just("z"),
            Just("v"),
            Just("S"),
            Just("w"),
            Just("lam"),
            Just("s"),
            Just("probe"),
            Just("zminus"),
            Just("absent"),
            Just("vminus"),
            Just("reason")
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((keys, inner), 0..6)
                .prop_map(|pairs| pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn arbitrary_bytes_are_no_messages(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let key = Key::from_seed(&[9; 32]).public();
        prop_assert!(Sealed::open(&bytes, &|_| Some(key)).is_err());
        let mut wait = || true;
        let mut from = &bytes[..];
        while frame::read(&mut from, 1 << 16, &mut wait).is_ok() {}
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        std::fs::write(&path, &bytes).unwrap();
        prop_assert!(bytes.is_empty() || log::read(&path).is_err());
    }

    #[test]
    fn any_value_comes_back_from_its_text(value in any_json()) {
        let text = canonical::text(&value);
        let back = canonical::read(text.as_bytes()).unwrap();
        prop_assert_eq!(canonical::text(&back), text);
    }

    #[test]
    fn all_doubles_come_back(bits in any::<u64>()) {
        let x = f64::from_bits(bits);
        prop_assume!(x.is_finite());
        let back = canonical::read(canonical::text(&json!(x)).as_bytes()).unwrap().as_f64().unwrap();
        prop_assert_eq!((back + 0.0).to_bits(), (x + 0.0).to_bits());
    }

}

proptest! {
    // Each case is two whole runs on disk.
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// A follower may sign anything: it counts as her answer, and the run ends with finite taxes.
    #[test]
    fn signed_garbage_is_held_and_never_stops_a_run(bodies in prop::collection::vec(any_json(), 8)) {
        for game in [case_a(ascent(0.4), Stop::Rounds(4), Mode::Vcg), mixed(Method::Newton, Mode::Dual)] {
            let folder = tempfile::tempdir().unwrap();
            let (_, mut desk) = first_round(&game, folder.path());
            let mut clerks = game.clerks();
            let mut bodies = bodies.iter().cycle();
            while desk.course().stage() != vickrey_net::course::Stage::Over {
                if let Some(letter) = desk.letter(1) {
                    let letter = game.open(&letter).message;
                    let kind = match letter.kind {
                        Kind::Price => Kind::Report,
                        Kind::Decision => Kind::Value,
                        _ => Kind::Receipt,
                    };
                    let body = json!({ "problems": bodies.next(), "z": bodies.next(), "v": bodies.next(),
                        "S": bodies.next(), "w": bodies.next(), "vminus": bodies.next() });
                    let reply = Message { kind, from: Party::Follower(1), to: Party::Leader, body, ..letter };
                    desk.take(reply.seal(&game.keys[1])).unwrap();
                }
                support::drive_stage(&game, &mut desk, &mut clerks, &|i, _, _| i != 1);
                desk.close().unwrap();
            }
            let settled = support::settled(desk.course());
            prop_assert!(settled.payment.iter().chain(&settled.allocation).all(|x| x.is_finite()), "{:?}", settled);
        }
    }

    /// A leader may sign anything: a follower answers, ignores, or ends with a reason.
    #[test]
    fn signed_garbage_does_not_upset_a_follower(body in any_json(), kind in 0_usize..4, k in 0_u64..4, seq in 0_u64..6) {
        let game = case_a(ascent(0.4), Stop::Rounds(4), Mode::Vcg);
        let folder = tempfile::tempdir().unwrap();
        let (mut clerk, desk) = first_round(&game, folder.path());
        let kind = [Kind::Price, Kind::Decision, Kind::Tax, Kind::Refuse][kind];
        let body = if body.is_object() { body } else { json!({ "problems": body.clone(), "lam": body }) };
        let letter = Message { kind, k, seq, body, ..desk.course().announcement(0) };
        match clerk.handle(&letter.seal(&game.leader).bytes) {
            Ok(Reply::Send(_) | Reply::Taxed(..) | Reply::Ignored(_) | Reply::Ended(..)) | Err(_) => {}
            Ok(other) => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn garbage_is_read_as_an_answer_of_the_right_size(body in any_json()) {
        let game = mixed(Method::Newton, Mode::Vcg);
        let state = vickrey::faithful::dual::leader::Leader::new(game.plan.clone()).start();
        let leader = vickrey::faithful::dual::leader::Leader::new(game.plan.clone());
        let Some(vickrey::faithful::dual::leader::Letter::Prices(letter)) = leader.letter(&state, 0) else {
            return Err(TestCaseError::fail("no letter"));
        };
        let answer = letters::read_report(&body, &letter, 0, 2);
        let rows: usize = letter.round.asked(0).map(|(q, _)| q.trials).sum();
        prop_assert_eq!(answer.z.len(), rows * 2);
        prop_assert_eq!(answer.value.len(), rows);
        prop_assert_eq!(answer.sensitivity.len(), rows * 3);
    }
}
