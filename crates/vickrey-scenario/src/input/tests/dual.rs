//! What is read from scenarios of dual decomposition.

use vickrey::faithful::dual::cost::Cost;
use vickrey::faithful::dual::leader::Leader;
use vickrey::faithful::dual::rules::{Bound, Marginals, Method, Mode, Moduli, Stop};
use vickrey::faithful::dual::strategies::{Play, faithful_run};
use vickrey::faithful::dual::tax::Settled;

use super::*;
use crate::input::{DualScenario, LiveSystem, Own, Timing};

/// Three followers with one decision each: the mechanism's worked numbers, one coupling.
pub(super) const THREE: &str = "[resource]\ntotal = 3\n[rules]\nmethod = \"ascent\"\nstep = 0.4\nrounds = 5\n\
[[followers]]\nname = \"Ann\"\ncurvature = [1, 1]\ncost = { matrix = 1, linear = -2 }\n\
[[followers]]\nname = \"Bob\"\ncurvature = [2, 2]\ncost = { matrix = 2, linear = -1 }\n\
[[followers]]\nname = \"Cyd\"\ncoupling = 2\ncurvature = [4, 4]\ncost = { matrix = 4, linear = -8 }\n";

/// The same with two couplings, matrices and lists.
const SEVERAL: &str = "[resource]\ntotal = { x = 1, y = 0.5 }\n[rules]\nmethod = \"newton\"\nepsilon = 1e-12\n\
[[followers]]\nname = \"Ann\"\ncoupling = { x = [1, 0], y = [0, 1] }\ncurvature = [0.7, 3]\n\
cost = { matrix = [[2, 0.5], [0.5, 1]], linear = [-1, 0] }\n\
[[followers]]\nname = \"Bob\"\ncoupling = [[1, 1], [0, 1]]\ncurvature = [1, 3]\ncost = { matrix = [1, 3], linear = [0, 1] }\n\
[[followers]]\nname = \"Cyd\"\ncoupling = [1, -1]\ncurvature = 4\ncost = { matrix = 4, linear = -2 }\n";

/// Costs that are no quadratics.
const CURVED: &str = "[resource]\ntotal = 2\n[rules]\nepsilon = 1e-9\nmethod = \"multipliers\"\n\
[[followers]]\nname = \"Ann\"\nlow = 0\nhigh = 2\ncost = { family = \"log\", weight = 1, shift = 0.5 }\n\
[[followers]]\nname = \"Bob\"\nlow = 0\nhigh = 2\ncost = { family = \"log\", weight = 2, shift = 0.5 }\n\
[[followers]]\nname = \"Cyd\"\nlow = 0\nhigh = 2\ncost = { family = \"piecewise\", bend = 1, lines = [[-2, 0], [0, -1]] }\n";

pub(super) fn dual_text(rest: &str) -> String {
    format!("mechanism = \"dual-decomposition\"\n{rest}")
}

fn dual(rest: &str) -> DualScenario {
    let scenario = read(&dual_text(rest)).unwrap_or_else(|problem| panic!("{}", shown(&problem)));
    let System::Dual(dual) = scenario.system else { panic!("another mechanism") };
    *dual
}

fn settled(of: &DualScenario) -> Settled {
    let leader = Leader::new(of.plan.clone());
    faithful_run(&leader, &of.costs).unwrap().settled().unwrap().clone()
}

fn near(found: &[f64], wanted: &[f64], within: f64) {
    let far = found.iter().zip(wanted).any(|(x, y)| (x - y).abs() > within);
    assert!(found.len() == wanted.len() && !far, "{found:?} is not {wanted:?}");
}

#[test]
fn one_coupling_has_its_known_numbers() {
    let of = dual(THREE);
    near(&settled(&of).payment, &[0.719_960_678_4, -0.290_002_073_6, 1.386_659_84], 1e-9);
    assert_eq!(of.couplings, ["1"]);
    assert_eq!(of.timing, Timing { round_ms: 2000, value_ms: 10_000 });
    assert!(of.plays.iter().all(|play| matches!(play, Play::Faithful)));
}

#[test]
fn two_couplings_have_their_known_numbers() {
    let of = dual(SEVERAL);
    near(&settled(&of).payment, &[-1.332_363_126_029, -0.184_160_493_973, 0.174_139_690_406], 1e-6);
    assert_eq!(of.couplings, ["x", "y"]);
}

#[test]
fn curves_have_their_known_numbers() {
    let of = dual(CURVED);
    near(&settled(&of).payment, &[0.364_643_113_6, 0.875_468_737_4, 0.546_964_670_4], 1e-6);
    // The weight that is chosen where nothing public says how large it should be.
    assert_eq!(of.plan.rules().method, Method::Multipliers { rho: 1.0, relaxation: 1.6 });
}

#[test]
fn every_rule_is_read() {
    let rules = "[rules]\nmethod = \"multipliers\"\nrho = 2\nrelaxation = 1.5\nepsilon = 1e-3\nrounds = 7\nmode = \"dual\"\n\
                 start-price = 4\nstrikes = 2\npenalty = 5\nmarginals = \"warm\"\nmarginal-rounds = 0\nmoduli = \"announced\"\n\
                 bound = \"naive\"\n[timing]\nround-ms = 5\nvalue-ms = 6\n";
    let old = "[rules]\nmethod = \"ascent\"\nstep = 0.4\nrounds = 5\n";
    let of = dual(&THREE.replace(old, rules));
    let read = of.plan.rules();
    assert_eq!(read.method, Method::Multipliers { rho: 2.0, relaxation: 1.5 });
    assert_eq!(read.stop, Stop::Gap { epsilon: 1e-3, cap: 7 });
    assert_eq!((read.mode, read.strikes, read.penalty), (Mode::Dual, 2, 5.0));
    assert_eq!((&read.start[..], read.marginals), (&[4.0][..], Marginals::Warm { rounds: 0 }));
    assert_eq!((read.moduli, read.bound), (Moduli::Announced, Bound::Naive));
    assert_eq!(of.timing, Timing { round_ms: 5, value_ms: 6 });
    let fading = dual(&THREE.replace("rounds = 5", "fading = true"));
    assert_eq!(fading.plan.rules().method, Method::Ascent { step: Some(0.4), fading: true });
    assert_eq!(fading.plan.rules().stop, Stop::Gap { epsilon: 1e-6, cap: 10_000 });
    let plain = dual(&THREE.replace(old, ""));
    assert_eq!(plain.plan.rules(), &vickrey::faithful::dual::rules::Rules::default());
    // N over the steepness 1/1 + 1/2 + 4/4.
    let chosen = dual(&THREE.replace(old, "[rules]\nmethod = \"multipliers\"\n"));
    let Method::Multipliers { rho, .. } = chosen.plan.rules().method else { panic!() };
    assert!((rho - 1.2).abs() < 1e-9);
}

#[test]
fn what_followers_do_is_read() {
    let with = |play: &str| {
        let of = dual(&THREE.replacen("linear = -2 }", &format!("linear = -2 }}\nplay = {play}"), 1));
        of.plays[0].clone()
    };
    assert!(matches!(with("\"faithful\""), Play::Faithful));
    assert!(matches!(with("\"garbage\""), Play::Garbage));
    assert!(matches!(with("{ constant = 0.5 }"), Play::Constant(z) if z == [0.5]));
    assert!(matches!(with("{ script = [1, [2]] }"), Play::Script(z) if z == [[1.0], [2.0]]));
    assert!(matches!(with("{ values = 2 }"), Play::Values(2.0)));
    assert!(matches!(with("{ silent = [3, 5] }"), Play::Silent { from: 3, to: 6 }));
    assert!(matches!(with("{ silent = 2 }"), Play::Silent { from: 2, to: usize::MAX }));
    assert!(matches!(with("{ announce = 0.01 }"), Play::Announce { modulus: 0.01, .. }));
    assert!(
        matches!(with("{ shift = 2 }"), Play::Tilt { scale: 1.0, shift, true_values: false } if shift == [2.0])
    );
    assert!(
        matches!(with("{ scale = 3 }"), Play::Tilt { scale: 3.0, shift, true_values: false } if shift == [0.0])
    );
    let Play::Pretend(cost) = with("{ pretend = { matrix = 3 } }") else { panic!() };
    assert_eq!(cost.value(&[2.0]), 6.0);
}

#[test]
fn a_table_reads_as_the_file() {
    let csv = "name,coupling,curvature-low,curvature-high,family,matrix,linear\nAnn,,1,1,,1,-2\nBob,1,2,2,quadratic,2,-1\n\
               Cyd,2,4,4,,4,-8\n";
    let scenario = dual_text(&format!(
        "{}[tables]\nfollowers = \"f.csv\"\n",
        &THREE[..THREE.find("[[followers]]").unwrap()]
    ));
    let files: [(&str, &[u8]); 2] = [("scenario.toml", scenario.as_bytes()), ("f.csv", csv.as_bytes())];
    let System::Dual(of) = load_files(&files).unwrap().system else { panic!("another mechanism") };
    let inline = dual(THREE);
    assert_eq!(of.plan, inline.plan);
    near(&settled(&of).payment, &settled(&inline).payment, 0.0);
}

#[test]
fn a_table_has_a_column_for_each_coupling_and_every_family() {
    let csv = "name,coupling-x,coupling-y,low,high,absent,family,weight,shift,slope,target,exponent,bend,constant,matrix\n\
               a,1,0,0,2,1,log,1,0.5,0.25,,,,3,\nb,1,1,-1,1,,power,2,,,0.5,4,1,,\nc,0,1,0,1,,,,,,,,,,2\n";
    let scenario = dual_text(
        "[resource]\ntotal = { x = 1, y = 0 }\n[rules]\nmethod = \"multipliers\"\n[tables]\nfollowers = \"f.csv\"\n",
    );
    let files: [(&str, &[u8]); 2] = [("scenario.toml", scenario.as_bytes()), ("f.csv", csv.as_bytes())];
    let System::Dual(of) = load_files(&files).unwrap().system else { panic!("another mechanism") };
    assert_eq!(of.plan.problem().follower(1).coupling, [1.0, 1.0]);
    assert_eq!(of.plan.problem().follower(0).absent, [1.0]);
    assert!((of.costs[0].value(&[0.5]) - 3.125).abs() < 1e-15);
    assert_eq!(of.costs[1].value(&[1.5]), 2.0 + 1.125);
    assert_eq!(of.costs[2].value(&[3.0]), 9.0);
}

/// Writes a file and reads it.
pub(super) fn of_file<T>(text: &str, read: impl Fn(&Path) -> T) -> T {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.toml");
    std::fs::write(&path, text).unwrap();
    read(&path)
}

#[test]
fn a_leader_needs_no_costs_but_limits() {
    let public = dual_text(&CURVED.lines().filter(|l| !l.starts_with("cost")).collect::<Vec<_>>().join("\n"));
    let led = of_file(&public, crate::leader).unwrap();
    let LiveSystem::Dual { plan, .. } = &led.system else { panic!() };
    assert_eq!(plan, &dual(CURVED).plan);
    assert!(led.warnings.is_empty());
    let led = of_file(&dual_text(CURVED), crate::leader).unwrap();
    assert_eq!(led.warnings.len(), 1, "{:?}", led.warnings);
    let said = |text: &str| lines(&of_file(text, crate::leader).unwrap_err());
    let open = said(&dual_text(THREE));
    assert_eq!(open.len(), 3);
    assert!(open[0].contains("follower `Ann`: a live run needs `low` and `high`"), "{open:?}");
    assert!(
        said("mechanism = \"market\"\n")[0]
            .contains("`mechanism` is \"market\", accepted is \"dual-decomposition\" or \"consensus\"")
    );
    assert!(lines(&read(&public).unwrap_err())[0].contains("follower `Ann`: `cost` is missing"));
}

#[test]
fn a_follower_has_a_file_of_her_own() {
    let text = "name = \"Ann\"\n[cost]\nmatrix = [[2, 0.5], [0.5, 1]]\nlinear = [-1, 0]\n";
    let own = of_file(text, |path| crate::private(path, None)).unwrap();
    let Own::Cost(of) = &own.own else { panic!() };
    let Cost::Quadratic(cost) = &**of else { panic!() };
    assert_eq!(
        (own.name.as_str(), cost.matrix(), cost.linear()),
        ("Ann", &[2.0, 0.5, 0.5, 1.0][..], &[-1.0, 0.0][..])
    );
    // A number stands for all decisions, however many there are.
    let text = "name = \"Ann\"\ncost = { family = \"log\", weight = 2, shift = 1 }\n";
    let decisions = |known| match of_file(text, |path| crate::private(path, known)).unwrap().own {
        Own::Cost(cost) => cost.decisions(),
        Own::Wish(_) => 0,
    };
    assert_eq!((decisions(None), decisions(Some(3))), (1, 3));
    let said = |text: &str| lines(&of_file(text, |path| crate::private(path, Some(2))).unwrap_err());
    assert_eq!(said("").len(), 2);
    let wrong = said("name = \"Ann\"\ncoupling = 1\ncost = { matrix = [1, 2, 3] }\n");
    assert!(
        wrong[0].contains("private file: `coupling` is not a key here")
            || wrong[0].contains("`coupling` is not a key")
    );
    assert!(wrong[1].contains("`matrix` is a list of 3, accepted is a number, or a list of 2"), "{wrong:?}");
}

#[test]
fn warnings_say_what_looks_like_a_mistake() {
    let twice = "[resource]\ntotal = [3, 6]\n[rules]\nmethod = \"multipliers\"\nmode = \"zero\"\n[[followers]]\nname = \"Ann\"\n\
                 coupling = [1, 2]\nlow = 1\nhigh = 2\nabsent = 1\ncost = { matrix = 1 }\n[[followers]]\nname = \"Bob\"\n\
                 coupling = [1, 2]\nlow = 0\nhigh = 1.5\ncost = { matrix = 1 }\n";
    let scenario = read(&dual_text(twice)).unwrap_or_else(|problem| panic!("{}", shown(&problem)));
    let [rank, essential] = &scenario.warnings[..] else { panic!("{:?}", scenario.warnings) };
    assert!(rank.contains("coupling `2` follows from those before it"));
    assert!(essential.contains("cannot be met without `Ann` and `Bob`: who"));
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let said = |text: &str| lines(&read(&dual_text(text)).unwrap_err());
    let crooked = said(&SEVERAL.replace("[0.5, 1]]", "[0.25, 1]]"));
    assert!(crooked[0].contains("`Ann`") && crooked[0].contains("0.25"), "{crooked:?}");
    assert!(crooked[0].contains("(1, 0)") && crooked[0].contains("(0, 1)"), "{crooked:?}");
    // No limits: the second total would have to be twice the first.
    let two = |total: &str, cyd: &str| {
        format!(
            "[resource]\ntotal = {total}\n[[followers]]\nname = \"Ann\"\ncoupling = [1, 2]\ncurvature = 1\n\
             cost = {{ matrix = 1 }}\n[[followers]]\nname = \"Bob\"\ncoupling = [1, 2]\ncurvature = 1\n\
             cost = {{ matrix = 1 }}\n[[followers]]\nname = \"Cyd\"\ncoupling = {cyd}\ncurvature = 1\n\
             cost = {{ matrix = 1 }}\n"
        )
    };
    let outside = said(&two("[3, 7]", "[1, 2]"));
    assert!(outside[0].contains("the totals cannot be met within the limits: coupling `"), "{outside:?}");
    // With a third direction they can be met, but not without her.
    let essential = said(&two("[3, 7]", "[1, 1]"));
    assert_eq!(essential.len(), 1, "{essential:?}");
    assert!(
        essential[0].contains("`Cyd`") && essential[0].contains("cannot be met without her"),
        "{essential:?}"
    );
}

/// What repeats is told once, in the order of its first time.
#[test]
fn events_in_words() {
    use vickrey::faithful::dual::leader::Event;
    let text = "[resource]\ntotal = 3\n[[followers]]\nname = \"Ann\"\ncurvature = 1\ncost = { matrix = 1 }\n[[followers]]\n\
                name = \"Bob\"\ncurvature = 1\ncost = { matrix = 1 }\n[[followers]]\nname = \"Cyd\"\ncurvature = 1\n\
                cost = { matrix = 1 }\n";
    let scenario = read(&dual_text(text)).unwrap_or_else(|problem| panic!("{}", shown(&problem)));
    let crate::System::Dual(of) = &scenario.system else { panic!() };
    let fallback = |absent: &[usize]| Event::Fallback { round: 9, absent: absent.to_vec() };
    let events = [
        Event::Anew { round: 2, problems: 2, main: false },
        Event::Kept { round: 3, follower: 0 },
        Event::Anew { round: 4, problems: 3, main: true },
        Event::Kept { round: 6, follower: 0 },
        Event::Kept { round: 6, follower: 1 },
        Event::Missing { round: 7, follower: 2, problems: 1 },
        Event::Missing { round: 8, follower: 2, problems: 1 },
        fallback(&[]),
        fallback(&[0]),
        fallback(&[1, 2]),
        Event::Doubtful { follower: 1 },
    ];
    let nearest =
        "the last answers leave nothing of the totals, so that what comes nearest to everybody's absence";
    let expected = [
        "answers are beyond all sense in 2 rounds from 2 to 4: prices of some problems begin anew, those of the main one once"
            .to_owned(),
        "`Ann` would be dropped, but the totals cannot be met without her: her last part is held (2 rounds from 3 to 6)".into(),
        "`Bob` would be dropped, but the totals cannot be met without her: her last part is held (round 6)".into(),
        "`Cyd` has no usable answer in 2 rounds from 7 to 8, to some problems at least; what was held before counts".into(),
        format!("round 9: {nearest} is decided"),
        format!("{nearest} is what taxes compare with in the problems without `Ann`, without `Bob` and `Cyd`"),
        "`Bob` says that a decision costs her less than her last answer leaves possible; it counts all the same".into(),
    ];
    assert_eq!(crate::output::dual::told(&events, &of.named()), expected);
}
