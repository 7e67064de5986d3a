//! The JSON Schema against the reader: what one accepts, the other does, key by key.

use serde_json::{Value, json};

use super::*;
use crate::input::keys::market::{FILE, LISTS, MARKET, PARAMETERS, PAYMENTS, TABLES, UTILITY};
use crate::input::keys::{self, Kind, LAYOUTS, MECHANISMS, NAME, UNITS};
use crate::input::market::family::{self, FAMILIES, Parameters};
use crate::template;

/// Checks a value against the part of JSON Schema that ours uses.
fn fits(value: &Value, schema: &Value) -> bool {
    let of_type = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        other => panic!("type {other}"),
    };
    let all = |key: &str, check: &dyn Fn(&Value) -> bool| schema.get(key).is_none_or(check);
    let number = value.as_f64();
    let above = |bound: &Value, strict: bool| {
        number.is_none_or(|n| if strict { n > bound.as_f64().unwrap() } else { n >= bound.as_f64().unwrap() })
    };
    all("type", &|name| of_type(name.as_str().unwrap()))
        && all("const", &|only| value == only)
        && all("enum", &|words| words.as_array().unwrap().contains(value))
        && all("minimum", &|bound| above(bound, false))
        && all("exclusiveMinimum", &|bound| above(bound, true))
        && all("maximum", &|bound| number.is_none_or(|n| n <= bound.as_f64().unwrap()))
        && all("exclusiveMaximum", &|bound| number.is_none_or(|n| n < bound.as_f64().unwrap()))
        && all("anyOf", &|options| options.as_array().unwrap().iter().any(|option| fits(value, option)))
        && all("oneOf", &|options| {
            options.as_array().unwrap().iter().filter(|option| fits(value, option)).count() == 1
        })
        && value.as_object().is_none_or(|_| fits_object(value, schema))
        && value.as_array().is_none_or(|_| fits_array(value, schema))
}

fn fits_object(value: &Value, schema: &Value) -> bool {
    let object = value.as_object().unwrap();
    let properties = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    let others = schema.get("additionalProperties");
    required.is_none_or(|keys| keys.iter().all(|key| object.contains_key(key.as_str().unwrap())))
        && object.iter().all(|(key, value)| match properties.and_then(|properties| properties.get(key)) {
            Some(schema) => fits(value, schema),
            None => others.is_none_or(|others| match others {
                Value::Bool(open) => *open,
                schema => fits(value, schema),
            }),
        })
}

fn fits_array(value: &Value, schema: &Value) -> bool {
    let items = value.as_array().unwrap();
    let count = |key: &str| schema.get(key).and_then(Value::as_u64).map(|n| n as usize);
    let first = schema.get("prefixItems").and_then(Value::as_array).cloned().unwrap_or_default();
    count("minItems").is_none_or(|least| items.len() >= least)
        && count("maxItems").is_none_or(|most| items.len() <= most)
        && items.iter().enumerate().all(|(k, item)| match (first.get(k), schema.get("items")) {
            (Some(schema), _) => fits(item, schema),
            (None, Some(schema)) if schema.is_object() => fits(item, schema),
            (None, Some(allowed)) => allowed == &json!(true),
            (None, None) => true,
        })
}

fn document(text: &str) -> Value {
    serde_json::to_value(toml::from_str::<toml::Table>(text).unwrap()).unwrap()
}

fn schema() -> Value {
    crate::schema(Some("market")).unwrap()
}

#[test]
fn the_template_and_the_examples_fit() {
    assert!(fits(&document(template("market").unwrap()), &schema()));
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for name in ["four-agents", "mixed", "operator-blocks", "procurement"] {
        let text = std::fs::read_to_string(examples.join(format!("{name}.toml"))).unwrap();
        assert!(fits(&document(&text), &schema()), "{name}");
    }
}

#[test]
fn schema_and_reader_refuse_the_same() {
    for lines in [
        "titel = \"x\"",
        "seed = -1",
        "[market]\ntotal = \"0\"",
        "[market]\npayment = \"vgc\"",
        "[tables]\nagent = \"x.csv\"",
        "[[agents]]\nutility = \"fixed\"\nquantity = 1",
        "[[agents]]\nname = \"x\"\nutility = \"fixed\"",
        "[[agents]]\nname = \"x\"\nutility = \"fixd\"\nquantity = 1",
        "[[agents]]\nname = \"x\"\nutility = \"fixed\"\nquantity = 1\nlow = 1",
        "[[agents]]\nname = \"x\"\nutility = \"quadratic\"\na = 1\nb = 1",
        "[[agents]]\nname = \"x\"\nutility = \"points\"",
        "[[agents]]\nname = \"x\"\nutility = \"blocks\"\nbids = [[0, 1]]",
        "[[agents]]\nname = \"x\"\nutility = \"blocks\"\nbids = [[1, 1, 1]]",
        "[[agents]]\nname = \"x\"\nutility = \"blocks\"\nbids = []",
    ] {
        let text = format!("mechanism = \"market\"\n{lines}\n{TWO}");
        assert!(!fits(&document(&text), &schema()), "{lines}");
        assert!(read(&text).is_err(), "{lines}");
    }
}

/// The ranges in the tables of keys are those of the library.
#[test]
fn ranges_are_those_of_the_library() {
    for (index, family) in FAMILIES.iter().enumerate().filter(|(_, family)| family.lists.is_empty()) {
        let of = |p: usize| match PARAMETERS[p].kind {
            Kind::Number { low, high } => (low, high),
            _ => panic!("{} is no number", PARAMETERS[p].name),
        };
        for changed in family.parameters() {
            let make = |value: f64| {
                let mut with = Parameters::default();
                for &p in family.required {
                    with.set(p, 0.5_f64.clamp(of(p).0, of(p).1));
                }
                with.set(changed, value);
                family::utility(index, &with)
            };
            let ((low, high), name) = (of(changed), PARAMETERS[changed].name);
            // A lower limit above the domain's end is another matter than its range.
            for value in [low, high]
                .into_iter()
                .filter(|value| !(matches!(name, "low" | "high") && value.abs() > 1e14))
            {
                assert!(make(value).is_ok(), "{} {name} {value}", family.name);
            }
            assert!(make(high * (1.0 + 1e-6) + 1e-9).is_err(), "{} {name}", family.name);
            assert!(make(low - low.abs() * 1e-6 - 1e-9).is_err(), "{} {name}", family.name);
        }
    }
}

#[test]
fn every_key_is_described_and_explained_in_the_template() {
    let template = template("market").unwrap();
    let keys = FILE.iter().chain(UNITS).chain(MARKET).chain(TABLES).chain(&PARAMETERS).chain(&LISTS);
    are_explained(template, keys.chain([&NAME, &UTILITY]));
    let words = PAYMENTS.iter().chain(keys::SCALINGS);
    for word in words.chain(keys::BASELINES).copied().chain(family::names()) {
        assert!(template.contains(word), "{word} is not in the template");
    }
}

#[test]
fn every_key_of_linear_quadratic_markets_is_described_and_explained() {
    use crate::input::keys::linear_quadratic::{
        AGENT, FILE, LAWS, MARKETS, NOISE_AS, PAYMENTS, RULES, TABLES,
    };
    let template = template("linear-quadratic").unwrap();
    let keys = FILE.iter().chain(UNITS).chain(RULES).chain(TABLES);
    are_explained(template, keys.chain(AGENT.iter().copied().flatten()));
    let words = MARKETS.iter().chain(PAYMENTS).chain(NOISE_AS).chain(LAWS);
    for word in words.chain(keys::SCALINGS).chain(keys::BASELINES) {
        assert!(template.contains(word), "{word} is not in the template");
    }
}

#[test]
fn the_pivot_template_explains_everything() {
    use crate::input::keys::Agents;
    use crate::input::keys::pivot::{CHAIN_KEYS, EXP, FAMILIES, FAMILY, LINEAR, PAYMENTS, WITHOUT};
    let template = template("pivot").unwrap();
    for layout in &FAMILY {
        are_explained(template, layout.file.iter());
        are_explained(template, CHAIN_KEYS.iter().chain(EXP).chain(LINEAR));
        for key in layout.file {
            match key.kind {
                Kind::Section(keys) => are_explained(template, keys.iter()),
                Kind::Agents(Agents::Complete(lists)) => {
                    are_explained(template, lists.iter().copied().flatten())
                }
                _ => {}
            }
        }
    }
    for word in FAMILIES.iter().chain(WITHOUT).chain(PAYMENTS).chain(&["infinite", "stays", "else"]) {
        assert!(template.contains(word), "{word} is not in the template");
    }
}

fn pivot() -> Value {
    crate::schema(Some("pivot")).unwrap()
}

#[test]
fn pivot_examples_fit() {
    assert!(fits(&document(template("pivot").unwrap()), &pivot()));
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for name in ["brewers", "storage", "storage-park", "licence", "licence-many", "spare-parts"] {
        let path = examples.join(format!("{name}.toml"));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(fits(&document(&text), &pivot()), "{name}");
        let scenario = crate::load(&path).unwrap_or_else(|problem| panic!("{}", shown(&problem)));
        assert!(scenario.warnings.is_empty(), "{name}: {:?}", scenario.warnings);
    }
}

/// What stands below `[pivot]` for each family, and a part of it that can be replaced.
pub(super) const FAMILY_TEXTS: [(&str, &str); 4] = [
    (
        "horizon = 2",
        "[[decisions]]\nname = \"a\"\n[[decisions]]\nname = \"b\"\npublic = { x = 1, else = [1, 2] }\n[[outcomes]]\n\
         name = \"z\"\nprobability = 1\ndecisions = [\"a\", \"b\"]\n[public]\nstates = [\"x\", \"y\"]\nstart = \"x\"\n\
         transition = { a = [[1, 0], [0.5, 0.5]], else = \"stays\" }\nterminal = [0, 1]\n[[players]]\nname = \"p\"\n\
         types = 2\nprior = [0.5, 0.5]\nutility = { a = { x = 1, y = [[1, 2], [3, 4]] } }\ntransition = \"stays\"\n\
         terminal = { x = 1, y = [1, 2] }\noutside = [1, 2]\nneeds = [\"b\"]\n",
    ),
    (
        "family = \"goods\"\nhorizon = 2",
        "[goods]\ndecay = 0.9\ndiscard = true\n[[items]]\nname = \"A\"\nprobability = [0.5, 0.25]\n[[players]]\nname = \"p\"\n\
         values = { A = 1 }\n[[players]]\nname = \"q\"\ntypes = [\"l\", \"h\"]\nstart = \"l\"\nvalues = { l = [0, 1], h = { A = 2 } }\n\
         factor = [1, 2]\ntransition = [[0.5, 0.5], [0, 1]]\nholds = [\"A\"]\n",
    ),
    (
        "family = \"storage\"\nhorizon = 2",
        "[[imbalances]]\nname = \"A\"\nprobability = 0.5\ncurtailment = 10\ncharge = -1\n[[players]]\nname = \"p\"\nlevels = 3\n\
         start = \"50 %\"\ncost = { A = [9, 1, 1] }\ndrift = 0.5\nrest = \"100 %\"\nterminal = [0, 1, 2]\n[[players]]\nname = \"q\"\n\
         levels = [\"l\", \"h\"]\nstart = \"l\"\ncost = 1\nunused = \"stays\"\nused = { A = [[1, 0], [1, 0]] }\n",
    ),
    (
        "family = \"licence\"\nhorizon = \"infinite\"\ndiscount = 0.9\nperiods = 3\ntolerance = 1e-6",
        "[licence]\nidle = true\n[[players]]\nname = \"p\"\nvalue = 1\n[[players]]\nname = \"q\"\nstates = [\"l\", \"h\"]\n\
         start = \"l\"\nvalue = [1, 2]\ntransition = [[0.5, 0.5], [0, 1]]\n",
    ),
];

#[test]
fn schema_and_reader_of_pivot_scenarios_refuse_the_same() {
    let texts = FAMILY_TEXTS.map(|(head, rest)| format!("mechanism = \"pivot\"\n[pivot]\n{head}\n{rest}"));
    for text in &texts {
        assert!(fits(&document(text), &pivot()), "{text}");
        read(text).unwrap_or_else(|problem| panic!("{text}\n{}", shown(&problem)));
    }
    for (family, from, to) in [
        (0, "horizon = 2", ""),
        (0, "horizon = 2", "horizon = 0"),
        (0, "horizon = 2", "horizon = \"forever\""),
        (0, "horizon = 2", "horizon = 2\nsealed = 1"),
        (0, "horizon = 2", "horizon = 2\nwithout = \"none\""),
        (0, "horizon = 2", "horizon = 2\npayment = \"later\""),
        (0, "horizon = 2", "horizon = 2\ndiscount = 1.5"),
        (0, "horizon = 2", "horizon = 2\nmemory = 0"),
        (0, "horizon = 2", "horizon = 2\nfamily = \"goods\""),
        (0, "[public]", "[goods]\n[public]"),
        (0, "states = [\"x\", \"y\"]", "states = []"),
        (0, "states = [\"x\", \"y\"]", "states = 0"),
        (0, "probability = 1", "probability = 2"),
        (0, "probability = 1", ""),
        (0, "decisions = [\"a\", \"b\"]", "decisions = \"a\""),
        (0, "prior = [0.5, 0.5]", "prior = 1"),
        (0, "transition = \"stays\"", "transition = \"moves\""),
        (0, "transition = \"stays\"", "transition = [[1, 0], [-1, 2]]"),
        (0, "utility = { a", "utility = { a = { x = { x = 1 } } }\nterminl = { a"),
        (0, "outside = [1, 2]", "outside = [[[1, 2]]]"),
        (0, "outside = [1, 2]", "outside = 1e13"),
        (0, "types = 2\nprior", "chain = 9\nprior"),
        (0, "types = 2\nprior", "chain = { rouwenhorst = 0, persistence = 0.5, sd = 1 }\nprior"),
        (0, "types = 2\nprior", "chain = { rouwenhorst = 2, persistence = 0.5 }\nprior"),
        (0, "outside = [1, 2]", "outside = { exp = { scale = \"x\" } }"),
        (0, "outside = [1, 2]", "outside = { exp = { slope = { a = 1 } } }"),
        (1, "decay = 0.9", "decay = -1"),
        (1, "discard = true", "discard = \"yes\""),
        (1, "probability = [0.5, 0.25]", "probability = [[0.5], [0.25]]"),
        (1, "factor = [1, 2]", "factor = [-1, 2]"),
        (1, "values = { A = 1 }", ""),
        (1, "holds = [\"A\"]", "holds = [1]"),
        (2, "curtailment = 10", "curtailment = \"high\""),
        (2, "charge = -1", "charge = 1e9"),
        (2, "drift = 0.5", "drift = 2"),
        (2, "levels = 3", "levels = 3.5"),
        (2, "levels = 3", ""),
        (2, "cost = 1", "cost = [[1]]"),
        (3, "idle = true", "idle = 1"),
        (3, "value = 1", "value = { p = 1 }"),
        (3, "value = 1", "value = 1\nutility = 1"),
        (3, "tolerance = 1e-6", "tolerance = 0"),
    ] {
        assert!(texts[family].contains(from), "{from}");
        let text = texts[family].replacen(from, to, 1);
        assert!(!fits(&document(&text), &pivot()), "{family}: {to}");
        assert!(read(&text).is_err(), "{family}: {to}");
    }
}

pub(super) const TWO_STAGE_EXAMPLES: [&str; 6] =
    ["curtailment", "loads-50", "weather", "two-stage-game", "curtailment-limits", "lying-bidders"];

#[test]
fn the_templates_of_repeated_markets_explain_everything() {
    use crate::input::keys::Agents;
    use crate::input::keys::two_stage::{
        BIDDINGS, COLUMN_KEYS, ENDS, FAMILIES, FAMILY_KEYS, KNOWN, LOTTERY, SERIES, WINDOWS,
    };
    for (mechanism, own) in [("two-stage", KNOWN), ("demand-response", FAMILIES)] {
        let template = template(mechanism).unwrap();
        let layout = keys::Layout::of(mechanism).unwrap();
        are_explained(template, layout.file.iter());
        for key in layout.file {
            match key.kind {
                Kind::Section(keys) => are_explained(template, keys.iter()),
                Kind::Agents(Agents::Complete(lists)) => {
                    are_explained(template, lists.iter().copied().flatten())
                }
                _ => {}
            }
        }
        for word in WINDOWS.iter().chain(BIDDINGS).chain(own).chain(&["auto", "uniform"]) {
            assert!(template.contains(word), "{word} is not in the template");
        }
    }
    let template = template("demand-response").unwrap();
    are_explained(template, COLUMN_KEYS.iter().chain(FAMILY_KEYS).chain(LOTTERY).chain(SERIES));
    assert!(ENDS.iter().chain(&["none"]).all(|word| template.contains(word)));
}

#[test]
fn schema_and_reader_of_repeated_markets_refuse_the_same() {
    use super::two_stage::{DEMAND, GAME, demand_text, game_text};
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let all = crate::schema(None).unwrap();
    for name in TWO_STAGE_EXAMPLES {
        let text = std::fs::read_to_string(examples.join(format!("{name}.toml"))).unwrap();
        assert!(fits(&document(&text), &all), "{name}");
    }
    for (mechanism, text, cases) in [
        (
            "two-stage",
            game_text(GAME),
            &[
                ("days = 30", "days = 0"),
                ("days = 30", "days = 30\nsealed = \"no\""),
                ("second = [\"a\", \"b\", \"c\"]", ""),
                ("second = [\"a\", \"b\", \"c\"]", "second = 3"),
                ("cost = [[0, 2, 3], [0.2, 1, 3.5]]", "cost = \"x\""),
                ("law = [0.5, 0.3, 0.2]", "law = [-0.5, 1.3, 0.2]"),
                ("law = [0.5, 0.3, 0.2]", "law = \"even\""),
                ("types = 3", "types = 0"),
                ("types = 3", "types = 3\nlimit = 1"),
                ("types = 3", "types = 3\nneeds = 1"),
                ("types = 3", "types = 3\nbidding = \"lie\""),
                ("[game]", "[market]\nshortage = 1\n[game]"),
            ][..],
        ),
        (
            "demand-response",
            demand_text(DEMAND),
            &[
                ("shortage = 1", ""),
                ("shortage = 1", "shortage = \"much\""),
                ("shortage = 1", "shortage = { file = 1, column = \"x\" }"),
                ("reserve = 1", "reserve = \"no\""),
                ("reserve = 1", "reserve = [1, 2]"),
                ("reserve = 1", "reserve = 1\npurchase-price = -1"),
                ("types = [1, 3]", "types = [0, 3]"),
                ("types = [1, 3]", "types = []"),
                ("types = [1, 3]", ""),
                ("types = [1, 3]", "types = [1, 3]\nlimit = -1"),
                ("types = [1, 3]", "types = [1, 3]\ncount = 0"),
                ("types = [1, 3]", "types = [1, 3]\nvalues = [1, 3]"),
                ("types = [1, 3]", "types = [1, 3]\nfamily = \"beta\""),
                ("types = [1, 3]", "types = [1, 3]\nsamples = { file = \"x.csv\" }"),
                ("types = [1, 3]", "types = [1, 3]\nhidden = true"),
                ("[market]", "[tests]\nwindow = \"wide\"\n[market]"),
                ("[market]", "[tests]\npenalty-scale = \"much\"\n[market]"),
                ("[market]", "[tests]\nbins = 2000\n[market]"),
                ("[market]", "[[signals]]\nname = \"x\"\n[market]"),
            ][..],
        ),
    ] {
        let schema = crate::schema(Some(mechanism)).unwrap();
        assert!(fits(&document(&text), &schema), "{mechanism}");
        for (from, to) in cases {
            assert!(text.contains(from), "{from}");
            let text = text.replacen(from, to, 1);
            assert!(!fits(&document(&text), &schema), "{mechanism}: {to}");
            assert!(read(&text).is_err(), "{mechanism}: {to}");
        }
    }
}

fn are_explained<'k>(template: &str, keys: impl Iterator<Item = &'k keys::Key>) {
    for key in keys {
        assert!(key.about.ends_with('.'), "{}", key.name);
        let written = [format!("{} = ", key.name), format!("[{}]", key.name), format!("[[{}]]", key.name)];
        assert!(written.iter().any(|form| template.contains(form)), "{} is not in the template", key.name);
        if let Some(default) = key.default {
            assert!(serde_json::from_str::<Value>(default).is_ok(), "{}", key.name);
        }
    }
    for line in template.lines() {
        assert!(line.chars().count() <= 120, "{line}");
    }
}

#[test]
fn the_schema_says_what_it_is() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["properties"]["mechanism"]["enum"], json!(["market"]));
    assert_eq!(schema["properties"]["market"]["properties"]["total"]["default"], json!(0.0));
    let total = &schema["properties"]["market"]["properties"]["total"]["description"];
    assert!(total.as_str().unwrap().ends_with("Unit: quantity, as labelled in [units]."));
}

#[test]
fn the_schema_of_all_mechanisms_takes_each() {
    let all = crate::schema(None).unwrap();
    assert_eq!(all["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(all["oneOf"].as_array().unwrap().len(), MECHANISMS.len());
    for (layout, mechanism) in LAYOUTS.iter().zip(MECHANISMS) {
        assert_eq!(layout.mechanism, *mechanism);
        assert!(fits(&document(template(mechanism).unwrap()), &all), "{mechanism}");
    }
}

fn linear_quadratic() -> Value {
    crate::schema(Some("linear-quadratic")).unwrap()
}

#[test]
fn schema_and_reader_of_linear_quadratic_markets_refuse_the_same() {
    let agents =
        |x: &str| format!("[[agents]]\nname = \"x\"\n{x}\n[[agents]]\nname = \"y\"\na = 1\nb = 1\nr = -1");
    let good =
        |lines: &str| format!("mechanism = \"linear-quadratic\"\n[linear-quadratic]\nperiods = 3\n{lines}");
    let accepted = [
        agents("a = 1\nb = [1, 2, 3]\nr = -1\nq = [-1, 0, -2]\nlinear = [0, 1, 2]"),
        agents(
            "states = 2\na = [[1, 0], [0, 1]]\nb = [[1, 0], [1, 0], [0, 1]]\nr = [-1, -1, -1]\nstart = [1, 2]",
        ),
        agents(
            "states = 2\na = [[[1, 0], [0, 1]], [[1, 0], [0, 1]], [[1, 0], [0, 1]]]\nb = [1, 1]\nr = -1\nloadings = [[1], [2]]",
        ),
        format!("net-demand = [0, 1, -1]\nscaling = \"min-max\"\n{}", agents("a = 1\nb = 1\nr = -1")),
    ];
    for lines in accepted {
        let text = good(&lines);
        assert!(fits(&document(&text), &linear_quadratic()), "{lines}");
        read(&text).unwrap_or_else(|problem| panic!("{lines}\n{}", shown(&problem)));
    }
    for lines in [
        "net-demand = [1, \"2\", 3]",
        "market = \"planned\"",
        "payment = \"vcg\"",
        "scaling = \"middle\"",
        "noise-as = \"sd\"",
        "total = 3",
        "[tables]\nblocks = \"x.csv\"",
        "[[agents]]\na = 1\nb = 1\nr = -1",
        "[[agents]]\nname = \"x\"\na = 1\nb = 1\nr = 0",
        "[[agents]]\nname = \"x\"\na = 1\nb = 1\nr = [-1, -1, 0]",
        "[[agents]]\nname = \"x\"\na = 1\nb = 1\nr = [[-1], [-1], [-1]]",
        "[[agents]]\nname = \"x\"\na = 1\nb = 1\nr = -1\nq = 1",
        "[[agents]]\nname = \"x\"\na = 1\nb = 1\nr = -1\nstates = 17",
        "[[agents]]\nname = \"x\"\na = 1\nb = 1\nr = -1\nnoise = -1",
        "[[agents]]\nname = \"x\"\na = [[[[1]]]]\nb = 1\nr = -1",
        "[[agents]]\nname = \"x\"\na = 1e13\nb = 1\nr = -1",
        "[[agents]]\nname = \"x\"\na = 1\nb = 1\nr = -1\nloadings = 1",
        "[[agents]]\nname = \"x\"\na = 1\nb = 1\nr = -1\nlaw = \"student-t\"\ndegrees = 2",
        "[[agents]]\nname = \"x\"\na = 1\nb = 1\nr = -1\nutility = \"quadratic\"",
    ] {
        let text = good(&format!("{lines}\n{}", agents("a = 1\nb = 1\nr = -1").replace("\"x\"", "\"z\"")));
        assert!(!fits(&document(&text), &linear_quadratic()), "{lines}");
        assert!(read(&text).is_err(), "{lines}");
    }
    for text in ["mechanism = \"linear-quadratic\"", "mechanism = \"linear-quadratic\"\n[linear-quadratic]\n"]
    {
        assert!(!fits(&document(text), &linear_quadratic()) && read(text).is_err(), "{text}");
    }
}

/// The ranges in the tables of keys are those of the library.
#[test]
fn ranges_of_linear_quadratic_markets_are_those_of_the_library() {
    use crate::input::keys::linear_quadratic::{NUMBERS, number, of};
    for (k, key) in NUMBERS.iter().enumerate().filter(|(k, _)| *k != number::LOADINGS) {
        let takes = |x: f64| {
            let observed = if key.name.starts_with("observation") { "observation = 1" } else { "" };
            let law = if k == number::DEGREES { "law = \"student-t\"" } else { "" };
            let defaults = [("a", "1"), ("b", "1"), ("r", "-1"), ("observation", "")];
            let rest: String = defaults
                .iter()
                .filter(|(name, value)| *name != key.name && !value.is_empty())
                .map(|(name, value)| format!("{name} = {value}\n"))
                .collect();
            let observed = if key.name == "observation" { "observation-noise = 1" } else { observed };
            read(&format!(
                "mechanism = \"linear-quadratic\"\n[linear-quadratic]\nperiods = 3\nmarket = \"filtered\"\n\
                 noise-as = \"variance\"\n[[agents]]\nname = \"x\"\n{rest}{law}\n{observed}\n{} = {x:?}\n\
                 [[agents]]\nname = \"y\"\na = 1\nb = 1\nr = -1\n",
                key.name
            ))
            .is_ok()
        };
        let range = of(k).range;
        for end in [range.low, range.high] {
            assert_eq!(takes(end), range.takes(end), "{} = {end}", key.name);
        }
        // Degrees are cut off only so that the schema has an end.
        if k != number::DEGREES {
            assert!(!takes(range.high + 1e-9 + range.high.abs() * 1e-6), "{}", key.name);
        }
        assert!(!takes(range.low - 1e-9 - range.low.abs() * 1e-6), "{}", key.name);
    }
}

pub(super) const DUAL_EXAMPLES: [&str; 3] = ["power-and-reserve", "water-network", "shared-cluster"];

#[test]
fn the_template_of_dual_decomposition_explains_everything() {
    use crate::input::keys::dual::{
        BOUNDS, COST_KEYS, FAMILIES, FOLLOWER, LAYOUT, METHODS, MODES, PLAY_KEYS, RESOURCE_KEYS, RULE_KEYS,
        TABLE_KEYS, TIMING_KEYS,
    };
    let template = template("dual-decomposition").unwrap();
    are_explained(template, LAYOUT.file.iter());
    for keys in [RESOURCE_KEYS, RULE_KEYS, TIMING_KEYS, TABLE_KEYS, FOLLOWER, COST_KEYS, PLAY_KEYS] {
        are_explained(template, keys.iter());
    }
    for word in METHODS.iter().chain(MODES).chain(FAMILIES).chain(&["garbage", BOUNDS[1]]) {
        assert!(template.contains(word), "{word} is not in the template");
    }
}

#[test]
fn schema_and_reader_of_dual_decomposition_refuse_the_same() {
    use super::dual::{THREE, dual_text};
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let (all, schema) = (crate::schema(None).unwrap(), crate::schema(Some("dual-decomposition")).unwrap());
    for name in DUAL_EXAMPLES {
        let text = std::fs::read_to_string(examples.join(format!("{name}.toml"))).unwrap();
        assert!(fits(&document(&text), &all), "{name}");
        read(&text).unwrap_or_else(|problem| panic!("{}", shown(&problem)));
    }
    let text = dual_text(THREE);
    assert!(fits(&document(&text), &schema));
    for (from, to) in [
        ("total = 3", "total = \"much\""),
        ("total = 3", ""),
        ("total = 3", "total = 3\ntotals = 4"),
        ("method = \"ascent\"", "method = \"admm\""),
        ("step = 0.4", "step = 0"),
        ("rounds = 5", "rounds = 0"),
        ("rounds = 5", "rounds = 5\nmode = \"groves\""),
        ("rounds = 5", "rounds = 5\nepsilon = -1"),
        ("rounds = 5", "rounds = 5\nstrikes = 0"),
        ("rounds = 5", "rounds = 5\npenalty = -1"),
        ("rounds = 5", "rounds = 5\nmarginals = \"hot\""),
        ("curvature = [1, 1]", "curvature = -1"),
        ("matrix = 1,", "matrix = \"one\","),
        ("matrix = 1,", "family = \"exp\", matrix = 1,"),
        ("cost = { matrix = 1, linear = -2 }", ""),
        ("cost = { matrix = 1, linear = -2 }", "cost = 2"),
        ("name = \"Ann\"", "name = \"Ann\"\nplay = \"lazy\""),
        ("name = \"Ann\"", "name = \"Ann\"\nplay = { dance = 1 }"),
        ("name = \"Ann\"", ""),
        ("[rules]", "[timing]\nround-ms = 0\n[rules]"),
    ] {
        assert!(text.contains(from), "{from}");
        let text = text.replacen(from, to, 1);
        assert!(!fits(&document(&text), &schema), "{to}");
        assert!(read(&text).is_err(), "{to}");
    }
}

#[test]
fn the_template_of_consensus_explains_everything() {
    use crate::input::keys::consensus::{
        CONDUCT_KEYS, CONDUCTS, FOLLOWER, GRAPH_KEYS, LAYOUT, RULE_KEYS, SHAPES, TABLE_KEYS, TESTS, WATCHES,
    };
    let template = template("consensus").unwrap();
    are_explained(template, LAYOUT.file.iter());
    for keys in [GRAPH_KEYS, RULE_KEYS, TABLE_KEYS, FOLLOWER, CONDUCT_KEYS] {
        are_explained(template, keys.iter());
    }
    for word in SHAPES.iter().chain(TESTS).chain(WATCHES).chain(CONDUCTS) {
        assert!(template.contains(word), "{word} is not in the template");
    }
}

#[test]
fn schema_and_reader_of_consensus_refuse_the_same() {
    use super::consensus::{PATH, text};
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rendezvous.toml");
    let (all, schema) = (crate::schema(None).unwrap(), crate::schema(Some("consensus")).unwrap());
    let example = std::fs::read_to_string(example).unwrap();
    assert!(fits(&document(&example), &all));
    read(&example).unwrap_or_else(|problem| panic!("{}", shown(&problem)));
    let text = text(PATH);
    assert!(fits(&document(&text), &schema));
    for (from, to) in [
        ("edges = [[\"a\", \"b\"], [\"b\", \"c\"]]", "edges = \"all\""),
        ("edges = [[\"a\", \"b\"], [\"b\", \"c\"]]", "shape = \"line\""),
        ("edges = [[\"a\", \"b\"], [\"b\", \"c\"]]", "edges = [[1, 2]]"),
        ("rounds = 10", "rounds = 0"),
        ("step = 0.3", "step = 2"),
        ("step = 0.3", "test = \"tight\""),
        ("step = 0.3", "watch = \"seen\""),
        ("range = [0, 1]", ""),
        ("range = [0, 1]", "range = 1"),
        ("wish = 0\n", ""),
        ("wish = 0\n", "wish = \"here\"\n"),
        ("wish = 0\n", "wish = 0\nconduct = \"flee\"\n"),
        ("wish = 0\n", "wish = 0\nconduct = { silent = 0 }\n"),
        ("wish = 0\n", "wish = 0\nhome = 0\n"),
    ] {
        assert!(text.contains(from), "{from}");
        let text = text.replacen(from, to, 1);
        assert!(!fits(&document(&text), &schema), "{to}");
        assert!(read(&text).is_err(), "{to}");
    }
}
