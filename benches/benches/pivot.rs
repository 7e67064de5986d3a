//! The dynamic pivot mechanism: values of a period, with payments, a ruling, a fixed point, indices.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use vickrey::pivot::solve::infinite::Iteration;
use vickrey::pivot::solve::{Options, Structure, solve_as, solve_product, solve_tables};
use vickrey_benches::pivot::{Kind, Shape, index_case, some_states};

/// All periods together: the last one starts from what is known.
const PERIODS: usize = 4;

fn finite(criterion: &mut Criterion) {
    for (kind, types) in [(Kind::Used, 4), (Kind::Used, 8), (Kind::Every, 8), (Kind::Goods, 8)] {
        let shape = Shape::new(kind, 5, types, 4, 7);
        let name = format!("pivot {} {}", kind.name(), shape.states());
        let mut group = criterion.benchmark_group(name);
        group
            .sample_size(10)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(2));
        let model = shape.finite(PERIODS, 1).expect("a drawn instance");
        let options = Options::default();
        group.throughput(Throughput::Elements((PERIODS * shape.states()) as u64));
        group.bench_function("values", |bencher| {
            bencher.iter(|| solve_product(&model, &options, &|_| {}));
        });
        group.bench_function("with payments", |bencher| {
            bencher.iter(|| solve_tables(&model, &options, &|_| {}, |_, _| {}));
        });
        let product = solve_product(&model, &options, &|_| {}).expect("an instance that fits");
        let state = &some_states(&model, 2)[1];
        group.throughput(Throughput::Elements(1));
        group.bench_function("ruling", |bencher| bencher.iter(|| product.ruling(0, state)));
        group.finish();
    }
}

fn infinite(criterion: &mut Criterion) {
    let shape = Shape { stay: 0.98, ..Shape::new(Kind::Every, 3, 5, 3, 5) };
    let model = shape.stationary(0.99, 1).expect("a drawn instance");
    let mut group = criterion.benchmark_group("pivot infinite");
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    for iteration in [Iteration::Span, Iteration::Anderson] {
        let options = Options { iteration, tolerance: Some(1e-8), ..Options::default() };
        let name = BenchmarkId::new(format!("{iteration:?}"), shape.states());
        group.bench_function(name, |bencher| {
            bencher.iter(|| solve_product(&model, &options, &|_| {}));
        });
    }
    let model = index_case(50, 8, 0.95, 1).expect("a drawn instance");
    let options = Options::default();
    group.bench_function("index tables", |bencher| {
        bencher.iter(|| solve_as(Structure::Index, &model, &options, &|_| {}));
    });
    let solution = solve_as(Structure::Index, &model, &options, &|_| {}).expect("an index case");
    let state = &some_states(&model, 2)[1];
    group.bench_function("index ruling", |bencher| bencher.iter(|| solution.ruling(0, state)));
    group.finish();
}

criterion_group!(benches, finite, infinite);
criterion_main!(benches);
