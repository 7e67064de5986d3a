//! What a settlement and the choice of c are made of, at one size per family.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use vickrey::guarantee::Baseline;
use vickrey::market::scaling::{Distance, Range, interval, min_max};
use vickrey::market::solve::settle_cleared;
use vickrey::market::{clear, settle};
use vickrey_benches::Family;

fn parts(criterion: &mut Criterion) {
    for (family, agents) in [
        (Family::Quadratic, 100_000),
        (Family::Mixed, 100),
        (Family::Mixed, 100_000),
        (Family::Blocks, 10_000),
    ] {
        let mut group = criterion.benchmark_group(format!("{} {agents}", family.name()));
        group
            .sample_size(10)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(2));
        let market = family.market(agents, 1).expect("a market of at least two agents");
        let clearing = clear(&market).expect("a feasible market");
        let settlement = settle(&market).expect("a feasible market");
        group.bench_function("clear", |bencher| bencher.iter(|| clear(&market)));
        group.bench_function("leave-one-out", |bencher| {
            bencher.iter_batched(
                || clearing.clone(),
                |clearing| settle_cleared(&market, clearing),
                criterion::BatchSize::LargeInput,
            );
        });
        group.bench_function("settle", |bencher| bencher.iter(|| settle(&market)));
        group.bench_function("interval", |bencher| bencher.iter(|| interval(&settlement, Baseline::Zero)));
        // Where no c is feasible, some other range: the work is the same.
        let range = interval(&settlement, Baseline::Zero).feasible().unwrap_or(Range { low: 1.0, high: 1.1 });
        let distance = Distance { ratio: false, one_sided: false };
        group.bench_function("MinMax", |bencher| {
            bencher.iter(|| min_max(&settlement, Baseline::Zero, distance, range));
        });
        group.finish();
    }
}

criterion_group!(benches, parts);
criterion_main!(benches);
