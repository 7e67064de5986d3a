//! Aggregate supply and demand with the clearing point.

use super::axis::{Axis, EDGE, Panel, Side, range};
use super::check::{self, LARGEST};
use super::layout::{Block, Clutter, Entry, NOTE_SIZE, Sign, header, legend_rows};
use super::scene::{Area, GREY, INK, Marker, PALETTE, Point, Rgb, Scene, Stroke, WHITE};
use super::{PlotError, text};

const CHART: &str = "supply and demand chart";
const SUPPLY: Rgb = PALETTE[1];
const DEMAND: Rgb = PALETTE[0];
const INTERVAL: Rgb = Rgb(0xE3, 0xBC, 0xD2);

/// Aggregate supply and demand curves with the clearing point.
///
/// Curves are drawn as lines through their points in the order given; a step is two points. Axes show
/// the neighbourhood of the clearing point: a curve that runs far beyond it leaves the frame.
#[derive(Clone, Debug, PartialEq)]
pub struct SupplyDemand {
    /// Written above the chart.
    pub title: String,
    /// Unit of quantities, for example "MW"; may be empty.
    pub quantity_unit: String,
    /// Unit of prices, for example "$/MWh"; may be empty.
    pub price_unit: String,
    /// Points (quantity, price) of the supply curve.
    pub supply: Vec<(f64, f64)>,
    /// Points (quantity, price) of the demand curve.
    pub demand: Vec<(f64, f64)>,
    /// Quantity and price at which the market clears.
    pub clearing: (f64, f64),
    /// Lowest clearing price; may be −∞. A bar is drawn when it is below `price_high`.
    pub price_low: f64,
    /// Highest clearing price; may be +∞.
    pub price_high: f64,
}

impl SupplyDemand {
    /// The shapes of the chart.
    pub(super) fn scene(&self) -> Result<Scene, PlotError> {
        self.check()?;
        let mut scene = Scene::new();
        let top = header(&mut scene, &self.title, &[]);
        let mut entries = vec![
            Entry::new(Sign::Line(Stroke::full(SUPPLY, 2.2)), "supply"),
            Entry::new(Sign::Line(Stroke::full(DEMAND, 2.2)), "demand"),
            Entry::new(Sign::Marker(Marker::Disc, INK), "clearing point"),
        ];
        if self.interval().is_some() {
            entries.push(Entry::new(Sign::Patch(INTERVAL), "clearing prices"));
        }
        let top = legend_rows(&mut scene, &entries, top);
        let outer = Area::new(EDGE, top + 4.0, scene.width - 30.0, scene.height - 8.0);
        let (across, up) = (self.quantity_range(), self.price_range());
        let panel = Panel::within(
            outer,
            |length| Axis::linear(across, length, Side::Bottom),
            |length| Axis::linear(up, length, Side::Left),
        );
        panel.draw_grid(&mut scene);
        panel.draw_zero(&mut scene);
        let x_title = text::with_unit("quantity", &self.quantity_unit, panel.x.exponent);
        let y_title = text::with_unit("price", &self.price_unit, panel.y.exponent);
        panel.draw_axes(&mut scene, Some(&x_title), &y_title);
        self.draw(&mut scene, &panel);
        Ok(scene)
    }

    /// Refuses what cannot be drawn.
    fn check(&self) -> Result<(), PlotError> {
        for (name, curve) in [("supply", &self.supply), ("demand", &self.demand)] {
            check::some(CHART, name, curve.len())?;
            check::drawable(CHART, &format!("quantity of {name}"), curve.iter().map(|p| p.0))?;
            check::drawable(CHART, &format!("price of {name}"), curve.iter().map(|p| p.1))?;
        }
        let (quantity, price) = self.clearing;
        check::drawable(CHART, "the clearing point", [quantity, price])?;
        let ends = [self.price_low, self.price_high];
        let number = |v: f64| !v.is_nan();
        check::within(CHART, "the price interval", ends, "a number", number)
    }

    /// The ends of the price interval when there is one.
    fn interval(&self) -> Option<(f64, f64)> {
        (self.price_low < self.price_high).then_some((self.price_low, self.price_high))
    }

    /// The quantities shown: all, but not far beyond the clearing point.
    fn quantity_range(&self) -> (f64, f64) {
        let quantity = self.clearing.0;
        let all = self.supply.iter().chain(&self.demand).map(|p| p.0);
        let (low, high) = range(all.chain([quantity])).unwrap_or((0.0, 1.0));
        let low = low.min(0.0);
        let high = if quantity > 0.0 { high.min(2.5 * quantity) } else { high };
        (low, high + 0.03 * (high - low))
    }

    /// The prices shown: up to 2.2 times what matters at the clearing point (its price and the supply
    /// prices below its quantity), a little further when supply or the interval then just fits, and never
    /// far beyond the data.
    fn price_range(&self) -> (f64, f64) {
        let (quantity, price) = self.clearing;
        let needed = |p: &&(f64, f64)| p.0 <= 1.05 * quantity.max(0.0);
        let core = self.supply.iter().filter(needed).map(|p| p.1);
        let (core_low, core_high) = range(core.chain([price])).unwrap_or((price, price));
        let all = self.supply.iter().chain(&self.demand).map(|p| p.1);
        let (low, high) = range(all.chain([price, 0.0])).unwrap_or((0.0, 1.0));
        let reach = 2.2 * core_high.max(0.6 * -core_low);
        let reach = if reach > 0.0 { reach } else { high - low };
        let fitting = self.supply.iter().map(|p| p.1).chain([self.price_high]);
        let crest = fitting.filter(|&v| v <= 1.25 * reach).fold(high.min(reach), f64::max);
        let floor = low.max((-0.5 * reach).min(1.3 * core_low.min(0.0)));
        let pad = 0.05 * (crest - floor);
        (if floor < 0.0 { floor - pad } else { 0.0 }, crest + pad)
    }

    /// Curves, clearing point and its label.
    fn draw(&self, scene: &mut Scene, panel: &Panel) {
        let mut clutter = Clutter::new();
        let at = panel.px(self.clearing);
        let guides = [[at, (panel.area.left, at.1)], [at, (at.0, panel.area.bottom)]];
        for guide in &guides {
            scene.line_in(&panel.area, guide, Stroke::dotted(GREY, 1.1));
            clutter.add_line(guide);
        }
        if let Some(ends) = self.interval() {
            draw_interval(scene, panel, &mut clutter, at.0, ends);
        }
        for (curve, color) in [(&self.supply, SUPPLY), (&self.demand, DEMAND)] {
            let trace = panel.trace(curve);
            scene.line_in(&panel.area, &trace, Stroke::full(color, 2.2));
            clutter.add_line(&trace);
            if let [only] = curve[..] {
                scene.marker(Marker::Square, panel.px(only), 4.0, color);
            }
        }
        scene.disc(at, 5.6, WHITE);
        scene.disc(at, 4.4, INK);
        clutter.add_dot(at, 6.0);
        let block = Block { lines: &self.label(), color: INK, size: NOTE_SIZE + 0.5 };
        block.place(scene, &mut clutter, &panel.area.grown(-6.0), at);
    }

    /// What is written at the clearing point.
    fn label(&self) -> Vec<String> {
        let (quantity, price) = self.clearing;
        let amount = |v: f64, unit: &str| text::quantity(&text::short(v, 5), unit);
        let mut lines =
            vec![format!("{} at {}", amount(quantity, &self.quantity_unit), amount(price, &self.price_unit))];
        if let Some((low, high)) = self.interval() {
            let unit = &self.price_unit;
            lines.push(match (low.abs() <= LARGEST, high.abs() <= LARGEST) {
                (true, true) => {
                    let (low, high) = text::pair(low, high);
                    text::quantity(&format!("prices from {low} to {high}"), unit)
                }
                (true, false) => format!("any price from {} up", amount(low, unit)),
                (false, true) => format!("any price up to {}", amount(high, unit)),
                (false, false) => "any price".to_owned(),
            });
        }
        lines
    }
}

/// The price interval as a broad pale bar with end strokes where it ends inside the frame.
fn draw_interval(scene: &mut Scene, panel: &Panel, clutter: &mut Clutter, x: f64, (low, high): (f64, f64)) {
    let (foot, head) = (panel.px_y(low.max(-LARGEST)), panel.px_y(high.min(LARGEST)));
    let bar: [Point; 2] = [(x, foot), (x, head)];
    scene.line_in(&panel.area, &bar, Stroke::full(INTERVAL, 9.0));
    let (top, bottom) = (head.max(panel.area.top), foot.min(panel.area.bottom));
    clutter.add_box(Area::new(x - 8.0, top, x + 8.0, bottom));
    for end in [foot, head] {
        let cap = [(x - 8.0, end), (x + 8.0, end)];
        scene.line_in(&panel.area, &cap, Stroke::full(INK, 1.6));
    }
}
