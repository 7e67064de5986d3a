//! Who does what when, within a period.

use super::layout::{Entry, NOTE_SIZE, Sign, header, legend_rows};
use super::scene::{Area, GREY, INK, PALETTE, Point, Rgb, SOFT, Scene, Stroke, WHITE};
use super::text::{self, Anchor};
use super::{PlotError, check};

const CHART: &str = "timing diagram";
/// More steps than this are not drawn.
const MOST_STEPS: usize = 8;
/// Free room at the sides.
const SIDE: f64 = 34.0;
/// Room between boxes.
const GAP: f64 = 12.0;
/// Font size in the boxes, and the height of a line.
const SIZE: f64 = 13.0;
const LINE: f64 = 17.0;
/// Where the boxes begin, and how high they are.
const BOX_TOP: f64 = 104.0;
const BOX_HEIGHT: f64 = 128.0;

/// Who acts in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Chance.
    Nature,
    /// The players, each by herself.
    Players,
    /// The coordinator.
    Coordinator,
}

impl Actor {
    const ALL: [Self; 3] = [Self::Nature, Self::Players, Self::Coordinator];

    fn color(self) -> Rgb {
        match self {
            Self::Nature => PALETTE[2],
            Self::Players => PALETTE[0],
            Self::Coordinator => PALETTE[1],
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Nature => "nature",
            Self::Players => "players",
            Self::Coordinator => "coordinator",
        }
    }
}

/// One thing that happens in a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimingStep {
    /// Who does it.
    pub actor: Actor,
    /// What, in a few words.
    pub what: String,
    /// Who knows of it, in a few words.
    pub known: String,
}

/// A stretch of steps that have something in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimingSpan {
    /// The first step, from 0.
    pub from: usize,
    /// The last step.
    pub to: usize,
    /// What they have in common.
    pub label: String,
}

/// The order of what happens in a period, from left to right, and how the next period follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Written above.
    pub title: String,
    /// The steps in their order; the first eight are drawn.
    pub steps: Vec<TimingStep>,
    /// Brackets below the steps.
    pub spans: Vec<TimingSpan>,
    /// What leads from the last step to the first one of the next period.
    pub next: String,
}

impl Timing {
    /// The shapes of the diagram.
    pub(super) fn scene(&self) -> Result<Scene, PlotError> {
        check::some(CHART, "the list of steps", self.steps.len())?;
        let mut scene = Scene::new();
        let top = header(&mut scene, &self.title, &[]);
        let shown = &self.steps[..self.steps.len().min(MOST_STEPS)];
        let used = Actor::ALL.into_iter().filter(|actor| shown.iter().any(|step| step.actor == *actor));
        let entries: Vec<Entry> =
            used.map(|actor| Entry::new(Sign::Patch(actor.color()), actor.words())).collect();
        legend_rows(&mut scene, &entries, top);
        let wide = (scene.width - 2.0 * SIDE + GAP) / shown.len() as f64;
        let frame = |k: usize| {
            let left = SIDE + k as f64 * wide;
            Area::new(left, BOX_TOP, left + wide - GAP, BOX_TOP + BOX_HEIGHT)
        };
        let line = BOX_TOP + BOX_HEIGHT + 40.0;
        for (k, step) in shown.iter().enumerate() {
            draw_step(&mut scene, step, &frame(k), line);
        }
        draw_time(&mut scene, line);
        let mut level = line + 112.0;
        for span in &self.spans {
            let last = shown.len() - 1;
            let (from, to) = (frame(span.from.min(last)).left, frame(span.to.min(last)).right);
            draw_bracket(&mut scene, (from, to), level, &span.label);
            level += 56.0;
        }
        draw_return(&mut scene, level + 30.0, &self.next);
        Ok(scene)
    }
}

/// A box with what happens, its place on the line of time, and who knows.
fn draw_step(scene: &mut Scene, step: &TimingStep, frame: &Area, line: f64) {
    let color = step.actor.color();
    scene.rect(frame, color.tint(0.16));
    scene.rect(&Area::new(frame.left, frame.top, frame.right, frame.top + 5.0), color);
    let middle = 0.5 * (frame.left + frame.right);
    let lines = wrapped(&step.what, SIZE, frame.width() - 14.0);
    let first = 0.5 * (frame.top + frame.bottom) - 0.5 * LINE * (lines.len() as f64 - 1.0) + 6.0;
    for (k, words) in lines.iter().enumerate() {
        scene.text(words, (middle, first + LINE * k as f64), SIZE, INK, Anchor::Middle);
    }
    scene.line(&[(middle, frame.bottom), (middle, line)], Stroke::full(color, 1.6));
    scene.disc((middle, line), 6.0, WHITE);
    scene.disc((middle, line), 5.0, color);
    for (k, words) in wrapped(&step.known, NOTE_SIZE, frame.width()).iter().enumerate() {
        scene.text(words, (middle, line + 26.0 + 16.0 * k as f64), NOTE_SIZE, SOFT, Anchor::Middle);
    }
}

/// The line of time, under the dots of the steps.
fn draw_time(scene: &mut Scene, line: f64) {
    let (from, to) = (SIDE - 12.0, scene.width - SIDE + 14.0);
    let mut under = Scene::new();
    under.line(&[(from, line), (to - 8.0, line)], Stroke::full(INK, 1.6));
    arrow(&mut under, (to, line), (1.0, 0.0), INK);
    under.shapes.append(&mut scene.shapes);
    scene.shapes = under.shapes;
}

/// The tip of an arrow.
fn arrow(scene: &mut Scene, (x, y): Point, (dx, dy): Point, color: Rgb) {
    let (back, side) = (11.0, 4.6);
    let foot = (x - back * dx, y - back * dy);
    scene.fill(
        vec![(x, y), (foot.0 - side * dy, foot.1 + side * dx), (foot.0 + side * dy, foot.1 - side * dx)],
        color,
    );
}

fn draw_bracket(scene: &mut Scene, (from, to): (f64, f64), level: f64, label: &str) {
    let stroke = Stroke::full(GREY, 1.3);
    scene.line(&[(from, level - 7.0), (from, level), (to, level), (to, level - 7.0)], stroke);
    let room = scene.width - 2.0 * SIDE;
    let label = text::fitted(label, SIZE, room);
    let half = 0.5 * text::width(&label, SIZE);
    let middle = (0.5 * (from + to)).clamp(SIDE + half, scene.width - SIDE - half);
    scene.text(&label, (middle, level + 18.0), SIZE, INK, Anchor::Middle);
}

/// From the end of the period back to its beginning.
fn draw_return(scene: &mut Scene, level: f64, label: &str) {
    let (from, to) = (scene.width - SIDE, SIDE);
    let stroke = Stroke::dashed(GREY, 1.6);
    scene.line(&[(from, level - 22.0), (from, level), (to, level), (to, level - 12.0)], stroke);
    arrow(scene, (to, level - 22.0), (0.0, -1.0), GREY);
    let label = text::fitted(label, SIZE, from - to);
    scene.text(&label, (0.5 * (from + to), level + 20.0), SIZE, SOFT, Anchor::Middle);
}

/// The text in lines that are at most `room` wide; words that are wider are shortened.
fn wrapped(text: &str, size: f64, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text::width(&format!("{line} {word}"), size) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(text::fitted(word, size, room)),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::Picture;

    fn diagram(steps: usize) -> Timing {
        let step = |k: usize| TimingStep {
            actor: Actor::ALL[k % 3],
            what: format!("step {k} with a rather long description & <signs>"),
            known: "seen by all".into(),
        };
        let span = TimingSpan { from: 0, to: 99, label: "all of it".into() };
        Timing {
            title: "Order".into(),
            steps: (0..steps).map(step).collect(),
            spans: vec![span],
            next: "again".into(),
        }
    }

    #[test]
    fn it_is_drawn_in_both_formats() {
        for steps in [1, 3, 6, 20] {
            let picture = Picture::Timing(diagram(steps));
            let svg = picture.svg().unwrap();
            assert!(svg.contains("all of it") && svg.contains("again") && !svg.contains("<signs>"));
            assert!(picture.png().unwrap().starts_with(b"\x89PNG"));
        }
        assert!(matches!(Picture::Timing(diagram(0)).svg(), Err(PlotError::Empty { .. })));
    }

    #[test]
    fn words_stay_in_their_boxes() {
        let lines = wrapped("a rather long description of a step", SIZE, 90.0);
        assert!(lines.len() > 1 && lines.iter().all(|line| text::width(line, SIZE) <= 90.0), "{lines:?}");
        assert_eq!(wrapped("incomprehensibilities", SIZE, 50.0).len(), 1);
    }
}
