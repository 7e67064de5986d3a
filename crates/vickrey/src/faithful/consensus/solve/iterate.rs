//! The iteration itself: faithful, and with one follower who sends what it likes.

use rayon::prelude::*;

use super::Rules;
use crate::mechanism::AgentId;
use crate::numeric::sum::CHUNK;

/// One round of one follower: z + alpha sum (z_j - z) over the messages in the order given, each clipped to the span in
/// which every faithful position lies.
pub fn moved(own: f64, step: f64, span: (f64, f64), heard: impl Iterator<Item = f64>) -> f64 {
    let pull: f64 = heard.map(|z| z.clamp(span.0, span.1) - own).sum();
    own + step * pull
}

/// All rounds with everybody faithful.
pub fn run(rules: &Rules, types: &[f64]) -> Vec<f64> {
    each(rules, types, |_| ())
}

/// The same; `see` is shown all positions before the first round and after every round.
pub fn each(rules: &Rules, types: &[f64], mut see: impl FnMut(&[f64])) -> Vec<f64> {
    let graph = rules.instance().graph();
    let mut now = types.to_vec();
    let mut next = vec![0.0; now.len()];
    see(&now);
    for _ in 0..rules.rounds() {
        // Everybody's sum is its own: the number of threads does not matter.
        let part = |(c, chunk): (usize, &mut [f64])| {
            for (at, z) in chunk.iter_mut().enumerate() {
                let i = c * CHUNK + at;
                let heard = graph.neighbours(i).iter().map(|&j| now[j]);
                *z = moved(now[i], rules.step(), rules.span(), heard);
            }
        };
        if now.len() > 2 * CHUNK {
            next.par_chunks_mut(CHUNK).enumerate().for_each(part);
        } else {
            next.chunks_mut(CHUNK).enumerate().for_each(part);
        }
        std::mem::swap(&mut now, &mut next);
        see(&now);
    }
    now
}

/// All rounds with one follower who sends these messages and ends at `finish`.
pub fn run_against(
    rules: &Rules,
    types: &[f64],
    follower: AgentId,
    messages: &[Vec<Option<f64>>],
    finish: f64,
) -> Vec<f64> {
    let graph = rules.instance().graph();
    let victims = graph.neighbours(follower);
    assert_eq!(messages.len(), rules.rounds(), "messages for every round");
    // What each of its neighbours last heard from it that is a number.
    let mut last: Vec<Option<f64>> = vec![None; victims.len()];
    let mut now = types.to_vec();
    let mut next = vec![0.0; now.len()];
    for round in messages {
        assert_eq!(round.len(), victims.len(), "one message for each neighbour");
        for (last, sent) in last.iter_mut().zip(round) {
            *last = sent.filter(|m| m.is_finite()).or(*last);
        }
        for i in (0..now.len()).filter(|&i| i != follower) {
            let heard = graph.neighbours(i).iter().filter_map(|&j| {
                if j != follower {
                    return Some(now[j]);
                }
                victims.binary_search(&i).ok().and_then(|at| last[at])
            });
            next[i] = moved(now[i], rules.step(), rules.span(), heard);
        }
        std::mem::swap(&mut now, &mut next);
    }
    now[follower] = finish;
    now
}
