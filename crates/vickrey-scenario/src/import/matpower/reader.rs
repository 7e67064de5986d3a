//! From tokens to the fields of the case struct.
//!
//! The reader takes plain assignments of the fields it knows and skips every
//! statement that cannot change them. Anything between the two is refused.

use std::collections::HashSet;

use super::MatpowerError;
use super::lexer::{Kind, Token, shown};
use super::table::{Name, Table, number_in};

const VERSION_HELP: &str = "a version 2 case is accepted: `function mpc = name`, then \
    `mpc.version = '2'` (MATPOWER's savecase writes it)";
const PLAIN_HELP: &str = "bus, gen, gencost, baseMVA and version are accepted as plain values, \
    each given once (savecase in MATPOWER writes a case with all statements carried out)";

/// Commands without arguments in brackets that change no variable.
const HARMLESS_COMMANDS: [&str; 8] =
    ["clc", "close", "define_constants", "disp", "error", "format", "more", "warning"];
/// Functions that run a text as a program.
const EVALUATORS: [&str; 4] = ["assignin", "eval", "evalc", "evalin"];
/// Functions that may change variables of their caller.
const LOADERS: [&str; 4] = ["clear", "load", "run", "source"];

/// The fields as the file gives them.
#[derive(Debug)]
pub(super) struct Raw<'a> {
    pub name: &'a str,
    /// Value, and the token it is read from.
    pub base_mva: (f64, Token<'a>),
    pub bus: Table<'a>,
    pub gen_table: Table<'a>,
    pub gencost: Table<'a>,
    pub notes: Vec<String>,
}

/// Reads all statements of a file with so many lines.
pub(super) fn read<'a>(tokens: &[Token<'a>], lines: usize) -> Result<Raw<'a>, MatpowerError> {
    let mut statements = statements(tokens).into_iter();
    let Some(first) = statements.next() else {
        return Err(MatpowerError::new(1, None, "the file holds no statement", VERSION_HELP));
    };
    let (variable, name) = header(first)?;
    let mut reader = Reader::new(variable);
    for statement in statements {
        reader.statement(statement)?;
    }
    reader.finish(name, lines)
}

/// Parts the tokens at `;`, `,` and line ends outside of brackets.
fn statements<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t [Token<'a>]> {
    let mut depth = 0_usize;
    tokens
        .split(|token| {
            if token.opens() {
                depth += 1;
            } else if token.closes() {
                depth = depth.saturating_sub(1);
            }
            depth == 0 && matches!(token.kind, Kind::Newline | Kind::Mark(';' | ','))
        })
        .filter(|statement| !statement.is_empty())
        .collect()
}

/// Names of the struct and of the case in `function struct = case`.
fn header<'a>(statement: &[Token<'a>]) -> Result<(&'a str, &'a str), MatpowerError> {
    let (start, rest) = match statement {
        [start, rest @ ..] if start.word() == Some("function") => (start, rest),
        [start, ..] => {
            let message = format!("the file begins with {}", start.shown());
            return Err(start.error(message, VERSION_HELP));
        }
        [] => return Err(MatpowerError::new(1, None, "empty statement", VERSION_HELP)),
    };
    let (outputs, call) = match rest.iter().position(|token| token.is('=')) {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => return Err(start.error("the function returns nothing", VERSION_HELP)),
    };
    let mut variables = outputs.iter().filter_map(Token::word);
    match (variables.next(), variables.next(), call) {
        (Some(_), Some(_), _) => {
            let message = "the function returns several values, as cases of version 1 do";
            Err(start.error(message, VERSION_HELP))
        }
        (Some(variable), None, [name, after @ ..])
            if is_identifier(variable)
                && name.word().is_some_and(is_identifier)
                && after.first().is_none_or(Token::opens) =>
        {
            Ok((variable, name.word().unwrap_or_default()))
        }
        _ => Err(start.error("the function line is not complete", VERSION_HELP)),
    }
}

fn is_identifier(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic()) && identifier(word) == word
}

/// The name that a word begins with, or nothing.
fn identifier(word: &str) -> &str {
    let end = word.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(word.len());
    &word[..end]
}

/// All names in a word that are not fields of another name.
fn variables(word: &str) -> impl Iterator<Item = &str> {
    word.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).map(identifier)
}

/// Where in the file the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the function that makes the case.
    Main,
    /// After its `end`, where only further functions may follow.
    After,
    /// In a further function or after `return`: not carried out by itself.
    Other,
}

struct Reader<'a> {
    variable: &'a str,
    place: Place,
    /// Openings of the blocks (`if`, `for`, ...) around the statement.
    blocks: Vec<Token<'a>>,
    version: Option<Token<'a>>,
    base_mva: Option<(f64, Token<'a>)>,
    tables: Vec<Table<'a>>,
    /// Names of fields that are not read; each has one note.
    unused: HashSet<&'a str>,
    notes: Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(variable: &'a str) -> Self {
        Self {
            variable,
            place: Place::Main,
            blocks: Vec::new(),
            version: None,
            base_mva: None,
            tables: Vec::new(),
            unused: HashSet::new(),
            notes: Vec::new(),
        }
    }

    fn statement(&mut self, statement: &[Token<'a>]) -> Result<(), MatpowerError> {
        let Some(first) = statement.first() else {
            return Ok(());
        };
        self.refuse_evaluators(statement)?;
        let keyword = first.word().map_or("", identifier);
        if keyword == "function" && self.blocks.is_empty() {
            self.place = Place::Other;
            return Ok(());
        }
        match (self.place, keyword) {
            (Place::After, _) => Err(first.error(
                format!("found {} after the end of the function", first.shown()),
                "further functions or nothing is accepted there",
            )),
            (Place::Main, "if" | "for" | "parfor" | "while" | "switch" | "try") => {
                self.block_head(statement)?;
                self.blocks.push(*first);
                Ok(())
            }
            (Place::Other, "if" | "for" | "parfor" | "while" | "switch" | "try")
            | (_, "else" | "elseif" | "case" | "otherwise" | "catch") => self.block_head(statement),
            (
                _,
                "end" | "endif" | "endfor" | "endparfor" | "endwhile" | "endswitch" | "end_try_catch"
                | "endfunction",
            ) => self.end(statement),
            (_, "return") => self.early_return(first),
            _ => self.simple(statement),
        }
    }

    fn refuse_evaluators(&self, statement: &[Token<'a>]) -> Result<(), MatpowerError> {
        let evaluates = |token: &&Token<'a>| {
            token.word().is_some_and(|word| variables(word).any(|name| EVALUATORS.contains(&name)))
        };
        match statement.iter().find(evaluates) {
            Some(token) => Err(not_carried_out(token)),
            None => Ok(()),
        }
    }

    fn mentions_case(&self, token: &Token<'a>) -> bool {
        token.word().is_some_and(|word| variables(word).any(|name| name == self.variable))
    }

    /// The head of a block may have its first statement in the same line, so
    /// that what stands before its last `=` may be changed.
    fn block_head(&self, statement: &[Token<'a>]) -> Result<(), MatpowerError> {
        let changed = statement.iter().rposition(|token| token.is('='));
        let (changed, rest) = statement.split_at(changed.unwrap_or(0));
        let ends = |token: &&Token<'a>| token.word() == Some("return") || increments(token);
        let suspect = changed.iter().find(|token| self.mentions_case(token));
        match suspect.or_else(|| changed.iter().chain(rest).find(ends)) {
            Some(token) => Err(not_carried_out(token)),
            None => Ok(()),
        }
    }

    fn end(&mut self, statement: &[Token<'a>]) -> Result<(), MatpowerError> {
        if let Some(extra) = statement.get(1) {
            let message = format!("found {} after `end`", extra.shown());
            return Err(extra.error(message, "`end` on its own is accepted"));
        }
        if self.place == Place::Main && self.blocks.pop().is_none() {
            self.place = Place::After;
        }
        Ok(())
    }

    fn early_return(&mut self, first: &Token<'a>) -> Result<(), MatpowerError> {
        if !self.blocks.is_empty() {
            return Err(not_carried_out(first));
        }
        self.place = Place::Other;
        Ok(())
    }

    /// A statement that is not part of a block's frame.
    fn simple(&mut self, statement: &[Token<'a>]) -> Result<(), MatpowerError> {
        let mut depth = 0_usize;
        let mut outer = None;
        let mut count = 0_usize;
        for (at, token) in statement.iter().enumerate() {
            if token.opens() {
                depth += 1;
            } else if token.closes() {
                depth = depth.saturating_sub(1);
            } else if token.is('=') {
                count += 1;
                if depth == 0 && outer.is_none() {
                    outer = Some(at);
                }
            }
        }
        match outer {
            Some(at) if count == 1 => self.assignment(&statement[..at], &statement[at..]),
            None if count == 0 => self.command(statement),
            // Octave allows assignments within expressions.
            _ => match statement.iter().find(|token| self.mentions_case(token)) {
                Some(token) => Err(not_carried_out(token)),
                None => Ok(()),
            },
        }
    }

    /// A statement without assignment: a call or a command.
    fn command(&mut self, statement: &[Token<'a>]) -> Result<(), MatpowerError> {
        let Some(first) = statement.first() else {
            return Ok(());
        };
        if let Some(token) = statement.iter().find(|token| increments(token)) {
            return Err(not_carried_out(token));
        }
        if let Some(word) = first.word() {
            let is_call = statement.get(1).is_some_and(|next| next.is('('));
            let name = identifier(word);
            let harmless = HARMLESS_COMMANDS.contains(&name)
                || (is_call && is_identifier(word) && !LOADERS.contains(&name));
            // A function in brackets cannot touch the case, but a bare name
            // may be that of a script, which can.
            if !harmless && self.place == Place::Main {
                return Err(not_carried_out(first));
            }
        }
        self.note_skipped(first);
        Ok(())
    }

    fn note_skipped(&mut self, first: &Token<'a>) {
        if self.place == Place::Main {
            let line = first.line;
            let text = first.shown();
            self.notes.push(format!("statement {text} (line {line}) is skipped"));
        }
    }

    /// `left = right`; `right` begins with the `=`.
    fn assignment(&mut self, left: &[Token<'a>], right: &[Token<'a>]) -> Result<(), MatpowerError> {
        let (Some(first), Some((equals, right))) = (left.first(), right.split_first()) else {
            let message = "an assignment without a left side";
            let at = right.first();
            return Err(at.map_or_else(
                || MatpowerError::new(1, None, message, PLAIN_HELP),
                |token| token.error(message, PLAIN_HELP),
            ));
        };
        let target = Target::of(left);
        if target.root != self.variable {
            // It may be one of several targets, or that of `global`.
            if let Some(token) = left.iter().find(|token| self.mentions_case(token)) {
                return Err(not_carried_out(token));
            }
            self.note_skipped(first);
            return Ok(());
        }
        match target.field {
            "bus" | "gen" | "gencost" | "baseMVA" | "version" => {
                if !target.plain || self.place != Place::Main || !self.blocks.is_empty() {
                    return Err(not_carried_out(first));
                }
                self.set(target.field, first, equals, right)
            }
            "" => Err(not_carried_out(first)),
            other => {
                if self.place == Place::Main && self.unused.insert(other) {
                    let line = first.line;
                    let text = shown(other);
                    self.notes.push(format!("field {text} (line {line}) is not used"));
                }
                Ok(())
            }
        }
    }

    /// Takes the value of a field that is read.
    fn set(
        &mut self,
        field: &str,
        first: &Token<'a>,
        equals: &Token<'a>,
        right: &[Token<'a>],
    ) -> Result<(), MatpowerError> {
        let name = match field {
            "bus" => Name::Bus,
            "gen" => Name::Gen,
            "gencost" => Name::Gencost,
            "version" => return self.set_version(first, equals, right),
            _ => return self.set_base(first, equals, right),
        };
        if let Some(earlier) = self.tables.iter().find(|table| table.name == name) {
            return Err(twice(first, earlier.line));
        }
        self.tables.push(Table::read(name, equals, right)?);
        Ok(())
    }

    fn set_version(
        &mut self,
        first: &Token<'a>,
        equals: &Token<'a>,
        right: &[Token<'a>],
    ) -> Result<(), MatpowerError> {
        if let Some(earlier) = self.version {
            return Err(twice(first, earlier.line));
        }
        match right {
            [token] if matches!(token.kind, Kind::Text("2") | Kind::Word("2")) => {
                self.version = Some(*token);
                Ok(())
            }
            [token, ..] => {
                let message = format!("the version of the case is {}", token.shown());
                Err(token.error(message, VERSION_HELP))
            }
            [] => Err(equals.error("the version has no value", VERSION_HELP)),
        }
    }

    fn set_base(
        &mut self,
        first: &Token<'a>,
        equals: &Token<'a>,
        right: &[Token<'a>],
    ) -> Result<(), MatpowerError> {
        if let Some((_, earlier)) = self.base_mva {
            return Err(twice(first, earlier.line));
        }
        let help = "one number above 0 is accepted";
        let number = |token: &Token<'a>| token.word().and_then(number_in);
        if let [token] = right
            && let Some(value) = number(token)
        {
            self.base_mva = Some((value, *token));
            return Ok(());
        }
        let odd = right.iter().find(|token| number(token).is_none());
        Err(match odd.or(right.get(1)) {
            Some(token) => token.error(format!("baseMVA: found {}", token.shown()), help),
            None => equals.error("baseMVA has no value", help),
        })
    }

    fn take(&mut self, name: Name, lines: usize) -> Result<Table<'a>, MatpowerError> {
        match self.tables.iter().position(|table| table.name == name) {
            Some(at) => Ok(self.tables.swap_remove(at)),
            None => Err(missing(name.text(), lines)),
        }
    }

    /// Checks that nothing is missing at the end of the file.
    fn finish(mut self, name: &'a str, lines: usize) -> Result<Raw<'a>, MatpowerError> {
        if let Some(block) = self.blocks.last() {
            let message = format!("the block {} that begins here is never closed", block.shown());
            return Err(block.error(message, "a complete file with an `end` for it is accepted"));
        }
        if self.version.is_none() {
            let message = "the file ends without a version";
            return Err(MatpowerError::new(lines, None, message, VERSION_HELP));
        }
        let base_mva = self.base_mva.ok_or_else(|| missing("baseMVA", lines))?;
        Ok(Raw {
            name,
            base_mva,
            bus: self.take(Name::Bus, lines)?,
            gen_table: self.take(Name::Gen, lines)?,
            gencost: self.take(Name::Gencost, lines)?,
            notes: self.notes,
        })
    }
}

/// Octave changes a variable with `x++` and `--x`.
fn increments(token: &Token<'_>) -> bool {
    token.word().is_some_and(|word| word.contains("++") || word.contains("--"))
}

fn not_carried_out(at: &Token<'_>) -> MatpowerError {
    let message = format!("a statement with {} may change the case but is not a plain value", at.shown());
    at.error(message, PLAIN_HELP)
}

fn twice(at: &Token<'_>, earlier: usize) -> MatpowerError {
    let message = format!("{} is given again, first in line {earlier}", at.shown());
    at.error(message, PLAIN_HELP)
}

fn missing(field: &str, lines: usize) -> MatpowerError {
    MatpowerError::new(
        lines,
        None,
        format!("the file ends without {field}"),
        "a complete case with baseMVA, bus, gen and gencost is accepted",
    )
}

/// What an assignment changes.
struct Target<'a> {
    root: &'a str,
    /// Empty if there is none or it is computed.
    field: &'a str,
    /// The whole field, not a part of it.
    plain: bool,
}

impl<'a> Target<'a> {
    fn of(left: &[Token<'a>]) -> Self {
        let word = left.first().and_then(Token::word).unwrap_or_default();
        let root = identifier(word);
        let after = &word[root.len()..];
        let field = after.strip_prefix('.').map_or("", identifier);
        Self { root, field, plain: left.len() == 1 && after.len() == field.len() + 1 }
    }
}
