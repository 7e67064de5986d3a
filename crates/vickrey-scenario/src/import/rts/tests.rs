//! A small system of our own, and the real one where it is at hand.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;

const DAYS: [&str; 4] = ["2021,2,27", "2021,2,28", "2021,3,1", "2021,3,2"];

/// A made-up deviation between -1 and 1 that has no pattern.
fn wobble(seed: usize) -> f64 {
    ((seed as f64 + 1.0).sin() * 43_758.545_3).rem_euclid(1.0) * 2.0 - 1.0
}

fn long(columns: &str, periods: usize, value: impl Fn(usize, usize) -> String) -> String {
    let mut text = format!("Year,Month,Day,Period,{columns}\n");
    for (day, date) in DAYS.iter().enumerate() {
        for period in 0..periods {
            writeln!(text, "{date},{},{}", period + 1, value(day, period)).unwrap();
        }
    }
    text
}

fn wide(periods: usize, value: impl Fn(usize, usize) -> f64) -> String {
    let numbers: Vec<String> = (1..=periods).map(|p| p.to_string()).collect();
    let mut text = format!("Year,Month,Day,{}\n", numbers.join(","));
    for (day, date) in DAYS.iter().enumerate() {
        let row: Vec<String> = (0..periods).map(|p| value(day, p).to_string()).collect();
        writeln!(text, "{date},{}", row.join(",")).unwrap();
    }
    text
}

const GENERATORS: &str = "\
GEN UID,Unit Type,PMax MW,PMin MW,Ramp Rate MW/Min,Fuel Price $/MMBTU,Output_pct_0,Output_pct_1,Output_pct_2,\
Output_pct_3,Output_pct_4,HR_avg_0,HR_incr_1,HR_incr_2,HR_incr_3,HR_incr_4,VOM,Start Heat Hot MBTU,\
Non Fuel Start Cost $,Start Time Hot Hr,Min Up Time Hr,Storage Roundtrip Efficiency
coal,STEAM,100,40,1,2,0.4,0.7,1,NA,NA,10000,9000,11000,NA,NA,1,500,0,3,8,0
gas,CC,80,20,2,4,0.25,0.5,1,NA,NA,8000,6000,8000,NA,NA,0,100,0,0.5,4,0
turbine,CT,30,10,3,4,0.5,1,NA,NA,NA,13000,9000,NA,NA,NA,0,20,5,0.25,2,0
river,ROR,10,0,10,0,1,0,0,0,NA,3412,0,0,0,NA,0,0,0,0,0,0
lake,HYDRO,20,0,20,0,1,0,0,0,NA,3412,0,0,0,NA,0,0,0,0,0,0
battery,STORAGE,10,0,10,0,0,0,0,0,NA,0,0,0,0,NA,0,0,0,0,0,81
north,WIND,50,0,50,0,0,0,0,0,NA,0,0,0,0,NA,0,0,0,0,0,0
roof,RTPV,5,0,5,0,0,0,0,0,NA,0,0,0,0,NA,0,0,0,0,0,0
";

const STORES: &str = "\
GEN UID,Storage,Max Volume GWh,Initial Volume GWh,Start Energy,Inflow Limit GWh,Rating MVA,position
lake,L,0.4,0.1,NA,0,20,head
battery,H,0.04,0.02,NA,0,10,head
battery,T,0.04,0.02,NA,0,10,tail
";

/// Load of an area: 60 MW at night, 120 MW by day.
fn ahead(hour: usize) -> f64 {
    if (7..20).contains(&hour) { 120.0 } else { 60.0 }
}

/// The files of a system with three units, a lake, a battery, two wind plants and three areas on four days.
fn files() -> Vec<(&'static str, String)> {
    let north = |hour: usize| 20.0 + hour as f64 / 2.0;
    let real = |day: usize, p: usize| {
        let (n, s) =
            (north(p / 12) + 3.0 + 5.0 * wobble(day * 24 + p / 12), 5.0 + 2.0 * wobble(day * 288 + p));
        format!("{n},{s}")
    };
    let pairs = [("APS", 4.0), ("NEVP", 0.0), ("LDWP", 0.0)].map(|(area, error)| {
        let value = move |day: usize, p: usize| ahead(p / 12) + error * wobble(day * 24 + p / 12 + 500);
        (area, wide(24, |_, hour| ahead(hour)), wide(288, value))
    });
    let mut files = vec![
        ("gen.csv", GENERATORS.to_owned()),
        ("storage.csv", STORES.to_owned()),
        ("day_ahead_wind.csv", long("north,south", 24, |_, hour| format!("{},5", north(hour)))),
        ("real_time_wind.csv", long("north,south", 288, real)),
        ("day_ahead_pv.csv", long("roof", 24, |_, hour| if hour == 12 { "8" } else { "0" }.to_owned())),
        (
            "day_ahead_regional_load.csv",
            long("1,2,3", 24, |_, hour| {
                format!("{},{},{}", ahead(hour) / 2.0, ahead(hour), ahead(hour) / 4.0)
            }),
        ),
    ];
    for (area, ahead, real) in pairs {
        let (first, second) = match area {
            "APS" => ("day_ahead_load_APS.csv", "real_time_load_APS.csv"),
            "NEVP" => ("day_ahead_load_NEVP.csv", "real_time_load_NEVP.csv"),
            _ => ("day_ahead_load_LDWP.csv", "real_time_load_LDWP.csv"),
        };
        files.push((first, ahead));
        files.push((second, real));
    }
    files
}

/// The small system in a folder, with one file changed.
fn folder(change: impl Fn(&str, String) -> Option<String>) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files() {
        if let Some(text) = change(name, text) {
            fs::write(dir.path().join(name), text).unwrap();
        }
    }
    dir
}

fn options(day: &str, resolution: Resolution) -> RtsOptions {
    RtsOptions { day: day.parse().unwrap(), resolution }
}

fn import(dir: &Path) -> Result<RtsMarket, Problem> {
    rts_market(dir, &options("2021-03-01", Resolution::Hourly))
}

/// Rows of a table as cells, without the header.
fn rows(table: &str) -> Vec<Vec<&str>> {
    table.lines().skip(1).map(|line| line.split(',').collect()).collect()
}

/// A column of numbers of one agent.
fn numbers(table: &str, agent: &str, column: usize) -> Vec<f64> {
    let of = |row: &Vec<&str>| (row[0] == agent).then(|| row[column].parse().unwrap());
    rows(table).iter().filter_map(of).collect()
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1e-3), "{found}, not {expected}");
}

#[test]
fn everybody_is_there_with_numbers_that_can_be_checked_by_hand() {
    let market = import(folder(|_, text| Some(text)).path()).unwrap();
    let names: Vec<&str> = rows(&market.agents).iter().map(|row| row[0]).collect();
    assert_eq!(names, ["north", "south", "load-APS", "coal", "gas", "turbine", "lake", "battery"]);
    assert!(market.scenario.contains("load-NEVP, load-LDWP"), "{}", market.scenario);
    assert!(market.scenario.contains("No agents: 1 RTPV."), "{}", market.scenario);
    let agent = |name: &str, column: usize| numbers(&market.agents, name, column)[0];
    // By day 210 MW of load, less 15 MW of water, 5 MW of south and 23.5 to 29.5 MW of north, need coal and gas, and the
    // turbine as well, as coal may fail. Average costs at full output: 20.8, 30 and 44 $/MWh.
    let a = (-60.0_f64 / 60.0).exp();
    close(agent("coal", 1), a);
    close(agent("coal", 2), a - 1.0);
    let wear = 0.04 * 500.0 * 2.0 / 3600.0;
    close(agent("coal", 3), -wear);
    close(agent("coal", 5), -wear / (1.0 - a * a));
    assert_eq!((agent("north", 1), agent("north", 2)), (1.0, 1.0));
    assert_eq!((agent("lake", 1), agent("battery", 1)), (1.0, 1.0));
    // The lake can give 100 MWh and take 300.
    close(agent("lake", 3), agent("lake", 5) * 10.0 / 100.0);
    close(agent("lake", 5) / agent("battery", 5), 20.0 / 100.0);
}

#[test]
fn the_path_is_the_energy_of_the_day() {
    let dir = folder(|_, text| Some(text));
    for resolution in [Resolution::Hourly, Resolution::FiveMinutes] {
        let market = rts_market(dir.path(), &options("2021-03-01", resolution)).unwrap();
        let path = numbers(&market.path, "load-APS", 2);
        assert_eq!(path.len(), resolution.periods());
        let error = |day: usize, hour: usize| -2.0 * wobble(day * 24 + hour + 500);
        let mean = |hour: usize| (0..4).map(|day| error(day, hour)).sum::<f64>() / 4.0;
        let energy: f64 = (0..24).map(|hour| error(2, hour) - mean(hour)).sum();
        close(path.iter().sum::<f64>(), energy);
        let noise = numbers(&market.series, "load-APS", 3);
        assert!(
            noise.len() == resolution.periods() && noise[0] == 0.0 && noise[1..].iter().all(|v| *v >= 0.0)
        );
        let start = numbers(&market.agents, "load-APS", 6)[0];
        let tariff = numbers(&market.agents, "load-APS", 5)[0];
        let premium = -2.0 * tariff * (start + noise.iter().sum::<f64>()).sqrt();
        assert!(
            market.scenario.contains(&format!("premium  {premium:.4} ")),
            "{premium} {}",
            market.scenario
        );
    }
}

#[test]
fn units_trade_less_where_they_have_no_room() {
    let market = import(folder(|_, text| Some(text)).path()).unwrap();
    let r = numbers(&market.series, "gas", 2);
    assert_eq!(r.len(), 24);
    assert!(r.iter().all(|r| *r < 0.0));
    // At night it is off or at its least; then only a twentieth of its range counts as room.
    let (stiff, soft) =
        r.iter().fold((0.0_f64, f64::NEG_INFINITY), |(low, high), &r| (low.min(r), high.max(r)));
    assert!(stiff < 2.0 * soft, "{r:?}");
    let slope = (32.0 - 24.0) / 30.0;
    let premium = -(stiff + slope / 2.0) * 2.0 * 3.0;
    assert!(market.scenario.contains(&format!("premium  {premium:.4} ")), "{premium} {}", market.scenario);
}

#[test]
fn the_scenario_is_a_whole_folder() {
    let (dir, out) = (folder(|_, text| Some(text)), tempfile::tempdir().unwrap());
    let target = out.path().join("above/march");
    let market = import(dir.path()).unwrap();
    let scenario = market.write(&target).unwrap();
    assert_eq!(scenario, target.join("scenario.toml"));
    let text = fs::read_to_string(scenario).unwrap();
    let value: toml::Table = text.parse().unwrap();
    assert_eq!(value["mechanism"].as_str(), Some("linear-quadratic"));
    for table in value["tables"].as_table().unwrap().values() {
        assert!(target.join(table.as_str().unwrap()).is_file(), "{table}");
    }
    let read = crate::load(&target.join("scenario.toml")).unwrap();
    assert!(matches!(read.system, crate::System::LinearQuadratic(_)));
    assert!(market.write(&target).is_err(), "an old folder is not replaced");
    assert!(text.lines().all(|line| line.chars().count() <= 130), "{text}");
}

#[test]
fn the_layout_of_the_repository_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("RTS_Data");
    for (name, text) in files() {
        let place = match name {
            "gen.csv" | "storage.csv" => format!("SourceData/{name}"),
            "day_ahead_wind.csv" => "timeseries_data_files/WIND/DAY_AHEAD_wind.csv".to_owned(),
            "real_time_wind.csv" => "timeseries_data_files/WIND/REAL_TIME_wind.csv".to_owned(),
            "day_ahead_pv.csv" => "timeseries_data_files/PV/DAY_AHEAD_pv.csv".to_owned(),
            "day_ahead_regional_load.csv" => {
                "timeseries_data_files/Load/DAY_AHEAD_regional_Load.csv".to_owned()
            }
            _ => {
                let area = name.rsplit_once('_').unwrap().1.trim_end_matches(".csv");
                let kind = if name.starts_with("real") { "RT_" } else { "" };
                format!("timeseries_data_files/Load/{kind}{area}_Promod_2020.csv")
            }
        };
        let path = root.join(place);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let flat = import(folder(|_, text| Some(text)).path()).unwrap();
    for place in [dir.path(), &root] {
        assert_eq!(import(place).unwrap().agents, flat.agents);
    }
}

#[test]
fn line_ends_and_marks_of_other_systems_do_no_harm() {
    let plain = import(folder(|_, text| Some(text)).path()).unwrap();
    let windows = |text: String| format!("\u{feff}{}\n", text.replace('\n', "\r\n"));
    assert_eq!(import(folder(|_, text| Some(windows(text))).path()).unwrap().agents, plain.agents);
    let (found, line, _) = broken("gen.csv", |text| Some(windows(text.replace("gas,CC,80", "gas,CC,x"))));
    assert!(found.contains("line 3, column `PMax MW`: found `x`") && line == Some(3), "{found}");
}

/// The message, line and help of what comes of one changed file.
fn broken(file: &str, change: impl Fn(String) -> Option<String>) -> (String, Option<u64>, String) {
    let dir = folder(|name, text| if name == file { change(text) } else { Some(text) });
    let problem = import(dir.path()).expect_err(file);
    (problem.to_string(), problem.position().0, problem.help().unwrap_or_default().to_owned())
}

#[test]
fn damage_is_named() {
    let cases: [(&str, &str, &str, &str, Option<u64>); 16] = [
        ("gen.csv", "HR_incr_2", "HR_x", "column `HR_incr_2` is missing", Some(1)),
        ("gen.csv", "coal,STEAM,100,40", "coal,STEAM,100,400", "found `400`", Some(2)),
        ("gen.csv", "gas,CC,80", "gas,CC,much", "column `PMax MW`: found `much`", Some(3)),
        ("gen.csv", "1,2,0.4,0.7", "0,2,0.4,0.7", "column `Ramp Rate MW/Min`: found `0`", Some(2)),
        ("gen.csv", "gas,CC", "coal,CC", "found `coal`", Some(3)),
        ("gen.csv", "0.25,0.5,1", "0.25,0.2,1", "column `Output_pct_1`: found `0.2`", Some(3)),
        ("storage.csv", "lake,L,0.4", "like,L,0.4", "column `GEN UID`: found `lake`", Some(6)),
        ("storage.csv", "head\nbattery", "head,1\nbattery", "found 9 cells", Some(2)),
        ("day_ahead_wind.csv", "2021,2,28,5,", "2021,2,30,5,", "column `Day`: found `30`", Some(30)),
        ("day_ahead_wind.csv", "2021,2,28,5,", "2021,2,28,4,", "period 4 a second time", Some(30)),
        ("real_time_wind.csv", "north,south", "north,west", "column `south` is missing", Some(1)),
        ("real_time_wind.csv", "2021,3,2,288,", "2021,3,2,289,", "column `Period`: found `289`", Some(1153)),
        ("real_time_wind.csv", "2021,3,2,", "2021,3,3,", "2021-03-01 is followed by 2021-03-03", None),
        ("real_time_load_APS.csv", "2021,2,27,", "2021,2,28,", "2021-02-28 a second time", Some(3)),
        ("day_ahead_load_NEVP.csv", "2021,3,1,60", "2021,3,1,61", "times that of", None),
        ("day_ahead_load_NEVP.csv", "2021,3,1,60", "2021,3,1,nan", "column `1`: found `nan`", Some(4)),
    ];
    for (file, old, new, message, line) in cases {
        let (found, at, _) = broken(file, |text| {
            assert!(text.contains(old), "{file} {old}");
            Some(text.replace(old, new))
        });
        assert!(found.contains(message) && found.contains(file), "{file}: {found}");
        assert_eq!(at, line, "{file}: {found}");
    }
}

#[test]
fn what_is_missing_is_named() {
    for (file, _) in files() {
        let (found, _, help) = broken(file, |_| None);
        assert!(found.contains(file) && help.contains("RTS_Data"), "{found} {help}");
        assert!(broken(file, |_| Some(String::new())).0.contains("empty"), "{file}");
    }
    let without = |file: &str, start: &str| {
        broken(file, |text| {
            Some(text.lines().filter(|l| !l.starts_with(start)).map(|l| format!("{l}\n")).collect())
        })
    };
    assert!(without("real_time_wind.csv", "2021,2,28,77,").0.contains("2021-02-28: period 77 is missing"));
    assert!(without("real_time_wind.csv", "2021,3,2,").0.contains("2021-03-02 is missing"));
    assert!(without("day_ahead_load_LDWP.csv", "2021,2,27,").0.contains("2021-02-27 is missing"));
    assert!(without("day_ahead_pv.csv", "2021").0.contains("no rows"));
    let dates = |text: String| {
        let date = |line: &str| line.split(',').take(4).collect::<Vec<_>>().join(",");
        Some(text.lines().map(|line| date(line) + "\n").collect())
    };
    assert!(broken("real_time_wind.csv", dates).0.contains("no column of a plant"));
    let dir = folder(|_, text| Some(text));
    let problem = rts_market(dir.path(), &options("2021-03-03", Resolution::Hourly)).unwrap_err();
    assert!(problem.help().unwrap().contains("2021-02-27 to 2021-03-02"), "{problem}");
}

#[test]
fn data_that_make_no_market_are_refused() {
    let free = |text: String| {
        Some(
            text.replace(",4,", ",0,")
                .replace(",1,2,", ",1,0,")
                .replace("NA,NA,1,", "NA,NA,0,")
                .replace(",20,5,", ",20,0,"),
        )
    };
    assert!(broken("gen.csv", free).0.contains("no unit has a cost"));
    let dir = folder(|name, text| {
        let exact = name.strip_prefix("real_time_").map(|rest| format!("day_ahead_{rest}"));
        let source = exact.and_then(|exact| files().into_iter().find(|(name, _)| *name == exact));
        let Some((name, hourly)) = source else { return Some(text) };
        // Each hour twelve times: the forecast comes true.
        let rows: Vec<Vec<String>> =
            hourly.lines().map(|l| l.split(',').map(str::to_owned).collect()).collect();
        let cell = |day: usize, p: usize, c: usize| rows[1 + day * 24 + p / 12][c].clone();
        Some(if name.contains("wind") {
            long("north,south", 288, |day, p| format!("{},{}", cell(day, p, 4), cell(day, p, 5)))
        } else {
            wide(288, |_, p| ahead(p / 12))
        })
    });
    assert!(import(dir.path()).unwrap_err().to_string().contains("never differ"));
}

#[test]
fn cut_files_never_panic() {
    for (file, text) in files().into_iter().filter(|(name, _)| !name.starts_with("real")) {
        for end in (0..text.len()).step_by(1 + text.len() / 40) {
            let dir = folder(|name, whole| Some(if name == file { whole[..end].to_owned() } else { whole }));
            if let Err(problem) = import(dir.path()) {
                assert!(problem.to_string().contains(".csv"), "{file} {end}: {problem}");
            }
        }
    }
}

#[test]
fn extreme_numbers_are_refused_or_give_finite_ones() {
    let coal: Vec<&str> = GENERATORS.lines().nth(1).unwrap().split(',').collect();
    for (column, value) in (2..coal.len()).flat_map(|c| ["0", "1e12", "1e-300", "-1"].map(|v| (c, v))) {
        let mut row = coal.clone();
        row[column] = value;
        let changed = GENERATORS.replace(&coal.join(","), &row.join(","));
        let dir = folder(|name, text| Some(if name == "gen.csv" { changed.clone() } else { text }));
        let Ok(market) = import(dir.path()) else { continue };
        for table in [&market.agents, &market.series] {
            let cells = rows(table).into_iter().flat_map(|row| row.into_iter().skip(1));
            let unusable = cells.filter(|c| !c.is_empty()).find(|c| !c.parse::<f64>().unwrap().is_finite());
            assert_eq!(unusable, None, "column {column}: {value}");
        }
    }
}

#[test]
fn the_example_of_a_balancing_market_can_be_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/balancing.toml");
    crate::load(&path).unwrap();
}

/// The real system: where `VICKREY_RTS_GMLC` says, or beside the workspace; none if it is not there.
fn real_system() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/rts-gmlc");
    let path = std::env::var_os("VICKREY_RTS_GMLC").map_or_else(beside, PathBuf::from);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("SKIPPED: there is no RTS-GMLC at {}; VICKREY_RTS_GMLC can say where it is", path.display());
    None
}

#[test]
fn a_day_of_the_real_system() {
    let Some(folder) = real_system() else { return };
    let hourly = rts_market(&folder, &options("2020-07-15", Resolution::Hourly)).unwrap();
    assert_eq!(rows(&hourly.agents).len(), 49, "{}", hourly.agents);
    assert!(hourly.scenario.contains("over all 366 days"));
    assert!(hourly.scenario.contains("load-APS, load-NEVP, load-LDWP"), "hourly loads have no errors");
    let wind: Vec<&str> =
        rows(&hourly.agents).iter().map(|row| row[0]).filter(|n| n.contains("WIND")).collect();
    assert_eq!(wind.len(), 4);
    let fine = rts_market(&folder, &options("2020-07-15", Resolution::FiveMinutes)).unwrap();
    assert_eq!(rows(&fine.agents).len(), 52, "{}", fine.agents);
    for plant in wind {
        let energy = |market: &RtsMarket| numbers(&market.path, plant, 2).iter().sum::<f64>();
        assert!((energy(&hourly) - energy(&fine)).abs() < 1e-6, "{plant}");
    }
    for table in [&hourly.agents, &hourly.series, &hourly.path, &fine.agents, &fine.series, &fine.path] {
        let cells = rows(table).into_iter().flat_map(|row| row.into_iter().skip(1).collect::<Vec<_>>());
        assert!(cells.filter(|cell| !cell.is_empty()).all(|cell| cell.parse::<f64>().unwrap().is_finite()));
    }
    clears(&hourly);
}

/// The imported day is cleared: it balances in every hour, and everybody's numbers exist.
fn clears(market: &RtsMarket) {
    let out = tempfile::tempdir().unwrap();
    let scenario = crate::load(&market.write(&out.path().join("day")).unwrap()).unwrap();
    let crate::System::LinearQuadratic(lq) = &scenario.system else { panic!("another mechanism") };
    let result = crate::output::LqResult::solve(&scenario, lq, &|_| ()).unwrap();
    assert_eq!(result.course.stages.len(), 24);
    let traded = result.course.stages.iter().map(|stage| stage.received).fold(0.0, f64::max);
    assert!(traded > 100.0, "{traded} MWh in the busiest hour");
    // Rounding of sums over 49 agents.
    assert!(result.course.stages.iter().all(|stage| stage.imbalance.abs() < 1e-9 * traded));
    assert!(result.budget().unwrap().is_finite());
}

/// The demand-response scenario in a folder of its own.
fn demand(made: &RtsShortages) -> crate::input::DemandScenario {
    let out = tempfile::tempdir().unwrap();
    let scenario = crate::load(&made.write(&out.path().join("days")).unwrap()).unwrap();
    let crate::System::DemandResponse(demand) = scenario.system else { panic!("another mechanism") };
    *demand
}

#[test]
fn shortages_are_those_of_the_worst_hour() {
    let folder = folder(|_, text| Some(text));
    let made = rts_shortages(folder.path()).unwrap();
    let table = rows(&made.shortages);
    assert_eq!(
        table.iter().map(|row| row[0]).collect::<Vec<_>>(),
        ["2021-02-27", "2021-02-28", "2021-03-01", "2021-03-02"]
    );
    for (day, row) in table.iter().enumerate() {
        // By hand: of area APS half is in the system; the wind of `north` is off by the hour, that of `south` by the period.
        let hour = |hour: usize| {
            let periods = || day * 288 + hour * 12..day * 288 + hour * 12 + 12;
            let south: f64 = periods().map(|p| 2.0 * wobble(p)).sum::<f64>() / 12.0;
            let wind = 3.0 + 5.0 * wobble(day * 24 + hour) + south;
            (0.5 * 4.0 * wobble(day * 24 + hour + 500), wind)
        };
        let worst =
            (0..24).max_by(|a, b| (hour(*a).0 - hour(*a).1).total_cmp(&(hour(*b).0 - hour(*b).1))).unwrap();
        assert_eq!(row[1], (worst + 1).to_string());
        let (load, wind) = hour(worst);
        for (found, expected) in row[2..].iter().zip([load, wind, (load - wind).max(0.0)]) {
            // The table is rounded to 1e-4.
            assert!((found.parse::<f64>().unwrap() - expected).abs() < 0.51e-4, "{row:?}, not {expected}");
        }
    }
    let demand = demand(&made);
    assert_eq!((demand.season.days, demand.season.players.len()), (4, 10));
    assert_eq!(demand.season.signals, ["class-1", "class-2", "class-3", "class-4"]);
}

#[test]
fn shortages_need_the_same_days() {
    let short = |name: &str, text: String| {
        let cut = text.lines().filter(|line| !line.starts_with("2021,3,2")).collect::<Vec<_>>().join("\n");
        Some(if name.contains("load_APS") { cut } else { text })
    };
    let problem = rts_shortages(folder(short).path()).unwrap_err();
    assert!(problem.message().contains("2021-03-02 is missing"), "{problem}");
}

#[test]
fn shortages_of_the_real_system() {
    let Some(folder) = real_system() else { return };
    let made = rts_shortages(&folder).unwrap();
    let shortage: Vec<f64> = rows(&made.shortages).iter().map(|row| row[4].parse().unwrap()).collect();
    assert_eq!(shortage.len(), 366);
    // Computed from the files by other means.
    let most = shortage.iter().fold(0.0_f64, |most, x| most.max(*x));
    assert!((most - 2242.33).abs() < 1.0, "{most}");
    assert_eq!(shortage.iter().filter(|x| **x == 0.0).count(), 10);
    assert_eq!(demand(&made).season.days, 366);
}
