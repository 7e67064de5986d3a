use std::fmt::Write as _;

use super::{Case, Convexity, Cost, MatpowerError, parse};

/// Three generators, one of them out of service, at three buses.
const SMALL: &str = "\
function mpc = three_bus
%THREE_BUS  written for these tests; not a real grid, and 100% harmless
mpc.version = '2';
mpc.baseMVA = 100;
%% bus
mpc.bus = [
\t1\t3\t0\t0\t0\t0\t1\t1\t0\t230\t1\t1.1\t0.9;
\t2\t1\t80.5\t10\t0\t0\t1\t1\t0\t230\t1\t1.1\t0.9;\t% the town
\t7\t1\t-3\t0\t0\t0\t1\t1\t0\t230\t1\t1.1\t0.9;
];
mpc.gen = [
\t1\t0\t0\tInf\t-Inf\t1\t100\t1\t90\t10;
\t2\t0\t0\t9\t-9\t1\t100\t1\t60\t0;
\t7\t0\t0\t9\t-9\t1\t100\t0\t20\t5;
];
mpc.branch = [ 1 2 0 0.1; 2 7 0 0.1 ];
mpc.gencost = [
\t2\t15\t5\t3\t0.02\t12\t100\t0;
\t1\t0\t0\t3\t0\t0\t30\t300\t60\t900;
\t2\t0\t0\t2\t20\t0\t0\t0\t0\t0;
];
mpc.bus_name = { 'it''s; one'; \"two % }\"; 'three' };
";

fn small() -> Case {
    parse(SMALL).expect("the small case is valid")
}

fn changed(from: &str, to: &str) -> Result<Case, MatpowerError> {
    assert!(SMALL.contains(from), "{from}");
    parse(&SMALL.replacen(from, to, 1))
}

/// The message for the small case with one change.
fn message(from: &str, to: &str) -> String {
    changed(from, to).map_or_else(|error| error.to_string(), |_| "accepted".into())
}

/// The message for the small case with statements added at its end.
fn message_after(statements: &str) -> String {
    let text = format!("{SMALL}{statements}\n");
    parse(&text).map_or_else(|error| error.to_string(), |_| "accepted".into())
}

#[test]
fn reads_the_small_case() {
    let case = small();
    assert_eq!(case.name, "three_bus");
    assert_eq!(case.base_mva, 100.0);
    let loads: Vec<_> = case.buses.iter().map(|b| (b.number, b.load)).collect();
    assert_eq!(loads, [(1, 0.0), (2, 80.5), (7, -3.0)]);
    assert_eq!(case.buses[1].line, 8);
    let first = &case.generators[0];
    assert_eq!((first.index, first.bus, first.line), (1, 1, 12));
    assert_eq!((first.p_min, first.p_max), (10.0, 90.0));
    assert_eq!((first.startup, first.shutdown), (15.0, 5.0));
    assert_eq!(first.cost, Cost::Polynomial(vec![0.02, 12.0, 100.0]));
    let points = vec![(0.0, 0.0), (30.0, 300.0), (60.0, 900.0)];
    assert_eq!(case.generators[1].cost, Cost::Piecewise(points));
    assert!(first.in_service && !case.generators[2].in_service);
    assert_eq!(
        case.notes,
        [
            "field `branch` (line 16) is not used",
            "field `bus_name` (line 22) is not used",
            "generator 3 (row 3) is out of service",
        ]
    );
}

#[test]
fn accepts_other_ways_to_write_the_same() {
    let expected = small();
    let same = |text: &str| {
        let mut case = parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        for (bus, other) in case.buses.iter_mut().zip(&expected.buses) {
            bus.line = other.line;
        }
        for (generator, other) in case.generators.iter_mut().zip(&expected.generators) {
            generator.line = other.line;
        }
        assert_eq!(case.buses, expected.buses, "{text}");
        assert_eq!(case.generators, expected.generators, "{text}");
    };
    same(&SMALL.replace("\t% the", " % the").replace('\t', " , ").replace("\n ,", "\n"));
    same(&SMALL.replace('\n', "\r\n"));
    same(&SMALL.replace('\n', "\r"));
    same(&SMALL.replace(";\n\t", "\n\t"));
    same(&SMALL.replace("\t80.5\t", "\t8.05E+1 ... the load\n\t"));
    same(&SMALL.replace("\t80.5\t", "\t+805.d-1\t"));
    same(&SMALL.replace("mpc", "s").replace("'2'", "\"2\""));
    same(&SMALL.replace("function mpc =", "function [ mpc ]="));
    same(&SMALL.replace("mpc.gen = [\n", "mpc.gen=[\n%{\n] ' (\n%{\n%}\n%}\n\n"));
    same(&format!("\u{feff}% preface\n\n{SMALL}end\n"));
    same(SMALL.trim_end());
}

#[test]
fn skips_what_cannot_change_the_case() {
    for statements in [
        "x = mpc.bus(:, 3)'; y = x';",
        "define_constants; warning off 'all'; disp('mpc.bus = [1]');",
        "[PQ, PV] = idx_bus;",
        "mpc.branch(:, 3) = mpc.branch(:, 3) / mpc.baseMVA;",
        "mpc.dcline = [ 1 2 1 -Inf Inf NaN ];",
        "if nargin > 0, x = mpc.baseMVA; else fprintf('%d', 3); end",
        "for i = 1:size(mpc.bus, 1)\n y(i) = 3;\nend",
        "if a == 3 || a ~= 4\n  mpc.note = {'x'};\nend",
        "end\nfunction y = other(x)\ny = x;\nend",
        "function y = other(x)\ny = x;",
        "return\nx = 3;",
        "error('never closed [')",
    ] {
        assert_eq!(message_after(statements), "accepted", "{statements}");
    }
}

#[test]
fn refuses_what_may_change_the_case() {
    for statements in [
        "mpc.bus(:, 3) = mpc.bus(:, 3) / 1e3;",
        "x = 1; mpc.gen(1, 9) = 3;",
        "mpc.gencost(:, 5) = [];",
        "mpc.gen = [mpc.gen; mpc.gen];",
        "mpc.baseMVA = 50;",
        "mpc.baseMVA += 5;",
        "mpc.baseMVA++",
        "mpc.gen.x = 5;",
        "mpc.('bus') = 5;",
        "mpc(1).bus = 5;",
        "mpc . bus = 5;",
        "mpc = scale_load(2, mpc);",
        "[mpc.gen, x] = deal(1);",
        "[x, mpc] = f(mpc);",
        "global mpc = 3",
        "x = mpc.bus = 3;",
        "f(mpc.bus = 3);",
        "(mpc.bus) = 3",
        "x = a '; mpc.bus(1, 3) = b ';",
        "eval('mpc.bus(1, 3) = 5;');",
        "x = 'a'; evalin(x, y)",
        "my_script",
        "run('my_script.m')",
        "load my_case",
        "if 1, mpc.bus(1, 3) = 4; end",
        "if (1) mpc.bus(1, 3) = 4; end",
        "if 1\nmpc.baseMVA = 4;\nend",
        "if~x\nmpc.baseMVA = 4;\nend",
        "for mpc.bus = 1:3, end",
        "for i = 1:3 mpc.bus(i, 3) = i; end",
        "if 1 return; end",
        "if 1\nreturn\nend",
        "return; mpc.bus(1, 3) = 0;",
        "end\nmpc.bus(1, 3) = 0;",
        "function nested\nmpc.bus(1, 3) = 0;\nend\nend",
        "if 1",
    ] {
        let message = message_after(statements);
        assert!(message.starts_with("line 2"), "{statements}: {message}");
    }
}

/// A change of one value and how the message begins.
const WRONG_VALUES: [(&str, &str, &str); 26] = [
    ("\t90\t", "\tInf\t", "line 12: gen row 1, column 9 (Pmax): found `Inf`, a finite"),
    ("\t90\t", "\t9e99\t", "line 12: gen row 1, column 9 (Pmax): found `9e99`, a number of at"),
    ("\t90\t10", "\t90\t91", "line 12: gen row 1, column 10 (Pmin): found `91`, a Pmin of"),
    ("\t80.5\t", "\tNaN\t", "line 8: bus row 2, column 3 (Pd): found `NaN`, a finite"),
    ("\t80.5\t", "\t80,,5\t", "line 8: bus row 2, column 4 (Qd): found `,`, a number"),
    ("\t80.5\t", "\t'80'\t", "line 8: bus row 2, column 3 (Pd): found `'80'`, a number"),
    ("\t80.5\t", "\tx(3)\t", "line 8: bus row 2, column 3 (Pd): found `x`, a number"),
    ("\t80.5\t", "\t80 - 5\t", "line 8: bus row 2, column 4 (Qd): found `-`, a number"),
    ("\t80.5\t", "\t80.5'\t", "line 8: bus row 2, column 4 (Qd): found `'`, a number"),
    ("\t80.5\t", "\tinfinity\t", "line 8: bus row 2, column 3 (Pd): found `infinity`, a"),
    ("\t80.5\t", "\t", "line 8: bus row 2: found 12 columns, 13 columns or more"),
    ("\t9\t-9", "\t9 1\t-9", "line 13: gen row 2: found 11 columns, 10 columns as in"),
    ("\t7\t1\t-3", "\t2\t1\t-3", "line 9: bus row 3, column 1 (bus_i): found `2`, a number that"),
    ("\t7\t1\t-3", "\t7.5\t1\t-3", "line 9: bus row 3, column 1 (bus_i): found `7.5`, a whole"),
    ("\t7\t1\t-3", "\t7\t5\t-3", "line 9: bus row 3, column 2 (type): found `5`, a whole"),
    ("\t7\t0", "\t8\t0", "line 14: gen row 3, column 1 (bus): found `8`, the number of a bus"),
    ("2\t15", "3\t15", "line 18: gencost row 1, column 1 (model): found `3`, 1 (piece"),
    ("5\t3\t0", "5\t5\t0", "line 18: gencost row 1, column 4 (n): found `5`, a count of at"),
    ("5\t3\t0", "5\t0\t0", "line 18: gencost row 1, column 4 (n): found `0`, a whole number"),
    ("0\t3\t0", "0\t1\t0", "line 19: gencost row 2, column 4 (n): found `1`, a whole number"),
    ("\t60\t900", "\t30\t900", "line 19: gencost row 2, column 9: found `30`, a point at more"),
    ("\t900", "\tInf", "line 19: gencost row 2, column 10: found `Inf`, a finite"),
    ("\t900;\n", "\t900\n%", "line 17: gencost has 2 rows for 3 generators, 3 rows, or 6"),
    ("= 100;", "= 0;", "line 4: baseMVA: found `0`, a number above 0"),
    ("= 100;", "= 2 * 50;", "line 4: baseMVA: found `*`, one number"),
    ("= 100;", "= ;", "line 4: baseMVA has no value, one number"),
];

#[test]
fn names_the_place_of_a_wrong_value() {
    let error = changed("\t90\t10;", "\tabc\t10;").expect_err("no number");
    assert_eq!((error.line, error.column), (12, Some(25)));
    assert_eq!(error.to_string(), "line 12: gen row 1, column 9 (Pmax): found `abc`, a number is accepted");
    for (from, to, expected) in WRONG_VALUES {
        let message = message(from, to);
        assert!(message.starts_with(expected), "{expected}\n{message}");
    }
}

/// A change of the small case and how the message begins.
const WRONG_FILES: [(&str, &str, &str); 15] = [
    ("three_bus\n", "\n", "line 1: the function line is not complete, a version 2"),
    ("function mpc", "function [baseMVA, bus]", "line 1: the function returns several"),
    ("mpc = three_bus", "three_bus", "line 1: the function returns nothing"),
    ("'2'", "'1'", "line 3: the version of the case is `'1'`, a version 2 case"),
    ("mpc.version", "mpc.x", "line 22: the file ends without a version, a version 2"),
    ("mpc.gencost", "mpc.cost", "line 22: the file ends without gencost, a complete"),
    ("% the town", "\u{0}", "line 8: found the control character `\\u{0}`, a plain text"),
    ("];\nmpc.gen ", "\nmpc.gen ", "line 6: `[` is opened here and never closed, a complete"),
    ("];\nmpc.gen ", "};\nmpc.gen ", "line 10: found `}`, but `[` of line 6 is open"),
    ("];\nmpc.gen ", "]];\nmpc.gen ", "line 10: found `]`, but no bracket is open"),
    ("];\nmpc.gen ", "]';\nmpc.gen ", "line 10: found `'` after the matrix of table bus"),
    ("'three'", "'three", "line 22: the quote `'` is opened here and not closed in this"),
    ("mpc.branch = [", "%{\n[", "line 16: the block comment opened here is never closed"),
    ("mpc.branch =", "mpc.bus =", "line 16: `mpc.bus` is given again, first in line 6"),
    ("mpc.gen = [", "mpc.gen = zeros(3); x = [", "line 11: table gen begins with `zeros`"),
];

#[test]
fn names_what_is_wrong_with_the_file() {
    for (from, to, expected) in WRONG_FILES {
        let message = message(from, to);
        assert!(message.starts_with(expected), "{expected}\n{message}");
    }
    for text in ["", "\n\n", "% only a comment", "%PDF-1.4\n\u{1}", "name,load\na,3\n", "\u{feff}"] {
        let error = parse(text).expect_err("no case");
        assert!(error.line >= 1, "{error}");
    }
}

#[test]
fn notes_name_what_is_left_out() {
    let text = SMALL
        .replace("\t7\t1\t-3", "\t7\t4\t-3")
        .replace("\t100\t0\t20", "\t100\t1\t20")
        .replace("\t80.5\t10\t0", "\t80.5\t10\t1.5")
        .replace("0\t0\t0;\n];", "0\t0\t0;\n2 0 0 1 0\n2 0 0 1 0\n2 0 0 1 0 ];");
    let case = parse(&text).expect("valid");
    assert!(case.buses[2].isolated);
    assert_eq!(
        case.notes[2..],
        [
            "bus 7 (row 3) with a load of -3 MW is isolated",
            "shunt conductance (Gs) at 1 buses, 1.5 MW at nominal voltage, is not part of the load",
            "gencost rows 4 to 6, costs of reactive power, are not used",
            "generator 3 (row 3) is in service at the isolated bus 7",
        ]
    );
}

#[test]
fn values_and_marginal_costs() {
    let square = Cost::Polynomial(vec![0.5, 2.0, 7.0]);
    assert_eq!((square.value(4.0), square.marginal(4.0)), (23.0, 6.0));
    let lines = Cost::Piecewise(vec![(0.0, 5.0), (10.0, 25.0), (20.0, 65.0)]);
    let values: Vec<_> = [-1.0, 0.0, 5.0, 10.0, 15.0, 20.0, 21.0]
        .iter()
        .map(|&p| (lines.value(p), lines.marginal(p)))
        .collect();
    let expected = [(3.0, 2.0), (5.0, 2.0), (15.0, 2.0), (25.0, 4.0), (45.0, 4.0), (65.0, 4.0), (69.0, 4.0)];
    assert_eq!(values, expected);
    // Only code can make these; they have to be harmless all the same.
    assert_eq!(Cost::Piecewise(vec![(3.0, 8.0)]).value(9.0), 8.0);
    assert!(Cost::Piecewise(vec![]).value(9.0).is_nan());
    assert_eq!(Cost::Polynomial(vec![]).value(9.0), 0.0);
    assert_eq!(Cost::Polynomial(vec![]).marginal(9.0), 0.0);
}

#[test]
fn shapes_of_cost_curves() {
    let polynomial = |c: &[f64]| Cost::Polynomial(c.to_vec());
    assert_eq!(polynomial(&[]).convexity(), Convexity::Linear);
    assert_eq!(polynomial(&[0.0, 3.0, 1.0]).convexity(), Convexity::Linear);
    assert_eq!(polynomial(&[1e-9, 3.0, 1.0]).convexity(), Convexity::Convex);
    let falling = polynomial(&[-1.0, 3.0, 1.0]);
    assert!(matches!(falling.convexity(), Convexity::Concave { at: 0.0, .. }));
    let on_range = falling.convexity_on(5.0, 7.0);
    assert_eq!(on_range, Convexity::Concave { at: 5.0, drop: 4.0 });
    assert_eq!(falling.convexity_on(5.0, 5.0), Convexity::Linear);
    // (p - 2)^3 bends at 2; a fourth power has a flat place but no bend.
    let cubic = polynomial(&[1.0, -6.0, 12.0, -8.0]);
    assert!(matches!(cubic.convexity(), Convexity::Nonconvex { at, .. } if at == 2.0));
    assert_eq!(cubic.convexity_on(2.0, 9.0), Convexity::Convex);
    assert_eq!(cubic.convexity_on(0.0, 3.0), Convexity::Nonconvex { at: 0.0, drop: 12.0 });
    let fourth = polynomial(&[1.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(fourth.convexity(), Convexity::Convex);
    // Second derivative 12 (p - 1) (p - 3).
    let bent = polynomial(&[1.0, -8.0, 18.0, 0.0, 0.0]);
    match bent.convexity() {
        Convexity::Nonconvex { at, drop } => {
            assert!((at - 1.0).abs() < 1e-9 && (drop - 16.0).abs() < 1e-6, "{at} {drop}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(bent.convexity_on(3.5, f64::INFINITY), Convexity::Convex);
    assert_eq!(bent.convexity_on(f64::NAN, 0.5), Convexity::Convex);
}

#[test]
fn shapes_of_piecewise_costs() {
    let through = |slopes: &[f64]| {
        let mut points = vec![(0.0, 1.0)];
        for slope in slopes {
            let (x, y) = points[points.len() - 1];
            points.push((x + 0.1, y + 0.1 * slope));
        }
        Cost::Piecewise(points)
    };
    assert_eq!(through(&[3.0]).convexity(), Convexity::Linear);
    assert_eq!(through(&[3.0, 3.0, 3.0]).convexity(), Convexity::Linear);
    assert_eq!(through(&[1.0, 1.0, 2.0]).convexity(), Convexity::Convex);
    assert!(matches!(
        through(&[3.0, 2.0]).convexity(),
        Convexity::Concave { at, drop } if at == 0.1 && (drop - 1.0).abs() < 1e-9
    ));
    assert!(matches!(
        through(&[3.0, 2.9, 1.0, 7.0]).convexity(),
        Convexity::Nonconvex { at, drop } if at == 0.2 && (drop - 1.9).abs() < 1e-9
    ));
    assert_eq!(through(&[3.0, 2.0, 4.0]).convexity_on(0.1, 0.4), Convexity::Convex);
}

/// Damaged files must give a case or an error, and no panic.
#[test]
fn survives_damage() {
    for end in 0..SMALL.len() {
        if let Err(error) = parse(&SMALL[..end]) {
            assert!(error.line >= 1 && error.line <= 23, "{error}");
        }
    }
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below
    };
    const PIECES: [&str; 16] = [
        "[", "]", "'", "%{\n", "...", ";", "\n", "=", "-", "e9", "end\n", "mpc.bus", "é", "1e400", "\t",
        "if ",
    ];
    for _ in 0..20_000 {
        let mut bytes = SMALL.as_bytes().to_vec();
        for _ in 0..=random(4) {
            let at = random(bytes.len());
            match random(3) {
                0 => bytes[at] ^= 1 << random(8),
                1 => drop(bytes.drain(at..(at + random(40)).min(bytes.len()))),
                _ => drop(bytes.splice(at..at, PIECES[random(PIECES.len())].bytes())),
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(case) = parse(&text) {
            assert!(case.generators.iter().all(|g| g.p_min <= g.p_max));
            for generator in &case.generators {
                let _ = generator.cost.convexity();
            }
        }
    }
}

/// Numbers of a case on one line.
fn summary(case: &Case) -> String {
    let load: f64 = case.buses.iter().map(|bus| bus.load).sum();
    let negative = case.buses.iter().filter(|bus| bus.load < 0.0).count();
    let isolated = case.buses.iter().filter(|bus| bus.isolated).count();
    let on: Vec<_> = case.generators.iter().filter(|g| g.in_service).collect();
    let piecewise = on.iter().filter(|g| matches!(g.cost, Cost::Piecewise(_))).count();
    let above = on.iter().filter(|g| g.p_min > 0.0).count();
    let fixed = on.iter().filter(|g| g.p_min == g.p_max).count();
    let mut shapes = [0; 4];
    for generator in &on {
        match generator.cost.convexity() {
            Convexity::Linear => shapes[0] += 1,
            Convexity::Convex => shapes[1] += 1,
            Convexity::Concave { .. } => shapes[2] += 1,
            Convexity::Nonconvex { .. } => shapes[3] += 1,
        }
    }
    let (low, high) = on.iter().fold((0.0, 0.0), |(low, high), g| (low + g.p_min, high + g.p_max));
    let mut text = String::new();
    let _ = write!(
        text,
        "{}: buses {}, load {load:.3} ({negative} negative, {isolated} isolated), generators {} of \
         {}, piecewise {piecewise}, linear/convex/concave/nonconvex {shapes:?}, Pmin > 0 {above}, \
         Pmin = Pmax {fixed}, sum Pmin {low:.3}, sum Pmax {high:.3}",
        case.name,
        case.buses.len(),
        on.len(),
        case.generators.len(),
    );
    text
}

/// Reads every case in the folder named by VICKREY_MATPOWER_DIR.
#[test]
fn reads_real_cases() {
    let Some(folder) = std::env::var_os("VICKREY_MATPOWER_DIR") else {
        println!("skipped: VICKREY_MATPOWER_DIR does not name a folder with MATPOWER cases");
        return;
    };
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry can be read").path())
        .filter(|path| path.extension().is_some_and(|end| end == "m"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "the folder holds no *.m file");
    for path in files {
        let bytes = std::fs::read(&path).expect("the file can be read");
        let text = String::from_utf8_lossy(&bytes);
        let case = parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        println!("{}", summary(&case));
        for generator in &case.generators {
            if let Convexity::Concave { at, drop } | Convexity::Nonconvex { at, drop } =
                generator.cost.convexity()
            {
                println!("  generator {}: falls by {drop} $/MWh at {at} MW", generator.index);
            }
        }
        let others = case.notes.iter().filter(|note| !note.contains("out of service"));
        others.for_each(|note| println!("  {note}"));
    }
}
