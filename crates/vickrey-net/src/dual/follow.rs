//! The follower's side of dual decomposition: answers to prices and decisions.

use std::sync::Arc;

use serde_json::{Value, json};
use vickrey::faithful::dual::cost::Cost;
use vickrey::faithful::dual::follower::Faithful;
use vickrey::faithful::dual::rules::{Plan, Unfit};

use super::letters;
use crate::follow::FollowError;
use crate::mechanism::{Answer, FollowerSide};
use crate::message::{Kind, Message};

/// The follower's side.
#[derive(Debug)]
pub struct Side {
    follower: usize,
    plan: Arc<Plan>,
    cost: Arc<Cost>,
    decision: Option<Vec<f64>>,
}

impl Side {
    /// A follower whose cost goes with the plan.
    ///
    /// # Errors
    /// It does not.
    pub fn new(follower: usize, plan: Arc<Plan>, cost: Arc<Cost>) -> Result<Self, Unfit> {
        plan.fits(follower, &cost)?;
        Ok(Self { follower, plan, cost, decision: None })
    }
}

impl FollowerSide for Side {
    fn answer(&mut self, letter: &Message) -> Result<Option<Answer>, FollowError> {
        let agent = self.follower;
        let public = self.plan.problem().follower(agent);
        let n = public.decisions();
        let faithful = Faithful { agent, public, cost: &self.cost };
        Ok(match letter.kind {
            Kind::Price => {
                let prices = letters::read_price(&letter.body, &self.plan, agent, letter.k)?;
                Some((Kind::Report, letters::report(&prices, &faithful.answer(&prices), agent, n)))
            }
            Kind::Decision => {
                let decision = letters::read_decision(&letter.body, n)?;
                let values = letters::values(&decision, &faithful.values(&decision));
                self.decision = Some(decision.z);
                Some((Kind::Value, values))
            }
            _ => None,
        })
    }

    fn decision(&self) -> Option<Vec<f64>> {
        self.decision.clone()
    }

    fn remembers(&self) -> Option<Value> {
        Some(json!({ "decision": self.decision }))
    }

    fn recall(&mut self, value: &Value) -> Result<(), String> {
        let decision = value.get("decision").and_then(Value::as_array);
        self.decision = decision.map(|list| list.iter().filter_map(Value::as_f64).collect());
        Ok(())
    }
}
