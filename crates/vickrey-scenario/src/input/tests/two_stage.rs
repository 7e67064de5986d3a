//! What is read from scenarios of repeated markets.

use vickrey::two_stage::demand::{Lottery, Shortage};
use vickrey::two_stage::finite::Timing;
use vickrey::two_stage::market::Market;
use vickrey::two_stage::simulate::Calendar;
use vickrey::two_stage::strategies::Bidding;
use vickrey::two_stage::{Season, Window};

use super::*;
use crate::input::{DemandScenario, TwoStageScenario};

/// Game A of the worked numbers.
pub(super) const GAME: &str = "[season]\ndays = 30\n[game]\nfirst = [\"no\", \"yes\"]\nsecond = [\"a\", \"b\", \"c\"]\n\
cost = [[0, 2, 3], [0.2, 1, 3.5]]\n[[players]]\nname = \"Ann\"\ntypes = [\"low\", \"mid\", \"high\"]\nlaw = [0.5, 0.3, 0.2]\n\
values = [[[0, 4, 1], [-0.5, 3.5, 0.5]], [[0, 1, 3], [-0.5, 0.5, 2.5]], [[0, -1, 6], [-0.5, -1.5, 5.5]]]\n[[players]]\n\
name = \"Bob\"\ntypes = 3\nlaw = [0.3, 0.4, 0.3]\n\
values = { 0 = [[0, 2, 2], [0.3, 1, 2.6]], 1 = { no = [0, 5, 0], yes = [0.3, 4, 0.6] }, 2 = [[0, -2, 3], [0.3, -3, 3.6]] }\n";
/// Two providers.
pub(super) const DEMAND: &str = "[season]\ndays = 30\n[market]\nshortage = 1\nreserve = 1\n[[players]]\nname = \"Ann\"\n\
types = [1, 3]\nlaw = [0.5, 0.5]\n[[players]]\nname = \"Bob\"\ntypes = [1, 3]\nlaw = \"uniform\"\n";

pub(super) fn game_text(rest: &str) -> String {
    format!("mechanism = \"two-stage\"\n{rest}")
}

pub(super) fn demand_text(rest: &str) -> String {
    format!("mechanism = \"demand-response\"\n{rest}")
}

fn game(rest: &str) -> TwoStageScenario {
    let scenario = read(&game_text(rest)).unwrap_or_else(|problem| panic!("{}", shown(&problem)));
    let System::TwoStage(game) = scenario.system else { panic!("another mechanism") };
    *game
}

fn demand(rest: &str) -> DemandScenario {
    let scenario = read(&demand_text(rest)).unwrap_or_else(|problem| panic!("{}", shown(&problem)));
    let System::DemandResponse(demand) = scenario.system else { panic!("another mechanism") };
    *demand
}

#[test]
fn game_a_has_its_known_numbers() {
    let game = game(GAME);
    let solved = &game.market.plan(&game.season.reports).unwrap()[0];
    assert_eq!(solved.first, 0);
    assert!((solved.welfare - 3.98).abs() < 1e-12 && (solved.contribution(0) - 2.72).abs() < 1e-12);
    assert!((solved.contribution(1) - 2.38).abs() < 1e-12);
    assert_eq!(game.first, ["no", "yes"]);
    assert_eq!(game.season.types[1], ["0", "1", "2"]);
    // Twice the largest difference that a type makes: 7, of Bob's in `yes` and `b`.
    assert_eq!(game.season.terms.penalty.scale, 14.0);
    assert_eq!((game.season.days, game.season.sealed, game.season.defaults), (30, true, vec![0, 0]));
}

#[test]
fn two_providers_have_their_known_numbers() {
    let demand = demand(DEMAND);
    let plan = demand.market.plan(&demand.season.reports).unwrap();
    assert!((plan[0].on(None).unwrap().marginal(0) - 0.0886905).abs() < 1e-7);
    assert_eq!(demand.season.types[0], ["1", "3"]);
    assert_eq!((demand.season.terms.penalty.scale, demand.season.defaults), (2.0, vec![1, 1]));
}

#[test]
fn templates_are_read() {
    for name in ["two-stage", "demand-response"] {
        let scenario = read(crate::template(name).unwrap()).unwrap_or_else(|p| panic!("{}", shown(&p)));
        let opened = match scenario.system {
            System::TwoStage(s) => Season::open(&s.market, s.season.reports, s.season.terms).is_ok(),
            System::DemandResponse(s) => Season::open(&s.market, s.season.reports, s.season.terms).is_ok(),
            _ => panic!("another mechanism"),
        };
        assert!(opened, "{name}");
    }
}

#[test]
fn signals_are_drawn_or_listed_and_laws_differ_by_them() {
    let rest = DEMAND
        .replace("days = 30", "days = 30\ncalendar = [\"mild\", \"mild\", \"hot\"]")
        .replace("shortage = 1", "shortage = { mild = { values = [1, 2], law = [0.25, 0.75] }, hot = 4 }")
        .replace("reserve = 1", "reserve = { hot = 2, mild = { family = \"gamma\", mean = 1, variance = 0.5, types = 4 } }")
        .replace("law = \"uniform\"", "law = { hot = [0, 1], mild = \"uniform\" }\ntrue-law = [0.5, 0.5]\nbidding = \"by-signal\"\nbids = { mild = 1, hot = \"dearest\" }\nmissing = \"cheapest\"");
    let read = demand(&rest);
    assert_eq!(read.season.signals, ["mild", "hot"]);
    let Calendar::Listed(days) = &read.calendar else { panic!("listed") };
    assert_eq!(days.iter().map(|day| day.signal).collect::<Vec<_>>(), [0, 0, 1]);
    let conditions = read.market.conditions();
    assert_eq!(conditions[1].shortage, Shortage::Certain(4.0));
    let drawn = Lottery::new(vec![1.0, 2.0], vec![0.25, 0.75]).unwrap();
    assert_eq!(conditions[0].shortage, Shortage::AfterBids(drawn));
    assert_eq!(conditions[1].reserve, Some(Lottery::certain(2.0)));
    assert_eq!(conditions[0].reserve.as_ref().unwrap().values().len(), 4);
    assert_eq!(read.season.reports.law(1, 1).probabilities(), [0.0, 1.0]);
    assert_eq!(read.season.truth.law(1, 1).probabilities(), [0.5, 0.5]);
    assert_eq!(read.season.bidding[1], Bidding::BySignal(vec![0, 1]));
    assert_eq!(read.season.defaults, [1, 0]);
    assert_eq!(read.season.discretised[0].whose, "reserve");

    let shares = "[[signals]]\nname = \"x\"\nshare = 0.25\n[[signals]]\nname = \"y\"\nshare = 0.75\n";
    let rest = GAME.replace(
        "cost = [[0, 2, 3], [0.2, 1, 3.5]]",
        "cost = { x = 1, y = { no = [0, 2, 3], yes = [0.2, 1, 3.5] } }\nsignal-known = \"before-bids\"",
    );
    let read = game(&format!("{rest}{shares}"));
    assert_eq!(read.market.game(0).cost(1), [1.0, 1.0, 1.0]);
    assert_eq!(read.market.game(1).cost(1), [0.2, 1.0, 3.5]);
    assert_eq!(*read.market.timing(), Timing::BeforeBids(vec![0.25, 0.75]));
    assert!(matches!(read.calendar, Calendar::Drawn { .. }));
}

#[test]
fn tests_are_what_is_said() {
    let tests = "[tests]\nwindow = \"iterated-logarithm\"\nfalse-alarm = 0.001\nburn-in = 7\npenalty-scale = 3\npenalty-power = 2\npairwise = false\nbins = 5\n";
    let terms = demand(&format!("{DEMAND}{tests}")).season.terms;
    assert_eq!(terms.window, Window::IteratedLogarithm { false_alarm: 0.001 });
    assert_eq!((terms.burn_in, terms.pairwise, terms.bins), (7, false, Some(5)));
    assert_eq!((terms.penalty.scale, terms.penalty.power), (3.0, 2.0));
    let printed = demand(&format!("{DEMAND}[tests]\nwindow = \"printed\"\ngamma = 0.1\n")).season.terms;
    assert_eq!(printed.window, Window::Printed { gamma: 0.1 });
}

#[test]
fn series_data_and_providers_come_from_tables() {
    let text = demand_text(
        "[market]\nshortage = { file = \"s.csv\", column = \"mwh\", classes = 2 }\nreserve = 2\n[tables]\nplayers = \"p.csv\"\n\
         [[players]]\nname = \"Ann\"\ncount = 2\nsamples = { file = \"d.csv\", column = \"delta\" }\ntypes = 2\nbidding = \"follow\"\n\
         rival = \"Cyd\"\nshare = 0.5\n",
    );
    let files: [(&str, &[u8]); 4] = [
        ("scenario.toml", text.as_bytes()),
        ("s.csv", b"day,mwh\nmon,5\ntue,-1\nwed,3\nthu,4\n"),
        ("d.csv", b"delta,who\n1,a\n2,b\n3,a\n4,c\n"),
        ("p.csv", b"name,family,mean,variance,types,top\nCyd,scaled-beta,1,2,3,10\nDee,lognormal,2,1,1,\n"),
    ];
    let scenario = load_files(&files).unwrap_or_else(|problem| panic!("{}", shown(&problem)));
    let System::DemandResponse(read) = scenario.system else { panic!("another mechanism") };
    assert_eq!(read.season.players, ["Ann 1", "Ann 2", "Cyd", "Dee"]);
    assert_eq!((read.market.types(0), read.market.types(3)), (&[1.5, 3.5][..], &[2.0][..]));
    assert_eq!(read.season.bidding[1], Bidding::Follow { rival: 2, share: 0.5 });
    let Calendar::Listed(days) = &read.calendar else { panic!("listed") };
    let found: Vec<_> = days.iter().map(|day| (day.signal, day.shortage.unwrap())).collect();
    assert_eq!(found, [(1, 5.0), (0, -1.0), (0, 3.0), (1, 4.0)]);
    assert_eq!(
        (read.season.days, &read.season.signals[..]),
        (4, &["class-1".to_owned(), "class-2".to_owned()][..])
    );
    // Twice the largest difference of deltas, Cyd's, over 2, times the largest shortage squared.
    let cyd = read.market.types(2);
    assert!((read.season.terms.penalty.scale - (cyd[2] - cyd[0]) * 25.0).abs() < 1e-9);
    let told: Vec<_> = read.season.discretised.iter().map(|d| (d.whose.as_str(), d.types)).collect();
    assert_eq!(told, [("Ann 1 to Ann 2", 2), ("Cyd", 3), ("Dee", 1)]);
    assert_eq!(read.season.discretised[0].asked, [2.5, 1.25]);
    assert_eq!(read.season.discretised[0].obtained, [2.5, 1.0]);
    assert_eq!(read.season.discretised[1].family, "scaled-beta up to 10, mean 1, variance 2");
}

#[test]
fn what_needs_a_player_is_not_possible_without_her() {
    let needs = "name = \"Bob\"\nneeds = [\"c\", [\"yes\", \"a\"]]";
    let read = game(&GAME.replace("name = \"Bob\"", needs));
    let game = read.market.game(0);
    assert_eq!(
        (game.available(1, 0), game.available(1, 1)),
        (&[true, true, false][..], &[false, true, false][..])
    );
    assert_eq!(game.available(0, 1), [true; 3]);
}

#[test]
fn ways_of_bidding_are_what_is_said() {
    let bob = "name = \"Bob\"";
    let open = DEMAND.replace("days = 30", "days = 30\nsealed = false");
    for (lines, expected) in [
        ("bidding = \"mimic\"", Bidding::Mimic),
        ("bidding = \"common-coin\"", Bidding::CommonCoin),
        ("bidding = \"exaggerate\"", Bidding::Exaggerate(1)),
        ("bidding = \"exaggerate\"\nby = -1", Bidding::Exaggerate(-1)),
        ("bidding = \"copy\"\nrival = \"Ann\"", Bidding::Copy { rival: 0 }),
        (
            "bidding = \"ride-window\"\nhidden = \"cheapest\"\nshown = 3\nshare = 0.5",
            Bidding::RideWindow { hidden: 0, shown: 1, share: 0.5 },
        ),
    ] {
        assert_eq!(demand(&open.replace(bob, &format!("{bob}\n{lines}"))).season.bidding[1], expected);
    }
}

/// Every example can be opened: market, laws and tests fit together.
#[test]
fn examples_are_read() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for name in super::schema::TWO_STAGE_EXAMPLES {
        let path = examples.join(format!("{name}.toml"));
        let scenario = load(&path).unwrap_or_else(|problem| panic!("{}", shown(&problem)));
        let players = match scenario.system {
            System::TwoStage(s) => {
                Season::open(&s.market, s.season.reports, s.season.terms).map(|_| s.season.players.len()).ok()
            }
            System::DemandResponse(s) => {
                Season::open(&s.market, s.season.reports, s.season.terms).map(|_| s.season.players.len()).ok()
            }
            _ => panic!("another mechanism"),
        };
        assert!(players.unwrap() >= 2, "{name}");
    }
}
