//! Agents and blocks in CSV and Parquet.

use std::sync::Arc;

use arrow_array::types::Int8Type;
use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, Float32Array, Float64Array, Int64Array, LargeStringArray,
    NullArray, RecordBatch, StringArray, StringViewArray,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::*;
use vickrey::market::Shape;

const GOOD: &str = "name,utility,a,b\nx,quadratic,-1,1\ny,quadratic,-1,3\n";

fn of(files: &[(&str, &[u8])]) -> MarketScenario {
    let scenario = load_files(files).unwrap_or_else(|problem| panic!("{}", shown(&problem)));
    let System::Market(market) = scenario.system else { panic!("another mechanism") };
    market
}

fn of_agents(csv: &str) -> MarketScenario {
    of(&[("scenario.toml", WITH_AGENTS), ("agents.csv", csv.as_bytes())])
}

#[test]
fn agents_of_every_family() {
    let market = of_agents(
        "# a comment\n high , name,utility,a,b,low,weight,shift,exponent,linear,ceiling,rate,quantity,idle-value\n\n\
         5, q ,quadratic,-1,2,-3,,,,,,,,\r\n\
         ,\"l, quoted\",log,,,,2,1,,,,,,\n   \n\
         # another\n,p,power,,,,2,1,0.5,0.25,,,,\n,e,exponential,,,,,,,,3,2,,\n,f,fixed,,,,,,,,,,-7,-1.5\n",
    );
    let names: Vec<_> = (0..5).map(|k| market.market.name(k).into_owned()).collect();
    assert_eq!(names, ["q", "l, quoted", "p", "e", "f"]);
    let [q, l, p, e, f] = [0, 1, 2, 3, 4].map(|k| market.market.utility(k));
    assert_eq!((q.low(), q.high()), (-3.0, 5.0));
    assert!(matches!(l.shape(), Shape::Log { weight: 2.0, shift: 1.0, linear: 0.0 }));
    assert!(matches!(p.shape(), Shape::Power { linear: 0.25, .. }));
    assert!(matches!(e.shape(), Shape::Exponential { ceiling: 3.0, rate: 2.0 }));
    assert_eq!((f.low(), f.idle_value()), (-7.0, -1.5));
}

#[test]
fn inline_agents_come_first_and_agents_of_blocks_last() {
    let toml =
        [WITH_BOTH, TWO.as_bytes(), b"[[agents]]\nname = \"z\"\nutility = \"blocks\"\nidle-value = 4\n"]
            .concat();
    let csv = b"name,utility,a,b,idle-value\nx,quadratic,-1,1,\nb,blocks,,,-2\n";
    let blocks = b"agent,side,quantity,price\nnew,sell,1,9\nb,buy,2,5\nb,sell,1,6\nz,buy,1,1\nnew,sell,1,8\nb,buy,1,4\n";
    let market = of(&[("scenario.toml", &toml), ("agents.csv", csv), ("blocks.csv", blocks)]);
    let names: Vec<_> = (0..market.market.len()).map(|k| market.market.name(k).into_owned()).collect();
    assert_eq!(names, ["seller", "buyer", "z", "x", "b", "new"]);
    let b = market.market.utility(4);
    assert_eq!((b.low(), b.high(), b.value(3.0), b.idle_value()), (-1.0, 3.0, 12.0, -2.0));
    assert_eq!((market.market.utility(2).idle_value(), market.market.utility(5).low()), (4.0, -2.0));
    assert_eq!(market.families, [("quadratic", 3), ("blocks", 3)]);
}

#[test]
fn byte_order_mark_and_windows_line_ends() {
    assert_eq!(of_agents(&format!("\u{feff}{}", GOOD.replace('\n', "\r\n"))).market.len(), 2);
    let found = said_of_agents("\u{feff}name,utility,a,b\r\n\r\nx,quadratic,-1,?\r\ny,quadratic,-1,3\r\n");
    assert_eq!(found, ["3:16 agents.csv, line 3, column `b`: found `?`, accepted is a finite number"]);
}

#[test]
fn cells_that_cannot_be_used() {
    let found = said_of_agents(
        "name,utility,a,b,low\nx,quadratic,-1,2,\n# comment\n\ny,quadratic,abc,NaN,\nz,quadratc,-1,1,\nw,quadratic,1,inf,-1e999\n\
         v,quadratic,-1\n  ,quadratic,-1,1,\nu,fixed,,3,\nt,points,,,\ns,blocks,,,\nr,,-1,2,\n",
    );
    let place = "agents.csv, line";
    let families = "accepted is one of `quadratic`, `log`, `power`, `exponential`, `blocks`, `fixed`";
    assert_eq!(
        found,
        [
            format!("5:13 {place} 5, column `a`: found `abc`, accepted is a finite number"),
            format!("5:17 {place} 5, column `b`: found `NaN`, accepted is a finite number"),
            format!(
                "6:3 {place} 6, column `utility`: found `quadratc`, {families} | did you mean `quadratic`? accepted: \
                 `quadratic`, `log`, `power`, `exponential`, `blocks`, `fixed`"
            ),
            format!("7:15 {place} 7, column `b`: found `inf`, accepted is a finite number"),
            format!("7:19 {place} 7, column `low`: found `-1e999`, accepted is a finite number"),
            format!(
                "7:13 {place} 7, column `a`: found 1, accepted is a negative number from -1e15 to -1e-12 (strict concavity)"
            ),
            format!("8:1 {place} 8: 3 cells, accepted is 5 cells, one for each column"),
            format!("9:1 {place} 9, column `name`: empty, accepted is the name of an agent"),
            format!(
                "10:1 {place} 10, column `quantity`: empty, but utility `fixed` needs it, accepted is a finite number \
                 | `fixed` needs `quantity`"
            ),
            format!(
                "10:10 {place} 10, column `b`: a value, but utility `fixed` does not take it, accepted is an empty \
                 cell | `fixed` takes `quantity`, `idle-value`"
            ),
            format!(
                "11:3 {place} 11, column `utility`: found `points`, {families} | points are accepted in [[agents]] of the scenario only"
            ),
            format!(
                "12:3 {place} 12, column `utility`: found `blocks`, but there is no table of blocks | blocks come in \
                 a table of their own: add `blocks` to [tables]"
            ),
            format!("13:3 {place} 13, column `utility`: empty, {families}"),
        ]
    );
}

#[test]
fn columns_that_are_missing_or_not_expected() {
    assert_eq!(
        said_of_agents("nme,utility,a,b,bids,a\n"),
        [
            "1:1 agents.csv: column `nme` is not expected | did you mean `name`? accepted: `name`, `utility`, `a`, `b`, \
             `weight`, `shift`, `linear`, `exponent`, `ceiling`, `rate`, `quantity`, `low`, `high`, `idle-value`",
            "1:17 agents.csv: column `bids` is not expected | blocks go into a table of their own, `blocks` in \
             [tables]; accepted: `name`, `utility`, `a`, `b`, `weight`, `shift`, `linear`, `exponent`, `ceiling`, \
             `rate`, `quantity`, `low`, `high`, `idle-value`",
            "1:13 agents.csv: column `a` appears twice | accepted: each column once",
            "1:1 agents.csv: column `name` is missing | found: `nme`, `utility`, `a`, `b`, `bids`, `a`; accepted: \
             `name`, `utility`, `a`, `b`, `weight`, `shift`, `linear`, `exponent`, `ceiling`, `rate`, `quantity`, \
             `low`, `high`, `idle-value`",
        ]
    );
}

#[test]
fn files_that_are_no_tables() {
    assert!(said_of_agents("")[0].starts_with("agents.csv: the file is empty"));
    for comment in ["# only a comment\n", "# only a comment", "\r# only a comment", " \n"] {
        assert!(said_of_agents(comment)[0].starts_with("agents.csv: the file is empty"), "{comment:?}");
    }
    assert!(said_of_agents("name,utility,a,b\n")[0].contains("a market needs at least 2 agents, found 0"));
    assert_eq!(
        said_of_agents("name;utility;a\nx;quadratic;-1\n"),
        ["1:1 agents.csv: the columns are separated by ';' | accepted: commas, for example name,utility"]
    );
    let utf16: Vec<u8> = GOOD.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let found =
        said_of(&[("scenario.toml", WITH_AGENTS), ("agents.csv", &[b"\xff\xfe", &utf16[..]].concat())]);
    assert!(found[0].starts_with("agents.csv: the first line is not UTF-8 text"), "{found:?}");
    let found = said_of(&[
        ("scenario.toml", WITH_AGENTS),
        ("agents.csv", b"name,utility,a,b\n\xe9,quadratic,-1,1\n"),
    ]);
    assert!(
        found[0].contains("agents.csv, line 2, column `name`: found `\u{fffd}`, which is not UTF-8"),
        "{found:?}"
    );
    let open = said_of_agents("name,utility,a,b\n\"x,quadratic,-1,1\ny,quadratic,-1,3\n");
    assert!(
        open[0].contains("line 2: 1 cell, accepted is 4 cells") && open[0].contains("quotation mark"),
        "{open:?}"
    );
}

#[test]
fn tables_that_are_not_there() {
    assert_eq!(
        said_of(&[("scenario.toml", WITH_BOTH), ("agents.csv", GOOD.as_bytes())]),
        [
            "4:10 cannot read `blocks.csv`: No such file or directory (os error 2) | the path is relative to the folder \
             of the scenario file"
        ]
    );
    let toml = b"mechanism = \"market\"\n[tables]\nagents = \"agents.xlsx\"\nblocks = 3\nagent = \"x.csv\"\n";
    let found = said_of(&[("scenario.toml", toml)]);
    assert!(found[0].starts_with(
        "3:10 `agents.xlsx` is not a table that can be read | accepted: names that end in .csv"
    ));
    assert!(found[1].starts_with("4:10 [tables]: `blocks` is the number 3, accepted is a text in quotes"));
    assert!(found[2].contains("did you mean `agents`?"));
}

#[test]
fn names_shared_between_tables_and_scenario() {
    let toml = [WITH_AGENTS, TWO.as_bytes()].concat();
    let csv = b"name,utility,a,b\nbuyer,quadratic,-1,1\nx,quadratic,-1,1\nx,quadratic,-1,1\n";
    let problem = load_files(&[("scenario.toml", &toml), ("agents.csv", csv)]).unwrap_err();
    let [with_scenario, in_table] = problem.related() else { panic!("{problem:?}") };
    assert_eq!(with_scenario.position(), (Some(2), Some(1)));
    assert_eq!(with_scenario.related()[0].position(), (Some(11), Some(8)));
    assert!(with_scenario.related()[0].file().unwrap().ends_with("scenario.toml"));
    assert_eq!((in_table.position().0, in_table.related()[0].position().0), (Some(4), Some(3)));
}

#[test]
fn blocks_that_cannot_be_used() {
    let place = "blocks.csv, line";
    assert_eq!(
        said_of_blocks("agent,side,quantity,price\nx,bye,1,2\ny,sell,,3\n,buy,1,1\nz,sell,1,x\n"),
        [
            format!("2:3 {place} 2, column `side`: found `bye`, accepted is one of `buy`, `sell`"),
            format!("3:8 {place} 3, column `quantity`: empty, accepted is a finite number"),
            format!("4:1 {place} 4, column `agent`: empty, accepted is the name of an agent"),
            format!("5:10 {place} 5, column `price`: found `x`, accepted is a finite number"),
        ]
    );
    assert_eq!(
        said_of_blocks("agent,side,quantity,price\nx,sell,1,2\ny,buy,5,3\nx,sell,-1,3\ny,sell,1,2\n"),
        [
            format!(
                "4:8 {place} 4, column `quantity`: agent `x`: found -1, accepted is a positive block size"
            ),
            format!(
                "3:9 {place} 3, column `price`: agent `y`: found 3, accepted is a bid price not above the lowest offer price"
            ),
        ]
    );
}

#[test]
fn blocks_of_agents_that_take_none() {
    let toml = [
        WITH_BLOCKS,
        TWO.as_bytes(),
        b"[[agents]]\nname = \"has\"\nutility = \"blocks\"\nbids = [[1, 2]]\n[[agents]]\nname = \"none\"\nutility = \"blocks\"\n",
    ]
    .concat();
    let rows = "agent,side,quantity,price\n";
    let found = said_of(&[
        ("scenario.toml", &toml),
        ("blocks.csv", format!("{rows}buyer,buy,1,1\nhas,buy,1,1\n").as_bytes()),
    ]);
    let help = "accepted: an agent with utility `blocks` and without `bids`, `offers`, or a new one";
    assert_eq!(
        found,
        [
            format!(
                "2:1 blocks.csv, line 2, column `agent`: agent `buyer` has utility `quadratic`, not `blocks` | {help}"
            ),
            format!(
                "3:1 blocks.csv, line 3, column `agent`: agent `has` has its blocks in the scenario file | {help}"
            ),
        ]
    );
    let found = said_of(&[("scenario.toml", &toml), ("blocks.csv", rows.as_bytes())]);
    assert!(found[0].starts_with("20:8 agent `none` has utility `blocks` and no blocks"), "{found:?}");
}

pub(super) fn parquet(columns: Vec<(&str, ArrayRef)>, compression: Compression) -> Vec<u8> {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, c)| (name, c, true)))
            .unwrap();
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

const WITH_PARQUET: &[u8] = b"mechanism = \"market\"\n[tables]\nagents = \"agents.parquet\"\n";

fn quadratics() -> Vec<(&'static str, ArrayRef)> {
    vec![
        ("name", Arc::new(StringArray::from(vec!["x", "y"])) as ArrayRef),
        ("utility", Arc::new(StringArray::from(vec!["quadratic"; 2]))),
        ("a", Arc::new(Float64Array::from(vec![-1.0, -0.1]))),
        ("b", Arc::new(Float64Array::from(vec![1.0, 0.3]))),
    ]
}

#[test]
fn parquet_of_many_types() {
    let names: [ArrayRef; 5] = [
        Arc::new(StringArray::from(vec!["1", "2"])),
        Arc::new(LargeStringArray::from(vec!["1", "2"])),
        Arc::new(StringViewArray::from(vec!["1", "2"])),
        Arc::new(Int64Array::from(vec![1, 2])),
        Arc::new(["1", "2"].into_iter().collect::<DictionaryArray<Int8Type>>()),
    ];
    for (k, name) in names.into_iter().enumerate() {
        let columns = vec![
            ("name", name),
            (
                "utility",
                Arc::new(["quadratic"; 2].into_iter().collect::<DictionaryArray<Int8Type>>()) as ArrayRef,
            ),
            ("a", Arc::new(Float32Array::from(vec![-1.0, -0.5]))),
            ("b", Arc::new(Int64Array::from(vec![1, 2]))),
            ("low", Arc::new(Float64Array::from(vec![None, Some(-0.1)]))),
            ("high", Arc::new(NullArray::new(2))),
        ];
        let zstd = Compression::ZSTD(ZstdLevel::default());
        let compression = if k % 2 == 0 { Compression::SNAPPY } else { zstd };
        let market =
            of(&[("scenario.toml", WITH_PARQUET), ("agents.parquet", &parquet(columns, compression))]).market;
        assert_eq!((&*market.name(0), &*market.name(1)), ("1", "2"));
        assert_eq!((market.utility(0).low(), market.utility(1).low()), (f64::NEG_INFINITY, -0.1));
        assert!(matches!(market.utility(1).shape(), Shape::Quadratic { a: -0.5, b: 2.0 }));
    }
}

#[test]
fn parquet_and_csv_say_the_same() {
    let bytes = parquet(quadratics(), Compression::SNAPPY);
    let market = of(&[("scenario.toml", WITH_PARQUET), ("agents.parquet", &bytes)]).market;
    let csv = of_agents("name,utility,a,b\nx,quadratic,-1,1\ny,quadratic,-0.1,0.3\n").market;
    for k in 0..2 {
        assert_eq!(format!("{:?}", market.utility(k)), format!("{:?}", csv.utility(k)));
    }
}

#[test]
fn parquet_that_cannot_be_used() {
    let said = |columns| {
        said_of(&[
            ("scenario.toml", WITH_PARQUET),
            ("agents.parquet", &parquet(columns, Compression::UNCOMPRESSED)),
        ])
    };
    let with = |column: &'static str, array: ArrayRef| {
        let mut columns = quadratics();
        columns.retain(|(name, _)| *name != column);
        columns.push((column, array));
        columns
    };
    assert_eq!(
        said(with("b", Arc::new(Float64Array::from(vec![Some(f64::NAN), None])))),
        [
            "row 1 agents.parquet, row 1, column `b`: found NaN, accepted is a finite number",
            "row 2 agents.parquet, row 2, column `b`: empty, but utility `quadratic` needs it, accepted is a finite \
             number | `quadratic` needs `a`, `b`",
        ]
    );
    let found = said(with("a", Arc::new(StringArray::from(vec!["-1", "-1"]))));
    assert!(found[0].starts_with("agents.parquet: column `a` holds Utf8, accepted is numbers"), "{found:?}");
    let found = said(with("name", Arc::new(BooleanArray::from(vec![true, false]))));
    assert!(
        found[0].starts_with("agents.parquet: column `name` holds Boolean, accepted is text"),
        "{found:?}"
    );
    let found = said(with("lwo", Arc::new(Float64Array::from(vec![1.0, 2.0]))));
    assert!(found[0].contains("column `lwo` is not expected | did you mean `low`?"), "{found:?}");
    let found = said(with("name", Arc::new(StringArray::from(vec!["x", "x"]))));
    assert!(
        found[0].starts_with("row 2 agents.parquet, row 2, column `name`: two agents have the name `x`"),
        "{found:?}"
    );
}

#[test]
fn parquet_that_is_cut_short_or_is_none() {
    let whole = parquet(quadratics(), Compression::SNAPPY);
    for bytes in
        [b"".as_slice(), b"PAR1", b"name,utility\n", &whole[..whole.len() / 2], &whole[..whole.len() - 1]]
    {
        let found = said_of(&[("scenario.toml", WITH_PARQUET), ("agents.parquet", bytes)]);
        assert!(
            found[0].starts_with("agents.parquet: not a Parquet file, or cut short or damaged ("),
            "{found:?}"
        );
    }
}

#[test]
fn damaged_parquet_never_panics() {
    let whole = parquet(quadratics(), Compression::SNAPPY);
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        let _ = load_files(&[("scenario.toml", WITH_PARQUET), ("agents.parquet", &bytes)]);
    }
}
