//! Pictures of a simulation: how budget and net utilities are distributed.

use vickrey::lq::simulate::Tally;
use vickrey::numeric::sample;

use super::Runs;
use super::document::QUANTILES;
use crate::output::document::PictureFile;
use crate::output::kinds::{Format, chart_title};
use crate::plot::{
    Band, Curves, Distribution, Mark, NamedValues, Path, Picture, PlotError, Series, TimeSeries, Timeline,
};

/// The files of the pictures, without endings.
pub const PICTURES: [&str; 3] = ["budget-distribution", "budget-over-time", "net-utilities"];

/// Up to this many agents each has a histogram of its own.
const MOST_ROWS: usize = 6;
/// Points of a fan over more agents: neighbours are averaged.
const POINTS: usize = 50;

impl Runs<'_> {
    /// The files of all pictures.
    ///
    /// # Errors
    /// A chart could not be drawn.
    pub fn picture_files(&self) -> Result<Vec<PictureFile>, PlotError> {
        let mut files = Vec::new();
        for (name, picture) in PICTURES.into_iter().zip(self.pictures()) {
            let Some(picture) = picture else { continue };
            for format in Format::ALL {
                let bytes = match format {
                    Format::Svg => picture.svg()?.into_bytes(),
                    Format::Png => picture.png()?,
                };
                files.push(PictureFile { name: format!("{name}.{}", format.ending()), bytes });
            }
        }
        Ok(files)
    }

    /// The pictures in the order of [`PICTURES`]; none where there is nothing to show.
    fn pictures(&self) -> [Option<Picture>; 3] {
        if self.days.runs() == 0 {
            return [None, None, None];
        }
        [
            Some(Picture::Distribution(self.budget_distribution())),
            self.budget_over_time().map(Picture::Timeline),
            self.net_utilities(),
        ]
    }

    fn title(&self, what: &str) -> String {
        chart_title(self.prepared.scenario.title.as_deref(), what)
    }

    fn money(&self) -> String {
        self.prepared.scenario.units.money.clone()
    }

    fn budget_distribution(&self) -> Distribution {
        let rule = self.prepared.lq.payment.name();
        let row =
            |name: &str, tally: &Tally| NamedValues { name: name.to_owned(), values: tally.budget.clone() };
        let mut samples = Vec::new();
        match &self.days.lying {
            None => samples.push(row(rule, &self.days.honest)),
            Some(lying) => {
                samples.push(row("everybody truthful", &self.days.honest));
                samples.push(row("with the lies", lying));
            }
        }
        let expected =
            self.expectation().map(|e| Mark { at: e.budget, label: "expected if truthful".to_owned() });
        let size = self.days.honest.budget.iter().map(|x| x.abs()).fold(0.0, f64::max);
        Distribution {
            title: self.title("budget of the operator over runs"),
            x_label: "budget".to_owned(),
            x_unit: self.money(),
            counted: "runs".to_owned(),
            samples,
            quantiles: vec![0.05, 0.95],
            marks: expected.into_iter().collect(),
            below_zero: "deficit".to_owned(),
            tolerance: 1e-11 * size,
        }
    }

    /// What the operator has kept up to every period; none where there is one period only.
    fn budget_over_time(&self) -> Option<Timeline> {
        let running = &self.days.honest.running;
        if running.len() < 2 {
            return None;
        }
        let mut sorted = running.clone();
        sorted.iter_mut().for_each(|values| values.sort_by(f64::total_cmp));
        let levels: Option<Vec<[f64; 5]>> = sorted.iter().map(|v| sample::quantiles(v, QUANTILES)).collect();
        let levels = levels?;
        let level = |k: usize| levels.iter().map(|q| q[k]).collect::<Vec<f64>>();
        let mean = |values: &Vec<f64>| sample::Moments::of(values.iter().copied()).mean;
        let line = |name: &str, values| TimeSeries { name: name.to_owned(), values, path: Path::Lines };
        let band = |label: &str, low, high| Band {
            label: label.to_owned(),
            low: level(low),
            high: level(high),
            path: Path::Lines,
        };
        Some(Timeline {
            title: self.title("what the operator has kept so far, over runs"),
            y_label: "budget up to the period".to_owned(),
            y_unit: self.money(),
            series: vec![line("median", level(2)), line("mean", running.iter().map(mean).collect())],
            bands: vec![band("5 % to 95 % of runs", 0, 4), band("25 % to 75 %", 1, 3)],
            zero: true,
        })
    }

    /// Net utilities over those without trade: a histogram for each of few agents, a fan over many.
    fn net_utilities(&self) -> Option<Picture> {
        if self.days.kept.len() > MOST_ROWS {
            return self.fan().map(Picture::Curves);
        }
        let market = &self.prepared.lq.market;
        let row = |(&agent, values): (&usize, &Vec<f64>)| NamedValues {
            name: market.name(agent).into_owned(),
            values: values.clone(),
        };
        let samples: Vec<NamedValues> =
            self.days.kept.iter().zip(&self.days.honest.advantages).map(row).collect();
        let size = samples.iter().flat_map(|sample| &sample.values).map(|x| x.abs()).fold(0.0, f64::max);
        Some(Picture::Distribution(Distribution {
            title: self.title("what trading is worth, everybody truthful"),
            x_label: "net utility above that of never trading".to_owned(),
            x_unit: self.money(),
            counted: "runs".to_owned(),
            samples,
            quantiles: vec![0.05, 0.95],
            marks: Vec::new(),
            below_zero: "worse off".to_owned(),
            tolerance: 1e-11 * size,
        }))
    }

    /// Quantiles of what trading is worth to every agent, in units of its mean: agents differ by orders of magnitude.
    /// None if trading is worth nothing to anybody.
    fn fan(&self) -> Option<Curves> {
        let days = &self.days;
        let largest = days.kept.iter().map(|&i| days.honest.advantage[i].mean).fold(0.0, f64::max);
        let relative = |(&agent, values): (&usize, &Vec<f64>)| {
            let mean = days.honest.advantage[agent].mean;
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let worth_something = mean > 1e-9 * largest;
            sample::quantiles(&sorted, QUANTILES).filter(|_| worth_something).map(|q| q.map(|x| x / mean))
        };
        let mut levels: Vec<[f64; 5]> =
            days.kept.iter().zip(&days.honest.advantages).filter_map(relative).collect();
        if levels.is_empty() {
            return None;
        }
        levels.sort_by(|x, y| x[0].total_cmp(&y[0]));
        let points: Vec<[f64; 5]> = levels
            .chunks(levels.len().div_ceil(POINTS))
            .map(|near| std::array::from_fn(|k| mean_of(near, k)))
            .collect();
        let place = |i: usize| 100.0 * (i as f64 + 0.5) / points.len() as f64;
        let names = ["5 %", "25 %", "median", "75 %", "95 % of runs are below"];
        let curve = |k: usize| Series {
            name: names[k].to_owned(),
            points: points.iter().enumerate().map(|(i, q)| (place(i), q[k])).collect(),
        };
        Some(Curves {
            title: self.title("what trading is worth, everybody truthful"),
            x_label: "agents, those with the worst days first".to_owned(),
            x_unit: "%".to_owned(),
            y_label: "net utility above never trading / its mean".to_owned(),
            y_unit: String::new(),
            curves: [4, 3, 2, 1, 0].map(curve).into(),
            marks: Vec::new(),
        })
    }
}

fn mean_of(levels: &[[f64; 5]], k: usize) -> f64 {
    levels.iter().map(|level| level[k]).sum::<f64>() / levels.len() as f64
}
