//! The file as a whole: head, sections, payment, total.

use vickrey::guarantee::Baseline;

use super::*;
use crate::{PaymentChoice, Scaling, Units, template};

#[test]
fn everything_has_a_place() {
    let scenario = read(&format!(
        "mechanism = \"market\"\ntitle = \"T\"\nseed = 18446744073709551615\n[units]\nquantity = \"MW\"\n[market]\n\
         total = 0\npayment = \"scaled-vcg\"\nscaling = 1.25\nbaseline = \"zero\"\n{TWO}"
    ))
    .unwrap();
    assert_eq!((scenario.title.as_deref(), scenario.seed), (Some("T"), u64::MAX));
    assert_eq!(scenario.units, Units { quantity: "MW".into(), ..Units::default() });
    assert!(scenario.warnings.is_empty());
    let System::Market(market) = scenario.system else { panic!("another mechanism") };
    assert_eq!(market.payment, PaymentChoice::ScaledVcg(Scaling::Fixed(1.25)));
    assert_eq!(market.baseline, Baseline::Zero);
    assert_eq!(market.families, [("quadratic", 2)]);
    assert_eq!(market.market.name(1), "buyer");
}

#[test]
fn defaults() {
    let scenario = read(&format!("mechanism = \"market\"\n{TWO}")).unwrap();
    assert_eq!((scenario.title, scenario.seed, scenario.units), (None, 0, Units::default()));
    let System::Market(market) = scenario.system else { panic!("another mechanism") };
    assert_eq!((market.payment, market.baseline), (PaymentChoice::Vcg, Baseline::Autarky));
    assert_eq!(market.market.total(), 0.0);
}

#[test]
fn payments_by_name() {
    let choice = |rest: &str| market(&format!("mechanism = \"market\"\n[market]\n{rest}\n{TWO}")).payment;
    for payment in [PaymentChoice::Vcg, PaymentChoice::Groves, PaymentChoice::Lagrange] {
        assert_eq!(choice(&format!("payment = \"{}\"", payment.name())), payment);
    }
    for scaling in [Scaling::LowEnd, Scaling::HighEnd, Scaling::MinMax, Scaling::MinMaxRatio] {
        let text = format!("payment = \"scaled-vcg\"\nscaling = \"{}\"", scaling.name().unwrap());
        assert_eq!(choice(&text), PaymentChoice::ScaledVcg(scaling));
    }
}

#[test]
fn unusual_factors_are_warned_about() {
    for c in ["-0.5", "11"] {
        let text =
            format!("mechanism = \"market\"\n[market]\npayment = \"scaled-vcg\"\nscaling = {c}\n{TWO}");
        let warnings = read(&text).unwrap().warnings;
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains(&format!("scaling = {c}")), "{warnings:?}");
    }
}

#[test]
fn the_template_and_the_examples_clear() {
    read(template("market").unwrap()).unwrap();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for name in ["four-agents", "mixed", "operator-blocks", "procurement"] {
        let path = examples.join(format!("{name}.toml"));
        let scenario = load(&path).unwrap_or_else(|problem| panic!("{}", shown(&problem)));
        let System::Market(market) = scenario.system else { panic!("another mechanism") };
        vickrey::market::settle(&market.market).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn the_hash_covers_every_byte() {
    let hash =
        |toml: &[u8], csv: &[u8]| load_files(&[("scenario.toml", toml), ("agents.csv", csv)]).unwrap().hash;
    let csv = b"name,utility,a,b\nx,quadratic,-1,1\ny,quadratic,-1,3\n".as_slice();
    let same = hash(WITH_AGENTS, csv);
    assert_eq!(same.len(), 64);
    assert_eq!(same, hash(WITH_AGENTS, csv));
    assert_ne!(same, hash(WITH_AGENTS, &[csv, b"#\n"].concat()));
    assert_ne!(same, hash(&[WITH_AGENTS, b"#\n"].concat(), csv));
}

#[test]
fn a_mechanism_is_needed_and_must_be_known() {
    assert_eq!(
        lines(&read("[market]\n").unwrap_err()),
        [
            "1:1 `mechanism` is missing | begin the file with mechanism = \"market\"; accepted: `market`, `linear-quadratic`, `pivot`, `two-stage`, `demand-response`, `dual-decomposition`, `consensus`"
        ]
    );
    assert_eq!(
        lines(&read("mechanism = \"markt\"\nnonsense = 1").unwrap_err()),
        [
            "1:13 scenario: `mechanism` is \"markt\" | did you mean `market`? accepted: `market`, `linear-quadratic`, `pivot`, `two-stage`, `demand-response`, `dual-decomposition`, `consensus`"
        ]
    );
    assert_eq!(
        lines(&read("mechanism = 1").unwrap_err())[0].split(" | ").next().unwrap(),
        "1:13 scenario: `mechanism` is the number 1, accepted is one of `market`, `linear-quadratic`, `pivot`, `two-stage`, `demand-response`, `dual-decomposition`, `consensus`"
    );
    assert_eq!(
        template("mrket").unwrap_err().help().unwrap(),
        "did you mean `market`? accepted: `market`, `linear-quadratic`, `pivot`, `two-stage`, `demand-response`, `dual-decomposition`, `consensus`"
    );
    assert!(crate::schema(Some("x")).is_err());
}

#[test]
fn all_mistakes_of_syntax_are_reported() {
    let found = lines(&read("mechanism = \"market\"\n[market\nx = = 3\n").unwrap_err());
    assert_eq!(found[0], "2:8 not valid TOML: unclosed table, expected `]`");
    assert!(found[1].starts_with("3:5 not valid TOML: extra `=`"), "{found:?}");
    assert!(said("title = \"a\"\ntitle = \"b\"\n")[0].starts_with("3:1 not valid TOML: duplicate key"));
}

#[test]
fn unknown_keys_are_reported_all_at_once_with_the_nearest() {
    let found =
        said(&format!("titel = \"x\"\ntotal = 3\n[units]\nmass = \"kg\"\n[market]\npaymnt = \"vcg\"\n{TWO}"));
    assert_eq!(
        found,
        [
            "2:1 scenario: `titel` is not a key here | did you mean `title`? accepted: `mechanism`, `title`, `seed`, \
             `units`, `market`, `tables`, `agents`",
            "3:1 scenario: `total` is not a key here | `total` belongs to [market]; accepted here: `mechanism`, \
             `title`, `seed`, `units`, `market`, `tables`, `agents`",
            "5:1 [units]: `mass` is not a key here | accepted: `quantity`, `price`, `money`",
            "7:1 [market]: `paymnt` is not a key here | did you mean `payment`? accepted: `total`, `payment`, \
             `scaling`, `baseline`",
        ]
    );
}

#[test]
fn wrong_types_and_words() {
    let found = said(&format!(
        "title = 3\nseed = -1\nunits = \"MW\"\n[market]\ntotal = \"0\"\npayment = \"scaled-vcq\"\nbaseline = true\n{TWO}"
    ));
    let starts = [
        "2:9 scenario: `title` is the number 3, accepted is a text in quotes",
        "3:8 scenario: `seed` is the number -1, accepted is a whole number from 0 to 18446744073709551615",
        "4:9 scenario: `units` is the text \"MW\", accepted is a section, written [units]",
        "6:9 [market]: `total` is the text \"0\", accepted is a finite number",
        "7:11 [market]: `payment` is \"scaled-vcq\" | did you mean `scaled-vcg`? accepted: `vcg`",
        "8:12 [market]: `baseline` is true, accepted is one of `autarky`, `zero`",
    ];
    assert_eq!(found.len(), starts.len(), "{found:?}");
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{found}");
    }
    for seed in ["1.0", "1e3", "\"1\"", "2000-01-01", "99999999999999999999"] {
        assert!(said(&format!("seed = {seed}\n{TWO}"))[0].starts_with("2:8 scenario: `seed` is"));
    }
}

#[test]
fn scaling_belongs_to_scaled_vcg_and_to_nothing_else() {
    let market = |rest: &str| said(&format!("[market]\n{rest}\n{TWO}"));
    assert!(
        market("payment = \"scaled-vcg\"")[0]
            .starts_with("3:11 [market]: payment = \"scaled-vcg\" needs `scaling`")
    );
    assert!(
        market("scaling = 1.0")[0].starts_with("3:1 [market]: `scaling` is given, but the payment is `vcg`")
    );
    let scaled = |c: &str| market(&format!("payment = \"scaled-vcg\"\nscaling = {c}"));
    assert!(
        scaled("nan")[0]
            .starts_with("4:11 [market]: `scaling` is the number nan, accepted is a finite number")
    );
    assert!(scaled("-inf")[0].contains("the number -inf"));
    assert!(scaled("1e300")[0].contains("accepted is a number of size at most 1e15"));
    assert!(scaled("\"min-mox\"")[0].contains("did you mean `min-max`?"));
}

#[test]
fn totals() {
    let total = |total: &str| said(&format!("[market]\ntotal = {total}\n{TWO}"));
    for word in ["nan", "inf", "1e400"] {
        assert!(
            total(word)[0].contains(&format!("`total` is the number {word}, accepted is a finite number"))
        );
    }
    assert!(
        total("1e16")[0].starts_with("3:9 total: found 1e16")
            || total("1e16")[0].starts_with("3:9 total: found 1")
    );
    let fixed = |total: &str| {
        said(&format!(
            "[market]\ntotal = {total}\n[[agents]]\nname = \"x\"\nutility = \"fixed\"\nquantity = 3\n\
             [[agents]]\nname = \"y\"\nutility = \"quadratic\"\na = -1\nb = 1\nlow = -1\nhigh = 1\n"
        ))
    };
    assert!(
        fixed("5")[0].starts_with("3:9 the quantities cannot add up to 5: the agents' limits allow 2 to 4")
    );
    assert!(fixed("1.5")[0].starts_with("3:9 the quantities cannot add up to 1.5"));
}

#[test]
fn two_agents_at_least() {
    assert!(said("")[0].contains("a market needs at least 2 agents, found 0"));
    assert!(said("agents = []\n")[0].contains("found 0"));
    assert!(said("[[agents]]\nname = \"x\"\nutility = \"fixed\"\nquantity = 0\n")[0].contains("found 1"));
    assert!(said("agents = 3\n")[0].contains("accepted is a list of tables, each written [[agents]]"));
    assert!(said("agents = [3]\n")[0].contains("`agents` is the number 3"));
}

#[test]
fn files_that_cannot_be_read() {
    let missing = load(Path::new("/nowhere/at-all.toml")).unwrap_err();
    assert!(missing.message().starts_with("cannot read `/nowhere/at-all.toml`: "));
    assert_eq!(missing.to_json()["file"], "/nowhere/at-all.toml");
    assert!(load(Path::new("/")).unwrap_err().message().starts_with("cannot read `/`: "));
    let found = said_of(&[("scenario.toml", b"mechanism = \"market\"\ntitle = \"\xff\"\n")]);
    assert_eq!(
        found,
        [
            "2:10 `scenario.toml` is not UTF-8 text: found the byte 0xff in line 2, column 10, 30 bytes from the \
             beginning of the file | accepted: TOML in UTF-8; save it again with that encoding"
        ]
    );
}

#[test]
fn more_than_twenty_problems_are_counted() {
    let keys: String = (0..50).map(|k| format!("key-{k} = 1\n")).collect();
    let problem = read(&format!("mechanism = \"market\"\n{keys}{TWO}")).unwrap_err();
    assert_eq!(problem.message(), "50 problems in test.toml");
    assert_eq!(problem.help(), Some("the first 20 are shown"));
    assert_eq!(problem.related().len(), 20);
}

#[test]
fn text_with_byte_order_mark_and_windows_line_ends() {
    let text = format!("\u{feff}mechanism = \"market\"\r\n{}", TWO.replace('\n', "\r\n"));
    assert!(read(&text).is_ok());
}
