//! The linear-quadratic market: set-up, one layer, a day, a plan, expectations.

use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use vickrey::lq::{Aggregate, Bids, Expected, Plan, Record};
use vickrey_benches::lq::{Drawn, payments};

fn parts(criterion: &mut Criterion) {
    for (agents, periods) in [(100, 24), (10_000, 24), (100_000, 24), (1_000, 288)] {
        let mut group = criterion.benchmark_group(format!("linear-quadratic {agents}x{periods}"));
        group
            .sample_size(10)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(2))
            .throughput(Throughput::Elements((agents * periods) as u64));
        let drawn = Drawn::new(agents, periods, 1).expect("a market of at least two agents");
        let market = &drawn.market;
        let aggregate = Aggregate::new(market).expect("parameters of moderate size");
        group.bench_function("set-up", |bencher| bencher.iter(|| Aggregate::new(market)));
        let bids: Vec<Bids> = (0..periods).map(|s| Bids::scalar(market, &drawn.bids(s))).collect();
        for period in [0, periods / 2] {
            let mut before = Record::new(market);
            for bids in &bids[..period] {
                before.trade(market, &aggregate, bids);
            }
            group.bench_function(BenchmarkId::new("layer", period), |bencher| {
                bencher.iter_batched(
                    || before.clone(),
                    |mut record| payments(&record.trade(market, &aggregate, &bids[period])),
                    BatchSize::LargeInput,
                );
            });
        }
        group.bench_function("day", |bencher| {
            bencher.iter(|| {
                let mut record = Record::new(market);
                bids.iter().map(|bids| payments(&record.trade(market, &aggregate, bids))).collect::<Vec<_>>()
            });
        });
        group.bench_function("plan", |bencher| bencher.iter(|| Plan::new(market, &aggregate)));
        if agents <= 10_000 {
            group.bench_function("expected", |bencher| {
                bencher.iter(|| Expected::new(market, &aggregate, false));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, parts);
criterion_main!(benches);
