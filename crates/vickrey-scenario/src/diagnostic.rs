//! What is wrong with an input: the place, what was found, what is accepted, and how to go on.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use miette::{LabeledSpan, MietteError, MietteSpanContents, Severity, SourceCode, SourceSpan, SpanContents};
use serde_json::{Value, json};

/// How many problems of one input are reported; the rest is counted.
pub(crate) const MOST: usize = 20;

/// A text of which places can be shown: a whole file, or some lines of a large one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Source(Arc<SourceText>);

#[derive(PartialEq, Eq)]
struct SourceText {
    name: String,
    text: String,
    /// Number of the first line of `text` in the file, from 0.
    first_line: usize,
}

impl Source {
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self::excerpt(name, text, 0)
    }

    pub fn excerpt(name: impl Into<String>, text: impl Into<String>, first_line: usize) -> Self {
        Self(Arc::new(SourceText { name: name.into(), text: printable(text.into()), first_line }))
    }

    /// Line and column (in characters) of a byte of the text, from 1.
    fn position(&self, at: usize) -> (usize, usize) {
        let text = &self.0.text;
        let at = (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        let before = &text[..at];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1 + self.0.first_line;
        (line, before[line_start..].chars().count() + 1)
    }
}

/// A text as it can be shown on a terminal, which obeys control characters: others, of the same length, stand for them.
fn printable(text: String) -> String {
    let harmless = |c: char| !c.is_control() || c == '\n' || c == '\t' || c == '\r';
    if text.chars().all(harmless) {
        return text;
    }
    let shown = |c: char| {
        if harmless(c) {
            c
        } else if c.len_utf8() == 1 {
            '?'
        } else {
            '¿'
        }
    };
    text.chars().map(shown).collect()
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({:?})", self.0.name)
    }
}

impl SourceCode for Source {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let SourceText { name, text, first_line } = &*self.0;
        let inner = text.as_str().read_span(span, lines_before, lines_after)?;
        Ok(Box::new(MietteSpanContents::new_named(
            name.clone(),
            inner.data(),
            *inner.span(),
            inner.line() + first_line,
            inner.column(),
            inner.line_count(),
        )))
    }
}

/// Why an input is not accepted.
///
/// Prints as one sentence; `miette` shows it with the lines it is about; [`Problem::to_json`] is for machines. One
/// input can have many problems: then they are the [`related`](Problem::related) ones of a problem that counts them.
#[derive(Clone, Debug)]
pub struct Problem(Box<Details>);

#[derive(Clone, Debug, Default)]
struct Details {
    message: String,
    help: Option<String>,
    source: Option<Source>,
    labels: Vec<(Range<usize>, String)>,
    file: Option<String>,
    row: Option<u64>,
    column: Option<u64>,
    related: Vec<Problem>,
    note: bool,
}

impl Problem {
    /// A problem with this message.
    pub fn new(message: impl Into<String>) -> Self {
        Self(Box::new(Details { message: message.into(), ..Details::default() }))
    }

    /// Says how to go on.
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Names the file; for places without text to show.
    pub fn in_file(mut self, path: &Path) -> Self {
        self.0.file = Some(path.display().to_string());
        self
    }

    /// Names the row (from 1) of a table without text.
    pub(crate) fn in_row(mut self, row: u64) -> Self {
        self.0.row = Some(row);
        self
    }

    /// Names line and column (from 1) of a file whose text is not to be shown.
    pub(crate) fn in_line(mut self, line: u64, column: u64) -> Self {
        self.0.row = Some(line);
        self.0.column = Some(column);
        self
    }

    /// Points to a place of a text; the first place is where the problem is, further ones explain it.
    pub(crate) fn at(mut self, source: &Source, span: Range<usize>, label: impl Into<String>) -> Self {
        self.0.file = Some(source.0.name.clone());
        self.0.source = Some(source.clone());
        self.0.labels.push((span, label.into()));
        self
    }

    /// Adds a remark that has a place of its own.
    pub(crate) fn with_note(mut self, mut note: Self) -> Self {
        note.0.note = true;
        self.0.related.push(note);
        self
    }

    /// What is wrong, without its place.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// How to go on, if there is something to say.
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// The file, if there is one.
    pub fn file(&self) -> Option<&str> {
        self.0.file.as_deref()
    }

    /// The single problems, if this one counts them; otherwise remarks that belong to it.
    pub fn related(&self) -> &[Problem] {
        &self.0.related
    }

    /// Line (in Parquet tables: row) from 1, and column in characters from 1, where they are known.
    pub fn position(&self) -> (Option<u64>, Option<u64>) {
        match (&self.0.source, self.0.labels.first()) {
            (Some(source), Some((span, _))) => {
                let (line, column) = source.position(span.start);
                (Some(line as u64), Some(column as u64))
            }
            _ => (self.0.row, self.0.column),
        }
    }

    /// The problem for machines: `file`, `line`, `column`, `message`, `help`, `related`; null where unknown.
    pub fn to_json(&self) -> Value {
        let (line, column) = self.position();
        let related: Vec<Value> = self.0.related.iter().map(Problem::to_json).collect();
        json!({
            "file": self.0.file,
            "line": line,
            "column": column,
            "message": self.0.message,
            "help": self.0.help,
            "related": related,
        })
    }

    /// Reading order: places of `first` as they stand in it, then everything else as it was found.
    fn order(&self, first: &Source) -> (bool, usize) {
        match (&self.0.source, self.0.labels.first()) {
            (Some(source), Some((span, _))) if Arc::ptr_eq(&source.0, &first.0) => (false, span.start),
            _ => (true, 0),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Problem {}

impl miette::Diagnostic for Problem {
    fn severity(&self) -> Option<Severity> {
        Some(if self.0.note { Severity::Advice } else { Severity::Error })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        if self.0.labels.is_empty() {
            return None;
        }
        Some(Box::new(self.0.labels.iter().map(|(span, label)| {
            let text = (!label.is_empty()).then(|| label.clone());
            LabeledSpan::new_with_span(text, span.clone())
        })))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        if self.0.related.is_empty() {
            return None;
        }
        Some(Box::new(self.0.related.iter().map(|problem| problem as &dyn miette::Diagnostic)))
    }
}

/// The problems of one input, found one after the other.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<Problem>,
    count: usize,
}

impl Problems {
    pub fn push(&mut self, problem: Problem) {
        self.push_with(|| problem);
    }

    /// Like `push`, and does not even make what would only be counted.
    pub fn push_with(&mut self, problem: impl FnOnce() -> Problem) {
        self.count += 1;
        if self.list.len() < MOST {
            self.list.push(problem());
        }
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// Nothing if there was none, the problem itself if there was one, otherwise one that lists them.
    pub fn finish(mut self, source: &Source) -> Result<(), Problem> {
        self.list.sort_by_key(|problem| problem.order(source));
        match self.list.pop() {
            None => Ok(()),
            Some(only) if self.count == 1 => Err(only),
            Some(last) => {
                self.list.push(last);
                let mut all = Problem::new(format!("{} problems in {}", self.count, source.0.name));
                if self.count > self.list.len() {
                    all = all.with_help(format!("the first {} are shown", self.list.len()));
                }
                all.0.file = Some(source.0.name.clone());
                all.0.related = self.list;
                Err(all)
            }
        }
    }
}

/// The candidate that a mistyped word most likely meant.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A word of a hostile file can be long, and the distance costs the product of the lengths.
    let word: String = word.chars().take(64).flat_map(char::to_lowercase).collect();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, candidate), candidate))
        .filter(|(distance, candidate)| {
            *distance <= 1.max(candidate.chars().count().max(word.chars().count()) / 3)
        })
        .filter(|(distance, candidate)| *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// "did you mean …?" where something is near, and in any case the accepted words.
pub(crate) fn suggest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    let accepted = format!("accepted: {}", list(candidates.iter().copied()));
    match nearest(word, candidates) {
        Some(near) => format!("did you mean `{near}`? {accepted}"),
        None => accepted,
    }
}

/// `a`, `b`, `c`
pub(crate) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    if quoted.is_empty() { "nothing".to_owned() } else { quoted.join(", ") }
}

/// A text of the input as it can stand in a message: short, on one line, without control characters.
pub(crate) fn shorten(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut short: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    short = short.replace("\\'", "'").replace("\\\"", "\"");
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

/// A number as a person would have written it.
pub(crate) fn written(x: f64) -> String {
    if x != 0.0 && !(1e-5..1e7).contains(&x.abs()) { format!("{x:e}") } else { x.to_string() }
}
