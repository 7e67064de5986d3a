use super::*;
use crate::numeric::gauss;

fn close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (k, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance, "entry {k}: {a} instead of {b}");
    }
}

fn rows(chain: &Chain) -> Vec<f64> {
    (0..chain.nodes.len()).flat_map(|k| chain.kernel.row(k).to_vec()).collect()
}

#[test]
fn three_nodes_of_worked_case_e7() {
    let chain = rouwenhorst(3, 0.8, 0.5).unwrap();
    close(&chain.nodes, &[-0.707_106_781_186_547_5, 0.0, 0.707_106_781_186_547_5], 1e-15);
    close(&rows(&chain), &[0.81, 0.18, 0.01, 0.09, 0.82, 0.09, 0.01, 0.18, 0.81], 1e-15);
    close(&chain.stationary, &[0.25, 0.5, 0.25], 0.0);
}

#[test]
fn rouwenhorst_has_the_moments_that_were_asked_for() {
    for (n, rho, sd) in [(2, 0.5, 1.0), (3, -0.7, 2.0), (9, 0.99, 0.5), (65, 0.8, 0.5), (200, 0.0, 3.0)] {
        let chain = rouwenhorst(n, rho, sd).unwrap();
        let moments = chain.moments();
        let noise = sd * (1.0_f64 - rho * rho).sqrt();
        let means: Vec<f64> = chain.nodes.iter().map(|x| rho * x).collect();
        close(&moments.conditional_mean, &means, 1e-13 * chain.nodes[n - 1]);
        close(&moments.conditional_sd, &vec![noise; n], 1e-11 * sd);
        close(&[moments.mean, moments.sd, moments.correlation], &[0.0, sd, rho], 1e-12 * sd.max(1.0));
        sums_to_one(&chain);
    }
}

#[test]
fn tauchen_is_the_normal_law_of_every_cell() {
    for (n, rho, sd, width) in [(5, 0.8, 0.5, 3.0), (8, -0.4, 2.0, 2.5), (2, 0.3, 1.0, 1.0)] {
        let chain = tauchen(n, rho, sd, width).unwrap();
        let noise = sd * (1.0_f64 - rho * rho).sqrt();
        let half = width * sd / (n - 1) as f64;
        for (k, x) in chain.nodes.iter().enumerate() {
            let density = |y: f64| {
                let z = (y - rho * x) / noise;
                (-0.5 * z * z).exp() / (noise * (2.0 * std::f64::consts::PI).sqrt())
            };
            for (l, y) in chain.nodes.iter().enumerate() {
                let low = if l == 0 { y - 40.0 * sd } else { y - half };
                let high = if l == n - 1 { y + 40.0 * sd } else { y + half };
                let pieces = 400;
                let step = (high - low) / f64::from(pieces);
                let mass: f64 = (0..pieces)
                    .map(|m| low + f64::from(m) * step)
                    .map(|a| gauss::fixed(a, a + step, density))
                    .sum();
                assert!((chain.kernel.row(k)[l] - mass).abs() < 1e-13, "{n} nodes, {k} to {l}");
            }
        }
        sums_to_one(&chain);
    }
}

#[test]
fn long_run_laws_do_not_change_in_a_step() {
    for chain in [
        tauchen(7, 0.9, 1.0, 3.0).unwrap(),
        tauchen(40, 0.99, 0.1, 4.0).unwrap(),
        tauchen(6, -0.95, 1.0, 2.0).unwrap(),
        rouwenhorst(12, -0.9, 1.0).unwrap(),
    ] {
        let n = chain.nodes.len();
        let next: Vec<f64> =
            (0..n).map(|l| (0..n).map(|k| chain.stationary[k] * chain.kernel.row(k)[l]).sum()).collect();
        close(&next, &chain.stationary, 1e-14);
        let mirrored: Vec<f64> = chain.stationary.iter().rev().copied().collect();
        close(&mirrored, &chain.stationary, 1e-12);
    }
}

#[test]
fn moments_show_what_tauchen_misses() {
    let coarse = tauchen(5, 0.95, 1.0, 3.0).unwrap().moments();
    let fine = tauchen(101, 0.95, 1.0, 4.0).unwrap().moments();
    assert!((coarse.sd - 1.0).abs() > 0.1, "{}", coarse.sd);
    assert!((fine.sd - 1.0).abs() < 0.01 && (fine.correlation - 0.95).abs() < 1e-3);
}

#[test]
fn one_node_is_a_constant() {
    for chain in [rouwenhorst(1, 0.8, 0.5).unwrap(), tauchen(1, 0.8, 0.5, 3.0).unwrap()] {
        assert_eq!((chain.nodes.as_slice(), chain.stationary.as_slice()), (&[0.0][..], &[1.0][..]));
        close(&rows(&chain), &[1.0], 1e-15);
        let moments = chain.moments();
        assert_eq!((moments.mean, moments.sd, moments.correlation), (0.0, 0.0, 0.0));
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let field = |result: Result<Chain, ChainError>| result.unwrap_err().field;
    assert_eq!(field(rouwenhorst(0, 0.5, 1.0)), "nodes");
    assert_eq!(field(rouwenhorst(1001, 0.5, 1.0)), "nodes");
    for rho in [1.0, -1.0, f64::NAN] {
        assert_eq!(field(rouwenhorst(3, rho, 1.0)), "persistence");
    }
    for sd in [0.0, -1.0, f64::INFINITY, f64::NAN] {
        assert_eq!(field(tauchen(3, 0.5, sd, 3.0)), "standard deviation");
    }
    for width in [0.0, -3.0, f64::INFINITY, f64::NAN] {
        assert_eq!(field(tauchen(3, 0.5, 1.0, width)), "width");
    }
    let stuck = tauchen(3, 0.9999, 1.0, 3.0).unwrap_err().to_string();
    assert!(stuck.starts_with("nodes: found 3") && stuck.contains("cannot leave"), "{stuck}");
}

/// Worked case E7: two units for two players; the value in the centre by the number of nodes.
#[test]
fn values_of_worked_case_e7() {
    let expected = [
        (3, 2.390_136, 2.188_162),
        (5, 2.403_381, 2.478_396),
        (9, 2.406_001, 2.437_740),
        (17, 2.406_248, 2.413_505),
    ];
    for (n, exact, cells) in expected {
        let value = centre(&rouwenhorst(n, 0.8, 0.5).unwrap());
        assert!((value - exact).abs() < 1e-6, "Rouwenhorst, {n} nodes: {value}");
        let value = centre(&tauchen(n, 0.8, 0.5, 3.0).unwrap());
        assert!((value - cells).abs() < 1e-6, "Tauchen, {n} nodes: {value}");
    }
}

fn centre(chain: &Chain) -> f64 {
    let n = chain.nodes.len();
    let give = |k: usize, l: usize| chain.nodes[k].exp().max((chain.nodes[l] + 0.1).exp());
    // By units left, then by the two types.
    let mut value = vec![vec![0.0; n * n]; 3];
    for _ in 0..4 {
        let ahead: Vec<Vec<f64>> = value.iter().map(|v| both(chain, v)).collect();
        for stock in 0..3 {
            for k in 0..n {
                for l in 0..n {
                    let keep = ahead[stock][k * n + l];
                    let sold = if stock > 0 { give(k, l) + ahead[stock - 1][k * n + l] } else { keep };
                    value[stock][k * n + l] = 0.7 * keep.max(sold) + 0.3 * keep;
                }
            }
        }
    }
    value[2][(n / 2) * (n + 1)]
}

/// Expectation over both types.
fn both(chain: &Chain, value: &[f64]) -> Vec<f64> {
    let n = chain.nodes.len();
    let mut half = vec![0.0; n * n];
    let mut full = vec![0.0; n * n];
    for k in 0..n {
        for l in 0..n {
            half[k * n + l] = (0..n).map(|m| chain.kernel.row(l)[m] * value[k * n + m]).sum();
        }
    }
    for k in 0..n {
        for l in 0..n {
            full[k * n + l] = (0..n).map(|m| chain.kernel.row(k)[m] * half[m * n + l]).sum();
        }
    }
    full
}

fn sums_to_one(chain: &Chain) {
    let n = chain.nodes.len();
    for k in 0..n {
        let sum: f64 = chain.kernel.row(k).iter().sum();
        assert!((sum - 1.0).abs() < 1e-14 * n as f64, "row {k}: {sum}");
        assert!(chain.kernel.row(k).iter().all(|p| *p >= 0.0));
    }
}
