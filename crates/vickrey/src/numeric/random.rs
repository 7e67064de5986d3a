//! Random streams: one per seed, purpose and index, so that none shifts another.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// What a stream of random numbers is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Private information and shocks drawn by nature.
    Nature = 1,
    /// Choices that a strategy randomises.
    Strategy = 2,
    /// Search directions of an audit.
    Audit = 3,
    /// Instances that are drawn at random.
    Instance = 4,
}

/// The stream of `(seed, purpose, index)`; `index` is an agent, a try or an instance.
pub fn stream(seed: u64, purpose: Purpose, index: u64) -> ChaCha8Rng {
    let mut key = [0_u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(index);
    rng
}

/// As [`stream`], with a stretch of its own for every stage: what a strategy draws in one stage moves no later one.
pub fn stream_at(seed: u64, purpose: Purpose, index: u64, stage: u64) -> ChaCha8Rng {
    let mut rng = stream(seed, purpose, index);
    // 2^34 words a stage, 2^34 stages: within the 2^68 words of a stream.
    rng.set_word_pos(u128::from(stage) << 34);
    rng
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    const GOLDEN: u64 = 13_561_005_698_836_044_211;

    #[test]
    fn stages_have_stretches_of_their_own() {
        let draw = |stage| stream_at(1, Purpose::Strategy, 3, stage).random::<u64>();
        assert_ne!(draw(0), draw(1));
        assert_eq!(draw(0), stream(1, Purpose::Strategy, 3).random::<u64>());
    }

    #[test]
    fn streams_differ_and_repeat() {
        let draw = |s, p, i| stream(s, p, i).random::<u64>();
        assert_eq!(draw(1, Purpose::Nature, 5), draw(1, Purpose::Nature, 5));
        let all = [
            draw(1, Purpose::Nature, 5),
            draw(2, Purpose::Nature, 5),
            draw(1, Purpose::Audit, 5),
            draw(1, Purpose::Nature, 6),
        ];
        for i in 0..4 {
            for j in 0..i {
                assert_ne!(all[i], all[j]);
            }
        }
    }

    /// The samples are part of every published result: a change of the generator must be noticed.
    #[test]
    fn golden_draw() {
        assert_eq!(stream(42, Purpose::Nature, 7).random::<u64>(), GOLDEN);
    }
}
