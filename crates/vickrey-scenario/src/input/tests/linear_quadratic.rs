//! Scenarios with `mechanism = "linear-quadratic"`, without tables.

use vickrey::guarantee::Baseline;
use vickrey::lq::model::Series;
use vickrey::lq::solve::{aggregate::Aggregate, plan::Plan};
use vickrey::numeric::law::Law;

use super::*;
use crate::{LayerPayment, LinearQuadraticScenario, MarketKind, Scaling, template};

/// Two agents, to be completed by what a test is about.
const PAIR: &str = "
[[agents]]
name = \"x\"
a = 1
b = 1
q = -1
r = -1
[[agents]]
name = \"y\"
a = 0.9
b = 1
q = -0.5
r = -2
";

pub(super) fn of(scenario: Scenario) -> LinearQuadraticScenario {
    let System::LinearQuadratic(scenario) = scenario.system else { panic!("another mechanism") };
    scenario
}

/// A scenario of three periods with this below `periods`.
fn text(rest: &str) -> String {
    format!("mechanism = \"linear-quadratic\"\n[linear-quadratic]\nperiods = 3\n{rest}")
}

fn good(rest: &str) -> Scenario {
    read(&text(rest)).unwrap_or_else(|problem| panic!("{}", shown(&problem)))
}

fn said_of(rest: &str) -> Vec<String> {
    lines(&read(&text(rest)).unwrap_err())
}

/// What is said about one agent besides `x` and `y`, whose numbers begin in line 7 of the file.
fn said_of_agent(lines: &str) -> Vec<String> {
    said_of(&format!("noise-as = \"variance\"\n[[agents]]\nname = \"z\"\n{lines}\n{PAIR}"))
}

/// Of problems only places and messages.
fn short(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().map(|line| line.split(" | ").next().unwrap().to_owned()).collect()
}

#[test]
fn everything_has_a_place() {
    let scenario = of(good(
        "market = \"filtered\"\nnet-demand = [1, -1, 0.5]\npayment = \"pure\"\nscaling = 1.25\nbaseline = \"zero\"\n\
         noise-as = \"variance\"\n[[agents]]\nname = \"one\"\na = [1, 0.5, 0.25]\nb = 2\nq = [-1, -2, -3]\nr = [-1, -2, -4]\n\
         reference = 3\nlinear = [1, 2, 3]\nstate-linear = 0.5\nterminal-q = -7\nterminal-reference = 8\nstart = 9\n\
         start-noise = 4\nnoise = [0, 1, 2]\nlaw = \"student-t\"\ndegrees = 5\nobservation = 2\nobservation-noise = 0.25\n\
         [[agents]]\nname = \"two\"\nstates = 2\na = [[1, 2], [3, 4]]\nb = [[1, 0], [0, 1], [1, 1]]\nq = [[-2, 1], [1, -2]]\n\
         r = -1\nreference = [1, 2]\nstate-linear = [[1, 2], [3, 4], [5, 6]]\nstart = [1, 2]\nstart-noise = [1, 2]\n\
         noise = [[2, 1], [1, 2]]\nloadings = [[0.5, 0], [0, 1]]\nlaw = \"uniform\"\n",
    ));
    assert_eq!(scenario.kind, MarketKind::Filtered);
    assert_eq!((scenario.payment, scenario.scaling), (LayerPayment::Pure, Scaling::Fixed(1.25)));
    assert_eq!((scenario.baseline, scenario.replay), (Baseline::Zero, None));
    let market = scenario.market;
    assert_eq!(market.net_demand(), [1.0, -1.0, 0.5]);
    assert_eq!((market.len(), market.periods(), market.factors()), (2, 3, 2));
    assert_eq!(market.name(1), "two");
    let one = market.parameters(0);
    assert_eq!(one.a, Series::numbers([1.0, 0.5, 0.25]));
    assert_eq!(one.r, Series::numbers([-1.0, -2.0, -4.0]));
    assert_eq!(one.linear, Series::numbers([1.0, 2.0, 3.0]));
    assert_eq!(one.noise, Series::numbers([0.0, 1.0, 2.0]));
    assert_eq!((one.terminal_q, one.terminal_reference, one.start), (vec![-7.0], vec![8.0], vec![9.0]));
    assert_eq!((one.start_noise, one.law), (vec![4.0], Law::student_t(5.0).unwrap()));
    let observation = one.observation.unwrap();
    assert_eq!((observation.gain, observation.noise), (vec![2.0], 0.25));
    let two = market.parameters(1);
    assert_eq!(two.states, 2);
    assert_eq!(two.a.at(2), Some(&[1.0, 2.0, 3.0, 4.0][..]));
    assert_eq!(two.b.rows(), [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]);
    assert_eq!(two.start_noise, [1.0, 0.0, 0.0, 2.0]);
    assert_eq!(two.noise.at(1), Some(&[2.0, 1.0, 1.0, 2.0][..]));
    assert_eq!(two.loadings, [0.5, 0.0, 0.0, 1.0]);
    assert_eq!((two.law, two.observation), (Law::Uniform, None));
}

#[test]
fn defaults() {
    let scenario = good(PAIR);
    assert!(scenario.warnings.is_empty(), "{:?}", scenario.warnings);
    let scenario = of(scenario);
    assert_eq!(scenario.kind, MarketKind::Layered);
    assert_eq!((scenario.payment, scenario.scaling), (LayerPayment::Incremental, Scaling::Fixed(1.0)));
    assert_eq!(scenario.baseline, Baseline::Autarky);
    assert_eq!(scenario.market.net_demand(), [0.0; 3]);
    let y = scenario.market.parameters(1);
    assert_eq!((y.a.at(0), y.linear.at(0), y.law), (Some(&[0.9][..]), None, Law::Gaussian));
    assert_eq!(of(good(&format!("net-demand = 2\n{PAIR}"))).market.net_demand(), [2.0; 3]);
}

#[test]
fn words_for_markets_payments_and_factors() {
    for kind in [MarketKind::Plan, MarketKind::Layered, MarketKind::Filtered] {
        assert_eq!(of(good(&format!("market = \"{}\"\n{PAIR}", kind.name()))).kind, kind);
    }
    use LayerPayment::{Constant, Incremental, Lagrange, None, Pure, Worlds};
    for payment in [None, Constant, Pure, Incremental, Worlds, Lagrange] {
        assert_eq!(of(good(&format!("payment = \"{}\"\n{PAIR}", payment.name()))).payment, payment);
    }
    for scaling in [Scaling::LowEnd, Scaling::HighEnd, Scaling::MinMax, Scaling::MinMaxRatio] {
        assert_eq!(of(good(&format!("scaling = \"{}\"\n{PAIR}", scaling.name().unwrap()))).scaling, scaling);
    }
}

#[test]
fn standard_deviations_are_squared() {
    let noisy = |unit: &str, x: [f64; 5]| {
        of(good(&format!(
            "market = \"filtered\"\nnoise-as = \"{unit}\"\n[[agents]]\nname = \"z\"\na = 1\nb = 1\nr = -1\nstart-noise = {}\n\
             noise = [0, {}, {}]\nobservation = 1\nobservation-noise = {}\n[[agents]]\nname = \"w\"\nstates = 2\na = [[1, 0], \
             [0, 1]]\nb = [1, 1]\nr = -1\nnoise = [{}, 0]\n{PAIR}",
            x[0], x[1], x[2], x[3], x[4]
        )))
        .market
    };
    let (std, variance) =
        (noisy("std", [3.0, 2.0, 0.5, 4.0, 1.5]), noisy("variance", [9.0, 4.0, 0.25, 16.0, 2.25]));
    for agent in 0..2 {
        assert_eq!(std.parameters(agent), variance.parameters(agent));
    }
}

#[test]
fn the_unit_of_noise_must_be_said() {
    for noise in ["start-noise = 1", "noise = 0", "observation = 1\nobservation-noise = 1"] {
        let found = said_of(&format!("[[agents]]\nname = \"z\"\na = 1\nb = 1\nr = -1\n{noise}\n{PAIR}"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("2:1 [linear-quadratic]: `noise-as` is missing: `"), "{found:?}");
        assert!(found[0].contains("is given for agent `z`"), "{found:?}");
        assert!(found[0].contains("noise-as = \"variance\" or noise-as = \"std\""));
    }
    // Loadings are standard deviations in any case.
    good(&format!("[[agents]]\nname = \"z\"\na = 1\nb = 1\nr = -1\nloadings = [1]\n{PAIR}"));
}

#[test]
fn negative_standard_deviations_are_refused_before_they_are_squared() {
    let found = said_of(&format!(
        "noise-as = \"std\"\n[[agents]]\nname = \"z\"\na = 1\nb = 1\nr = -1\nstart-noise = -1\nnoise = [0, 1, -2]\n{PAIR}"
    ));
    assert_eq!(
        short(found),
        [
            "10:15 agent `z`: `start-noise`: found -1, accepted is a standard deviation from 0 to 1e6",
            "11:16 agent `z`: `noise`: found -2, accepted is a standard deviation from 0 to 1e6",
        ]
    );
    let found = said_of(&format!(
        "noise-as = \"std\"\n[[agents]]\nname = \"z\"\nstates = 2\na = [[1, 0], [0, 1]]\nb = [1, 1]\nr = -1\nnoise = [[1, 0], \
         [0, 1]]\n{PAIR}"
    ));
    assert!(found[0].contains("(with noise-as = \"variance\" also a covariance)"), "{found:?}");
}

#[test]
fn where_a_list_over_time_and_a_matrix_both_fit_it_is_the_matrix() {
    let agent = "[[agents]]\nname = \"z\"\nstates = 3\na = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]\nb = [1, 1, 1]\nr = -1\n\
                 noise = [[1, 0, 0], [0, 2, 0], [0, 0, 3]]\n";
    let market = of(good(&format!("noise-as = \"variance\"\n{agent}{PAIR}"))).market;
    assert_eq!(market.parameters(0).noise.rows().len(), 1);
    let market = of(good(&format!("noise-as = \"std\"\n{agent}{PAIR}"))).market;
    let noise = market.parameters(0).noise;
    assert_eq!(noise.rows().len(), 3);
    assert_eq!(noise.at(1), Some(&[0.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0][..]));
}

#[test]
fn shapes() {
    let found = said_of_agent(
        "a = [1, 2]\nb = [[1], [1], [1]]\nr = [-1, -1, [-1]]\nq = []\nstart = [1]\nlinear = \"2\"\nreference = [1, true, 3]\n\
         loadings = 1\nterminal-q = [-1, -1, -1]",
    );
    let accepted = "a number, or a list with that for each of the 3 periods";
    assert_eq!(
        short(found),
        [
            format!("7:5 agent `z`: `a` is a list of 2 numbers, accepted is {accepted}"),
            format!("8:5 agent `z`: `b` is a list of 3 lists, accepted is {accepted}"),
            "9:14 agent `z`: `r` is a list of 1 number, accepted is a number".into(),
            format!("10:5 agent `z`: `q` is a list of 0 numbers, accepted is {accepted}"),
            "11:9 agent `z`: `start` is a list of 1 number, accepted is a number".into(),
            "12:10 agent `z`: `linear` is the text \"2\", accepted is a finite number, or lists of numbers".into(),
            "13:17 agent `z`: `reference` is true, accepted is a finite number".into(),
            "14:12 agent `z`: `loadings` is the number 1, accepted is a list of numbers, one for each common factor"
                .into(),
            "15:14 agent `z`: `terminal-q` is a list of 3 numbers, accepted is a number".into(),
        ]
    );
    let found = said_of_agent(
        "states = 2\na = 1\nb = [1, 2, 3]\nr = [-1, -1]\nq = [[-1, 0], [0, -1], [0, 0]]\nnoise = [[1, 0, 0], [0, 1, 0], [0, \
         0, 1]]\nstart-noise = 1\nloadings = [[1], [1, 2]]\nreference = [[1, 2], [1, 2], 3]\nstart = [[1, 2]]",
    );
    let of_periods = ", or a list with that for each of the 3 periods";
    assert_eq!(
        short(found),
        [
            format!("8:5 agent `z`: `a` is the number 1, accepted is 2 lists of 2 numbers{of_periods}"),
            format!("9:5 agent `z`: `b` is a list of 3 numbers, accepted is a list of 2 numbers{of_periods}"),
            format!("10:5 agent `z`: `r` is a list of 2 numbers, accepted is {accepted}"),
            format!("11:5 agent `z`: `q` is a list of 3 lists, accepted is 2 lists of 2 numbers{of_periods}"),
            format!(
                "12:9 agent `z`: `noise` is a list of 3 lists, accepted is a list of 2 numbers, or 2 lists of 2 numbers (a \
                 covariance){of_periods}"
            ),
            "13:15 agent `z`: `start-noise` is the number 1, accepted is a list of 2 numbers, or 2 lists of 2 numbers (a \
             covariance)"
                .into(),
            "14:12 agent `z`: `loadings` is a list of 2 lists, accepted is 2 lists with one number for each common factor"
                .into(),
            "15:30 agent `z`: `reference` is the number 3, accepted is a list of 2 numbers".into(),
            "16:9 agent `z`: `start` is a list of 1 list, accepted is a list of 2 numbers".into(),
        ]
    );
    for nan in ["nan", "inf", "-inf", "1e999"] {
        let found = said_of_agent(&format!("a = [1, {nan}, 1]\nb = {nan}\nr = -1"));
        assert_eq!(
            short(found),
            [
                format!("7:9 agent `z`: `a` is the number {nan}, accepted is a finite number"),
                format!("8:5 agent `z`: `b` is the number {nan}, accepted is a finite number"),
            ]
        );
    }
}

#[test]
fn what_the_library_refuses_is_said_at_its_place() {
    let found = said_of_agent(
        "a = 1e13\nb = [1, 1, -2e12]\nr = 0\nq = [-1, 0.5, -1]\nnoise = [0, 1, -1]\nstart-noise = -1\nterminal-q = 1",
    );
    assert_eq!(
        short(found),
        [
            "7:5 agent `z`: `a`: found 10000000000000, accepted is finite numbers of size at most 1e12",
            "8:12 agent `z`: `b` in period 2: found -2000000000000, accepted is finite numbers of size at most 1e12",
            "9:5 agent `z`: `r`: found 0, accepted is a negative number of size at most 1e12",
            "10:10 agent `z`: `q` in period 1: found 0.5, accepted is a number from -1e12 to 0",
            "11:16 agent `z`: `noise` in period 2: found -1, accepted is a variance from 0 to 1e12",
            "12:15 agent `z`: `start-noise`: found -1, accepted is a variance from 0 to 1e12",
            "13:14 agent `z`: `terminal-q`: found 1, accepted is a number from -1e12 to 0",
        ]
    );
    let found = said_of_agent(
        "states = 2\na = [[1, 0], [0, 1]]\nb = [1, 1]\nr = -1\nq = [[-1, 0.5], [0.4, -1]]\nnoise = [[1, 2], [2, 1]]\n\
         start-noise = [-1, 1]",
    );
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(
        found[0]
            .starts_with("11:5 agent `z`: `q`: found [-1.0, 0.5, 0.4, -1.0], accepted is a symmetric matrix")
    );
    assert!(
        found[1].starts_with("12:9 agent `z`: `noise`: found [1.0, 2.0, 2.0, 1.0], accepted is a covariance")
    );
    assert!(found[2].starts_with("13:15 agent `z`: `start-noise`: found [-1.0, 0.0, 0.0, 1.0]"), "{found:?}");
}

#[test]
fn what_an_agent_needs() {
    let found = said_of_agent("q = -1");
    assert_eq!(
        short(found),
        ["5:1 agent `z`: `a` is missing", "5:1 agent `z`: `b` is missing", "5:1 agent `z`: `r` is missing"]
    );
    for states in ["0", "17", "1.5", "\"2\"", "-1"] {
        let found = said_of_agent(&format!("states = {states}\na = 1\nb = 1\nr = -1"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("accepted is a whole number from 1 to 16"), "{found:?}");
    }
    let found = said_of(&format!(
        "[[agents]]\na = 1\nb = 1\nr = -1\n[[agents]]\nname = \" x\"\na = 1\nb = 1\nr = -1\n{PAIR}"
    ));
    assert!(found[0].starts_with("4:1 agent number 1: `name` is missing"), "{found:?}");
    assert!(found[1].starts_with("9:8 agent number 2: `name` is \" x\""), "{found:?}");
    assert!(said_of(&format!("{PAIR}{PAIR}"))[0].contains("two agents have the name `x`"));
}

#[test]
fn unknown_keys() {
    let found = said_of(&format!(
        "peroids = 3\ntotal = 1\nseed = 3\n[tables]\nagent = \"x\"\n{PAIR}stat = 2\nutility = \"log\"\nnoise-as = \"std\"\n"
    ));
    let starts = [
        "4:1 [linear-quadratic]: `peroids` is not a key here | did you mean `periods`?",
        "5:1 [linear-quadratic]: `total` is not a key here | accepted: `periods`, `market`",
        "6:1 [linear-quadratic]: `seed` is not a key here | `seed` belongs to the top of the file, before the first [section]",
        "8:1 [tables]: `agent` is not a key here | did you mean `agents`? accepted: `agents`, `series`, `path`, `samples`",
        "22:1 agent `y`: `stat` is not a key here | did you mean `start`? accepted: `name`, `states`, `law`, `a`",
        "23:1 agent `y`: `utility` is not a key here | accepted: `name`",
        "24:1 agent `y`: `noise-as` is not a key here | `noise-as` belongs to [linear-quadratic]",
    ];
    assert_eq!(found.len(), starts.len(), "{found:?}");
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{found}");
    }
}

#[test]
fn periods() {
    let with = |rules: &str| {
        lines(&read(&format!("mechanism = \"linear-quadratic\"\n{rules}\n{PAIR}")).unwrap_err())
    };
    assert_eq!(short(with("")), ["1:1 scenario: `linear-quadratic` is missing"],);
    assert_eq!(short(with("[linear-quadratic]")), ["2:1 [linear-quadratic]: `periods` is missing"]);
    for periods in ["0", "577", "-1", "2.0", "\"3\"", "inf"] {
        let found = with(&format!("[linear-quadratic]\nperiods = {periods}"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("3:11 [linear-quadratic]: `periods` is "), "{found:?}");
        assert!(found[0].contains("accepted is a whole number from 1 to 576"), "{found:?}");
    }
    // What depends on the number of periods is not judged without it.
    let found = with("[linear-quadratic]\nperiods = 0\nnet-demand = [1, 2]");
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn net_demands() {
    let said = |demand: &str| short(said_of(&format!("net-demand = {demand}\n{PAIR}")));
    let one = "a number, or a list with that for each of the 3 periods";
    assert_eq!(
        said("[1, 2]"),
        [format!("4:14 [linear-quadratic]: `net-demand`: found a list of 2 numbers, accepted is {one}")]
    );
    assert_eq!(
        said("[1, 2e12, 3]"),
        [
            "4:18 [linear-quadratic]: `net-demand`: found 2e12, accepted is a finite number of size at most 1e12"
        ]
    );
    assert_eq!(
        said("[0, nan, 0]"),
        ["4:18 [linear-quadratic]: `net-demand` is the number nan, accepted is a finite number"]
    );
    assert!(said("[[1], [2], [3]]")[0].contains("found a list of 3 lists"));
}

#[test]
fn laws() {
    let agent = |lines: &str| said_of_agent(&format!("a = 1\nb = 1\nr = -1\n{lines}"));
    let found = agent("law = \"gausian\"");
    assert!(
        found[0].starts_with("10:7 agent `z`: `law` is \"gausian\" | did you mean `gaussian`?"),
        "{found:?}"
    );
    assert!(found[0].ends_with("further names come from `samples` in [tables]"), "{found:?}");
    assert_eq!(short(agent("law = \"student-t\"")), ["10:7 agent `z`: law = \"student-t\" needs `degrees`"]);
    assert_eq!(
        short(agent("degrees = 5")),
        ["10:1 agent `z`: `degrees` is given, but the law is `gaussian`"]
    );
    assert_eq!(
        short(agent("law = \"student-t\"\ndegrees = 2")),
        [
            "11:11 agent `z`: `degrees`: found 2, accepted is a finite number above 2 (the variance must exist)"
        ]
    );
    assert!(agent("law = 3")[0].contains("accepted is a text in quotes"));
    for (word, law) in [("laplace", Law::Laplace), ("two-point", Law::TwoPoint), ("uniform", Law::Uniform)] {
        let text = format!("[[agents]]\nname = \"z\"\na = 1\nb = 1\nr = -1\nlaw = \"{word}\"\n{PAIR}");
        assert_eq!(of(good(&text)).market.parameters(0).law, law);
    }
}

#[test]
fn measurements_and_common_factors() {
    let filtered = |lines: &str| {
        said_of(&format!(
            "market = \"filtered\"\nnoise-as = \"variance\"\n[[agents]]\nname = \"z\"\n{lines}\n{PAIR}"
        ))
    };
    let one = "a = 1\nb = 1\nr = -1\n";
    let two = "states = 2\na = [[1, 0], [0, 1]]\nb = [1, 1]\nr = -1\n";
    let found = filtered(&format!("{one}observation-noise = 1"));
    assert_eq!(short(found), ["11:1 agent `z`: `observation-noise` is given without `observation`"]);
    let found = filtered(&format!("{two}observation = [1, 0]"));
    assert!(found[0].contains("`observation-noise`: found 0, accepted is a positive variance"), "{found:?}");
    let found = filtered(&format!("{one}observation = 0\nobservation-noise = 0"));
    assert!(found[0].starts_with("12:21 agent `z`: `observation-noise`: found 0"), "{found:?}");
    let found = filtered(&format!("{one}observation = 1\nobservation-noise = 1\nloadings = [1]"));
    assert!(
        found[0].starts_with("13:12 agent `z`: `loadings`: found loadings and an observation"),
        "{found:?}"
    );
    let found = said_of(&format!(
        "[[agents]]\nname = \"z\"\n{one}loadings = [1]\n[[agents]]\nname = \"w\"\n{one}loadings = [1, 2]\n{PAIR}"
    ));
    assert_eq!(
        short(found),
        ["9:12 agent `z`: `loadings`: found 1 factors, accepted is 2, as other agents have, or none"]
    );
}

#[test]
fn factors_c() {
    let said = |c: &str| said_of(&format!("scaling = {c}\n{PAIR}"));
    for c in ["nan", "inf", "-inf"] {
        assert!(said(c)[0].contains(&format!("`scaling` is the number {c}, accepted is a finite number")));
    }
    assert!(said("\"minmax\"")[0].contains("did you mean `min-max`?"));
    assert!(said("1e16")[0].contains("accepted is a number of size at most 1e15"));
    assert!(said_of(&format!("payment = \"increment\"\n{PAIR}"))[0].contains("did you mean `incremental`?"));
    assert!(said_of(&format!("market = \"layer\"\n{PAIR}"))[0].contains("did you mean `layered`?"));
    assert!(said_of(&format!("noise-as = \"sdt\"\n{PAIR}"))[0].contains("did you mean `std`?"));
}

#[test]
fn worlds_are_for_few_agents() {
    let agents = |n: usize| -> String {
        (0..n).map(|k| format!("[[agents]]\nname = \"{k}\"\na = 1\nb = 1\nq = -1\nr = -1\n")).collect()
    };
    assert_eq!(of(good(&format!("payment = \"worlds\"\n{}", agents(200)))).market.len(), 200);
    let found = said_of(&format!("payment = \"worlds\"\n{}", agents(201)));
    assert_eq!(
        short(found),
        ["4:11 [linear-quadratic]: payment = \"worlds\" with 201 agents, accepted is at most 200"]
    );
}

#[test]
fn two_agents_at_least() {
    assert!(said_of("")[0].contains("a market needs at least 2 agents, found 0"));
    assert!(said_of("[[agents]]\nname = \"x\"\na = 1\nb = 1\nr = -1\n")[0].contains("found 1"));
    let two_states = "[[agents]]\nname = \"x\"\nstates = 2\na = [[1, 0], [0, 1]]\nb = [1, 1]\nr = -1\n";
    assert!(said_of(two_states)[0].contains("found 1"));
}

#[test]
fn warnings() {
    let warned = |rest: &str| good(rest).warnings;
    let agent = |lines: &str| format!("[[agents]]\nname = \"z\"\na = 1\nr = -1\n{lines}\n");
    let idle = agent("b = 0");
    assert_eq!(
        warned(&format!("{idle}{PAIR}")),
        ["agent `z`: b = 0 in all periods, so that trade does not move the state"]
    );
    assert!(warned(&format!("{}{PAIR}", agent("b = [0, 1, 0]"))).is_empty());
    let noisy = agent("b = 1\nnoise = 1");
    let found = good(&format!("market = \"plan\"\nnoise-as = \"std\"\n{noisy}{PAIR}"));
    assert_eq!(found.warnings, ["market = \"plan\" ignores the noise or measurement of agent `z`"]);
    assert!(of(found).market.is_deterministic());
    let measuring = agent("b = 1\nobservation = 1\nobservation-noise = 1");
    let found = good(&format!("noise-as = \"std\"\n{measuring}{PAIR}"));
    assert_eq!(found.warnings, ["market = \"layered\" ignores the measurement of agent `z`"]);
    assert!(!of(found).market.is_observed());
    assert!(warned(&format!("market = \"filtered\"\n{PAIR}"))[0].contains("no agent has an `observation`"));
    for c in ["-1", "11"] {
        let found = warned(&format!("scaling = {c}\n{PAIR}"));
        assert!(
            found[0].starts_with(&format!("[linear-quadratic]: scaling = {c} is far from 1")),
            "{found:?}"
        );
    }
    for payment in ["none", "lagrange"] {
        let found = warned(&format!("payment = \"{payment}\"\nscaling = 1.1\n{PAIR}"));
        assert!(found[0].contains("so that `scaling` changes nothing"), "{found:?}");
    }
    let no_value = PAIR.replace("q = -1\n", "").replace("q = -0.5\n", "");
    assert_eq!(
        warned(&no_value),
        ["q and terminal-q are 0 for every agent: what agents learn about their states changes no trade"]
    );
    // The state of period 0 is there before the first trade.
    assert_eq!(warned(&format!("{no_value}q = [-1, 0, 0]\n")).len(), 1);
    assert!(warned(&format!("{no_value}terminal-q = -1\n")).is_empty());
    let one =
        |rest: &str| format!("mechanism = \"linear-quadratic\"\n[linear-quadratic]\nperiods = 1\n{rest}");
    assert!(read(&one(PAIR)).unwrap().warnings[0].starts_with("there is one period and no terminal-q"));
    assert!(read(&one(&format!("{PAIR}terminal-q = -1\n"))).unwrap().warnings.is_empty());
    // Equal agents trade, unlike in a market that is cleared once.
    assert!(warned(&format!("{PAIR}{}", agent("b = 1\nq = -1"))).is_empty());
}

#[test]
fn the_template_is_as_it_should_be() {
    let scenario = read(template("linear-quadratic").unwrap()).unwrap_or_else(|p| panic!("{}", shown(&p)));
    assert!(scenario.warnings.is_empty(), "{:?}", scenario.warnings);
    let scenario = of(scenario);
    assert_eq!((scenario.market.len(), scenario.market.periods(), scenario.market.factors()), (6, 8, 1));
    assert_eq!(scenario.market.states(1), 2);
    assert_eq!(scenario.census.states, [(1, 5), (2, 1)]);
    assert_eq!(scenario.census.laws, [("gaussian", 3), ("student-t", 1), ("uniform", 1)]);
    assert_eq!(scenario.census.observed, 0);
    let aggregate = Aggregate::new(&scenario.market).unwrap();
    let plan = Plan::new(&scenario.market, &aggregate).unwrap();
    // The grid sells at 12 to 22 and more, and has to be asked: prices are of that size.
    assert!(plan.prices().iter().all(|price| (0.0..40.0).contains(price)), "{:?}", plan.prices());
    let car = plan.path(&scenario.market, 2).allocation;
    assert!(car.iter().sum::<f64>() > 0.0, "{car:?}");
}

#[test]
fn two_problems_with_their_lines() {
    let problem = read(&text(&format!("{PAIR}noise = [0, 1, -1]\n"))).unwrap_err();
    insta::assert_snapshot!(shown(&problem), @r#"
      × 2 problems in test.toml

    Error: 
      × [linear-quadratic]: `noise-as` is missing: `noise` is given for agent `y`
       ╭─[test.toml:2:1]
     1 │ mechanism = "linear-quadratic"
     2 │ [linear-quadratic]
       · ─────────┬────────
       ·          ╰── `noise-as` is missing
     3 │ periods = 3
       ╰────
      help: accepted: noise-as = "variance" or noise-as = "std" (standard deviation); there is no
            default, as the two are easily mistaken for each other

    Error: 
      × agent `y`: `noise` in period 2: found -1, accepted is a variance from 0 to 1e12
        ╭─[test.toml:17:16]
     16 │ r = -2
     17 │ noise = [0, 1, -1]
        ·                ─┬
        ·                 ╰── accepted is a variance from 0 to 1e12
        ╰────
      help: noise: Variance (or standard deviation, see noise-as) of the disturbance that arrives in
            periods 1, 2, …; a matrix is its covariance. In a list over the periods the entry of
            period 0 is not used.
    "#);
}
