//! What a reader should know about a run, in sentences.

use vickrey::faithful::consensus::{Conduct, Watch};

use super::ConsensusResult;
use crate::output::number::amount;

/// Facts about the result that the numbers do not say by themselves.
pub(super) fn sentences(result: &ConsensusResult<'_>) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(epsilon) = result.of.rules.epsilon() {
        all.push(format!(
            "no follower gains more than {} by anything she might send or do, whatever the types, while the others are faithful",
            amount(epsilon, &result.scenario.units.money)
        ));
    }
    if result.played.settlement.passed {
        all.push(
            "everybody's cost and payment together are the social cost: the leader keeps N - 1 times what agreement costs".into(),
        );
    }
    let unfaithful = result.of.conducts.iter().filter(|conduct| **conduct != Conduct::Faithful).count();
    if unfaithful > 0 {
        all.push(format!(
            "here everybody is faithful; `vickrey simulate` plays what the scenario says of {unfaithful} follower{}",
            if unfaithful == 1 { "" } else { "s" }
        ));
    }
    all
}

/// What may not be meant that way.
pub(super) fn warnings(result: &ConsensusResult<'_>) -> Vec<String> {
    let mut all = result.scenario.warnings.clone();
    if !result.played.settlement.passed {
        all.push(format!(
            "faithful followers fail the test, and everybody pays the fine of {}",
            amount(result.of.rules.fine(), &result.scenario.units.money)
        ));
    }
    if result.of.rules.watch() == Watch::Observed {
        all.push("one silent or broken follower can make the test fail, and everybody pay the fine".into());
    }
    all
}
