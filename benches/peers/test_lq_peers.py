#!/usr/bin/env python3
"""Checks lq_peers.py against known numbers and brute force: python test_lq_peers.py"""

import io
import json
import os
import subprocess
import sys
import unittest
from contextlib import redirect_stderr, redirect_stdout
from unittest import mock

import lq_peers
from peers import np

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lq_peers.py")

# How far a payment may be off, in money, on the small markets below.
PAYMENT = {"CLARABEL": 1e-7, "OSQP": 2e-3, "SPLU": 1e-9, "RICCATI": 1e-9}

THREE = {
    "kind": "linear-quadratic",
    "periods": 3,
    "a": [1, 0.9, 0.8],
    "b": [1, 1, 0.5],
    "q": [-1, -0.5, -2],
    "r": [-1, -2, -1],
    "start": [1, -0.5, 0.2],
}


def run(data, solver, mode="direct", **limits):
    market = lq_peers.parse_market(json.dumps(data))
    return lq_peers.run(market, solver, mode, lq_peers.Limits(**limits))


def varied(agents, periods, seed):
    """Every parameter drawn anew for every period; growing states, idle agents, net demand."""
    g = np.random.default_rng(seed)

    def rows(low, high):
        return g.uniform(low, high, (agents, periods)).tolist()

    data = {
        "kind": "linear-quadratic",
        "periods": periods,
        "a": rows(-1.5, 1.5),
        "b": rows(-1.0, 1.0),
        "q": rows(-2.0, 0.0),
        "r": rows(-2.0, -0.3),
        "linear": rows(-1.0, 1.0),
        "start": g.normal(size=agents).tolist(),
        "start_variance": g.uniform(0, 1, agents).tolist(),
        "noise_variance": rows(0.0, 0.5),
        "net_demand": g.normal(size=periods).tolist(),
    }
    data["b"][0] = 0.0
    data["q"][-1] = 0
    return data


def wide(data, name, i):
    """Entry i of a field as T numbers."""
    value = data.get(name, [0] * len(data["a"]))[i]
    return value if isinstance(value, list) else [value] * data["periods"]


def effects(data, i):
    """States of agent i as  free * x(0) + effect @ trades."""
    periods, a, b = data["periods"], wide(data, "a", i), wide(data, "b", i)
    free, effect = np.ones(periods), np.zeros((periods, periods))
    for t in range(1, periods):
        free[t] = a[t - 1] * free[t - 1]
        effect[t] = a[t - 1] * effect[t - 1]
        effect[t, t - 1] += b[t - 1]
    return free, effect


def brute_force(data, members):
    """The best plan of some agents over all their trades at once: own utilities, price, trades."""
    periods = data["periods"]
    demand = np.broadcast_to(data.get("net_demand", 0.0), periods)
    size = len(members) * periods
    system, right = np.zeros((size + periods, size + periods)), np.zeros(size + periods)
    right[size:] = demand
    forms = []
    for k, i in enumerate(members):
        free, effect = effects(data, i)
        q = np.diag(wide(data, "q", i))
        state = free * data["start"][i]
        hessian = effect.T @ q @ effect + np.diag(wide(data, "r", i))
        gradient = 2 * effect.T @ q @ state + wide(data, "linear", i)
        forms.append((hessian, gradient, state @ q @ state))
        at = slice(k * periods, (k + 1) * periods)
        system[at, at], right[at] = 2 * hessian, -gradient
        system[at, size:], system[size:, at] = -np.eye(periods), np.eye(periods)
    solved = np.linalg.solve(system, right)
    trades = solved[:size].reshape(-1, periods)
    own = [u @ h @ u + g @ u + c for (h, g, c), u in zip(forms, trades)]
    return own, solved[size:], trades


class Plan(unittest.TestCase):
    def near(self, found, expected, tolerance):
        found, expected = np.array(found, float), np.array(expected, float)
        self.assertEqual(found.shape, expected.shape)
        self.assertLessEqual(np.abs(found - expected).max(), tolerance)

    def test_known_numbers(self):
        for solver, mode in lq_peers.WAYS:
            with self.subTest(solver=solver, mode=mode):
                plan = run(THREE, solver, mode)["plan"]
                tolerance = PAYMENT[solver]
                self.near(plan["welfare"], -2.3281113559, tolerance)
                self.near(plan["own"], [-1.6944685324, -0.3484732631, -0.2851695605], tolerance)
                self.near(plan["without"], [-0.3658575351, -2.4939535882, -2.2367128116], tolerance)
                self.near(plan["payment"], [0.2677852884, -0.5143154953, -0.1937710162], tolerance)
                self.near(plan["lagrange"], [0.5372782250, -0.3760513603, -0.1612268647], tolerance)
                self.near(plan["price"], [-1.0503674736, -0.4799740280, 0], tolerance)
                linear = run(THREE | {"linear": [1, 0, -0.5]}, solver, mode)["plan"]
                self.near(linear["payment"], [0.1899437587, -0.5007259432, -0.1485907909], tolerance)
                self.near(linear["price"], [-1.0372808072, -0.4048284217, 0.2], tolerance)

    def test_plans_are_those_of_brute_force(self):
        for agents, periods in ((2, 1), (2, 5), (4, 3), (6, 7)):
            data = varied(agents, periods, 10 * agents + periods)
            everybody = list(range(agents))
            own, price, trades = brute_force(data, everybody)
            without = [
                sum(brute_force(data, [j for j in everybody if j != i])[0]) for i in everybody
            ]
            payment = [h - (sum(own) - v) for h, v in zip(without, own)]
            for solver, mode in lq_peers.WAYS:
                with self.subTest(agents=agents, periods=periods, solver=solver, mode=mode):
                    result = run(data, solver, mode)
                    self.assertTrue(result["complete"])
                    self.assertEqual(result["status"]["without"], ["optimal"] * agents)
                    tolerance = PAYMENT[solver]
                    self.near(result["plan"]["own"], own, tolerance)
                    self.near(result["plan"]["without"], without, tolerance)
                    self.near(result["plan"]["payment"], payment, tolerance)
                    self.near(result["plan"]["price"], price, tolerance)
                    self.near(result["plan"]["trade"], trades, tolerance)
                    self.assertLess(result["max_imbalance"], tolerance)

    def test_absent_fields_are_zero(self):
        zero = {"linear": None, "net_demand": 0, "start_variance": [0] * 3, "noise_variance": None}
        self.assertEqual(
            run(THREE | zero, "RICCATI")["expected"], run(THREE, "RICCATI")["expected"]
        )


class Expected(unittest.TestCase):
    def test_known_numbers(self):
        noise = {"start": [0] * 3, "start_variance": [0.5, 0.4, 0.3], "noise_variance": [0.1, 0.2, 0.1]}
        expected = run(THREE | noise, "RICCATI")["expected"]
        known = {
            "welfare": -3.4986955666,
            "own": [-1.1536270903, -0.7659963807, -1.5790720957],
            "without": [-2.3207286432, -2.9539369551, -2.1240597557],
            "payment": [0.0243398331, -0.2212377691, -0.2044362848],
            "lagrange": [0.1886041557, -0.1551670865, -0.0334370692],
        }
        for name, numbers in known.items():
            off = np.abs(np.array(expected[name]) - numbers).max()
            self.assertLess(off, 1e-10, name)

    def test_without_noise_it_is_the_plan(self):
        data = varied(4, 6, 3) | {"start_variance": None, "noise_variance": None}
        result = run(data, "RICCATI")
        for name in ("welfare", "own", "without", "payment", "gain", "lagrange"):
            off = np.abs(np.array(result["expected"][name]) - result["plan"][name]).max()
            self.assertLess(off, 1e-9, name)

    def test_noise_adds_up(self):
        # The mean over disturbances of both signs, each large enough for all of them: exact,
        # as the welfare is quadratic in them. Every agent plans again in every period.
        data = varied(3, 4, 5)
        market = lq_peers.parse_market(json.dumps(data))
        riccati = lq_peers.Riccati(market, None, None)
        steps, _, _ = riccati.backward(market)
        variance = market.noise_variance.copy()
        variance[:, 0] = market.start_variance
        total, count = 0.0, 2 * variance.size
        for place in np.ndindex(variance.shape):
            for sign in (1, -1):
                noise = np.zeros(variance.shape)
                noise[place] = sign * np.sqrt(variance.size * variance[place])
                total += self.simulated(market, steps, noise) / count
        self.assertAlmostEqual(total, run(data, "RICCATI")["expected"]["welfare"], delta=1e-9)

    @staticmethod
    def simulated(market, steps, noise):
        x, welfare = market.start, 0.0
        for t, (gain, shift, _, _) in enumerate(steps):
            x = x + noise[:, t]
            u = gain @ x + shift
            welfare += (market.q[:, t] * x**2 + market.r[:, t] * u**2 + market.linear[:, t] * u).sum()
            x = market.a[:, t] * x + market.b[:, t] * u
        return welfare

    def test_programs_without_noise_say_so(self):
        for solver in ("CLARABEL", "OSQP", "SPLU"):
            self.assertIsNone(run(THREE, solver)["expected"])


class Cap(unittest.TestCase):
    def test_a_capped_run_says_so(self):
        data = lq_peers.drawn_market(20, 4, 1)
        for solver in ("SPLU", "RICCATI"):
            result = run(data, solver, max_seconds=1e-9)
            self.assertFalse(result["complete"])
            self.assertEqual((result["programs_solved"], result["programs_total"]), (1, 21))
            self.assertGreater(result["seconds_total_extrapolated"], result["seconds_total"])
            self.assertEqual(result["status"]["without"], ["not solved"] * 20)
            self.assertEqual(result["plan"]["payment"], [None] * 20)
        whole = run(data, "CLARABEL", max_seconds=600)
        self.assertTrue(whole["complete"])
        self.assertIsNone(whole["seconds_total_extrapolated"])


class CommandLine(unittest.TestCase):
    def call_here(self, text, *options):
        stdin = io.TextIOWrapper(io.BytesIO(text.encode()))
        out, err = io.StringIO(), io.StringIO()
        with mock.patch("sys.stdin", stdin), redirect_stdout(out), redirect_stderr(err):
            code = lq_peers.main(options)
        return code, out.getvalue(), err.getvalue()

    def test_prints_one_object(self):
        command = [sys.executable, SCRIPT, "--solver", "riccati"]
        text = json.dumps(THREE).encode()
        done = subprocess.run(command, input=text, capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        result = json.loads(done.stdout)
        self.assertEqual((result["solver"], result["mode"], result["n"]), ("RICCATI", "direct", 3))
        for name in ("seconds_total", "seconds_solve", "peak_memory_bytes"):
            self.assertGreater(result[name], 0)

    def test_bad_input_is_one_line_and_code_2(self):
        cases = [
            ({"kind": "quadratic"}, 'kind: expected "linear-quadratic"'),
            ({"periods": 0}, "periods: expected a whole number from 1 on"),
            ({"periods": 2.5}, "periods: expected a whole number"),
            ({"a": [1]}, "a: a market has at least two agents"),
            ({"b": [1, 1]}, "b: expected 3 entries"),
            ({"a": [1, [1, 1], 1]}, "a[1]: expected 3 numbers, found 2"),
            ({"a": [1, [1, 1, "x"], 1]}, "a[1][2]: expected a number"),
            ({"q": [-1, [-1, 0.5, -1], -1]}, "q[1][1]: must be at most 0, found 0.5"),
            ({"r": [-1, -1, 0]}, "r[2][0]: must be negative"),
            ({"noise_variance": [0, 0, -1]}, "noise_variance[2][0]: must be at least 0"),
            ({"start_variance": [0, -1, 0]}, "start_variance[1]: must be at least 0"),
            ({"net_demand": [1, 2]}, "net_demand: expected 3 numbers"),
            ({"start": [1, 2]}, "start: expected 3 entries"),
            ({"horizon": 3}, "unknown field 'horizon'"),
        ]
        for change, part in cases:
            self.refused(json.dumps(THREE | change), (), part)
        fine = json.dumps(THREE)
        self.refused("{", (), "not valid JSON")
        self.refused(fine.replace("0.9", "NaN"), (), "NaN is not a number")
        self.refused(fine.replace('"start"', '"begin"'), (), "'start' is missing")
        self.refused(fine, ("--solver", "gurobi"), "--solver")
        self.refused(fine, ("--solver", "SPLU", "--mode", "naive"), "--mode: SPLU has only direct")
        self.refused(fine, ("--solver", "RICCATI", "--tolerance", "1e-3"), "--tolerance")
        self.refused(fine, ("--table", "--sizes", "1,2"), "--sizes")
        self.refused(fine, ("--table", "--periods", "many"), "--periods")

    def refused(self, text, options, part):
        with self.subTest(text=text[:60], options=options, part=part):
            code, out, err = self.call_here(text, *options)
            self.assertEqual((code, out), (2, ""), err)
            self.assertEqual(err.count("\n"), 1, err)
            self.assertTrue(err.startswith("lq_peers.py: "), err)
            self.assertIn(part, err)

    def test_numbers_no_solver_can_take_are_no_traceback(self):
        huge = THREE | {"a": [1e200] * 3, "start": [1e200] * 3}
        for solver, mode in lq_peers.WAYS:
            with self.subTest(solver=solver, mode=mode):
                code, out, err = self.call_here(json.dumps(huge), "--solver", solver, "--mode", mode)
                self.assertEqual((code, out), (1, ""))
                self.assertIn("failed", err)
                self.assertEqual(err.count("\n"), 1, err)

    def test_table(self):
        options = ("--table", "--sizes", "3", "--periods", "2", "--max-seconds", "20")
        code, out, err = self.call_here("", *options)
        self.assertEqual((code, err), (0, ""))
        rows = [line for line in out.splitlines() if line.startswith("| 3 | 2 |")]
        self.assertEqual(len(rows), len(lq_peers.WAYS))
        for row in rows:
            self.assertIn("4 of 4", row)

    def test_table_says_what_it_skips(self):
        options = ("--table", "--sizes", "3,5", "--periods", "2")
        with mock.patch("lq_peers.called", return_value=(None, "too slow")):
            code, out, _ = self.call_here("", *options)
        self.assertEqual(code, 0)
        self.assertEqual(out.count("| none: too slow |"), len(lq_peers.WAYS))
        skipped = "| skipped: too slow at 3 agents, 2 periods |"
        self.assertEqual(out.count(skipped), len(lq_peers.WAYS))


if __name__ == "__main__":
    unittest.main()
