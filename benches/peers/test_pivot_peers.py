#!/usr/bin/env python3
"""Checks pivot_peers.py against known numbers and brute force: python test_pivot_peers.py"""

import io
import itertools
import json
import os
import subprocess
import sys
import unittest
from contextlib import redirect_stderr, redirect_stdout
from unittest import mock

import pivot_peers
from peers import np

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pivot_peers.py")

# Value iteration of pymdptoolbox stops by the span of the residual and returns the iterate as it
# is, without the constant that is still missing; modified policy iteration sometimes does, too.
NOT_VALUES = {("TOOLBOX", "vi"), ("TOOLBOX", "mpi")}
WAYS = [way for way in pivot_peers.WAYS if way not in NOT_VALUES]


def storage():
    """Two providers of storage: idle, use the first, use the second, curtail (worked case E4)."""
    calm, used = [[0.9, 0.1], [0.6, 0.4]], [[0.3, 0.7], [0.1, 0.9]]

    def provider(i):
        return {
            "utility": [[[-1, -4] if a == i + 1 else [0, 0]] for a in range(4)],
            "kernel": [[used if a == i + 1 else calm] for a in range(4)],
        }

    return {
        "kind": "pivot",
        "discount": 0.9,
        "probability": [0.4, 0.6],
        "feasible": [[0], [1, 2, 3]],
        "public": {"utility": [[0], [0], [0], [-10]], "kernel": [[[1]]] * 4},
        "players": [provider(0), provider(1)],
    }


def varied(types, publics, decisions, seed):
    """Everything depends on the decision and the public state; one outcome never happens."""
    g = np.random.default_rng(seed)

    def law(*shape):
        raw = g.uniform(0.05, 1.0, shape)
        return (raw / raw.sum(axis=-1, keepdims=True)).tolist()

    def player(n):
        return {
            "utility": g.uniform(-2, 2, (decisions, publics, n)).tolist(),
            "kernel": law(decisions, publics, n, n),
            "absent": [[0], [decisions - 1, 0], [1]],
        }

    return {
        "kind": "pivot",
        "discount": 0.8,
        "probability": [0.3, 0.7, 0.0],
        "feasible": [[0, decisions - 1], list(range(decisions)), [1]],
        "public": {
            "utility": g.uniform(-1, 1, (decisions, publics)).tolist(),
            "kernel": law(decisions, publics, publics),
        },
        "players": [player(n) for n in types],
    }


def brute_force(data, out=None):
    """Values by enumeration of states and next states, without perhaps one player."""
    players = [p for i, p in enumerate(data["players"]) if i != out]
    sets = data["feasible"] if out is None else data["players"][out].get("absent", data["feasible"])
    publics = len(data["public"]["kernel"][0])
    sizes = [range(publics)] + [range(len(p["utility"][0][0])) for p in players]
    states = list(itertools.product(*sizes))
    decisions = range(len(data["public"]["utility"]))
    stage, kernel = np.zeros((len(decisions), len(states))), []
    for a in decisions:
        rows = []
        for k, (s, *types) in enumerate(states):
            stage[a, k] = data["public"]["utility"][a][s]
            stage[a, k] += sum(p["utility"][a][s][x] for p, x in zip(players, types))
            laws = [data["public"]["kernel"][a][s]]
            laws += [p["kernel"][a][s][x] for p, x in zip(players, types)]
            rows.append([np.prod([law[x] for law, x in zip(laws, to)]) for to in states])
        kernel.append(rows)
    value = np.zeros(len(states))
    for _ in range(2000):
        choices = stage + data["discount"] * (np.array(kernel) @ value)
        value = sum(p * choices[a].max(axis=0) for p, a in zip(data["probability"], sets))
    return value


def run(data, solver, mode, **limits):
    game = pivot_peers.parse_game(json.dumps(data))
    return pivot_peers.run(game, solver, mode, pivot_peers.Limits(**limits))


class Values(unittest.TestCase):
    def near(self, found, expected, tolerance=2e-8):
        found, expected = np.array(found, float), np.array(expected, float)
        self.assertEqual(found.shape, expected.shape)
        self.assertLessEqual(np.abs(found - expected).max(), tolerance)

    def test_known_numbers(self):
        value = [-8.1859697124, -8.4784723502, -8.4784723502, -10.4901933898]
        without = [-15.5051020408, -17.8010204082]
        alone = storage()
        for i, player in enumerate(alone["players"]):
            player["absent"] = [[0], [2 - i, 3]]
        for solver, mode in WAYS:
            with self.subTest(solver=solver, mode=mode):
                self.near(run(storage(), solver, mode)["value"], value)
                self.near(run(storage(), solver, mode)["without"], [[0, 0], [0, 0]])
                self.near(run(alone, solver, mode)["without"], [without, without])

    def test_values_are_those_of_brute_force(self):
        for types, publics, decisions in (((3,), 1, 2), ((2, 3), 2, 3), ((2, 1, 3), 3, 4)):
            data = varied(types, publics, decisions, 7)
            value = brute_force(data)
            without = [brute_force(data, i) for i in range(len(types))]
            for solver, mode in WAYS:
                with self.subTest(types=types, solver=solver, mode=mode):
                    result = run(data, solver, mode)
                    self.assertTrue(result["complete"])
                    self.near(result["value"], value)
                    for found, expected in zip(result["without"], without, strict=True):
                        self.near(found, expected)

    def test_what_the_toolbox_lacks_is_a_constant(self):
        value = np.array(run(storage(), "NUMPY", "pi")["value"])
        off = value - np.array(run(storage(), "TOOLBOX", "vi")["value"])
        self.assertGreater(np.abs(off).max(), 1e-3)
        self.assertLess(np.ptp(off), 1e-6)
        # Without either provider the other is used for nothing: all values are 0.
        result = run(storage(), "TOOLBOX", "mpi")
        self.near(result["value"], value)
        self.assertGreater(np.abs(result["without"]).max(), 1.0)

    def test_a_coarser_tolerance_is_obeyed(self):
        exact = run(storage(), "NUMPY", "pi")["value"]
        self.near(run(storage(), "NUMPY", "vi", tolerance=0.1)["value"], exact, 0.1)
        self.near(run(storage(), "QUANTECON", "mpi", tolerance=0.1)["value"], exact, 0.1)


class Cap(unittest.TestCase):
    def test_a_capped_run_says_so(self):
        result = run(varied((2, 3), 2, 3, 1), "NUMPY", "pi", max_seconds=1e-9)
        self.assertFalse(result["complete"])
        self.assertEqual((result["programs_solved"], result["programs_total"]), (1, 3))
        self.assertEqual(result["without"], [None, None])
        # Joint kernels of 12, 6 and 4 states.
        share = result["seconds_total_extrapolated"] / result["seconds_total"]
        self.assertAlmostEqual(share, (144 + 36 + 16) / 144)
        whole = run(storage(), "NUMPY", "pi", max_seconds=600)
        self.assertTrue(whole["complete"])
        self.assertIsNone(whole["seconds_total_extrapolated"])


class CommandLine(unittest.TestCase):
    def call_here(self, text, *options):
        stdin = io.TextIOWrapper(io.BytesIO(text.encode()))
        out, err = io.StringIO(), io.StringIO()
        with mock.patch("sys.stdin", stdin), redirect_stdout(out), redirect_stderr(err):
            code = pivot_peers.main(options)
        return code, out.getvalue(), err.getvalue()

    def test_prints_one_object(self):
        command = [sys.executable, SCRIPT, "--solver", "mdpsolver", "--mode", "mpi"]
        text = json.dumps(storage()).encode()
        done = subprocess.run(command, input=text, capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        result = json.loads(done.stdout)
        found = [result[name] for name in ("solver", "mode", "n", "states")]
        self.assertEqual(found, ["MDPSOLVER", "mpi", 2, 4])
        for name in ("seconds_total", "seconds_solve", "peak_memory_bytes"):
            self.assertGreater(result[name], 0)

    def test_bad_input_is_one_line_and_code_2(self):
        player = storage()["players"][0]
        cases = [
            ({"kind": "quadratic"}, 'kind: expected "pivot"'),
            ({"discount": 1}, "discount: must be above 0 and below 1"),
            ({"probability": [0.5, 0.6]}, "probability: expected probabilities"),
            ({"feasible": [[0]]}, "feasible: expected 2 entries"),
            ({"feasible": [[0], []]}, "feasible[1]: expected at least one decision"),
            ({"feasible": [[0], [4]]}, "feasible[1]: expected decisions below 4"),
            ({"players": []}, "players: expected at least one entry"),
            ({"players": [player | {"kernel": [[[[1]]]] * 4}]}, "players[0].kernel[0][0]: expected 2 entries"),
            ({"players": [player | {"absent": [[0], ["x"]]}]}, "players[0].absent[1]: expected decisions"),
            ({"players": [{"utility": player["utility"]}]}, "players[0]: the field 'kernel' is missing"),
            ({"horizon": 3}, "unknown field 'horizon'"),
        ]
        for change, part in cases:
            self.refused(json.dumps(storage() | change), (), part)
        fine = json.dumps(storage())
        self.refused("{", (), "not valid JSON")
        self.refused(fine.replace("0.7", "0.8"), (), "players[0].kernel[1][0][0]: expected probabilities")
        self.refused(fine, ("--solver", "gurobi"), "--solver")
        self.refused(fine, ("--solver", "NUMPY", "--mode", "mpi"), "--mode: NUMPY has vi, pi")
        self.refused(fine, ("--tolerance", "0"), "--tolerance")

    def refused(self, text, options, part):
        with self.subTest(text=text[:60], options=options, part=part):
            code, out, err = self.call_here(text, *options)
            self.assertEqual((code, out), (2, ""), err)
            self.assertEqual(err.count("\n"), 1, err)
            self.assertTrue(err.startswith("pivot_peers.py: "), err)
            self.assertIn(part, err)

    def test_a_missing_package_is_code_3(self):
        with mock.patch.dict(sys.modules, {"quantecon.markov": None, "quantecon": None}):
            code, out, err = self.call_here(json.dumps(storage()), "--solver", "QUANTECON")
        self.assertEqual((code, out), (3, ""))
        self.assertIn("requirements.txt", err)


if __name__ == "__main__":
    unittest.main()
