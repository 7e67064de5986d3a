//! Names of agents: for people, in tables and errors; nothing is computed with them.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::mechanism::AgentId;

/// One name for each agent, or none at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(Vec<Box<str>>);

/// Why names cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NamesError {
    /// The number of names is not the number of agents.
    #[error("names: found {found}, accepted is one name for each of the {agents} agents")]
    Count {
        /// How many names were given.
        found: usize,
        /// How many agents there are.
        agents: usize,
    },
    /// Two agents share a name.
    #[error("names: `{name}` is the name of agents {first} and {second}, accepted are distinct names")]
    Duplicate {
        /// The name.
        name: String,
        /// The first agent with it (0-based).
        first: AgentId,
        /// The second one.
        second: AgentId,
    },
}

impl Names {
    /// The names of all agents, in their order.
    ///
    /// # Errors
    /// The number of names is wrong, or two are equal.
    pub fn new(names: Vec<Box<str>>, agents: usize) -> Result<Self, NamesError> {
        if names.len() != agents {
            return Err(NamesError::Count { found: names.len(), agents });
        }
        let mut seen: HashMap<&str, AgentId> = HashMap::with_capacity(names.len());
        for (second, name) in names.iter().enumerate() {
            if let Some(first) = seen.insert(name, second) {
                return Err(NamesError::Duplicate { name: name.to_string(), first, second });
            }
        }
        Ok(Self(names))
    }

    /// The agent's name, or "agent 7" if there are no names.
    pub fn get(&self, agent: AgentId) -> Cow<'_, str> {
        match self.0.get(agent) {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(format!("agent {agent}")),
        }
    }
}
