#!/usr/bin/env python3
"""What a demand-response market pays, as one would compute it by hand with numpy.

Provider i curtails at cost d_i x^2 / 2; her d_i has a law over finitely many values, the reserve's too.
A shortage of 1 costs 1 / (2 S) at the cheapest dispatch, S the sum of all 1 / d_j. Wanted is, for every
provider, how much more it would cost on average without her: E[1 / (2 S_-i)] - E[1 / (2 S)].

Input, one JSON object, from standard input:

    {"kind": "demand", "types": [N][m], "laws": [N][m], "reserve": {"types": [...], "law": [...]}}

Output, one JSON object:

    "solver", "mode", "n", "samples" (drawn or enumerated), "complete"
    "seconds_total", "seconds_build" (drawing), "seconds_solve", "peak_memory_bytes"
    "marginal" [N], "error" [N] standard errors (0 if enumerated)

Modes of NUMPY: `monte-carlo` (the same draws for everybody, so that errors of differences are small; batches
until --max-seconds, 2 by default) and `enumerate` (all type profiles; refused beyond 5e7).

Exit codes are those of peers.py: 0 done, 1 not possible, 2 bad input or options, 3 a package is missing.
"""

import argparse
import json
import os
import sys
from time import perf_counter

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(name, "1")

try:
    import numpy as np
except ImportError:
    print("numpy is missing", file=sys.stderr)
    sys.exit(3)

BATCH = 20_000
MOST = 5e7


def monte_carlo(market, seconds):
    rng = np.random.default_rng(1)
    n = len(market["types"])
    strengths = [1.0 / np.array(own) for own in market["types"]]
    reserve = 1.0 / np.array(market["reserve"]["types"])
    sums, squares, count, build, solve = np.zeros(n), np.zeros(n), 0, 0.0, 0.0
    begin = perf_counter()
    while perf_counter() - begin < seconds:
        start = perf_counter()
        draws = np.empty((n, BATCH))
        for i, (own, law) in enumerate(zip(strengths, market["laws"])):
            draws[i] = own[rng.choice(len(own), BATCH, p=np.array(law) / np.sum(law))]
        total = draws.sum(axis=0) + reserve[rng.choice(len(reserve), BATCH, p=market["reserve"]["law"])]
        middle = perf_counter()
        each = draws / (2.0 * total * (total - draws))
        sums += each.sum(axis=1)
        squares += (each**2).sum(axis=1)
        count += BATCH
        build += middle - start
        solve += perf_counter() - middle
    mean = sums / count
    error = np.sqrt(np.maximum(squares / count - mean**2, 0.0) / count)
    return mean, error, count, build, solve


def enumerated(market):
    types, laws = market["types"], market["laws"]
    sizes = [len(own) for own in types] + [len(market["reserve"]["types"])]
    count = float(np.prod(np.array(sizes, dtype=float)))
    if count > MOST:
        raise ValueError(f"{count:.3g} type profiles, accepted are {MOST:g}")
    start = perf_counter()
    chance = np.array(market["reserve"]["law"])
    total = 1.0 / np.array(market["reserve"]["types"])
    for own, law in zip(types, laws):
        chance = np.multiply.outer(chance, np.array(law)).ravel()
        total = np.add.outer(total, 1.0 / np.array(own)).ravel()
    middle = perf_counter()
    marginal = []
    for i, own in enumerate(types):
        inner = int(np.prod([len(t) for t in types[i + 1 :]]))
        mine = np.tile(np.repeat(1.0 / np.array(own), inner), len(total) // (inner * len(own)))
        marginal.append(float(np.sum(chance * mine / (2.0 * total * (total - mine)))))
    return np.array(marginal), np.zeros(len(types)), int(count), middle - start, perf_counter() - middle


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--solver", choices=["NUMPY"], default="NUMPY")
    parser.add_argument("--mode", choices=["monte-carlo", "enumerate"], required=True)
    parser.add_argument("--max-seconds", type=float, default=2.0)
    options = parser.parse_args()
    try:
        market = json.load(sys.stdin)
        if market["kind"] != "demand" or len(market["types"]) != len(market["laws"]):
            raise ValueError("found another kind of market, accepted is demand with one law for each provider")
    except (ValueError, KeyError, TypeError) as error:
        print(f"input: {error}", file=sys.stderr)
        return 2
    try:
        if options.mode == "enumerate":
            marginal, error, count, build, solve = enumerated(market)
        else:
            marginal, error, count, build, solve = monte_carlo(market, options.max_seconds)
    except (ValueError, MemoryError) as reason:
        print(f"no solution: {reason}", file=sys.stderr)
        return 1
    answer = {
        "solver": options.solver,
        "mode": options.mode,
        "n": len(market["types"]),
        "samples": count,
        "complete": True,
        "seconds_total": build + solve,
        "seconds_build": build,
        "seconds_solve": solve,
        "marginal": list(map(float, marginal)),
        "error": list(map(float, error)),
    }
    json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
