//! The two-stage mechanism as a protocol: the same season as plain steps, replayed from its record, and what goes wrong.

use vickrey::mechanism::{Arrival, Mechanism, Next, Strategy};
use vickrey::simulate::run;
use vickrey::two_stage::demand::{Condition, Day, Draw, Lottery, Shortage};
use vickrey::two_stage::protocol::{Phase, Report, Said, TwoStageError, TwoStageState, seal_bid};
use vickrey::two_stage::simulate::{Calendar, Nature, PlayError, Setting, play, replay};
use vickrey::two_stage::strategies::Bidding;
use vickrey::two_stage::test::Window;
use vickrey::two_stage::world::{Player, Private, TwoStageWorld};
use vickrey::two_stage::{Demand, Finite, Game, Law, Season, Supertypes, Terms, TwoStage};

const TODAY: Day = Day { signal: 0, shortage: None };

fn market() -> (Demand, Supertypes) {
    let reserve = Some(Lottery::new(vec![1.0, 4.0], vec![0.5, 0.5]).unwrap());
    let shortage = Shortage::AfterBids(Lottery::new(vec![1.0, 3.0], vec![0.75, 0.25]).unwrap());
    let types = vec![vec![1.0, 3.0], vec![2.0, 5.0, 9.0]];
    let market = Demand::new(types, None, vec![Condition { shortage, reserve }], None).unwrap();
    let laws = vec![Law::uniform(2), Law::new(vec![0.25, 0.5, 0.25]).unwrap()];
    (market, Supertypes::constant(laws))
}

fn nature(reports: &Supertypes) -> Nature<Day> {
    Nature::new(reports.clone(), Calendar::Listed(vec![TODAY]), 7)
}

fn mechanism(sealed: bool, days: u64) -> (TwoStage<Demand>, Supertypes) {
    let (market, reports) = market();
    (TwoStage::new(market, Terms::default(), sealed, days, None).unwrap(), reports)
}

fn players(reports: &Supertypes, bidding: &[Bidding]) -> Vec<Box<dyn Strategy<TwoStage<Demand>, Private>>> {
    let threshold = Window::Printed { gamma: 0.5 }.threshold(0.0);
    let one = |(i, bidding): (usize, &Bidding)| {
        let laws = vec![reports.law(i, 0).clone()];
        Box::new(Player::new(laws, reports.clone(), threshold, bidding.bidder())) as Box<dyn Strategy<_, _>>
    };
    bidding.iter().enumerate().map(one).collect()
}

/// Protocol, plain steps and replay agree bit for bit, sealed or not, with a liar who is flagged.
#[test]
fn three_ways_to_play_a_season() {
    let bidding = [Bidding::Honest, Bidding::Exaggerate(1)];
    for sealed in [true, false] {
        let (mechanism, reports) = mechanism(sealed, 400);
        let mut paid = Vec::new();
        let mut log: Vec<(Vec<usize>, Draw)> = Vec::new();
        let mut world = TwoStageWorld::new(&mechanism, nature(&reports));
        let totals = run(&mechanism, &mut world, &mut players(&reports, &bidding), 3, |stage| {
            if stage.outcome.phase == Phase::Bid {
                paid.push(stage.payment.to_vec());
            }
        });
        let totals = totals.unwrap();
        let setting = Setting {
            market: mechanism.market(),
            reports: reports.clone(),
            terms: Terms::default(),
            days: 400,
            seed: 3,
        };
        let mut bidders: Vec<_> = bidding.iter().map(Bidding::bidder).collect();
        let mut plain = Vec::new();
        let played = play(setting, &mut nature(&reports), &mut bidders, |step| {
            plain.push(step.view.payment.to_vec());
            log.push((step.bids.to_vec(), step.natural.draw));
            true
        });
        let played = played.unwrap();
        assert_eq!(paid, plain);
        assert_eq!(totals.valuation, played.valuation);
        assert!(played.totals().flagged[1] > 100 && played.totals().flagged[0] == 0);
        let days = log.iter().map(|(bids, draw)| (&TODAY, bids.as_slice(), draw));
        let again = replay(mechanism.market(), reports, Terms::default(), days).unwrap();
        assert_eq!((again.totals(), again.payment()), (played.totals(), played.books.payment()));
        assert_eq!(again.record(), played.books.record());
    }
}

/// Reports of one stage, by hand.
fn stage(
    mechanism: &TwoStage<Demand>,
    state: &mut TwoStageState<Demand>,
    reports: Vec<Option<Report>>,
) -> Result<(), TwoStageError<vickrey::two_stage::demand::Unsolved>> {
    let arrive = |(i, report): (usize, Option<Report>)| match report {
        None => Arrival::Silent,
        Some(report) => match mechanism.admit(state, i, &report) {
            Ok(()) => Arrival::Admitted(report),
            Err(rejection) => Arrival::Refused(rejection),
        },
    };
    let arrivals = reports.into_iter().enumerate().map(arrive).collect();
    mechanism.close(state, arrivals)
}

fn laws(reports: &Supertypes) -> Vec<Option<Report>> {
    (0..2).map(|i| Some(Report::Laws(vec![reports.law(i, 0).clone()]))).collect()
}

fn next(day: Option<Day>) -> Said<Day, Draw> {
    Said { draw: None, next: day }
}

fn drawn(day: Option<Day>) -> Said<Day, Draw> {
    Said { draw: Some(Draw { shortage: Some(3.0), reserve: Some(4.0) }), next: day }
}

#[test]
fn bids_that_are_missing_or_not_what_was_sealed_count_as_defaults() {
    let (mechanism, reports) = mechanism(true, 2);
    let mut state = mechanism.start();
    stage(&mechanism, &mut state, laws(&reports)).unwrap();
    mechanism.settle(&mut state, next(Some(TODAY))).unwrap();
    let salt = [7; 32];
    // Player 0 seals a 0 and opens a 1; player 1 seals nothing and bids all the same.
    stage(&mechanism, &mut state, vec![Some(Report::Seal(seal_bid(1, 0, 0, &salt))), None]).unwrap();
    mechanism.settle(&mut state, next(None)).unwrap();
    let bid = |own| Some(Report::Bid { own, salt: Some(salt) });
    stage(&mechanism, &mut state, vec![bid(1), bid(0)]).unwrap();
    let outcome = mechanism.settle(&mut state, drawn(Some(TODAY))).unwrap();
    assert_eq!((outcome.bids, outcome.missing), (vec![1, 2], vec![0, 1]), "the dearest types");
    assert_eq!(mechanism.missed(&state), [1, 1]);
    let notice = mechanism.announce(&state, 0).unwrap();
    assert_eq!((notice.day, notice.decided.is_some()), (2, true));
    // The next day is in order.
    let seal = |i, own| Some(Report::Seal(seal_bid(2, i, own, &salt)));
    stage(&mechanism, &mut state, vec![seal(0, 0), seal(1, 1)]).unwrap();
    mechanism.settle(&mut state, next(None)).unwrap();
    stage(&mechanism, &mut state, vec![bid(0), bid(1)]).unwrap();
    let outcome = mechanism.settle(&mut state, drawn(None)).unwrap();
    assert_eq!((outcome.bids, outcome.missing), (vec![0, 1], vec![]));
    assert_eq!(mechanism.next(&state), Next::Finished);
}

#[test]
fn errors_change_nothing() {
    let (mechanism, reports) = mechanism(false, 1);
    let mut state = mechanism.start();
    let mut without = laws(&reports);
    without[1] = None;
    let error = stage(&mechanism, &mut state, without).unwrap_err().to_string();
    assert!(error.contains("player 1: found no usable law"), "{error}");
    stage(&mechanism, &mut state, laws(&reports)).unwrap();
    // Nature owes the first day; the phase stays until it comes.
    assert!(mechanism.settle(&mut state, next(None)).is_err());
    assert!(mechanism.settle(&mut state, next(Some(Day { signal: 4, shortage: None }))).is_err());
    assert_eq!(mechanism.announce(&state, 0).unwrap().phase, Phase::Laws);
    mechanism.settle(&mut state, next(Some(TODAY))).unwrap();
    let bids = || vec![Some(Report::Bid { own: 0, salt: None }), Some(Report::Bid { own: 2, salt: None })];
    stage(&mechanism, &mut state, bids()).unwrap();
    let foreign = Said { draw: Some(Draw { shortage: Some(2.0), reserve: Some(4.0) }), next: None };
    let error = mechanism.settle(&mut state, foreign).unwrap_err().to_string();
    assert!(error.contains("day 1, shortage: found 2, accepted is one of the values"), "{error}");
    mechanism.settle(&mut state, drawn(None)).unwrap();
    let totals = mechanism.books(&state).unwrap().totals().clone();
    // After the end nothing can be settled, and nothing is lost.
    assert!(mechanism.settle(&mut state, drawn(None)).is_err());
    assert_eq!(mechanism.next(&state), Next::Finished);
    assert_eq!(mechanism.books(&state).unwrap().totals(), &totals);
}

#[test]
fn what_does_not_fit_is_refused_before_the_first_day() {
    let (market, reports) = market();
    let try_it = |truth: Supertypes, calendar, days| {
        let setting =
            Setting { market: &market, reports: reports.clone(), terms: Terms::default(), days, seed: 1 };
        let mut bidders = vec![Bidding::Honest.bidder(), Bidding::Honest.bidder()];
        play(setting, &mut Nature::new(truth, calendar, 1), &mut bidders, |_| true)
    };
    let listed = |days| Calendar::Listed(days);
    let fits = || listed(vec![TODAY]);
    assert!(try_it(reports.clone(), fits(), 3).is_ok());
    let short = Supertypes::constant(vec![Law::uniform(2)]);
    assert!(matches!(try_it(short, fits(), 3), Err(PlayError::Truth(_))));
    assert!(matches!(try_it(reports.clone(), listed(vec![]), 3), Err(PlayError::Calendar(_))));
    let wrong = Day { signal: 9, shortage: None };
    assert!(matches!(try_it(reports.clone(), listed(vec![wrong]), 3), Err(PlayError::Calendar(_))));
    let drawn = Calendar::Drawn { days: vec![TODAY], law: Law::uniform(2) };
    assert!(matches!(try_it(reports.clone(), drawn, 3), Err(PlayError::Calendar(_))));
    assert!(matches!(try_it(reports.clone(), fits(), 0), Err(PlayError::Days)));
    for bidding in [
        Bidding::Follow { rival: 9, share: 0.5 },
        Bidding::Follow { rival: 1, share: f64::NAN },
        Bidding::Copy { rival: 1 },
        Bidding::BySignal(vec![]),
        Bidding::BySignal(vec![2]),
        Bidding::Coupled(vec![vec![]]),
        Bidding::RideWindow { hidden: 0, shown: 9, share: 0.5 },
    ] {
        assert!(bidding.check(0, &[2, 3], 1).is_err(), "{bidding:?}");
    }
    let late = Terms { burn_in: 5, ..Terms::default() };
    assert!(TwoStage::new(market.clone(), late, true, 5, None).is_err());
    assert!(TwoStage::new(market.clone(), Terms::default(), true, 5, Some(vec![0, 3])).is_err());
    let huge = Game::new(vec![1 << 62], [2, 2], vec![vec![]], vec![0.0; 4], None);
    assert!(huge.is_err());
}

/// Accepted bids of probability 0, players with one type, one player, a season of finite games.
#[test]
fn odd_seasons_are_played() {
    let game =
        Game::new(vec![2, 1], [1, 2], vec![vec![0.0, 1.0, 2.0, 0.0], vec![1.0, 0.5]], vec![0.0; 2], None);
    let market = Finite::new(game.unwrap());
    let reports = Supertypes::constant(vec![Law::point(2, 0), Law::uniform(1)]);
    let mut season = Season::open(&market, reports, Terms::printed(0.5, 0)).unwrap();
    for _ in 0..50 {
        season.day(&0, &[1, 0], &()).unwrap();
    }
    assert_eq!(season.tests().impossible(), [50, 0]);
    assert!(season.tests().flags(0).frequency && !season.tests().flags(1).any());
    assert!(season.day(&0, &[2, 0], &()).is_err() && season.day(&1, &[0, 0], &()).is_err());
    assert_eq!(season.days(), 50);
}
