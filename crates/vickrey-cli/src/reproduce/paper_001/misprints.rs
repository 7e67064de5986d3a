//! Where the print of paper 001 is wrong, or leaves open what is meant.

use vickrey::two_stage::solve::solve;
use vickrey::two_stage::{Game, Law};

use super::{failed, misprint, wrong};
use crate::failure::Failure;
use crate::reproduce::Row;

/// All of them.
pub fn rows() -> Result<Vec<Row>, Failure> {
    let mut rows = vec![
        misprint(
            "Definition 1 and Lemma 1: lies on a set of days of density zero count as truth",
            "Lemma 1 fails for them: about l/ln l lies in l days are more than the window lets pass; adopted: honest on all \
             days",
        ),
        misprint(
            "(27): the supremum over Psi",
            "false over the printed set, in which a player's true type may depend on the others' bids; with sealed bids it \
             cannot, and with that added the theorem holds",
        ),
        misprint(
            "(8), (9): shortage or reserve known before the bids",
            "bids that answer to it pass both tests; adopted: every public signal is a coordinate of the others' profile",
        ),
        misprint(
            "section V: laws that vary over the days",
            "a pooled frequency test lets lies pass that follow the calendar; adopted: tests by public signal",
        ),
        misprint(
            "section IV: a beta law with mean 1 and variance 2",
            "a beta law on 0 to 1 has a variance below mean (1 - mean); adopted: beta of the second kind (a = 2, b = 3), on \
             20 bins of equal probability with their conditional means",
        ),
        misprint(
            "figures 3 and 4: d, n and the reserve's law are not given",
            "adopted: d = 1, n = 10 with the fixed provider, the reserve's law stays at mean 1",
        ),
        misprint(
            "figure 4: a posted price with continuous types",
            "E[1/delta^2] is infinite, so the social cost of any price is, too; it depends on the number of types, which \
             stands on the figure",
        ),
        misprint(
            "\"any non-truthful strategy is penalised\"",
            "bids by the reported law whatever the type never are; they do not pay",
        ),
    ];
    rows.push(participation()?);
    Ok(rows)
}

/// (16) if an absent player can still be used.
fn participation() -> Result<Row, Failure> {
    let values = || vec![vec![-5.0, 0.0], vec![10.0, 0.0]];
    let game = |available| {
        Game::new(vec![1, 1], [1, 2], values(), vec![0.0, 0.0], available).map_err(|error| failed(&error))
    };
    let law = Law::uniform(1);
    let least = |game: &Game| -> Result<f64, Failure> {
        let solved = solve(game, &[&law, &law]).map_err(|error| failed(&error))?;
        Ok(solved.contribution(0))
    };
    let (all, masked) = (game(None)?, game(Some(vec![vec![false, true], vec![true, true]]))?);
    let note = format!(
        "W*_-i is not defined. If an absent player can still be used at no cost she loses by taking part; with the outcome \
         that needs her taken out she has {}",
        least(&masked)?
    );
    Ok(wrong("(16), individual rationality: utility of a player who is used", 0.0, least(&all)?, &note))
}
