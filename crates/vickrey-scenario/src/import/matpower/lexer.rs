//! From text to tokens: comments and line continuations disappear, quotes are
//! told from transposition marks, brackets are checked to match.

use super::MatpowerError;

/// A piece of the text with its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Token<'a> {
    pub kind: Kind<'a>,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind<'a> {
    /// A run of characters without blanks: a name, a number, an operator.
    Word(&'a str),
    /// What stands between quotes, as written.
    Text(&'a str),
    /// One of `, ; = ( ) [ ] { }` or a transposition `'`.
    Mark(char),
    Newline,
}

impl<'a> Token<'a> {
    pub fn word(&self) -> Option<&'a str> {
        match self.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    pub fn is(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }

    pub fn opens(&self) -> bool {
        matches!(self.kind, Kind::Mark('(' | '[' | '{'))
    }

    pub fn closes(&self) -> bool {
        matches!(self.kind, Kind::Mark(')' | ']' | '}'))
    }

    pub fn error(&self, message: impl Into<String>, help: impl Into<String>) -> MatpowerError {
        MatpowerError::new(self.line, Some(self.column), message, help)
    }

    /// The token as it is shown in a message.
    pub fn shown(&self) -> String {
        match self.kind {
            Kind::Word(text) => shown(text),
            Kind::Text(text) => format!("`'{}'`", short(text)),
            Kind::Mark(mark) => format!("`{mark}`"),
            Kind::Newline => "the end of the line".to_string(),
        }
    }
}

/// Text from the file in back quotes.
pub(super) fn shown(text: &str) -> String {
    format!("`{}`", short(text))
}

/// The beginning of a text, without control characters.
fn short(text: &str) -> String {
    const LONGEST: usize = 40;
    let short: String = text.chars().take(LONGEST).collect();
    let dots = if short.len() < text.len() { "..." } else { "" };
    format!("{}{dots}", short.escape_debug())
}

/// Number of lines; an empty text has one.
pub(super) fn line_count(text: &str) -> usize {
    let ends = text.matches(['\n', '\r']).count() - text.matches("\r\n").count();
    ends + usize::from(!text.ends_with(['\n', '\r']))
}

/// All tokens of the text. Every bracket among them has its partner.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, MatpowerError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lexer = Lexer::new(text);
    lexer.refuse_binary()?;
    while lexer.step()? {}
    // The first one: a lost bracket leaves those after it open, too.
    match lexer.open.first() {
        Some(open) => Err(open.error(
            format!("{} is opened here and never closed", open.shown()),
            "a complete file with a closing bracket for every opening one is accepted",
        )),
        None => Ok(lexer.tokens),
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    column: usize,
    tokens: Vec<Token<'a>>,
    open: Vec<Token<'a>>,
    /// A blank was passed since the last token.
    spaced: bool,
    /// Where the statement began, as an index of `tokens`.
    statement: usize,
}

impl<'a> Lexer<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            line: 1,
            column: 1,
            tokens: Vec::new(),
            open: Vec::new(),
            spaced: false,
            statement: 0,
        }
    }

    /// Control characters do not occur in a text file; without this check a
    /// damaged file would be reported as a strange number somewhere.
    fn refuse_binary(&self) -> Result<(), MatpowerError> {
        let allowed = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\u{c}');
        let Some(at) = self.text.find(|c| !allowed(c)) else {
            return Ok(());
        };
        let before = &self.text[..at];
        let line_start = before.rfind(['\n', '\r']).map_or(0, |end| end + 1);
        let found = self.text[at..].chars().next().unwrap_or_default();
        Err(MatpowerError::new(
            line_count(before) + usize::from(before.ends_with(['\n', '\r'])),
            Some(before[line_start..].chars().count() + 1),
            format!("found the control character `{}`", found.escape_default()),
            "a plain text file is accepted",
        ))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Passes one character; a line end of two characters counts as one.
    fn bump(&mut self) {
        let Some(c) = self.peek() else { return };
        self.at += c.len_utf8();
        self.column += 1;
        let ends_line = c == '\n' || (c == '\r' && self.peek() != Some('\n'));
        if ends_line {
            self.line += 1;
            self.column = 1;
        }
    }

    fn token(&self, kind: Kind<'a>) -> Token<'a> {
        Token { kind, line: self.line, column: self.column }
    }

    fn push(&mut self, token: Token<'a>) {
        self.tokens.push(token);
        self.spaced = false;
        let separates = matches!(token.kind, Kind::Newline | Kind::Mark(';' | ','));
        if separates && self.open.is_empty() {
            self.statement = self.tokens.len();
        }
    }

    /// Reads one token or passes what is none. False at the end of the text.
    fn step(&mut self) -> Result<bool, MatpowerError> {
        let Some(c) = self.peek() else {
            return Ok(false);
        };
        match c {
            '\n' | '\r' => self.newline(),
            ' ' | '\t' | '\u{c}' => {
                self.bump();
                self.spaced = true;
            }
            '%' if self.opens_block_comment() => self.block_comment()?,
            '%' => self.pass_line(),
            '.' if self.rest().starts_with("...") => {
                self.pass_line();
                self.pass_line_end();
                self.spaced = true;
            }
            '\'' if self.is_transposition() => self.mark(c),
            '\'' | '"' => self.quote(c)?,
            '(' | '[' | '{' => {
                self.open.push(self.token(Kind::Mark(c)));
                self.mark(c);
            }
            ')' | ']' | '}' => self.close(c)?,
            ',' | ';' => self.mark(c),
            '=' if !self.rest().starts_with("==") => self.mark(c),
            _ => self.word(),
        }
        Ok(true)
    }

    fn mark(&mut self, c: char) {
        let token = self.token(Kind::Mark(c));
        self.bump();
        self.push(token);
    }

    fn newline(&mut self) {
        let token = self.token(Kind::Newline);
        self.pass_line_end();
        self.push(token);
    }

    fn pass_line_end(&mut self) {
        if self.rest().starts_with("\r\n") {
            self.bump();
        }
        self.bump();
    }

    /// Passes the rest of the line, but not its end.
    fn pass_line(&mut self) {
        while self.peek().is_some_and(|c| c != '\n' && c != '\r') {
            self.bump();
        }
    }

    fn current_line(&self) -> &'a str {
        let start = self.text[..self.at].rfind(['\n', '\r']).map_or(0, |end| end + 1);
        let rest = &self.text[start..];
        &rest[..rest.find(['\n', '\r']).unwrap_or(rest.len())]
    }

    /// `%{` opens a block only where it has a line of its own.
    fn opens_block_comment(&self) -> bool {
        self.rest().starts_with("%{") && self.current_line().trim() == "%{"
    }

    /// Passes a block comment, in which further blocks may be nested.
    fn block_comment(&mut self) -> Result<(), MatpowerError> {
        let opening = self.token(Kind::Word("%{"));
        let mut depth = 0_usize;
        while self.peek().is_some() {
            let start = self.at;
            self.pass_line();
            match self.text[start..self.at].trim() {
                "%{" => depth += 1,
                "%}" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(());
            }
            self.pass_line_end();
        }
        Err(opening.error("the block comment opened here is never closed", "a line with only `%}` closes it"))
    }

    /// After an operand `'` transposes it; elsewhere it opens a quote. Blanks
    /// before it matter in brackets, where they separate values, and after
    /// the first word of a statement, which may be a command.
    fn is_transposition(&self) -> bool {
        let Some(last) = self.tokens[self.statement..].last() else {
            return false;
        };
        let after_operand = match last.kind {
            Kind::Word(word) => word.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.'),
            Kind::Text(_) | Kind::Mark(')' | ']' | '}' | '\'') => true,
            _ => false,
        };
        let separates = match self.open.last() {
            Some(open) => !open.is('('),
            None => self.tokens.len() == self.statement + 1,
        };
        after_operand && !(self.spaced && separates)
    }

    /// Reads a quoted text; a doubled quote in it stands for one.
    fn quote(&mut self, quote: char) -> Result<(), MatpowerError> {
        let mut token = self.token(Kind::Newline);
        self.bump();
        let start = self.at;
        loop {
            match self.peek() {
                None | Some('\n' | '\r') => {
                    return Err(token.error(
                        format!("the quote `{quote}` is opened here and not closed in this line"),
                        "a quoted text that ends in the same line is accepted",
                    ));
                }
                Some(c) if c == quote => {
                    let end = self.at;
                    self.bump();
                    if self.peek() != Some(quote) {
                        token.kind = Kind::Text(&self.text[start..end]);
                        self.push(token);
                        return Ok(());
                    }
                    self.bump();
                }
                Some(_) => self.bump(),
            }
        }
    }

    fn close(&mut self, c: char) -> Result<(), MatpowerError> {
        let token = self.token(Kind::Mark(c));
        let partner = match c {
            ')' => '(',
            ']' => '[',
            _ => '{',
        };
        match self.open.pop() {
            Some(open) if open.is(partner) => {
                self.mark(c);
                Ok(())
            }
            Some(open) => Err(token.error(
                format!("found `{c}`, but {} of line {} is open", open.shown(), open.line),
                "a closing bracket of the same kind as the opening one is accepted",
            )),
            None => Err(token.error(
                format!("found `{c}`, but no bracket is open"),
                "a closing bracket for every opening one is accepted",
            )),
        }
    }

    /// Reads a run of other characters. Comparisons such as `a<=b` belong to
    /// it, so that a lone `=` always means an assignment.
    fn word(&mut self) {
        let mut token = self.token(Kind::Newline);
        let start = self.at;
        while let Some(c) = self.peek() {
            if self.rest().starts_with("==") {
                self.bump();
            } else if c == '=' {
                if !self.text[start..self.at].ends_with(['~', '<', '>', '!']) {
                    break;
                }
            } else if c.is_ascii_whitespace() || ",;()[]{}'\"%".contains(c) || self.rest().starts_with("...")
            {
                break;
            }
            self.bump();
        }
        token.kind = Kind::Word(&self.text[start..self.at]);
        self.push(token);
    }
}
