#!/usr/bin/env python3
"""Solve a linear-quadratic market and every market without one agent, the ways open to anybody.

Agent i has the state x_i(t+1) = a_i(t) x_i(t) + b_i(t) u_i(t) + noise and the utility
sum over t = 0..T-1 of q_i(t) x_i(t)^2 + r_i(t) u_i(t)^2 + linear_i(t) u_i(t). It receives
u_i(t); the trades of all agents add up to net_demand(t) in every period. The market
maximises the sum of the utilities. An agent left out has neither trade nor utility, and
the others meet the net demand. Agent i pays  p_i = H_i - (F - own_i):  H_i is the optimum
without it, F the optimum with it, own_i its own part of F. That takes N + 1 programs.

Input, one JSON object, from a file or from standard input:

    {"kind": "linear-quadratic", "periods": T,
     "a": [N entries], "b": [...], "q": [...], "r": [...],   each entry a number, or T numbers
     "start": [N numbers],                                   mean of x_i(0)
     "start_variance": [N numbers], "noise_variance": [N entries],   absent: 0
     "linear": [N entries], "net_demand": a number or T numbers}     absent: 0

q <= 0, r < 0, variances >= 0. Entry s of a noise variance given as T numbers belongs to
what arrives at s; entry 0 is not used, nothing arrives after period T - 1.

Output, one JSON object:

    "solver", "mode", "tolerance", "n", "periods"
    "programs_total", "programs_solved", "complete"          see --max-seconds
    "seconds_total", "seconds_build", "seconds_solve", "seconds_import",
    "seconds_total_extrapolated", "peak_memory_bytes", "base_memory_bytes"   as in peers.py
    "plan": the market that starts from the means and knows no noise:
        "welfare" F, "own" [N], "without" [N] = H_i, "payment" [N], "gain" [N] = F - H_i,
        "lagrange" [N] = sum over t of price(t) u_i(t), "price" [T], "trade" [N][T]
    "expected": the same numbers as expectations of the market that plans again in every
        period: "welfare", "own", "without", "payment", "gain", "lagrange", and
        "feedback" [N], the change of u_i(0) per unit of x_i(0). Only RICCATI gives them (no
        quadratic program sees the noise); null otherwise.
    "status": {"full", "without" [N]}, "max_imbalance" of the plans

A number is null where its program was not solved. Exit codes are those of peers.py: 0 done
(or stopped by --max-seconds, which the output then says), 1 no solution of the full market
was found, 2 bad input or options, 3 a package is missing.

`--table` runs all ways on drawn markets of several sizes and prints a Markdown table.
"""

import io
import json
import math
import os
import subprocess
import sys
import warnings
from contextlib import redirect_stdout
from dataclasses import dataclass
from time import perf_counter

# The matrices are small: a second thread gains little, and where the cores are shared it
# makes RICCATI up to a hundred times slower. Has to be said before numpy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import peers
from peers import BadInput, NoSolution, SOLVED, clarabel, cp, finite, np, number, osqp, sequence, sp

START = perf_counter()
import scipy.linalg
import scipy.sparse.linalg as spla

SECONDS_IMPORT = peers.SECONDS_IMPORT + perf_counter() - START

SOLVERS = ("CLARABEL", "OSQP", "SPLU", "RICCATI")
# SPLU and RICCATI have no modelling layer to go through.
WAYS = tuple(
    [(solver, mode) for solver in SOLVERS[:2] for mode in peers.MODES]
    + [(solver, "direct") for solver in SOLVERS[2:]]
)

# An interior-point or splitting solver takes the limit itself; this is for the rest of a run.
TABLE_PATIENCE = 3.0


# --- The market -----------------------------------------------------------------------


@dataclass(frozen=True)
class Market:
    """Tables of shape (agents, periods); `start` and `start_variance` one entry per agent."""

    a: np.ndarray
    b: np.ndarray
    q: np.ndarray
    r: np.ndarray
    linear: np.ndarray
    noise_variance: np.ndarray
    start: np.ndarray
    start_variance: np.ndarray
    net_demand: np.ndarray

    @property
    def agents(self):
        return self.a.shape[0]

    @property
    def periods(self):
        return self.a.shape[1]

    def without(self, out):
        """The agents that remain when agent `out` is left out (None: nobody is)."""
        keep = np.ones(self.agents, bool)
        if out is not None:
            keep[out] = False
        return keep

    def only(self, keep):
        """The market of some of the agents."""
        names = ("a", "b", "q", "r", "linear", "noise_variance", "start", "start_variance")
        return Market(**{n: getattr(self, n)[keep] for n in names}, net_demand=self.net_demand)

    def values(self, trade):
        """The utility of every agent if it gets these trades and no noise."""
        x, value = self.start, np.zeros(self.agents)
        for t in range(self.periods):
            u = trade[:, t]
            value = value + self.q[:, t] * x * x + (self.r[:, t] * u + self.linear[:, t]) * u
            x = self.a[:, t] * x + self.b[:, t] * u
        return value


def table(data, name, agents, periods):
    """N entries, each a number or T numbers, as N rows of T."""
    rows = sequence(data[name], name)
    if len(rows) != agents:
        raise BadInput(f"{name}: expected {agents} entries as in a, found {len(rows)}")
    filled = []
    for i, row in enumerate(rows):
        place = f"{name}[{i}]"
        if not isinstance(row, list):
            filled.append([number(row, place)] * periods)
        elif len(row) != periods:
            raise BadInput(f"{place}: expected {periods} numbers, found {len(row)}")
        else:
            filled.append([number(v, f"{place}[{t}]") for t, v in enumerate(row)])
    return np.array(filled).reshape(agents, periods)


def column(data, name, agents):
    values = sequence(data[name], name)
    if len(values) != agents:
        raise BadInput(f"{name}: expected {agents} entries as in a, found {len(values)}")
    return np.array([number(v, f"{name}[{i}]") for i, v in enumerate(values)])


def read_demand(value, periods):
    if not isinstance(value, list):
        return np.full(periods, number(value, "net_demand"))
    if len(value) != periods:
        raise BadInput(f"net_demand: expected {periods} numbers, found {len(value)}")
    return np.array([number(v, f"net_demand[{t}]") for t, v in enumerate(value)])


def refuse(name, bad, accepted, values):
    """Stop at the first entry of `values` for which `bad` holds."""
    if bad.any():
        at = np.argwhere(bad)[0]
        place = name + "".join(f"[{k}]" for k in at)
        raise BadInput(f"{place}: must be {accepted}, found {float(values[tuple(at)])!r}")


def parse_market(text):
    data = peers.parse_object(text)
    required = ("kind", "periods", "a", "b", "q", "r", "start")
    optional = ("start_variance", "noise_variance", "linear", "net_demand")
    peers.fields(data, "market", required, optional)
    if data["kind"] != "linear-quadratic":
        found = peers.describe(data["kind"])
        raise BadInput(f'kind: expected "linear-quadratic", found {found}')
    periods = data["periods"]
    if isinstance(periods, bool) or not isinstance(periods, int) or periods < 1:
        raise BadInput(f"periods: expected a whole number from 1 on, found {peers.describe(periods)}")
    n = len(sequence(data["a"], "a"))
    if n < 2:
        raise BadInput(f"a: a market has at least two agents, found {n}")
    # A null means what an absent field means.
    data = {k: v for k, v in data.items() if v is not None or k not in optional}
    zeros = {"start_variance": [0] * n, "noise_variance": [0] * n, "linear": [0] * n}
    data = zeros | {"net_demand": 0} | data
    tables = ("a", "b", "q", "r", "linear", "noise_variance")
    market = Market(
        **{name: table(data, name, n, periods) for name in tables},
        start=column(data, "start", n),
        start_variance=column(data, "start_variance", n),
        net_demand=read_demand(data["net_demand"], periods),
    )
    refuse("q", market.q > 0, "at most 0", market.q)
    refuse("r", market.r >= 0, "negative", market.r)
    refuse("noise_variance", market.noise_variance < 0, "at least 0", market.noise_variance)
    refuse("start_variance", market.start_variance < 0, "at least 0", market.start_variance)
    return market


# --- The ways to solve it -------------------------------------------------------------
#
# Each way has solve(out), which returns an Answer for the market without agent `out`.
#
# An agent is left out by taking it out of the balance. Where the data of one program are
# changed for that, the agent left out then does what is best for itself alone, which costs
# the others nothing; its trades are set to zero in the answer.


@dataclass(frozen=True)
class Answer:
    status: str
    trade: np.ndarray | None  # (agents, periods)
    price: np.ndarray | None  # (periods,)
    seconds_solve: float
    expected: dict | None = None


def failed(status, seconds):
    return Answer(status, None, None, seconds)


def cvxpy_program(market, keep, weight):
    """The quadratic program as one writes it down. Returns it, the trades and the balance."""
    market = market.only(keep)
    n, periods = market.agents, market.periods
    x, u = cp.Variable((n, periods)), cp.Variable((n, periods))
    balance = weight @ u == market.net_demand
    constraints = [x[:, 0] == market.start, balance]
    if periods > 1:
        moved = cp.multiply(market.a[:, :-1], x[:, :-1]) + cp.multiply(market.b[:, :-1], u[:, :-1])
        constraints.append(x[:, 1:] == moved)
    value = cp.sum(cp.multiply(market.q, cp.square(x)) + cp.multiply(market.r, cp.square(u)))
    if np.any(market.linear):
        value = value + cp.sum(cp.multiply(market.linear, u))
    return cp.Problem(cp.Maximize(value), constraints), u, balance


class Naive:
    """A new cvxpy problem for every market, with only the agents that are in it."""

    def __init__(self, market, solver, options):
        self.market, self.solver, self.options = market, solver, cvxpy_options(solver, options)

    def solve(self, out):
        keep = self.market.without(out)
        problem, u, balance = cvxpy_program(self.market, keep, np.ones(int(keep.sum())))
        status, seconds = peers.cvxpy_solve(problem, self.solver, self.options)
        if status not in SOLVED:
            return failed(status, seconds)
        trade = np.zeros((self.market.agents, self.market.periods))
        trade[keep] = u.value
        return Answer(status, trade, np.array(balance.dual_value), seconds)


class Parametrised:
    """One cvxpy problem, compiled once; the weights of the balance are its parameters."""

    def __init__(self, market, solver, options):
        self.market, self.solver, self.options = market, solver, cvxpy_options(solver, options)
        self.weight = cp.Parameter(market.agents)
        everybody = market.without(None)
        self.problem, self.u, self.balance = cvxpy_program(market, everybody, self.weight)
        assert self.problem.is_dcp(dpp=True)

    def solve(self, out):
        keep = self.market.without(out)
        self.weight.value = keep.astype(float)
        status, seconds = peers.cvxpy_solve(self.problem, self.solver, self.options)
        if status not in SOLVED:
            return failed(status, seconds)
        trade = np.where(keep[:, None], self.u.value, 0.0)
        return Answer(status, trade, np.array(self.balance.dual_value), seconds)


def cvxpy_options(solver, options):
    found = peers.cvxpy_options(solver, options.tolerance)
    if options.max_seconds is not None:
        found["time_limit"] = options.max_seconds
    return found


class Sparse:
    """minimise x'Hx/2 + g'x subject to E x = e: trades u_i(t), then states x_i(1..T-1).

    Rows of E: the dynamics, then the balance. `hold` are the places of its data that
    belong to the trades of an agent in the balance.
    """

    def __init__(self, market):
        n, periods = market.agents, market.periods
        self.market = market
        trades, later = n * periods, n * (periods - 1)
        u = np.arange(trades).reshape(n, periods)
        x = trades + np.arange(later).reshape(n, periods - 1)
        move = np.arange(later).reshape(n, periods - 1)  # x(t+1) - a x(t) - b u(t) = 0
        balance = np.broadcast_to(later + np.arange(periods), (n, periods))
        row = [move, move, move[:, 1:], balance]
        col = [x, u[:, :-1], x[:, :-1], u]
        entry = [np.ones(x.shape), -market.b[:, :-1], -market.a[:, 1:-1], np.ones(u.shape)]
        flat = [np.concatenate([part.ravel() for part in parts]) for parts in (entry, row, col)]
        # Coefficients that are zero stay in the pattern, so that it is the same for everybody.
        self.matrix = sp.csc_matrix((flat[0], (flat[1], flat[2])), shape=(later + periods, trades + later))
        self.matrix.sort_indices()
        # The balance is the last row of every trade's column.
        self.hold = self.matrix.indptr[1 : trades + 1].reshape(n, periods) - 1
        diagonal = np.concatenate([market.r.ravel(), market.q[:, 1:].ravel()])
        size = trades + later
        self.hessian = sp.csc_matrix(
            (-2.0 * diagonal, np.arange(size), np.arange(size + 1)), shape=(size, size)
        )
        self.gradient = np.concatenate([-market.linear.ravel(), np.zeros(later)])
        self.right = np.zeros(later + periods)
        if periods > 1:
            self.right[move[:, 0]] = market.a[:, 0] * market.start
        self.right[later:] = market.net_demand
        self.first_balance = later

    def leave_out(self, out):
        self.matrix.data[self.hold] = 1.0
        if out is not None:
            self.matrix.data[self.hold[out]] = 0.0

    def answer(self, status, out, x, price, seconds):
        n, periods = self.market.agents, self.market.periods
        trade = np.array(x[: n * periods]).reshape(n, periods)
        if out is not None:
            trade[out] = 0.0
        return Answer(status, trade, np.array(price), seconds)


class DirectClarabel(Sparse):
    """Clarabel without cvxpy, one solver; an agent is left out by new data of the matrix."""

    def __init__(self, market, _solver, options):
        super().__init__(market)
        settings = self.settings = clarabel.DefaultSettings()
        settings.verbose = False
        settings.presolve_enable = False  # it would forbid the updates
        if options.tolerance is not None:
            settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = options.tolerance
        if options.max_seconds is not None:
            settings.time_limit = options.max_seconds
        self.solver = None

    def solve(self, out):
        self.leave_out(out)
        start = perf_counter()
        if self.solver is None:
            cones = [clarabel.ZeroConeT(len(self.right))]
            self.solver = clarabel.DefaultSolver(
                self.hessian, self.gradient, self.matrix, self.right, cones, self.settings
            )
        else:
            self.solver.update(A=self.matrix)
        solution = self.solver.solve()
        seconds = perf_counter() - start
        known = {"Solved": "optimal", "AlmostSolved": "inaccurate"}
        status = known.get(str(solution.status), "failed")
        if status not in SOLVED:
            return failed(status, seconds)
        price = np.array(solution.z)[self.first_balance :]
        return self.answer(status, out, solution.x, price, seconds)


class DirectOsqp(Sparse):
    """OSQP without cvxpy, one solver; an agent is left out by new data of the matrix."""

    def __init__(self, market, _solver, options):
        super().__init__(market)
        accuracy = options.tolerance or peers.OSQP_DEFAULT_TOLERANCE
        settings = {"eps_abs": accuracy, "eps_rel": accuracy, "max_iter": peers.OSQP_MAX_ITER}
        if options.max_seconds is not None:
            settings["time_limit"] = options.max_seconds
        self.osqp = osqp.OSQP()
        start = perf_counter()
        try:
            self.osqp.setup(
                self.hessian, self.gradient, self.matrix, self.right, self.right,
                verbose=False, polishing=True, **settings,
            )
        except osqp.OSQPException:  # it refuses numbers above 1e30
            self.osqp = None
        self.seconds_setup = perf_counter() - start

    def solve(self, out):
        if self.osqp is None:
            return failed("failed", self.seconds_setup)
        self.leave_out(out)
        start = perf_counter()
        if out is not None:
            self.osqp.update(Ax=self.matrix.data)
        result = self.osqp.solve(raise_error=False)
        seconds = perf_counter() - start + self.seconds_setup
        self.seconds_setup = 0.0
        known = {"solved": "optimal", "solved inaccurate": "inaccurate"}
        status = known.get(result.info.status, "failed")
        if status not in SOLVED:
            return failed(status, seconds)
        return self.answer(status, out, result.x, result.y[self.first_balance :], seconds)


class DirectSplu(Sparse):
    """No optimiser: without limits the program is one sparse linear system, solved by SuperLU."""

    def __init__(self, market, _solver, _options):
        super().__init__(market)
        self.system = self.bordered(self.hessian, self.matrix)
        # The same pattern with the number of the agent, from 1 on, at its entries of the balance.
        owner = sp.csc_matrix((np.zeros(self.matrix.nnz), *self.pattern()), shape=self.matrix.shape)
        owner.data[self.hold] = 1.0 + np.arange(market.agents)[:, None]
        self.owner = self.bordered(0.0 * self.hessian, owner).data
        self.vector = np.concatenate([-self.gradient, self.right])

    def pattern(self):
        return self.matrix.indices, self.matrix.indptr

    @staticmethod
    def bordered(hessian, matrix):
        system = sp.bmat([[hessian, matrix.T], [matrix, None]], format="csc")
        system.sort_indices()
        return system

    def solve(self, out):
        start = perf_counter()
        system = self.system
        if out is not None:
            system = system.copy()
            system.data[self.owner == 1 + out] = 0.0
        try:
            x = spla.splu(system, permc_spec="MMD_AT_PLUS_A").solve(self.vector)
        except RuntimeError:  # exactly singular to working accuracy
            return failed("failed", perf_counter() - start)
        seconds = perf_counter() - start
        size = len(self.gradient)
        return self.answer("optimal", out, x[:size], x[size + self.first_balance :], seconds)


class Riccati:
    """The textbook route: dynamic programming on the states of all agents together.

    The value to come at t is x'P x + p'x + constant with a dense n x n matrix P; u = K x + k
    maximises it under the balance. Every market is solved from scratch, in O(n^3 T).
    """

    def __init__(self, market, _solver, _options):
        self.market = market

    def solve(self, out):
        start = perf_counter()
        keep = self.market.without(out)
        market = self.market.only(keep)
        try:
            steps, welfare, expected = self.backward(market)
        except (np.linalg.LinAlgError, ValueError):  # numbers that overflow
            return failed("failed", perf_counter() - start)
        found, price = np.zeros((self.market.agents, self.market.periods)), np.zeros(market.periods)
        x = market.start
        for t, (gain, shift, slope, level) in enumerate(steps):
            found[keep, t] = u = gain @ x + shift
            price[t] = slope @ x + level
            x = market.a[:, t] * x + market.b[:, t] * u
        numbers = {"welfare": welfare + expected}
        if out is None:
            numbers |= self.forward(market, steps)
        return Answer("optimal", found, price, perf_counter() - start, numbers)

    @staticmethod
    def backward(market):
        """Gains and prices of every period, the welfare from the mean start, and what noise adds to it."""
        n, ones = market.agents, np.ones(market.agents)
        P, p, constant, noise, steps = np.zeros((n, n)), np.zeros(n), 0.0, 0.0, []
        for t in reversed(range(market.periods)):
            a, b = market.a[:, t], market.b[:, t]
            curve = b[:, None] * P * b + np.diag(market.r[:, t])  # of u, negative definite
            mixed = b[:, None] * P * a  # of u and x
            slope_u = market.linear[:, t] + b * p
            # One factorisation for the three right-hand sides.
            factor = scipy.linalg.cho_factor(-curve)
            solved = -scipy.linalg.cho_solve(factor, np.column_stack([mixed, slope_u, ones]))
            by_state, by_slope, by_one = solved[:, :n], solved[:, n], solved[:, n + 1]
            total = by_one.sum()
            slope = 2.0 * by_state.sum(axis=0) / total  # price = slope x + level
            level = (2.0 * market.net_demand[t] + by_slope.sum()) / total
            gain = 0.5 * np.outer(by_one, slope) - by_state
            shift = 0.5 * (level * by_one - by_slope)
            steps.append((gain, shift, slope, level))
            constant += shift @ curve @ shift + slope_u @ shift
            p = a * p + 2.0 * (mixed.T @ shift)
            P = np.diag(market.q[:, t]) + a[:, None] * P * a + mixed.T @ gain
            P = 0.5 * (P + P.T)
            noise += np.diag(P) @ (market.noise_variance[:, t] if t else market.start_variance)
        return steps[::-1], market.start @ P @ market.start + p @ market.start + constant, noise

    @staticmethod
    def forward(market, steps):
        """Expected own utilities and Lagrange payments: means and covariances of the states."""
        mean, cov = market.start, np.diag(market.start_variance)
        own, lagrange = np.zeros(market.agents), np.zeros(market.agents)
        for t, (gain, shift, slope, level) in enumerate(steps):
            u, spread = gain @ mean + shift, gain @ cov
            own += market.q[:, t] * (mean**2 + np.diag(cov)) + market.linear[:, t] * u
            own += market.r[:, t] * (u**2 + np.einsum("ij,ij->i", spread, gain))
            lagrange += (slope @ mean + level) * u + spread @ slope
            closed = market.b[:, t, None] * gain + np.diag(market.a[:, t])
            mean, cov = market.a[:, t] * mean + market.b[:, t] * u, closed @ cov @ closed.T
            if t + 1 < market.periods:
                cov += np.diag(market.noise_variance[:, t + 1])
        return {"own": own, "lagrange": lagrange, "feedback": np.diag(steps[0][0])}


DIRECT = {"CLARABEL": DirectClarabel, "OSQP": DirectOsqp, "SPLU": DirectSplu, "RICCATI": Riccati}


def way(solver, mode):
    return {"naive": Naive, "parametrised": Parametrised}.get(mode) or DIRECT[solver]


# --- The run --------------------------------------------------------------------------


@dataclass(frozen=True)
class Limits:
    tolerance: float | None = None
    max_seconds: float | None = None


def usable(market, answer):
    """The values of the agents under an answer; None if it has none or its numbers overflow."""
    if answer.status not in SOLVED:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        values = market.values(answer.trade)
        return values if np.isfinite(np.abs(values).sum() + np.abs(answer.trade).sum()) else None


def run(market, solver, mode, limits=Limits()):
    """Solve the full market and every market without one agent; the object to print."""
    base_memory = peers.peak_memory()
    n = market.agents
    start = perf_counter()
    solving = way(solver, mode)(market, solver, limits)
    full = solving.solve(None)
    values = usable(market, full)
    seconds_full = perf_counter() - start
    if values is None:
        status = "failed" if full.status in SOLVED else full.status
        raise NoSolution(f"the full market: {solver} says {status}")
    seconds_solve = full.seconds_solve
    imbalance = np.abs(full.trade.sum(axis=0) - market.net_demand).max()
    plan_without, expected_without, status = [None] * n, [None] * n, ["not solved"] * n
    solved = 0
    for i in range(n):
        if limits.max_seconds is not None and perf_counter() - start >= limits.max_seconds:
            break
        answer = solving.solve(i)
        seconds_solve += answer.seconds_solve
        solved += 1
        others = usable(market, answer)
        status[i] = "failed" if others is None and answer.status in SOLVED else answer.status
        if others is None:
            continue
        plan_without[i] = math.fsum(np.delete(others, i))
        if answer.expected is not None:
            expected_without[i] = float(answer.expected["welfare"])
        off = np.abs(answer.trade.sum(axis=0) - market.net_demand).max()
        imbalance = max(imbalance, off)
    seconds_total = perf_counter() - start

    plan = settle(math.fsum(values), values, plan_without)
    plan["lagrange"] = (full.trade @ full.price).tolist()
    plan |= {"price": [finite(v) for v in full.price], "trade": full.trade.tolist()}
    expected = None
    if full.expected is not None:
        expected = settle(float(full.expected["welfare"]), full.expected["own"], expected_without)
        for name in ("lagrange", "feedback"):
            expected[name] = full.expected[name].tolist()
    return {
        "solver": solver,
        "mode": mode,
        "tolerance": limits.tolerance,
        "n": n,
        "periods": market.periods,
        **peers.effort(n, solved, seconds_full, seconds_total, seconds_solve),
        "seconds_import": SECONDS_IMPORT,
        "plan": plan,
        "expected": expected,
        "status": {"full": full.status, "without": status},
        "max_imbalance": float(imbalance),
        "peak_memory_bytes": peers.peak_memory(),
        "base_memory_bytes": base_memory,
    }


def settle(welfare, own, without):
    """What follows from the optimum, the agents' parts of it and the optima without one of them."""
    own = [float(v) for v in own]
    return {
        "welfare": welfare,
        "own": own,
        "without": without,
        "payment": [None if h is None else h - (welfare - v) for h, v in zip(without, own)],
        "gain": [None if h is None else welfare - h for h in without],
    }


# --- A table of its own ---------------------------------------------------------------


def drawn_market(agents, periods, seed):
    """A market of the family of the benchmarks, as the object that is read."""
    generator = np.random.default_rng([seed, agents, periods])

    def between(low, high):
        return generator.uniform(low, high, agents).tolist()

    return {
        "kind": "linear-quadratic",
        "periods": periods,
        "a": between(0.6, 1.1),
        "b": between(0.5, 1.5),
        "q": between(-2.0, -0.2),
        "r": between(-2.0, -0.5),
        "start": between(-1.0, 1.0),
        "start_variance": between(0.1, 1.0),
        "noise_variance": between(0.05, 0.5),
    }


def called(market, solver, mode, options):
    """One way in a process of its own. The result, or why there is none."""
    command = [sys.executable, __file__, "--solver", solver, "--mode", mode]
    command += ["--max-seconds", str(options.max_seconds)]
    patience = TABLE_PATIENCE * options.max_seconds + 10.0
    try:
        done = subprocess.run(
            command, input=json.dumps(market).encode(), capture_output=True, check=False, timeout=patience
        )
    except subprocess.TimeoutExpired:
        return None, f"one program took longer than {patience:.0f} s"
    if done.returncode != 0:
        return None, done.stderr.decode().strip().removeprefix("lq_peers.py: ")
    return json.loads(done.stdout), None


def difference(result, yardstick):
    """The largest difference of a payment, relative to the largest payment."""
    pairs = zip(result["plan"]["payment"], yardstick["plan"]["payment"])
    pairs = [(x, y) for x, y in pairs if x is not None and y is not None]
    if not pairs:
        return "-"
    largest = max(abs(y) for _, y in pairs)
    return f"{max(abs(x - y) for x, y in pairs) / largest if largest else 0.0:.1e}"


def print_table(options):
    print("| agents | periods | solver, way | seconds | of that: building | solving | programs | payments off by |")
    print("| ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    too_slow = {}
    for agents in options.sizes:
        for periods in options.periods:
            market = drawn_market(agents, periods, options.seed)
            yardstick, _ = called(market, "SPLU", "direct", options)
            for solver, mode in WAYS:
                head = f"| {agents} | {periods} | {solver}, {mode} |"
                smaller = too_slow.get((solver, mode))
                if smaller and smaller[0] <= agents and smaller[1] <= periods:
                    print(f"{head} skipped: {smaller[2]} at {smaller[0]} agents, {smaller[1]} periods | | | | |")
                    continue
                result, reason = called(market, solver, mode, options)
                if result is None:
                    too_slow[solver, mode] = (agents, periods, reason)
                    print(f"{head} none: {reason} | | | | |", flush=True)
                    continue
                done = result["complete"]
                seconds = result["seconds_total" if done else "seconds_total_extrapolated"]
                off = difference(result, yardstick) if yardstick else "-"
                print(
                    f"{head} {'' if done else '~'}{seconds:.4f} | {result['seconds_build']:.4f} | "
                    f"{result['seconds_solve']:.4f} | {result['programs_solved']} of "
                    f"{result['programs_total']} | {off} |",
                    flush=True,
                )
    print("\n`~`: stopped by the limit, extrapolated; building and solving are what was done. Payments are those of")
    print("the plan, compared with SPLU, relative to the largest.")


# --- The command line -----------------------------------------------------------------


def whole_numbers(text):
    values = [int(part) for part in text.split(",")]
    if min(values) < 1:
        raise ValueError(text)
    return values


whole_numbers.__name__ = "list of whole numbers"  # argparse quotes it in its message


def parse_options(arguments):
    parser = peers.Parser(
        prog="lq_peers.py",
        description="Solve a linear-quadratic market and every market without one agent.",
        allow_abbrev=False,
    )
    parser.add_argument("market", nargs="?", default="-", help="JSON file, - for standard input")
    parser.add_argument(
        "--solver", type=str.upper, choices=SOLVERS, default="CLARABEL", metavar="NAME",
        help="one of " + ", ".join(SOLVERS) + " (default CLARABEL)",
    )
    parser.add_argument(
        "--mode", choices=peers.MODES,
        help="naive: a new cvxpy problem each time (default of CLARABEL and OSQP); parametrised: "
        "one cvxpy problem solved again with new parameters; direct: no modelling layer",
    )
    parser.add_argument(
        "--tolerance", type=peers.positive, metavar="EPS",
        help="the accuracy of CLARABEL or OSQP (default: its own, as cvxpy sets it)",
    )
    parser.add_argument(
        "--max-seconds", type=peers.positive, metavar="S",
        help="start no further program after this time and extrapolate (--table: 20)",
    )
    parser.add_argument("--table", action="store_true", help="run all ways on drawn markets")
    parser.add_argument("--sizes", type=whole_numbers, default=[3, 10, 30, 100, 300], metavar="N,N")
    parser.add_argument("--periods", type=whole_numbers, default=[4, 12, 24, 48], metavar="T,T")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    if options.mode is None:
        options.mode = "naive" if options.solver in SOLVERS[:2] else "direct"
    if (options.solver, options.mode) not in WAYS:
        raise BadInput(f"--mode: {options.solver} has only direct, found {options.mode}")
    if options.tolerance is not None:
        if options.solver not in SOLVERS[:2]:
            raise BadInput(f"--tolerance: {options.solver} takes none")
        if options.tolerance > 0.1:
            raise BadInput(f"--tolerance: must be at most 0.1, found {options.tolerance!r}")
    if options.table:
        if min(options.sizes) < 2:
            raise BadInput("--sizes: a market has at least two agents")
        options.max_seconds = options.max_seconds or 20.0
    return options


def main(arguments):
    try:
        options = parse_options(arguments)
        if options.table:
            print_table(options)
            return 0
        market = peers.load_market(options.market, parse_market)
        limits = Limits(options.tolerance, options.max_seconds)
        # What overflows ends in "failed"; what a solver prints about it would spoil the answer.
        with np.errstate(all="ignore"), warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            result = run(market, options.solver, options.mode, limits)
    except BadInput as error:
        print(f"lq_peers.py: {error}", file=sys.stderr)
        return 2
    except NoSolution as error:
        print(f"lq_peers.py: {error}", file=sys.stderr)
        return 1
    return peers.print_answer(result)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
