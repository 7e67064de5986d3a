//! Cost against the number of agents.

use std::time::Duration;

use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use vickrey::market::settle;
use vickrey::market::solve::quadratic::{QuadraticSettlement, settle_arrays_into};
use vickrey_benches::{Family, quadratic_arrays};

/// Few samples where one run takes long, so that everything together stays within a few minutes.
fn sized<'a, M: criterion::measurement::Measurement>(group: &mut BenchmarkGroup<'a, M>, agents: usize) {
    group.throughput(Throughput::Elements(agents as u64));
    group.sample_size(if agents >= 10_000 { 10 } else { 20 });
    group.warm_up_time(Duration::from_millis(300));
    group.measurement_time(Duration::from_secs(if agents >= 1_000_000 { 5 } else { 2 }));
}

fn arrays(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("quadratic arrays");
    for agents in [10, 100, 1_000, 10_000, 100_000, 1_000_000] {
        sized(&mut group, agents);
        let (a, b) = quadratic_arrays(agents, 1);
        group.bench_function(BenchmarkId::from_parameter(agents), |bencher| {
            // In the memory of the run before: the first touch of fresh memory takes longer than the settlement.
            let mut kept = QuadraticSettlement::default();
            bencher.iter(|| kept = settle_arrays_into(&a, &b, std::mem::take(&mut kept)).unwrap_or_default());
        });
    }
    group.finish();
}

fn markets(criterion: &mut Criterion) {
    for family in Family::ALL {
        let mut group = criterion.benchmark_group(family.name());
        for agents in
            [10, 100, 1_000, 10_000, 100_000, 1_000_000].into_iter().filter(|&n| n <= family.largest())
        {
            sized(&mut group, agents);
            let market = family.market(agents, 1).expect("a market of at least two agents");
            group.bench_function(BenchmarkId::from_parameter(agents), |bencher| {
                bencher.iter(|| settle(&market));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, arrays, markets);
criterion_main!(benches);
