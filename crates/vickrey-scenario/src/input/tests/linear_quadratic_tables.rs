//! Tables of linear-quadratic scenarios: agents, series, recorded paths, samples.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray};
use parquet::basic::Compression;
use vickrey::lq::model::Series;
use vickrey::numeric::law::Law;

use super::linear_quadratic::of;
use super::tables::parquet;
use super::*;
use crate::LinearQuadraticScenario;

const AGENTS: &str = "name,a,b,q,r\nx,1,1,-1,-1\ny,0.9,1,-0.5,-2\n";

/// A scenario of three periods with these agents and tables, which are named by their keys.
fn files(agents: &str, tables: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    let named: String = tables.iter().map(|(key, _)| format!("{key} = \"{key}.csv\"\n")).collect();
    let text = format!(
        "mechanism = \"linear-quadratic\"\n[linear-quadratic]\nperiods = 3\n[tables]\n{named}{agents}"
    );
    let files = tables.iter().map(|(key, csv)| (format!("{key}.csv"), csv.as_bytes().to_vec()));
    std::iter::once(("scenario.toml".to_owned(), text.into_bytes())).chain(files).collect()
}

fn load_these(files: &[(String, Vec<u8>)]) -> Result<Scenario, Problem> {
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    load_files(&files)
}

fn good(agents: &str, tables: &[(&str, &str)]) -> LinearQuadraticScenario {
    of(load_these(&files(agents, tables)).unwrap_or_else(|problem| panic!("{}", shown(&problem))))
}

/// What is said, without the folder and without notes.
fn said(agents: &str, tables: &[(&str, &str)]) -> Vec<String> {
    let files = files(agents, tables);
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    said_of(&files)
}

/// The same without advice.
fn short(agents: &str, tables: &[(&str, &str)]) -> Vec<String> {
    said(agents, tables).into_iter().map(|line| line.split(" | ").next().unwrap().to_owned()).collect()
}

/// An agent of the scenario.
const INLINE: &str = "[[agents]]\nname = \"v\"\na = 1\nb = 1\nr = -1\n";

/// A scenario whose noise is in this unit.
fn with_noise(unit: &str, agents: &str, tables: &[(&str, &str)]) -> LinearQuadraticScenario {
    let mut files = files(agents, tables);
    let text = String::from_utf8(files[0].1.clone()).unwrap();
    files[0].1 = text.replace("periods = 3\n", &format!("periods = 3\nnoise-as = \"{unit}\"\n")).into_bytes();
    of(load_these(&files).unwrap_or_else(|problem| panic!("{}", shown(&problem))))
}

#[test]
fn agents_with_every_column() {
    let csv = "# text\nlaw,name,a,b,q,r,reference,linear,state-linear,terminal-q,terminal-reference,start,start-noise,noise,\
               observation,observation-noise,degrees\nstudent-t,x,1,2,-3,-4,5,6,7,-8,9,10,3,2,,,5\n,\"y, z\",1,1,,-1,,,,,,,,,,,\n";
    let market = with_noise("std", "", &[("agents", csv)]).market;
    let x = market.parameters(0);
    assert_eq!((x.a.at(2), x.b.at(0), x.q.at(0)), (Some(&[1.0][..]), Some(&[2.0][..]), Some(&[-3.0][..])));
    assert_eq!((x.r.at(0), x.reference.at(0)), (Some(&[-4.0][..]), Some(&[5.0][..])));
    assert_eq!((x.linear.at(0), x.state_linear.at(0)), (Some(&[6.0][..]), Some(&[7.0][..])));
    assert_eq!((x.terminal_q, x.terminal_reference, x.start), (vec![-8.0], vec![9.0], vec![10.0]));
    assert_eq!((x.start_noise, x.noise.at(1)), (vec![9.0], Some(&[4.0][..])));
    assert_eq!(x.law, Law::student_t(5.0).unwrap());
    assert_eq!(market.name(1), "y, z");
    assert_eq!(market.parameters(1).law, Law::Gaussian);
}

#[test]
fn agents_of_the_scenario_come_first() {
    let market = good(INLINE, &[("agents", AGENTS)]).market;
    let names: Vec<_> = (0..3).map(|k| market.name(k).into_owned()).collect();
    assert_eq!(names, ["v", "x", "y"]);
    assert_eq!(market.parameters(0).q.at(0), Some(&[0.0][..]));
    assert_eq!(market.parameters(2).r.at(0), Some(&[-2.0][..]));
}

/// Many agents come in columns, few in a general form: both say the same.
#[test]
fn columns_and_the_general_form_are_the_same() {
    let csv = "name,a,b,q,r,linear,start,start-noise,noise\nx,1,1,-1,-1,0.5,2,1,0.5\ny,0.9,1,,-2,,,,2\n";
    let columns = with_noise("std", "", &[("agents", csv)]).market;
    // An agent with a list over time is not plain.
    let general = csv
        .replace("linear,", "linear,reference,")
        .replace("0.5,2,1", "0.5,,2,1")
        .replace(",,,,2\n", ",,7,,,2\n");
    let general = with_noise("std", "", &[("agents", &general)]).market;
    let numbers = |market: &vickrey::lq::model::Market, agent: usize| {
        let p = market.parameters(agent);
        let at = |series: &Series| series.at(1).map_or(0.0, |row| row[0]);
        let first = |row: &[f64]| row.first().copied().unwrap_or(0.0);
        let series = [&p.a, &p.b, &p.q, &p.r, &p.linear, &p.noise].map(at);
        (series, first(&p.start), first(&p.start_noise))
    };
    for agent in 0..2 {
        assert_eq!(numbers(&columns, agent), numbers(&general, agent));
    }
    assert_eq!(general.parameters(1).reference.at(0), Some(&[7.0][..]));
}

#[test]
fn many_agents() {
    let mut csv = "name,a,b,q,r,noise\n".to_owned();
    (0..20_000).for_each(|k| csv += &format!("agent-{k},0.9,1,-{k}e-4,-1,0.5\n"));
    let market = with_noise("variance", "", &[("agents", &csv)]).market;
    assert_eq!((market.len(), market.name(19_999).as_ref()), (20_000, "agent-19999"));
    assert_eq!(market.parameters(10_000).q.at(0), Some(&[-1.0][..]));
}

#[test]
fn parquet_agents() {
    let names: ArrayRef = Arc::new(StringArray::from(vec!["x", "y"]));
    let ones: ArrayRef = Arc::new(Int64Array::from(vec![1, 1]));
    let r: ArrayRef = Arc::new(Float64Array::from(vec![-1.0, -2.0]));
    let q: ArrayRef = Arc::new(Float64Array::from(vec![None, Some(-0.5)]));
    let bytes = parquet(
        vec![("name", names), ("a", ones.clone()), ("b", ones), ("r", r), ("q", q)],
        Compression::SNAPPY,
    );
    let text = "mechanism = \"linear-quadratic\"\n[linear-quadratic]\nperiods = 3\n[tables]\nagents = \"agents.parquet\"\n";
    let scenario = load_files(&[("scenario.toml", text.as_bytes()), ("agents.parquet", &bytes)]).unwrap();
    assert_eq!(of(scenario).market.parameters(1).q.at(0), Some(&[-0.5][..]));
}

#[test]
fn cells_of_agents() {
    let found = short(
        "",
        &[(
            "agents",
            "name,law,a,b,q,r,noise,degrees\nx,,1,1,1,-1,,\n,,1,1,,0,,\ny,gausian,1e13,nan,,-1,-1,\nz,student-t,1,1,,-1,,\n\
             w,,1,,,,0,3\nx,,one,1,,-1,,\nu,student-t,1,1,,-1,,2\n",
        )],
    );
    let accepted = "accepted is";
    let mut expected = vec![
        format!("2:8 agents.csv, line 2, column `q`: found 1, {accepted} a number from -1e12 to 0"),
        format!("3:1 agents.csv, line 3, column `name`: empty, {accepted} the name of an agent"),
        format!(
            "3:8 agents.csv, line 3, column `r`: found 0, {accepted} a negative number of size at most 1e12"
        ),
        format!(
            "4:11 agents.csv, line 4, column `a`: found 1e13, {accepted} a finite number of size at most 1e12"
        ),
        format!(
            "4:16 agents.csv, line 4, column `b`: found `nan`, {accepted} a finite number of size at most 1e12"
        ),
        format!("4:24 agents.csv, line 4, column `noise`: found -1, {accepted} a variance from 0 to 1e12"),
        format!(
            "4:3 agents.csv, line 4, column `law`: found `gausian`, {accepted} one of `gaussian`, `uniform`, `laplace`, \
             `two-point`, `student-t`"
        ),
        format!(
            "5:22 agents.csv, line 5, column `degrees`: empty, but law `student-t` needs it, {accepted} a number above 2, at most 1e12"
        ),
        format!(
            "6:11 agents.csv, line 6, column `degrees`: a value, but law `gaussian` does not take it, {accepted} an empty cell"
        ),
        format!(
            "7:4 agents.csv, line 7, column `a`: found `one`, {accepted} a finite number of size at most 1e12"
        ),
        format!(
            "8:22 agents.csv, line 8, column `degrees`: found 2, {accepted} a number above 2, at most 1e12"
        ),
        "7:1 agents.csv, line 7, column `name`: two agents have the name `x`".to_owned(),
        format!("6:6 agents.csv, line 6, column `b`: empty, {accepted} a number"),
        format!("6:8 agents.csv, line 6, column `r`: empty, {accepted} a number"),
    ];
    let noise = found.iter().position(|line| line.contains("`noise-as` is missing")).unwrap();
    assert!(found[noise].contains("`noise` is given for agent `y` and one more"), "{}", found[noise]);
    let mut found: Vec<String> =
        found.into_iter().enumerate().filter(|(k, _)| *k != noise).map(|(_, l)| l).collect();
    // The place of a shared name has a note of its own.
    found.retain(|line| !line.contains("first used here"));
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn columns_of_agents() {
    let found = said("", &[("agents", "name,states,a,c\n")]);
    assert!(
        found[0].contains("column `states` is not expected | agents with several states or with loadings")
    );
    assert!(found[1].contains("column `c` is not expected | "), "{found:?}");
    let missing: Vec<&String> = found.iter().filter(|line| line.contains("is missing")).collect();
    assert_eq!(missing.len(), 2, "{found:?}");
    assert!(missing[0].contains("column `b`") && missing[1].contains("column `r`"), "{found:?}");
    // With a table of series, everything may come from there.
    let series = "agent,period,a,b,r\nx,0,1,1,-1\nx,1,1,1,-1\nx,2,1,1,-1\n";
    let market = good(INLINE, &[("agents", "name\nx\n"), ("series", series)]).market;
    assert_eq!(market.parameters(1).r.rows().len(), 3);
    let found = short(INLINE, &[("agents", "name\nx\ny\n"), ("series", series)]);
    assert_eq!(
        found,
        ["a", "b", "r"]
            .map(|key| format!("3:1 agents.csv, line 3, column `{key}`: empty, accepted is a number"))
    );
}

#[test]
fn measurements_in_tables() {
    let csv = "name,a,b,q,r,observation,observation-noise\nx,1,1,-1,-1,,1\ny,1,1,-1,-1,1,2\n";
    let text = "mechanism = \"linear-quadratic\"\n[linear-quadratic]\nperiods = 3\nmarket = \"filtered\"\nnoise-as = \"std\"\n\
                [tables]\nagents = \"agents.csv\"\n";
    let load = |csv: &str| load_files(&[("scenario.toml", text.as_bytes()), ("agents.csv", csv.as_bytes())]);
    let problem = load(csv).unwrap_err();
    assert!(problem.message().ends_with(
        "line 2, column `observation-noise`: a value, but `observation` is empty, accepted is an empty cell"
    ));
    let market = of(load(&csv.replace(",,1\n", ",,\n")).unwrap()).market;
    assert_eq!(market.parameters(0).observation, None);
    assert_eq!(market.parameters(1).observation.unwrap().noise, 4.0);
    // What only the library can see is said at its cell, too.
    let problem = load(&csv.replace(",,1\n", ",0,0\n")).unwrap_err();
    assert!(
        problem
            .message()
            .contains("line 2, column `observation-noise`: found 0, accepted is a positive variance")
    );
}

#[test]
fn series_override_single_numbers() {
    let series =
        "agent,period,q,linear,noise\nx,2,-3,6,0.3\nx,0,-1,4,0\nv,1,,-5,\nx,1,-2,5,0.5\nv,0,,-4,\nv,2,,-6,\n";
    let market = with_noise("std", INLINE, &[("agents", AGENTS), ("series", series)]).market;
    let x = market.parameters(1);
    assert_eq!(x.q, Series::numbers([-1.0, -2.0, -3.0]));
    assert_eq!(x.linear, Series::numbers([4.0, 5.0, 6.0]));
    assert_eq!(x.noise, Series::numbers([0.0, 0.25, 0.09]));
    assert_eq!(market.parameters(0).linear, Series::numbers([-4.0, -5.0, -6.0]));
    assert_eq!(market.parameters(2).q.at(1), Some(&[-0.5][..]));
}

#[test]
fn rows_of_series() {
    let of_series = |series: &str| short(INLINE, &[("agents", AGENTS), ("series", series)]);
    let csv = "series.csv, line";
    assert_eq!(
        of_series(
            "agent,period,a,q\nx,0,1,1\nx,1,inf,-1\nx,3,1,-1\nx,1.5,1,-1\nx,-1,1,-1\nx,,1,-1\n,0,1,-1\nxx,0,1,-1\nx,two,1,-1\n"
        ),
        [
            format!(
                "2:7 {csv} 2, column `q`: agent `x`, period 0: found 1, accepted is a number from -1e12 to 0"
            ),
            format!(
                "3:5 {csv} 3, column `a`: agent `x`, period 1: found `inf`, accepted is a finite number of size at most 1e12"
            ),
            format!("4:3 {csv} 4, column `period`: found 3, accepted is a whole number from 0 to 2"),
            format!("5:3 {csv} 5, column `period`: found 1.5, accepted is a whole number from 0 to 2"),
            format!("6:3 {csv} 6, column `period`: found -1, accepted is a whole number from 0 to 2"),
            format!("7:3 {csv} 7, column `period`: empty, accepted is a whole number from 0 to 2"),
            format!("8:1 {csv} 8, column `agent`: empty, accepted is the name of an agent"),
            format!("9:1 {csv} 9, column `agent`: there is no agent `xx`"),
            format!("10:3 {csv} 10, column `period`: found `two`, accepted is a whole number from 0 to 2"),
            format!("2:5 {csv} 2, column `a`: agent `x` has no value for period 2"),
            format!("2:7 {csv} 2, column `q`: agent `x` has no value for period 2"),
        ]
    );
    let agents = AGENTS.replace(
        "
y,", "
seller,",
    );
    let found = said(
        INLINE,
        &[
            ("agents", &agents),
            (
                "series",
                "agent,period,a
seler,0,1
",
            ),
        ],
    );
    assert!(
        found[0].contains("there is no agent `seler` | did you mean `seller`? accepted: names of agents"),
        "{found:?}"
    );
}

#[test]
fn gaps_and_repetitions_in_series() {
    let of_series = |series: &str| said(INLINE, &[("agents", AGENTS), ("series", series)]);
    let found = of_series("agent,period,a,b\nx,0,1,1\nx,1,1,\nx,2,1,1\ny,1,1,\n");
    assert_eq!(
        found,
        [
            "3:7 series.csv, line 3, column `b`: agent `x` has no value for period 1 | accepted: a value for each of the \
             periods 0 to 2, or for none of them",
            "5:5 series.csv, line 5, column `a`: agent `y` has no value for period 0 (and for one more) | accepted: a value \
             for each of the periods 0 to 2, or for none of them",
        ]
    );
    let found = of_series("agent,period,a\nx,0,1\nx,1,1\nx,0,1\nx,2,1\n");
    assert_eq!(
        found,
        [
            "4:3 series.csv, line 4, column `period`: agent `x` has period 0 twice | accepted: one row for each agent and \
             period",
            "2:3 series.csv, line 2, column `period`: first given here",
        ]
    );
}

#[test]
fn series_for_agents_that_take_none() {
    let agents = "[[agents]]\nname = \"v\"\na = 1\nb = 1\nr = -1\nq = [-1, -2, -3]\n[[agents]]\nname = \"w\"\nstates = 2\n\
                  a = [[1, 0], [0, 1]]\nb = [1, 1]\nr = -1\n";
    let series = "agent,period,q\nv,0,-1\nv,1,-1\nv,2,-1\nw,0,-1\n";
    let found = said(agents, &[("series", series)]);
    let text: String = found.join("\n");
    assert!(text.contains("series.csv, line 5, column `agent`: agent `w` has 2 states"), "{text}");
    let found = said(agents, &[("series", series.strip_suffix("w,0,-1\n").unwrap())]);
    assert!(
        found[0].contains("line 2, column `q`: agent `v` has a list for `q` in the scenario as well"),
        "{found:?}"
    );
    assert!(found[1].ends_with("the list is here"), "{found:?}");
}

#[test]
fn columns_of_series() {
    let of_series = |series: &str| said(INLINE, &[("agents", AGENTS), ("series", series)]);
    let found = of_series("agent,period,start,hour\nx,0,1,1\n");
    assert!(
        found[0].contains("column `start` is not expected | this number does not change over time"),
        "{found:?}"
    );
    assert!(found[1].contains("the column with the periods is `period`"), "{found:?}");
    assert!(
        of_series("name,period,a\nx,0,1\n")[0].contains("the column with the agents' names is `agent` here")
    );
    assert!(of_series("")[0].contains("the file is empty"));
}

#[test]
fn series_need_agents_and_periods_that_are_known() {
    let series = ("series", "agent,period,a\nx,0,1\n");
    let found = short(INLINE, &[("agents", "name,a,b\nx,1,1\n"), series, ("path", "agent,period\n")]);
    // Which columns agents need depends on the series, which cannot be judged here.
    assert!(found.iter().all(|line| !line.contains("there is no agent")), "{found:?}");
    let found = short(INLINE, &[("agents", "nme\nx\n"), series]);
    assert!(found.iter().all(|line| line.contains("agents.csv")), "{found:?}");
}

#[test]
fn recorded_paths() {
    let path = "agent,period,disturbance\ny,0,-1\ny,1,0.5\ny,2,0\n";
    let scenario = good(INLINE, &[("agents", AGENTS), ("path", path)]);
    assert_eq!(scenario.replay, Some(vec![None, None, Some(vec![-1.0, 0.5, 0.0])]));
    let of_path = |path: &str| short(INLINE, &[("agents", AGENTS), ("path", path)]);
    assert_eq!(
        of_path("agent,period,disturbance\ny,0,-1\ny,2,\n"),
        [
            "2:5 path.csv, line 2, column `disturbance`: agent `y` has no value for period 1 (and for one more)"
        ]
    );
    assert_eq!(
        of_path("agent,period,disturbance\ny,1,\n"),
        ["2:1 path.csv, line 2, column `disturbance`: agent `y` has no value for period 0 (and for 2 more)"]
            .map(|line| line.replacen("2:1", "2:5", 1))
    );
    assert!(of_path("agent,period\ny,0\n")[0].contains("column `disturbance` is missing"));
    assert!(of_path("agent,period,disturbance\nz,0,1\n")[0].contains("there is no agent `z`"));
    let scenario = "mechanism = \"linear-quadratic\"\n[linear-quadratic]\nperiods = 3\nmarket = \"plan\"\n[tables]\nagents = \
                    \"agents.csv\"\npath = \"path.csv\"\n";
    let plan = load_files(&[
        ("scenario.toml", scenario.as_bytes()),
        ("agents.csv", AGENTS.as_bytes()),
        ("path.csv", path.as_bytes()),
    ])
    .unwrap();
    assert_eq!(plan.warnings, ["[tables]: `path` is ignored in market = \"plan\""]);
    assert_eq!(of(plan).replay, None);
}

#[test]
fn samples_of_laws() {
    let samples = "law,value\nwind,1\nwind,2\nload,-1\nload,1\nwind,6\n";
    let agents = "name,law,a,b,q,r\nx,wind,1,1,-1,-1\ny,,1,1,-1,-1\n";
    let inline = "[[agents]]\nname = \"v\"\na = 1\nb = 1\nr = -1\nlaw = \"load\"\n";
    let market = good(inline, &[("agents", agents), ("samples", samples)]).market;
    assert_eq!(market.parameters(1).law, Law::empirical(&[1.0, 2.0, 6.0]).unwrap());
    assert_eq!(market.parameters(0).law, Law::empirical(&[-1.0, 1.0]).unwrap());
    let found = said(&inline.replace("load", "laod"), &[("agents", AGENTS), ("samples", samples)]);
    assert!(found[0].contains("`law` is \"laod\" | did you mean `load`?"), "{found:?}");
    let of_samples = |samples: &str| short(INLINE, &[("agents", AGENTS), ("samples", samples)]);
    assert_eq!(
        of_samples("law,value\nwind,1\nwind,1\nload,\nload,x\n,1\ngaussian,1\nsun,2\n"),
        [
            "4:1 samples.csv, line 4, column `value`: empty, accepted is a finite number".replacen("4:1", "4:6", 1),
            "5:6 samples.csv, line 5, column `value`: found `x`, accepted is a finite number".into(),
            "6:1 samples.csv, line 6, column `law`: empty, accepted is the name of a law".into(),
            "7:1 samples.csv, line 7, column `law`: found `gaussian`, which is a law already, accepted is a name other than \
             `gaussian`, `uniform`, `laplace`, `two-point`, `student-t`"
                .into(),
            "8:1 samples.csv, line 8: law `sun`: found 1 samples without spread, accepted is at least two different finite \
             numbers of size at most 1e100"
                .into(),
            "2:1 samples.csv, line 2: law `wind`: found 2 samples without spread, accepted is at least two different finite \
             numbers of size at most 1e100"
                .into(),
        ]
    );
}

#[test]
fn the_hash_covers_every_table() {
    let tables = [
        ("agents", AGENTS),
        ("series", "agent,period,q\nx,0,-1\nx,1,-1\nx,2,-1\n"),
        ("path", "agent,period,disturbance\ny,0,-1\ny,1,0.5\ny,2,0\n"),
        ("samples", "law,value\nwind,1\nwind,2\n"),
    ];
    let hash = |tables: &[(&str, &str)]| load_these(&files("", tables)).unwrap().hash;
    for k in 0..tables.len() {
        let mut other = tables;
        let longer = format!("{}#\n", other[k].1);
        other[k].1 = &longer;
        assert_ne!(hash(&tables), hash(&other), "{}", tables[k].0);
    }
    assert!(load_these(&files("", &tables[..2]).into_iter().take(2).collect::<Vec<_>>()).is_err());
}
