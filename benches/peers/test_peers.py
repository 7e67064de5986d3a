#!/usr/bin/env python3
"""Checks peers.py against closed forms and brute force: python test_peers.py"""

import io
import itertools
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import unittest
from contextlib import redirect_stderr, redirect_stdout
from unittest import mock

import peers

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers.py")

# How far a payment may be off, in money, on the small markets below.
PAYMENT = {"CLARABEL": 2e-5, "HIGHS": 2e-5, "OSQP": 2e-3}


def ways(solvers=peers.SOLVERS):
    return itertools.product(solvers, peers.MODES)


def closed_form(a, b):
    """The price, quantities and payments of an unlimited quadratic market."""
    total = sum(1 / x for x in a)
    price = sum(y / x for x, y in zip(a, b)) / total
    quantity = [(price - y) / (2 * x) for x, y in zip(a, b)]
    # gap_i = -u_i^2 / (total - 1/a_i) is what agent i's presence is worth to itself.
    payment = [price * u + u * u / (total - 1 / x) for u, x in zip(quantity, a)]
    return price, quantity, payment


def bisected(a, b, lo, hi):
    """Quantities and value of a limited quadratic market, by halving on its price."""

    def at(price):
        return [min(max((price - y) / (2 * x), l), h) for x, y, l, h in zip(a, b, lo, hi)]

    low, high = -1e6, 1e6  # consumption falls with the price
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if math.fsum(at(middle)) > 0 else (low, middle)
    quantity = at((low + high) / 2)
    return quantity, math.fsum((x * u + y) * u for x, y, u in zip(a, b, quantity))


def clarke(n, values, optimum_without):
    """Payments from the agents' values and the optimum of every market without one."""
    return [
        optimum_without(i) - math.fsum(v for j, v in enumerate(values) if j != i) for i in range(n)
    ]


def block_value(agent, quantity):
    """F of an agent with blocks at a whole quantity >= 0, cheapest (dearest) blocks first."""
    value = 0.0
    for size, price in agent["blocks"]:
        part = min(size, quantity)
        value += price * part if agent["side"] == "buy" else -price * part
        quantity -= part
    return value


def brute_force(agents):
    """The best whole-numbered trade. With whole block sizes no other trade is better."""
    best = (-math.inf, None)
    ranges = [range(sum(q for q, _ in agent["blocks"]) + 1) for agent in agents]
    signs = [1 if agent["side"] == "buy" else -1 for agent in agents]
    tables = [[block_value(x, q) for q in r] for x, r in zip(agents, ranges)]
    for trade in itertools.product(*ranges):
        if sum(s * q for s, q in zip(signs, trade)) == 0:
            best = max(best, (math.fsum(t[q] for t, q in zip(tables, trade)), trade))
    return best


def run(data, solver, mode, **options):
    return peers.run(peers.parse_market(json.dumps(data)), solver, mode, **options)


class Quadratic(unittest.TestCase):
    def check(self, found, expected, tolerance):
        self.assertEqual(len(found), len(expected))
        for x, y in zip(found, expected):
            self.assertAlmostEqual(x, y, delta=tolerance)

    def test_payments_are_the_closed_form(self):
        generator = random.Random(7)
        markets = [([-0.5, -2.1, -0.1, -4.2], [1.0, 3.5, 2.0, 0.25])]
        for n in (2, 5, 12):
            a = [-generator.uniform(0.5, 2.0) for _ in range(n)]
            b = [generator.uniform(*((3, 4) if i % 2 else (0.5, 1))) for i in range(n)]
            markets.append((a, b))
        for (a, b), (solver, mode) in itertools.product(markets, ways()):
            with self.subTest(n=len(a), solver=solver, mode=mode):
                price, quantity, payment = closed_form(a, b)
                result = run({"kind": "quadratic", "a": a, "b": b}, solver, mode)
                self.assertTrue(result["complete"])
                self.assertAlmostEqual(result["price"], price, delta=PAYMENT[solver])
                self.check(result["allocation"], quantity, PAYMENT[solver])
                self.check(result["payment"], payment, PAYMENT[solver])

    def test_payments_under_limits(self):
        a, b = [-0.5, -2.0, -1.0, -0.8, -1.5], [1.0, 3.5, 2.0, 0.25, 4.0]
        lo = [-0.7, -9.0, 0.125, -1.0, -9.0]  # the third agent must consume
        hi = [9.0, 0.4, 9.0, 9.0, 0.6]

        def without(i):
            rest = [[v for j, v in enumerate(list_) if j != i] for list_ in (a, b, lo, hi)]
            return bisected(*rest)[1]

        quantity, _ = bisected(a, b, lo, hi)
        values = [(x * u + y) * u for x, y, u in zip(a, b, quantity)]
        payment = clarke(len(a), values, without)
        # Limits of 9 never bind: to leave them out must change nothing.
        open_lo = [None if v == -9.0 else v for v in lo]
        open_hi = [None if v == 9.0 else v for v in hi]
        limits = [(lo, hi), (open_lo, open_hi)]
        for (low, high), (solver, mode) in itertools.product(limits, ways()):
            with self.subTest(open=low is open_lo, solver=solver, mode=mode):
                data = {"kind": "quadratic", "a": a, "b": b, "lo": low, "hi": high}
                result = run(data, solver, mode, tolerance=1e-9)
                self.check(result["allocation"], quantity, PAYMENT[solver])
                self.check(result["payment"], payment, PAYMENT[solver])

    def test_a_market_that_needs_one_agent(self):
        # Without the only possible seller the second agent cannot be served.
        data = {"kind": "quadratic", "a": [-1, -1], "b": [1, 3], "lo": [-5, 0.5], "hi": [0, 2]}
        for solver, mode in ways():
            with self.subTest(solver=solver, mode=mode):
                result = run(data, solver, mode)
                self.assertEqual(result["status"]["without"], ["infeasible", "optimal"])
                self.assertIsNone(result["payment"][0])
                self.assertAlmostEqual(result["without"][1], 0.0, delta=PAYMENT[solver])

    def test_one_agent_alone(self):
        for solver, mode in ways():
            with self.subTest(solver=solver, mode=mode):
                result = run({"kind": "quadratic", "a": [-1], "b": [2]}, solver, mode)
                self.assertAlmostEqual(result["payment"][0], 0.0, delta=1e-6)


class Blocks(unittest.TestCase):
    def test_payments_are_those_of_brute_force(self):
        # No two prices are alike, so that the best trade is the only one.
        agents = [
            {"side": "sell", "blocks": [[2, 11], [3, 19.5]]},
            {"side": "sell", "blocks": [[1, 13], [2, 17], [2, 31]]},
            {"side": "sell", "blocks": [[4, 23]]},
            {"side": "buy", "blocks": [[3, 41], [1, 18]]},
            {"side": "buy", "blocks": [[2, 37], [2, 21], [1, 12]]},
        ]
        welfare, trade = brute_force(agents)
        values = [block_value(agent, q) for agent, q in zip(agents, trade)]
        quantity = [q if x["side"] == "buy" else -q for x, q in zip(agents, trade)]
        optimum = [brute_force(agents[:i] + agents[i + 1 :])[0] for i in range(len(agents))]
        payment = clarke(len(agents), values, lambda i: optimum[i])
        for solver, mode in ways():
            with self.subTest(solver=solver, mode=mode):
                result = run({"kind": "blocks", "agents": agents}, solver, mode, tolerance=1e-8)
                self.assertAlmostEqual(result["welfare"], welfare, delta=PAYMENT[solver])
                for i in range(len(agents)):
                    self.assertAlmostEqual(
                        result["allocation"][i], quantity[i], delta=PAYMENT[solver]
                    )
                    self.assertAlmostEqual(result["without"][i], optimum[i], delta=PAYMENT[solver])
                    self.assertAlmostEqual(result["payment"][i], payment[i], delta=PAYMENT[solver])


class Cap(unittest.TestCase):
    def test_a_capped_run_says_so(self):
        data = {"kind": "quadratic", "a": [-1.0] * 40, "b": [float(i % 7) for i in range(40)]}
        result = run(data, "CLARABEL", "naive", max_seconds=1e-9)
        self.assertFalse(result["complete"])
        self.assertEqual((result["programs_solved"], result["programs_total"]), (1, 41))
        self.assertGreater(result["seconds_total_extrapolated"], result["seconds_total"])
        self.assertEqual(result["status"]["without"], ["not solved"] * 40)
        self.assertEqual(result["payment"], [None] * 40)
        whole = run(data, "CLARABEL", "direct", max_seconds=600)
        self.assertTrue(whole["complete"])
        self.assertIsNone(whole["seconds_total_extrapolated"])


class CommandLine(unittest.TestCase):
    def call(self, text, *options):
        """As a process of its own, which takes a second to import the solvers."""
        done = subprocess.run(
            [sys.executable, SCRIPT, *options],
            input=text.encode(),
            capture_output=True,
            check=False,
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def call_here(self, text, *options):
        raw = text if isinstance(text, bytes) else text.encode()
        stdin, out, err = io.TextIOWrapper(io.BytesIO(raw)), io.StringIO(), io.StringIO()
        with mock.patch("sys.stdin", stdin), redirect_stdout(out), redirect_stderr(err):
            code = peers.main(options)
        return code, out.getvalue(), err.getvalue()

    def test_prints_one_object(self):
        market = '{"kind":"quadratic","a":[-1,-2],"b":[1,3],"lo":null,"hi":null}'
        code, out, err = self.call(market, "--solver", "clarabel", "--mode", "direct")
        self.assertEqual((code, err), (0, ""))
        result = json.loads(out)
        self.assertEqual((result["solver"], result["mode"], result["n"]), ("CLARABEL", "direct", 2))
        for name in ("seconds_total", "seconds_build", "peak_memory_bytes"):
            self.assertGreater(result[name], 0)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "market.json")
            with open(path, "w", encoding="utf-8") as file:
                file.write(market)
            code, again, _ = self.call("", path, "--mode", "direct")
        self.assertEqual(code, 0)
        self.assertEqual(json.loads(again)["payment"], result["payment"])

    def test_bad_input_is_one_line_and_code_2(self):
        quadratic = '{"kind":"quadratic","a":[-1,-1],"b":[1,2]%s}'
        blocks = '{"kind":"blocks","agents":[%s]}'
        cases = [
            ("", "line 1 column 1"),
            ('{"kind":\n "quadratic",,}', "line 2 column 14"),
            (b"\xff\xfe", "byte 0: not UTF-8"),
            ("[" * 100_000, "nested too deeply"),
            ("[1]", "market: expected an object"),
            ('{"kind":"cubic"}', 'kind: expected "quadratic" or "blocks"'),
            ('{"kind":"quadratic","a":[-1]}', "'b' is missing"),
            ('{"kind":"quadratic","a":[],"b":[]}', "no agents"),
            ('{"kind":"quadratic","a":[-1,0],"b":[1,2]}', "a[1]: must be negative"),
            ('{"kind":"quadratic","a":[-1,-1],"b":[1]}', "b: expected 2 entries"),
            ('{"kind":"quadratic","a":[-1,-1],"b":[1,true]}', "b[1]: expected a number"),
            ('{"kind":"quadratic","a":[-1,-1],"b":[1,NaN]}', "NaN is not a number"),
            ('{"kind":"quadratic","a":[-1,-1],"b":[1,1e999]}', "b[1]: the number is too large"),
            ('{"kind":"quadratic","a":[-1],"a":[-1],"b":[1]}', "'a' is given twice"),
            (quadratic % ',"low":[0,0]', "unknown field 'low'"),
            (quadratic % ',"lo":[0]', "lo: expected 2 entries"),
            (quadratic % ',"lo":[0,2],"hi":[1,1]', "lo[1]: 2.0 is above hi[1], 1.0"),
            ('{"kind":"blocks","agents":[]}', "no agents"),
            (blocks % '{"side":"lend","blocks":[[1,1]]}', "agents[0].side"),
            (blocks % '{"side":"buy","blocks":[]}', "agents[0].blocks: the agent has no"),
            (blocks % '{"side":"buy","blocks":[[1,2,3]]}', "agents[0].blocks[0]: expected"),
            (blocks % '{"side":"buy","blocks":[[0,2]]}', "agents[0].blocks[0][0]"),
            (blocks % '{"side":"buy","blocks":[[1,2],[1,3]]}', "[0].blocks[1][1]: the prices"),
            (blocks % '{"side":"sell","blocks":[[1,3],[1,2]]}', "the prices must ascend"),
        ]
        fine = quadratic % ""
        option_cases = [
            (fine, ("--solver", "gurobi"), "--solver"),
            (fine, ("--tolerance", "0"), "--tolerance"),
            (fine, ("--tolerance", "1e-12", "--solver", "HIGHS"), "--tolerance"),
            (fine, ("--max-seconds", "soon"), "--max-seconds"),
            ("", ("no-such-file.json",), "no-such-file.json: No such file"),
        ]
        for text, options, part in [(t, (), p) for t, p in cases] + option_cases:
            with self.subTest(text=text[:60], options=options):
                code, out, err = self.call_here(text, *options)
                self.assertEqual((code, out), (2, ""), err)
                self.assertEqual(err.count("\n"), 1, err)
                self.assertTrue(err.startswith("peers.py: "), err)
                self.assertIn(part, err)
        self.assertEqual(self.call("{")[0], 2)

    def test_no_solution_is_code_1(self):
        market = '{"kind":"quadratic","a":[-1,-1],"b":[1,2],"lo":[1,1],"hi":null}'
        for solver in peers.SOLVERS:
            with self.subTest(solver=solver):
                code, out, err = self.call_here(market, "--solver", solver)
                self.assertEqual((code, out), (1, ""))
                self.assertIn("infeasible", err)
                self.assertEqual(err.count("\n"), 1)

    def test_numbers_no_solver_can_take_are_no_traceback(self):
        markets = [
            '{"kind":"quadratic","a":[-1e308,-1e-308],"b":[1e308,-1e308]}',
            '{"kind":"blocks","agents":[{"side":"sell","blocks":[[1e300,1]]},'
            '{"side":"buy","blocks":[[1e300,1e300]]}]}',
        ]
        for market, (solver, mode) in itertools.product(markets, ways()):
            with self.subTest(market=market, solver=solver, mode=mode):
                code, out, err = self.call_here(market, "--solver", solver, "--mode", mode)
                self.assertEqual((code, out), (1, ""))
                self.assertIn("failed", err)


if __name__ == "__main__":
    unittest.main()
