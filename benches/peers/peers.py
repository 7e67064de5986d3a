#!/usr/bin/env python3
"""Solve a market and every market without one agent with general convex solvers.

A market of n agents takes n + 1 programs: the full one and one per agent left out.
From them come the Clarke (VCG) payments  p_i = H_i - sum_{j != i} F_j(u_j).

Reads one market as JSON from a file or from standard input, prints one JSON object.
Exit codes: 0 done (or stopped by --max-seconds, which the output then says),
1 no solution of the full market was found, 2 bad input or options, 3 a package is missing.
"""

import argparse
import json
import math
import sys
import warnings
from dataclasses import dataclass
from time import perf_counter

START = perf_counter()
try:
    import numpy as np
    import scipy.sparse as sp

    import clarabel
    import cvxpy as cp
    import highspy
    import osqp
except ImportError as error:
    print(f"peers.py: {error}; install requirements.txt first (run.sh does it)", file=sys.stderr)
    sys.exit(3)
SECONDS_IMPORT = perf_counter() - START

SOLVERS = ("CLARABEL", "HIGHS", "OSQP")
MODES = ("naive", "parametrised", "direct")

SOLVED = ("optimal", "inaccurate")

# OSQP's own default of 4000 iterations is too few here; this is the number cvxpy gives it.
OSQP_MAX_ITER = 10_000
# The accuracy cvxpy asks of OSQP by default. The direct mode asks for the same.
OSQP_DEFAULT_TOLERANCE = 1e-5
# HiGHS refuses a feasibility tolerance below this.
HIGHS_SMALLEST_TOLERANCE = 1e-10


class BadInput(Exception):
    """The market or an option is not usable; the message says where and why."""


class NoSolution(Exception):
    """No solution of the full market was found, so there is nothing to pay for."""


# --- The market -----------------------------------------------------------------------


@dataclass(frozen=True)
class Market:
    """maximise sum(quad x^2 + lin x)  subject to  sign . x = 0,  lower <= x <= upper.

    Column k belongs to agent owner[k]. A quadratic agent has one column, its quantity. An
    agent with blocks has one column per block, the filled part of it.
    """

    agents: int
    owner: np.ndarray
    sign: np.ndarray
    quad: np.ndarray
    lin: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    def columns(self):
        return len(self.owner)

    def without(self, out):
        """Which columns remain when agent `out` is left out (None: nobody is)."""
        return np.ones(self.columns(), bool) if out is None else self.owner != out

    def bounds(self, out):
        """The limits, with those of the agent left out replaced by zero."""
        keep = self.without(out)
        return np.where(keep, self.lower, 0.0), np.where(keep, self.upper, 0.0)

    def admitting_zero(self, out):
        """The limits, with those of the agent left out widened until they admit zero."""
        keep = self.without(out)
        lower = np.where(keep, self.lower, np.minimum(self.lower, 0.0))
        return lower, np.where(keep, self.upper, np.maximum(self.upper, 0.0))

    def values(self, x):
        """F_i for every agent."""
        terms = (self.quad * x + self.lin) * x
        return np.bincount(self.owner, weights=terms, minlength=self.agents)

    def quantities(self, x):
        """u_i for every agent."""
        return np.bincount(self.owner, weights=self.sign * x, minlength=self.agents)


def describe(value):
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."


def number(value, place):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadInput(f"{place}: expected a number, found {describe(value)}")
    try:
        value = float(value)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise BadInput(f"{place}: the number is too large")
    return value


def sequence(value, place):
    if not isinstance(value, list):
        raise BadInput(f"{place}: expected a list, found {describe(value)}")
    return value


def fields(value, place, required, optional=()):
    if not isinstance(value, dict):
        raise BadInput(f"{place}: expected an object, found {describe(value)}")
    for name in required:
        if name not in value:
            raise BadInput(f"{place}: the field {name!r} is missing")
    for name in value:
        if name not in required and name not in optional:
            raise BadInput(f"{place}: unknown field {name!r}")
    return value


def read_quadratic(data):
    fields(data, "market", ("kind", "a", "b"), ("lo", "hi"))
    quad = [number(v, f"a[{k}]") for k, v in enumerate(sequence(data["a"], "a"))]
    lin = [number(v, f"b[{k}]") for k, v in enumerate(sequence(data["b"], "b"))]
    n = len(quad)
    if n == 0:
        raise BadInput("a: the market has no agents")
    if len(lin) != n:
        raise BadInput(f"b: expected {n} entries as in a, found {len(lin)}")
    for k, value in enumerate(quad):
        if value >= 0:
            raise BadInput(f"a[{k}]: must be negative, found {value!r}")

    def limits(name, missing):
        if data.get(name) is None:
            return [missing] * n
        given = sequence(data[name], name)
        if len(given) != n:
            raise BadInput(f"{name}: expected {n} entries as in a, found {len(given)}")
        return [missing if v is None else number(v, f"{name}[{k}]") for k, v in enumerate(given)]

    lower, upper = limits("lo", -math.inf), limits("hi", math.inf)
    for k in range(n):
        if lower[k] > upper[k]:
            raise BadInput(f"lo[{k}]: {lower[k]!r} is above hi[{k}], {upper[k]!r}")
    return Market(
        agents=n,
        owner=np.arange(n),
        sign=np.ones(n),
        quad=np.array(quad),
        lin=np.array(lin),
        lower=np.array(lower),
        upper=np.array(upper),
    )


def read_blocks(data):
    fields(data, "market", ("kind", "agents"))
    agents = sequence(data["agents"], "agents")
    if not agents:
        raise BadInput("agents: the market has no agents")
    owner, sign, lin, upper = [], [], [], []
    for i, agent in enumerate(agents):
        place = f"agents[{i}]"
        fields(agent, place, ("side", "blocks"))
        if agent["side"] not in ("sell", "buy"):
            found = describe(agent["side"])
            raise BadInput(f'{place}.side: expected "sell" or "buy", found {found}')
        direction = -1.0 if agent["side"] == "sell" else 1.0
        blocks = sequence(agent["blocks"], f"{place}.blocks")
        if not blocks:
            raise BadInput(f"{place}.blocks: the agent has no blocks")
        previous = None
        for k, block in enumerate(blocks):
            at = f"{place}.blocks[{k}]"
            if len(sequence(block, at)) != 2:
                raise BadInput(f"{at}: expected [quantity, price], found {describe(block)}")
            quantity, price = number(block[0], f"{at}[0]"), number(block[1], f"{at}[1]")
            if quantity <= 0:
                raise BadInput(f"{at}[0]: the quantity must be positive, found {quantity!r}")
            # A buyer's prices descend and a seller's ascend: direction * price never rises.
            if previous is not None and direction * price > direction * previous:
                order = "ascend" if direction < 0 else "descend"
                raise BadInput(f"{at}[1]: the prices must {order}, {price!r} follows {previous!r}")
            previous = price
            owner.append(i)
            sign.append(direction)
            lin.append(direction * price)
            upper.append(quantity)
    return Market(
        agents=len(agents),
        owner=np.array(owner),
        sign=np.array(sign),
        quad=np.zeros(len(owner)),
        lin=np.array(lin),
        lower=np.zeros(len(owner)),
        upper=np.array(upper),
    )


def unique_fields(pairs):
    fields = dict(pairs)
    if len(fields) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadInput(f"the field {twice!r} is given twice")
    return fields


def refuse_constant(text):
    raise BadInput(f"{text} is not a number in JSON")


def parse_object(text):
    try:
        data = json.loads(text, object_pairs_hook=unique_fields, parse_constant=refuse_constant)
    except json.JSONDecodeError as error:
        at = f"line {error.lineno} column {error.colno}"
        raise BadInput(f"{at}: not valid JSON: {error.msg}") from None
    except RecursionError:
        raise BadInput("the JSON is nested too deeply") from None
    except ValueError as error:  # an integer with thousands of digits
        raise BadInput(f"not valid JSON: {error}") from None
    if not isinstance(data, dict):
        raise BadInput(f"market: expected an object, found {describe(data)}")
    return data


def parse_market(text):
    data = parse_object(text)
    kind = data.get("kind")
    if kind == "quadratic":
        return read_quadratic(data)
    if kind == "blocks":
        return read_blocks(data)
    raise BadInput(f'kind: expected "quadratic" or "blocks", found {describe(kind)}')


def load_market(path, parse=parse_market):
    name = "standard input" if path == "-" else path
    try:
        if path == "-":
            raw = sys.stdin.buffer.read()
        else:
            with open(path, "rb") as file:
                raw = file.read()
        return parse(raw.decode("utf-8"))
    except OSError as error:
        raise BadInput(f"{name}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise BadInput(f"{name}: byte {error.start}: not UTF-8 text") from None
    except BadInput as error:
        raise BadInput(f"{name}: {error}") from None


# --- The ways to solve it -------------------------------------------------------------
#
# Each way has solve(out), which returns an Answer for the market without agent `out`. The
# answer's x covers all columns, with zeros for those of the agent left out.


@dataclass(frozen=True)
class Answer:
    status: str
    x: np.ndarray | None
    price: float | None
    seconds_solve: float  # in the solver, its set-up and updates included; the rest is building


def cvxpy_options(solver, tolerance):
    if tolerance is None:
        return {}
    if solver == "CLARABEL":
        return {"tol_gap_abs": tolerance, "tol_gap_rel": tolerance, "tol_feas": tolerance}
    if solver == "OSQP":
        return {"eps_abs": tolerance, "eps_rel": tolerance}
    return {"primal_feasibility_tolerance": tolerance, "dual_feasibility_tolerance": tolerance}


def cvxpy_objective(x, quad, lin):
    value = lin @ x
    if np.any(quad):
        value = value + cp.sum(cp.multiply(quad, cp.square(x)))
    return cp.Maximize(value)


def cvxpy_solve(problem, solver, options):
    """What problem.solve() does, in its three public steps so that each can be timed.

    Returns the status and the seconds spent in the solver.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an inaccurate answer is told by the status
        start = perf_counter()
        try:
            data, chain, inverse = problem.get_problem_data(solver, solver_opts=options)
            start = perf_counter()
            raw = chain.solve_via_data(problem, data, warm_start=True, solver_opts=options)
            seconds = perf_counter() - start
            problem.unpack_results(raw, chain, inverse)
        except (cp.SolverError, ValueError):
            # cvxpy raises the second when the numbers overflow or the solver returns nothing.
            return "failed", perf_counter() - start
    if problem.status == cp.OPTIMAL:
        return "optimal", seconds
    if problem.status == cp.OPTIMAL_INACCURATE:
        return "inaccurate", seconds
    # Neither kind of market can be unbounded: a < 0, and blocks are finite.
    if problem.status in (cp.INFEASIBLE, cp.INFEASIBLE_INACCURATE, "infeasible_or_unbounded"):
        return "infeasible", seconds
    return "failed", seconds


class Naive:
    """A new cvxpy problem for every market, with only the agents that are in it."""

    def __init__(self, market, solver, tolerance):
        self.market, self.solver = market, solver
        self.options = cvxpy_options(solver, tolerance)

    def solve(self, out):
        market, keep = self.market, self.market.without(out)
        if not keep.any():
            return Answer("optimal", np.zeros(market.columns()), None, 0.0)
        x = cp.Variable(int(keep.sum()))
        balance = market.sign[keep] @ x == 0
        constraints = [balance]
        lower, upper = market.lower[keep], market.upper[keep]
        low, high = np.isfinite(lower), np.isfinite(upper)
        if low.any():
            constraints.append(x[low] >= lower[low])
        if high.any():
            constraints.append(x[high] <= upper[high])
        objective = cvxpy_objective(x, market.quad[keep], market.lin[keep])
        status, seconds = cvxpy_solve(
            cp.Problem(objective, constraints), self.solver, self.options
        )
        if status not in SOLVED:
            return Answer(status, None, None, seconds)
        full = np.zeros(market.columns())
        full[keep] = x.value
        return Answer(status, full, float(balance.dual_value), seconds)


class Parametrised:
    """One cvxpy problem, compiled once; an agent is left out by changing parameters.

    Where all limits are finite they are parameters, and both go to zero. A column without
    a limit cannot be held that way: then a parameter row picks the columns held at zero.
    """

    def __init__(self, market, solver, tolerance):
        self.market, self.solver = market, solver
        self.options = cvxpy_options(solver, tolerance)
        self.low, self.high = np.isfinite(market.lower), np.isfinite(market.upper)
        x = self.x = cp.Variable(market.columns())
        self.balance = market.sign @ x == 0
        constraints = [self.balance]
        self.lower = self.upper = self.held = None
        if self.low.any():
            self.lower = cp.Parameter(int(self.low.sum()))
            constraints.append(x[self.low] >= self.lower)
        if self.high.any():
            self.upper = cp.Parameter(int(self.high.sum()))
            constraints.append(x[self.high] <= self.upper)
        if not (self.low.all() and self.high.all()):
            self.held = cp.Parameter(market.columns())
            constraints.append(self.held @ x == 0)
        self.problem = cp.Problem(cvxpy_objective(x, market.quad, market.lin), constraints)
        assert self.problem.is_dcp(dpp=True)

    def solve(self, out):
        market = self.market
        lower, upper = market.bounds(out)
        if self.held is not None:
            # The row holds the column; its limits need only admit zero, not pinch it.
            lower, upper = market.admitting_zero(out)
            self.held.value = np.where(market.without(out), 0.0, 1.0)
        if self.lower is not None:
            self.lower.value = lower[self.low]
        if self.upper is not None:
            self.upper.value = upper[self.high]
        status, seconds = cvxpy_solve(self.problem, self.solver, self.options)
        if status not in SOLVED:
            return Answer(status, None, None, seconds)
        return Answer(status, self.x.value.copy(), float(self.balance.dual_value), seconds)


class DirectClarabel:
    """Clarabel without cvxpy, one solver; an agent is left out as in Parametrised."""

    def __init__(self, market, _solver, tolerance):
        self.market = market
        n = market.columns()
        self.low = np.flatnonzero(np.isfinite(market.lower))
        self.high = np.flatnonzero(np.isfinite(market.upper))
        # Rows: the balance, the columns held at zero (if some limit is infinite), the lower
        # limits (-x + s = -lower), the upper ones.
        self.equal = 1 if len(self.low) == len(self.high) == n else 2
        limits = len(self.low) + len(self.high)
        row = np.concatenate([np.repeat(np.arange(self.equal), n), self.equal + np.arange(limits)])
        column = np.concatenate([np.tile(np.arange(n), self.equal), self.low, self.high])
        entry = np.concatenate(
            [np.tile(market.sign, self.equal), -np.ones(len(self.low)), np.ones(len(self.high))]
        )
        self.matrix = sp.csc_matrix((entry, (row, column)), shape=(self.equal + limits, n))
        # Where each column's entry of the second row stands in the matrix.
        self.held = self.matrix.indptr[:-1] + 1
        self.hessian = sp.csc_matrix(
            (-2.0 * market.quad, np.arange(n), np.arange(n + 1)), shape=(n, n)
        )
        self.cones = [clarabel.ZeroConeT(self.equal)]
        if limits:
            self.cones.append(clarabel.NonnegativeConeT(limits))
        settings = self.settings = clarabel.DefaultSettings()
        settings.verbose = False
        settings.presolve_enable = False  # it would forbid the updates
        if tolerance is not None:
            settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tolerance
        self.solver = None

    def solve(self, out):
        market = self.market
        lower, upper = market.bounds(out)
        if self.equal == 2:
            lower, upper = market.admitting_zero(out)
            self.matrix.data[self.held] = np.where(market.without(out), 0.0, 1.0)
        right = np.concatenate([np.zeros(self.equal), -lower[self.low], upper[self.high]])
        start = perf_counter()
        if self.solver is None:
            self.solver = clarabel.DefaultSolver(
                self.hessian, -market.lin, self.matrix, right, self.cones, self.settings
            )
        elif self.equal == 2:
            self.solver.update(A=self.matrix, b=right)
        else:
            self.solver.update(b=right)
        solution = self.solver.solve()
        seconds = perf_counter() - start
        known = {
            "Solved": "optimal",
            "AlmostSolved": "inaccurate",
            "PrimalInfeasible": "infeasible",
            "AlmostPrimalInfeasible": "infeasible",
        }
        status = known.get(str(solution.status), "failed")
        if status not in SOLVED:
            return Answer(status, None, None, seconds)
        return Answer(status, np.array(solution.x), float(solution.z[0]), seconds)


class DirectHighs:
    """HiGHS without cvxpy, one model; an agent is left out by its columns' bounds.

    On a linear program each run starts from the basis of the one before.
    """

    def __init__(self, market, _solver, tolerance):
        self.market = market
        n = market.columns()
        highs = self.highs = highspy.Highs()
        highs.setOptionValue("output_flag", False)
        if tolerance is not None:
            highs.setOptionValue("primal_feasibility_tolerance", tolerance)
            highs.setOptionValue("dual_feasibility_tolerance", tolerance)
        model = highspy.HighsModel()
        lp = model.lp_
        lp.num_col_, lp.num_row_ = n, 1
        lp.col_cost_ = -market.lin
        lp.col_lower_, lp.col_upper_ = market.lower, market.upper
        lp.row_lower_ = lp.row_upper_ = np.zeros(1)
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.array([0, n], dtype=np.int32)
        lp.a_matrix_.index_ = np.arange(n, dtype=np.int32)
        lp.a_matrix_.value_ = market.sign
        if np.any(market.quad):
            hessian = model.hessian_
            hessian.dim_ = n
            hessian.format_ = highspy.HessianFormat.kTriangular
            hessian.start_ = np.arange(n + 1, dtype=np.int32)
            hessian.index_ = np.arange(n, dtype=np.int32)
            hessian.value_ = -2.0 * market.quad
        start = perf_counter()
        highs.passModel(model)
        self.seconds_setup = perf_counter() - start

    def _bound(self, columns, lower, upper):
        index = columns.astype(np.int32)
        self.highs.changeColsBounds(len(index), index, lower[columns], upper[columns])

    def solve(self, out):
        market, highs = self.market, self.highs
        columns = np.flatnonzero(~market.without(out))
        bounds = market.bounds(out)
        start = perf_counter()
        if len(columns):
            self._bound(columns, *bounds)
        highs.run()
        found, solution = highs.getModelStatus(), highs.getSolution()
        if len(columns):
            self._bound(columns, market.lower, market.upper)
        seconds = perf_counter() - start + self.seconds_setup
        self.seconds_setup = 0.0
        if found == highspy.HighsModelStatus.kOptimal:
            x = np.array(solution.col_value)
            return Answer("optimal", x, -float(solution.row_dual[0]), seconds)
        if found in (
            highspy.HighsModelStatus.kInfeasible,
            highspy.HighsModelStatus.kUnboundedOrInfeasible,
        ):
            return Answer("infeasible", None, None, seconds)
        return Answer("failed", None, None, seconds)


class DirectOsqp:
    """OSQP without cvxpy, one factorised problem; an agent is left out by its limits."""

    def __init__(self, market, _solver, tolerance):
        self.market = market
        n = market.columns()
        matrix = sp.vstack([sp.csc_matrix(market.sign), sp.identity(n)], format="csc")
        accuracy = OSQP_DEFAULT_TOLERANCE if tolerance is None else tolerance
        hessian = sp.diags(-2.0 * market.quad, format="csc")
        self.osqp = osqp.OSQP()
        start = perf_counter()
        self.osqp.setup(
            P=hessian,
            q=-market.lin,
            A=matrix,
            l=np.concatenate([[0.0], market.lower]),
            u=np.concatenate([[0.0], market.upper]),
            verbose=False,
            eps_abs=accuracy,
            eps_rel=accuracy,
            max_iter=OSQP_MAX_ITER,
            polishing=True,
        )
        self.seconds_setup = perf_counter() - start

    def solve(self, out):
        lower, upper = self.market.bounds(out)
        lower, upper = np.concatenate([[0.0], lower]), np.concatenate([[0.0], upper])
        start = perf_counter()
        self.osqp.update(l=lower, u=upper)
        result = self.osqp.solve(raise_error=False)
        seconds = perf_counter() - start + self.seconds_setup
        self.seconds_setup = 0.0
        known = {
            "solved": "optimal",
            "solved inaccurate": "inaccurate",
            "primal infeasible": "infeasible",
            "primal infeasible inaccurate": "infeasible",
        }
        status = known.get(result.info.status, "failed")
        if status not in SOLVED:
            return Answer(status, None, None, seconds)
        return Answer(status, np.array(result.x), float(result.y[0]), seconds)


DIRECT = {"CLARABEL": DirectClarabel, "HIGHS": DirectHighs, "OSQP": DirectOsqp}


def way(mode, solver):
    return {"naive": Naive, "parametrised": Parametrised}.get(mode) or DIRECT[solver]


# --- The run --------------------------------------------------------------------------


def peak_memory():
    """The largest resident size of this process so far, in bytes.

    On Linux from VmHWM, as getrusage there also counts the process that started this one.
    """
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        import resource
    except ImportError:  # not a Unix
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def finite(value):
    return None if value is None or not math.isfinite(value) else float(value)


def checked(market, answer):
    """The answer, or a failed one if its numbers are too large to add up."""
    if answer.status in SOLVED:
        with np.errstate(over="ignore", invalid="ignore"):
            size = np.abs(market.values(answer.x)).sum() + np.abs(answer.x).sum()
        if not np.isfinite(size):
            return Answer("failed", None, None, answer.seconds_solve)
    return answer


def run(market, solver, mode, tolerance=None, max_seconds=None):
    """Solve the full market and every market without one agent; the object to print."""
    base_memory = peak_memory()
    n = market.agents
    start = perf_counter()
    solving = way(mode, solver)(market, solver, tolerance)
    full = checked(market, solving.solve(None))
    seconds_full = perf_counter() - start
    if full.status not in SOLVED:
        raise NoSolution(f"the full market: {solver} says {full.status}")
    seconds_solve = full.seconds_solve
    values = market.values(full.x)
    welfare = math.fsum(values)
    imbalance = abs(math.fsum(market.sign * full.x))

    without, payment, gain = [None] * n, [None] * n, [None] * n
    status = ["not solved"] * n
    solved = 0
    for i in range(n):
        if max_seconds is not None and perf_counter() - start >= max_seconds:
            break
        answer = checked(market, solving.solve(i))
        seconds_solve += answer.seconds_solve
        status[i] = answer.status
        solved += 1
        if answer.status not in SOLVED:
            continue
        optimum = math.fsum(market.values(answer.x))
        others = math.fsum(np.delete(values, i))
        without[i] = optimum
        payment[i] = optimum - others
        gain[i] = welfare - optimum
        imbalance = max(imbalance, abs(math.fsum(market.sign * answer.x)))
    seconds_total = perf_counter() - start

    return {
        "solver": solver,
        "mode": mode,
        "tolerance": tolerance,
        "n": n,
        "columns": market.columns(),
        **effort(n, solved, seconds_full, seconds_total, seconds_solve),
        "seconds_import": SECONDS_IMPORT,
        "price": finite(full.price),
        "welfare": welfare,
        "allocation": market.quantities(full.x).tolist(),
        "without": without,
        "payment": payment,
        "gain": gain,
        "status": {"full": full.status, "without": status},
        "max_imbalance": imbalance,
        "peak_memory_bytes": peak_memory(),
        "base_memory_bytes": base_memory,
    }


def effort(n, solved, seconds_full, seconds_total, seconds_solve):
    """How many of the n programs without somebody were solved after the full one, and what all of them took."""
    extrapolated = None
    if solved < n:
        each = (seconds_total - seconds_full) / solved if solved else seconds_full
        extrapolated = seconds_full + n * each
    return {
        "programs_total": n + 1,
        "programs_solved": solved + 1,
        "complete": solved == n,
        "seconds_total": seconds_total,
        "seconds_build": seconds_total - seconds_solve,
        "seconds_solve": seconds_solve,
        "seconds_total_extrapolated": extrapolated,
    }


def print_answer(result):
    """Prints an answer; the exit code. A reader that has seen enough is no error to talk about."""
    try:
        print(json.dumps(result, allow_nan=False), flush=True)
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    return 0


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise BadInput(message)


def positive(text):
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise ValueError(text)
    return value


positive.__name__ = "positive number"  # argparse quotes it in its message


def parse_options(arguments):
    parser = Parser(
        prog="peers.py",
        description="Solve a market and every market without one agent with a general solver.",
        allow_abbrev=False,
    )
    parser.add_argument("market", nargs="?", default="-", help="JSON file, - for standard input")
    parser.add_argument(
        "--solver", type=str.upper, choices=SOLVERS, default="CLARABEL", metavar="NAME",
        help="one of " + ", ".join(SOLVERS) + " (default CLARABEL)",
    )
    parser.add_argument(
        "--mode", choices=MODES, default="naive",
        help="naive: a new cvxpy problem each time (default); parametrised: one cvxpy "
        "problem solved again with new parameters; direct: the solver's own interface",
    )
    parser.add_argument(
        "--tolerance", type=positive, metavar="EPS",
        help="the solver's accuracy (default: its own, as cvxpy sets it)",
    )
    parser.add_argument(
        "--max-seconds", type=positive, metavar="S",
        help="start no further program after this time and extrapolate",
    )
    options = parser.parse_args(arguments)
    if options.tolerance is not None:
        if options.tolerance > 0.1:
            raise BadInput(f"--tolerance: must be at most 0.1, found {options.tolerance!r}")
        if options.solver == "HIGHS" and options.tolerance < HIGHS_SMALLEST_TOLERANCE:
            raise BadInput(f"--tolerance: HiGHS takes none below {HIGHS_SMALLEST_TOLERANCE!r}")
    return options


def main(arguments):
    try:
        options = parse_options(arguments)
        market = load_market(options.market)
        result = run(market, options.solver, options.mode, options.tolerance, options.max_seconds)
    except BadInput as error:
        print(f"peers.py: {error}", file=sys.stderr)
        return 2
    except NoSolution as error:
        print(f"peers.py: {error}", file=sys.stderr)
        return 1
    return print_answer(result)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
