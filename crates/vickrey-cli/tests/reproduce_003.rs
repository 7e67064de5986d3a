//! `vickrey reproduce 003`.

mod support;

use support::Desk;

#[test]
fn paper_003_is_recomputed() {
    let desk = Desk::new();
    let json = desk.json(&["reproduce", "003", "--out", "figures", "--json"]);
    let rows = json.as_array().unwrap();
    for row in rows {
        assert!(row["verdict"] != "broken" && row["verdict"] != "not-reproduced", "{row}");
    }
    let count = |verdict: &str| rows.iter().filter(|row| row["verdict"] == verdict).count();
    assert!(count("reproduced") >= 40 && count("not-printed") >= 150, "{} rows", rows.len());
    let of = |what: &str| rows.iter().find(|row| row["what"].as_str().unwrap().starts_with(what)).unwrap();
    // The printed numbers of section II and of Example 1, and the claim that fails.
    assert_eq!(of("section II, net cost of a faithful player")["printed"], 0.75);
    assert_eq!(of("Example 1, net cost of player 1 with z^2")["verdict"], "reproduced");
    assert_eq!(of("Proposition 5 as printed")["verdict"], "print-is-wrong");
    for figure in [
        "2-vcg-tax",
        "3-gap-against-rounds",
        "4-rounds-by-method",
        "4b-bytes-by-method",
        "5-consensus",
        "6-market-power",
    ] {
        for ending in ["svg", "png"] {
            assert!(desk.path("figures").join(format!("{figure}.{ending}")).exists(), "{figure}");
        }
    }
}
