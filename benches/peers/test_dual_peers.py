#!/usr/bin/env python3
"""Checks dual_peers.py against known numbers and one linear system: python test_dual_peers.py"""

import io
import json
import sys
import unittest
from contextlib import redirect_stderr, redirect_stdout
from unittest import mock

import dual_peers
from peers import np

# How far a payment may be off, in money, on the small problems below.
PAYMENT = 1e-7


def follower(q, linear, r, **limits):
    return {"Q": q, "q": linear, "R": r} | limits


def case_a():
    """z_1^2/2 - 2 z_1, z_2^2 - z_2, 2 z_3^2 - 8 z_3 with z_1 + z_2 + 2 z_3 = 3."""
    return {
        "kind": "dual",
        "total": [3],
        "followers": [
            follower([[1]], [-2], [[1]]), follower([[2]], [-1], [[1]]), follower([[4]], [-8], [[2]]),
        ],
    }


def case_d():
    return {
        "kind": "dual",
        "total": [1, 0.5],
        "followers": [
            follower([[2, 0.5], [0.5, 1]], [-1, 0], [[1, 0], [0, 1]]),
            follower([[1, 0], [0, 3]], [0, 1], [[1, 1], [0, 1]]),
            follower([[4]], [-2], [[1], [-1]]),
        ],
    }


def drawn(count, m, n, seed):
    g = np.random.default_rng(seed)

    def one():
        root = g.normal(size=(n, n))
        return follower((root @ root.T + np.eye(n)).tolist(), g.normal(size=n).tolist(),
                        g.uniform(-1, 1, (m, n)).tolist())

    return {"kind": "dual", "total": g.normal(size=m).tolist(), "followers": [one() for _ in range(count)]}


def brute_force(data, out=None):
    """Least cost by one dense linear system of all members."""
    members = [f for i, f in enumerate(data["followers"]) if i != out]
    sizes = [len(f["q"]) for f in members]
    size, m = sum(sizes), len(data["total"])
    system, right = np.zeros((size + m, size + m)), np.zeros(size + m)
    right[size:] = data["total"]
    at = 0
    for f, n in zip(members, sizes):
        here = slice(at, at + n)
        system[here, here], right[here] = f["Q"], -np.array(f["q"])
        system[here, size:], system[size:, here] = np.array(f["R"]).T, f["R"]
        at += n
    z = np.linalg.solve(system, right)[:size]
    own, at = [], 0
    for f, n in zip(members, sizes):
        x = z[at : at + n]
        own.append(0.5 * x @ np.array(f["Q"]) @ x + np.array(f["q"]) @ x)
        at += n
    return own


def run(data, solver, mode, **limits):
    return dual_peers.run(dual_peers.parse_problem(json.dumps(data)), solver, mode, **limits)


class Payments(unittest.TestCase):
    def near(self, found, expected, tolerance=PAYMENT):
        found, expected = np.array(found, float), np.array(expected, float)
        self.assertEqual(found.shape, expected.shape)
        self.assertLessEqual(np.abs(found - expected).max(), tolerance)

    def test_known_numbers(self):
        for solver, mode in dual_peers.WAYS:
            with self.subTest(solver=solver, mode=mode):
                a = run(case_a(), solver, mode)
                self.near(a["payment"], [0.72, -0.29, 1.3866666667])
                self.near(a["without"], [-7.5, -7.75, -2.1666666667])
                self.near(a["price"], [1.4])
                d = run(case_d(), solver, mode)
                self.near(d["payment"], [-1.332363126029, -0.184160493973, 0.174139690406])
                self.near(d["cost"], -0.145226537217)

    def test_payments_are_those_of_a_linear_system(self):
        for count, m, n in ((2, 1, 1), (5, 3, 2), (9, 2, 4)):
            data = drawn(count, m, n, 100 * count + m)
            own = brute_force(data)
            expected = [sum(own) - own[i] - sum(brute_force(data, i)) for i in range(count)]
            for solver, mode in dual_peers.WAYS:
                with self.subTest(count=count, solver=solver, mode=mode):
                    result = run(data, solver, mode)
                    self.assertTrue(result["complete"])
                    self.near(result["payment"], expected, 1e-6)
                    self.assertLess(result["max_residual"], 1e-7)

    def test_limits_bind(self):
        # (z - 1)^2 for both, z_1 + z_2 = 1, z_1 <= 1/4: z = (1/4, 3/4); alone follower 1 cannot meet the total.
        data = {
            "kind": "dual",
            "total": [1],
            "followers": [
                follower([[2]], [-2], [[1]], lo=[0], hi=[0.25]), follower([[2]], [-2], [[1]], lo=[0], hi=[2]),
            ],
        }
        for solver, mode in dual_peers.WAYS[:4]:
            with self.subTest(solver=solver, mode=mode):
                result = run(data, solver, mode)
                self.near(result["own"], [0.75**2 - 1, 0.25**2 - 1])
                self.near(result["payment"][0], 0.25**2)
                self.assertIsNone(result["payment"][1])
        with self.assertRaises(dual_peers.BadInput):
            run(data, "NUMPY", "direct")

    def test_a_capped_run_says_so(self):
        result = run(drawn(5, 2, 2, 1), "CLARABEL", "direct", max_seconds=1e-9)
        self.assertFalse(result["complete"])
        self.assertEqual((result["programs_solved"], result["programs_total"]), (1, 6))
        self.assertEqual(result["payment"], [None] * 5)
        self.assertAlmostEqual(result["seconds_total_extrapolated"] / result["seconds_total"], 6, delta=1)


class CommandLine(unittest.TestCase):
    def call(self, text, *options):
        stdin = io.TextIOWrapper(io.BytesIO(text.encode()))
        out, err = io.StringIO(), io.StringIO()
        with mock.patch("sys.stdin", stdin), redirect_stdout(out), redirect_stderr(err):
            code = dual_peers.main(options)
        return code, out.getvalue(), err.getvalue()

    def test_prints_one_object(self):
        code, out, err = self.call(json.dumps(case_a()), "--solver", "osqp")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(json.loads(out)["n"], 3)

    def test_bad_input_is_one_line_and_code_2(self):
        one = case_a()["followers"][0]
        cases = [
            (case_a() | {"kind": "lq"}, (), 'kind: expected "dual"'),
            (case_a() | {"followers": [one]}, (), "two followers"),
            (case_a() | {"followers": [one, one | {"Q": [[-1]]}]}, (), "followers[1].Q: must be"),
            (case_a() | {"followers": [one, one | {"R": [[1, 2]]}]}, (), "followers[1].R[0]: expected 1"),
            (case_a() | {"followers": [one, one | {"hi": ["x"]}]}, (), "followers[1].hi[0]: expected a number"),
            (case_a(), ("--solver", "NUMPY", "--mode", "parametrised"), "NUMPY has only direct"),
            (case_a(), ("--tolerance", "0"), "--tolerance"),
        ]
        for data, options, part in cases:
            with self.subTest(part=part):
                code, out, err = self.call(json.dumps(data), *options)
                self.assertEqual((code, out), (2, ""), err)
                self.assertEqual(err.count("\n"), 1, err)
                self.assertIn(part, err)


if __name__ == "__main__":
    unittest.main()
