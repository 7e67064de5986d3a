#!/usr/bin/env python3
"""Share resources among followers with quadratic costs, and without each of them, the ways open to anybody.

Follower i decides z_i, which costs z_i'Q_i z_i/2 + q_i'z_i; the uses R_i z_i of all followers add up to the
total c. The least cost of everybody is wanted, and that of all others without each follower, who then uses
nothing and costs nothing. Follower i pays  p_i = (V - v_i) - V_-i:  V is the least cost, v_i her own part of
it, V_-i the least cost without her. That takes N + 1 programs.

Input, one JSON object, from a file or from standard input:

    {"kind": "dual", "total": [m],
     "followers": [N of {"Q": [n][n], "q": [n], "R": [m][n], "lo": [n], "hi": [n]}]}   lo, hi: no limits

Output, one JSON object:

    "solver", "mode", "tolerance", "n", "couplings", "columns"
    "programs_total", "programs_solved", "complete"          see --max-seconds
    "seconds_total", "seconds_build", "seconds_solve", "seconds_import",
    "seconds_total_extrapolated", "peak_memory_bytes", "base_memory_bytes"   as in peers.py
    "cost" V, "own" [N], "without" [N] = V_-i, "payment" [N], "price" [m]   null where not solved
    "status": {"full", "without" [N]}, "max_residual" of the couplings

Exit codes are those of peers.py: 0 done (or stopped by --max-seconds, which the output then says), 1 no
solution with everybody was found, 2 bad input or options, 3 a package is missing.
"""

import io
import math
import os
import sys
import warnings
from contextlib import redirect_stdout
from dataclasses import dataclass
from time import perf_counter

# As in lq_peers.py: on shared cores a second thread costs more than it gains.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import peers
from peers import BadInput, NoSolution, SOLVED, clarabel, cp, finite, np, number, osqp, sequence, sp

# The accuracy everybody is asked for unless --tolerance says otherwise: ours is exact to rounding.
TOLERANCE = 1e-9
# NUMPY has no accuracy to ask for and no limits.
WAYS = (
    ("CLARABEL", "parametrised"), ("OSQP", "parametrised"),
    ("CLARABEL", "direct"), ("OSQP", "direct"), ("NUMPY", "direct"),
)
# OSQP at this accuracy needs more than what cvxpy gives it.
OSQP_MAX_ITER = 100_000


# --- The problem ----------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """All decisions in one list; those of follower i are columns first[i] to first[i + 1]."""

    total: np.ndarray
    blocks: tuple  # Q_i
    linear: np.ndarray
    couplings: np.ndarray  # (m, columns)
    lower: np.ndarray
    upper: np.ndarray
    first: np.ndarray

    @property
    def followers(self):
        return len(self.blocks)

    @property
    def columns(self):
        return len(self.linear)

    @property
    def limited(self):
        return bool(np.isfinite(self.lower).any() or np.isfinite(self.upper).any())

    def range(self, i):
        return slice(self.first[i], self.first[i + 1])

    def hessian(self):
        return sp.block_diag(self.blocks, format="csc")

    def values(self, z):
        """What everybody's part costs."""
        parts = (z[self.range(i)] for i in range(self.followers))
        lines = (self.linear[self.range(i)] for i in range(self.followers))
        return np.array([0.5 * x @ b @ x + q @ x for x, b, q in zip(parts, self.blocks, lines)])


def vector(value, place, length):
    values = sequence(value, place)
    if len(values) != length:
        raise BadInput(f"{place}: expected {length} numbers, found {len(values)}")
    return np.array([number(v, f"{place}[{k}]") for k, v in enumerate(values)])


def matrix(value, place, rows, columns):
    values = sequence(value, place)
    if len(values) != rows:
        raise BadInput(f"{place}: expected {rows} rows, found {len(values)}")
    return np.array([vector(v, f"{place}[{k}]", columns) for k, v in enumerate(values)]).reshape(rows, columns)


def parse_problem(text):
    data = peers.parse_object(text)
    peers.fields(data, "problem", ("kind", "total", "followers"))
    if data["kind"] != "dual":
        raise BadInput(f'kind: expected "dual", found {peers.describe(data["kind"])}')
    m = len(sequence(data["total"], "total"))
    total = vector(data["total"], "total", m)
    followers = sequence(data["followers"], "followers")
    if m == 0 or len(followers) < 2:
        raise BadInput("expected at least one coupling and two followers")
    blocks, linear, couplings, lower, upper, first = [], [], [], [], [], [0]
    for i, follower in enumerate(followers):
        place = f"followers[{i}]"
        peers.fields(follower, place, ("Q", "q", "R"), ("lo", "hi"))
        n = len(sequence(follower["q"], f"{place}.q"))
        block = matrix(follower["Q"], f"{place}.Q", n, n)
        if n == 0 or not np.array_equal(block, block.T) or np.linalg.eigvalsh(block).min() <= 0:
            raise BadInput(f"{place}.Q: must be symmetric and positive definite")
        blocks.append(block)
        linear.append(vector(follower["q"], f"{place}.q", n))
        couplings.append(matrix(follower["R"], f"{place}.R", m, n))
        for name, limits, none in (("lo", lower, -math.inf), ("hi", upper, math.inf)):
            given = follower.get(name)
            limits.append(np.full(n, none) if given is None else vector(given, f"{place}.{name}", n))
        first.append(first[-1] + n)
    join = np.concatenate
    return Problem(
        total, tuple(blocks), join(linear), np.hstack(couplings), join(lower), join(upper), np.array(first)
    )


# --- The ways to solve it -------------------------------------------------------------
#
# Each way has solve(out), which returns an Answer for the problem without follower `out`. She is left out by
# taking her out of the couplings: then she does what is best for herself alone, which costs the others
# nothing, and is not counted.


@dataclass(frozen=True)
class Answer:
    status: str
    z: np.ndarray | None
    price: np.ndarray | None
    seconds_solve: float


class Parametrised:
    """One cvxpy problem that follows the DPP rules, compiled once; the followers' weights are its parameters."""

    def __init__(self, problem, solver, tolerance):
        self.problem, self.solver = problem, solver
        self.options = peers.cvxpy_options(solver, tolerance)
        if solver == "OSQP":
            self.options |= {"max_iter": OSQP_MAX_ITER, "polishing": True}
        self.z, self.weight = cp.Variable(problem.columns), cp.Parameter(problem.followers)
        sizes = np.diff(problem.first)
        spread = sp.csc_matrix(np.repeat(np.eye(problem.followers), sizes, axis=0))
        self.balance = problem.couplings @ cp.multiply(spread @ self.weight, self.z) == problem.total
        constraints = [self.balance]
        low, high = np.isfinite(problem.lower), np.isfinite(problem.upper)
        if low.any():
            constraints.append(self.z[low] >= problem.lower[low])
        if high.any():
            constraints.append(self.z[high] <= problem.upper[high])
        bent = cp.quad_form(self.z, cp.psd_wrap(problem.hessian()))
        self.program = cp.Problem(cp.Minimize(0.5 * bent + problem.linear @ self.z), constraints)
        assert self.program.is_dcp(dpp=True)

    def solve(self, out):
        self.weight.value = np.array([float(i != out) for i in range(self.problem.followers)])
        status, seconds = peers.cvxpy_solve(self.program, self.solver, self.options)
        if status not in SOLVED:
            return Answer(status, None, None, seconds)
        return Answer(status, np.array(self.z.value), np.array(self.balance.dual_value), seconds)


class Sparse:
    """minimise z'Hz/2 + g'z with the couplings in the first rows of one matrix, limits in the others.

    A follower is left out by zeros in her columns of the couplings; the pattern stays.
    """

    def __init__(self, problem):
        self.problem = problem
        m = len(problem.total)
        low, high = np.isfinite(problem.lower), np.isfinite(problem.upper)
        identity = sp.identity(problem.columns, format="csr")
        parts = self.limits(identity, low, high)
        # Zeros among the couplings stay in the pattern.
        dense = sp.csc_matrix(np.ones_like(problem.couplings))
        dense.data = problem.couplings.ravel(order="F").copy()
        self.matrix = sp.vstack([dense, *parts], format="csc")
        self.matrix.sort_indices()
        # The couplings come first in every column.
        self.at = self.matrix.indptr[:-1, None] + np.arange(m)
        self.hessian, self.gradient = problem.hessian(), problem.linear

    def leave_out(self, out):
        self.matrix.data[self.at] = self.problem.couplings.T
        if out is not None:
            self.matrix.data[self.at[self.problem.range(out)]] = 0.0


class DirectClarabel(Sparse):
    """Clarabel without cvxpy, one solver; a follower is left out by new data of the matrix."""

    def __init__(self, problem, tolerance):
        super().__init__(problem)
        settings = self.settings = clarabel.DefaultSettings()
        settings.verbose = False
        settings.presolve_enable = False  # it would forbid the updates
        settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tolerance
        self.solver = None

    def limits(self, identity, low, high):
        self.right = np.concatenate(
            [self.problem.total, -self.problem.lower[low], self.problem.upper[high]]
        )
        return [-identity[low], identity[high]]

    def solve(self, out):
        self.leave_out(out)
        start = perf_counter()
        m = len(self.problem.total)
        if self.solver is None:
            cones = [clarabel.ZeroConeT(m)]
            if len(self.right) > m:
                cones.append(clarabel.NonnegativeConeT(len(self.right) - m))
            upper = sp.triu(self.hessian, format="csc")
            self.solver = clarabel.DefaultSolver(
                upper, self.gradient, self.matrix, self.right, cones, self.settings
            )
        else:
            self.solver.update(A=self.matrix)
        solution = self.solver.solve()
        seconds = perf_counter() - start
        known = {"Solved": "optimal", "AlmostSolved": "inaccurate", "PrimalInfeasible": "infeasible"}
        status = known.get(str(solution.status), "failed")
        if status not in SOLVED:
            return Answer(status, None, None, seconds)
        return Answer(status, np.array(solution.x), np.array(solution.z)[:m], seconds)


class DirectOsqp(Sparse):
    """OSQP without cvxpy, one solver that starts where it ended; a follower is left out by new data."""

    def __init__(self, problem, tolerance):
        super().__init__(problem)
        self.osqp = osqp.OSQP()
        start = perf_counter()
        self.osqp.setup(
            sp.triu(self.hessian, format="csc"), self.gradient, self.matrix, self.below, self.above,
            verbose=False, eps_abs=tolerance, eps_rel=tolerance, max_iter=OSQP_MAX_ITER, polishing=True,
        )
        self.seconds_setup = perf_counter() - start

    def limits(self, identity, low, high):
        problem, some = self.problem, low | high
        self.below = np.concatenate([problem.total, problem.lower[some]])
        self.above = np.concatenate([problem.total, problem.upper[some]])
        return [identity[some]]

    def solve(self, out):
        self.leave_out(out)
        start = perf_counter()
        if out is not None:
            self.osqp.update(Ax=self.matrix.data)
        result = self.osqp.solve(raise_error=False)
        seconds = perf_counter() - start + self.seconds_setup
        self.seconds_setup = 0.0
        known = {
            "solved": "optimal", "solved inaccurate": "inaccurate", "primal infeasible": "infeasible",
        }
        status = known.get(result.info.status, "failed")
        if status not in SOLVED:
            return Answer(status, None, None, seconds)
        return Answer(status, np.array(result.x), np.array(result.y[: len(self.problem.total)]), seconds)


class DirectNumpy:
    """No optimiser: without limits a price clears, sum R_i Q_i^-1 (R_i'price + q_i) = -c, one small linear
    system for each problem. For who knows the structure; what each follower adds is computed once."""

    def __init__(self, problem, _tolerance):
        if problem.limited:
            raise BadInput("--solver: NUMPY knows no limits")
        self.problem = problem
        self.seconds_setup = 0.0
        start = perf_counter()
        self.yields, self.shifts, self.answers = [], [], []
        for i, block in enumerate(problem.blocks):
            r, q = problem.couplings[:, problem.range(i)], problem.linear[problem.range(i)]
            both = np.linalg.solve(block, np.column_stack([r.T, q]))
            self.answers.append(both)
            self.yields.append(r @ both[:, :-1])
            self.shifts.append(r @ both[:, -1])
        self.all_yields, self.all_shifts = sum(self.yields), sum(self.shifts)
        self.seconds_setup = perf_counter() - start

    def solve(self, out):
        start = perf_counter()
        system, shift = self.all_yields, self.all_shifts
        if out is not None:
            system, shift = system - self.yields[out], shift - self.shifts[out]
        try:
            price = -np.linalg.solve(system, self.problem.total + shift)
        except np.linalg.LinAlgError:
            return Answer("failed", None, None, perf_counter() - start)
        z = np.concatenate([-(both[:, :-1] @ price + both[:, -1]) for both in self.answers])
        seconds = perf_counter() - start + self.seconds_setup
        self.seconds_setup = 0.0
        return Answer("optimal", z, price, seconds)


DIRECT = {"CLARABEL": DirectClarabel, "OSQP": DirectOsqp, "NUMPY": DirectNumpy}


# --- The run --------------------------------------------------------------------------


def run(problem, solver, mode, tolerance=TOLERANCE, max_seconds=None):
    """Solve the problem and every one without a follower; the object to print."""
    base_memory = peers.peak_memory()
    n, start = problem.followers, perf_counter()
    if mode == "direct":
        solving = DIRECT[solver](problem, tolerance)
    else:
        solving = Parametrised(problem, solver, tolerance)
    full = solving.solve(None)
    seconds_full = perf_counter() - start
    if full.status not in SOLVED or not np.isfinite(full.z).all():
        raise NoSolution(f"with everybody: {solver} says {full.status}")
    own, seconds_solve = problem.values(full.z), full.seconds_solve
    residual = np.abs(problem.couplings @ full.z - problem.total).max()
    without, payment, status, solved = [None] * n, [None] * n, ["not solved"] * n, 0
    for i in range(n):
        if max_seconds is not None and perf_counter() - start >= max_seconds:
            break
        answer = solving.solve(i)
        seconds_solve += answer.seconds_solve
        solved += 1
        status[i] = answer.status
        if answer.status not in SOLVED or not np.isfinite(answer.z).all():
            continue
        others = np.delete(problem.values(answer.z), i)
        without[i] = math.fsum(others)
        payment[i] = math.fsum(np.delete(own, i)) - without[i]
        answer.z[problem.range(i)] = 0.0
        residual = max(residual, np.abs(problem.couplings @ answer.z - problem.total).max())
    seconds_total = perf_counter() - start
    return {
        "solver": solver,
        "mode": mode,
        "tolerance": tolerance,
        "n": n,
        "couplings": len(problem.total),
        "columns": problem.columns,
        **peers.effort(n, solved, seconds_full, seconds_total, seconds_solve),
        "seconds_import": peers.SECONDS_IMPORT,
        "cost": math.fsum(own),
        "own": own.tolist(),
        "without": without,
        "payment": payment,
        "price": [finite(v) for v in full.price],
        "status": {"full": full.status, "without": status},
        "max_residual": float(residual),
        "peak_memory_bytes": peers.peak_memory(),
        "base_memory_bytes": base_memory,
    }


# --- The command line -----------------------------------------------------------------


def parse_options(arguments):
    parser = peers.Parser(
        prog="dual_peers.py",
        description="Share resources among followers, and without each of them.",
        allow_abbrev=False,
    )
    parser.add_argument("problem", nargs="?", default="-", help="JSON file, - for standard input")
    solvers = sorted({solver for solver, _ in WAYS})
    parser.add_argument("--solver", type=str.upper, choices=solvers, default="CLARABEL", metavar="NAME")
    parser.add_argument("--mode", choices=("parametrised", "direct"), default="direct")
    parser.add_argument("--tolerance", type=peers.positive, default=TOLERANCE, metavar="EPS")
    parser.add_argument(
        "--max-seconds", type=peers.positive, metavar="S",
        help="start no further program after this time and extrapolate",
    )
    options = parser.parse_args(arguments)
    if (options.solver, options.mode) not in WAYS:
        raise BadInput(f"--mode: {options.solver} has only direct, found {options.mode}")
    return options


def main(arguments):
    try:
        options = parse_options(arguments)
        problem = peers.load_market(options.problem, parse_problem)
        # What a solver prints would spoil the answer.
        with np.errstate(all="ignore"), warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            result = run(problem, options.solver, options.mode, options.tolerance, options.max_seconds)
    except BadInput as error:
        print(f"dual_peers.py: {error}", file=sys.stderr)
        return 2
    except NoSolution as error:
        print(f"dual_peers.py: {error}", file=sys.stderr)
        return 1
    return peers.print_answer(result)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
