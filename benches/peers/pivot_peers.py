#!/usr/bin/env python3
"""Solve a stationary game of the dynamic pivot mechanism, and the game without each player, as anybody could.

In every period the public state s and the type k_i of every player are known, an outcome z is
drawn, and a decision a is taken among those feasible in z. It is worth
public.utility[a][s] + sum of players[i].utility[a][s][k_i]; then s moves by
public.kernel[a][s] and every k_i by players[i].kernel[a][s][k_i], independently. Wanted is the
largest expected discounted sum, before the outcome is known, in all joint states: of all
players, and without each one (who then has neither type nor utility). Payments follow from
these N + 1 tables; they are not computed here.

Input, one JSON object, from a file or from standard input:

    {"kind": "pivot", "discount": below 1,
     "probability": [Z], "feasible": [Z lists of decisions],
     "public": {"utility": [A][S], "kernel": [A][S][S]},
     "players": [N of {"utility": [A][S][n_i], "kernel": [A][S][n_i][n_i],
                       "absent": [Z lists of decisions possible without her]}]}   absent: "feasible"

Output, one JSON object:

    "solver", "mode", "tolerance", "n", "states"
    "programs_total", "programs_solved", "complete"      see --max-seconds
    "seconds_total", "seconds_build", "seconds_solve", "seconds_import",
    "seconds_total_extrapolated", "peak_memory_bytes", "base_memory_bytes"   as in peers.py
    "value" [states]       states in C order, the public state first, then the players
    "without" [N][...]     the same without each player; null where it was not solved

None of the packages averages over a random feasible set, so for them the outcome is part of the
state. NUMPY needs no package: joint kernels on the joint states, the outcome averaged by hand.

Exit codes are those of peers.py: 0 done (or stopped by --max-seconds, which the output then
says), 1 no solution of the full game was found, 2 bad input or options, 3 a package is missing.
"""

import io
import math
import os
import sys
import warnings
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from time import perf_counter

# As in lq_peers.py: on shared cores a second thread costs more than it gains. MDPSOLVER uses OpenMP.
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import peers
from peers import BadInput, NoSolution, describe, np, number, sequence, sp

# What each can do; `mpi` is modified policy iteration, `sparse` keeps the same rows compressed.
MODES = {
    "NUMPY": ("vi", "pi"),
    "QUANTECON": ("vi", "pi", "mpi", "mpi-sparse"),
    "MDPSOLVER": ("vi", "pi", "mpi"),
    "TOOLBOX": ("vi", "pi", "mpi"),
}
WAYS = tuple((solver, mode) for solver, modes in MODES.items() for mode in modes)
# QuantEcon's are 250 unless told otherwise, which stops it long before its tolerance.
MOST_STEPS = 10**6
# So much that a decision gains beyond rounding changes a policy.
GAIN = 1e-12


# --- The game -------------------------------------------------------------------------


@dataclass(frozen=True)
class Game:
    """Arrays as in the input; `feasible` one array of decisions per outcome."""

    discount: float
    probability: np.ndarray
    feasible: tuple
    public_utility: np.ndarray
    public_kernel: np.ndarray
    utility: tuple
    kernel: tuple
    absent: tuple

    @property
    def players(self):
        return len(self.utility)

    @property
    def decisions(self):
        return self.public_utility.shape[0]

    @property
    def publics(self):
        return self.public_utility.shape[1]

    @property
    def types(self):
        return tuple(v.shape[2] for v in self.utility)

    @property
    def states(self):
        return self.publics * math.prod(self.types)

    def without(self, out):
        """The game that is left when a player is not there (None: everybody is)."""
        if out is None:
            return self
        keep = [j for j in range(self.players) if j != out]
        return replace(
            self,
            feasible=self.absent[out],
            utility=tuple(self.utility[j] for j in keep),
            kernel=tuple(self.kernel[j] for j in keep),
            absent=tuple(self.absent[j] for j in keep),
        )

    def stage(self):
        """Utility of everybody by decision and joint state."""
        total = self.public_utility
        for v in self.utility:
            total = total[..., None] + v.reshape(v.shape[:2] + (1,) * (total.ndim - 2) + v.shape[2:])
        return total.reshape(self.decisions, -1)

    def joint(self, a):
        """The kernel of a decision over joint states."""
        rows = []
        for s in range(self.publics):
            block = np.ones((1, 1))
            for kernel in self.kernel:
                block = np.kron(block, kernel[a, s])
            rows.append(np.kron(self.public_kernel[a, s], block))
        return np.concatenate(rows)


def array(value, place, shape):
    """Nested lists of numbers of this shape."""
    value = sequence(value, place)
    if len(value) != shape[0]:
        raise BadInput(f"{place}: expected {shape[0]} entries, found {len(value)}")
    if len(shape) == 1:
        return np.array([number(v, f"{place}[{k}]") for k, v in enumerate(value)])
    return np.array([array(v, f"{place}[{k}]", shape[1:]) for k, v in enumerate(value)])


def law(value, place, shape):
    """The same of probabilities that add up to 1 along the last axis."""
    found = array(value, place, shape)
    bad = (found < 0).any(axis=-1) | (abs(found.sum(axis=-1) - 1) > 1e-9)
    if bad.any():
        at = "".join(f"[{k}]" for k in np.argwhere(np.atleast_1d(bad))[0]) if found.ndim > 1 else ""
        raise BadInput(f"{place}{at}: expected probabilities that add up to 1")
    return found


def sets(value, place, outcomes, decisions):
    value = sequence(value, place)
    if len(value) != outcomes:
        raise BadInput(f"{place}: expected {outcomes} entries, found {len(value)}")
    found = []
    for z, decided in enumerate(value):
        decided = sequence(decided, f"{place}[{z}]")
        if not decided:
            raise BadInput(f"{place}[{z}]: expected at least one decision")
        for a in decided:
            if isinstance(a, bool) or not isinstance(a, int) or not 0 <= a < decisions:
                raise BadInput(f"{place}[{z}]: expected decisions below {decisions}, found {describe(a)}")
        found.append(np.array(sorted(set(decided))))
    return tuple(found)


def lengths(value, place, depth):
    """Lengths along the first axes, read off the first entries."""
    shape = []
    for _ in range(depth):
        value = sequence(value, place)
        if not value:
            raise BadInput(f"{place}: expected at least one entry")
        shape.append(len(value))
        value, place = value[0], f"{place}[0]"
    return shape


def parse_game(text):
    data = peers.parse_object(text)
    peers.fields(data, "game", ("kind", "discount", "probability", "feasible", "public", "players"))
    if data["kind"] != "pivot":
        raise BadInput(f'kind: expected "pivot", found {describe(data["kind"])}')
    discount = number(data["discount"], "discount")
    if not 0 < discount < 1:
        raise BadInput(f"discount: must be above 0 and below 1, found {discount!r}")
    public = peers.fields(data["public"], "public", ("utility", "kernel"))
    decisions, publics = lengths(public["utility"], "public.utility", 2)
    outcomes = len(sequence(data["probability"], "probability"))
    feasible = sets(data["feasible"], "feasible", outcomes, decisions)
    utility, kernel, absent = [], [], []
    for i, player in enumerate(sequence(data["players"], "players")):
        place = f"players[{i}]"
        peers.fields(player, place, ("utility", "kernel"), ("absent",))
        n = lengths(player["utility"], f"{place}.utility", 3)[2]
        utility.append(array(player["utility"], f"{place}.utility", (decisions, publics, n)))
        kernel.append(law(player["kernel"], f"{place}.kernel", (decisions, publics, n, n)))
        own = player.get("absent")
        absent.append(feasible if own is None else sets(own, f"{place}.absent", outcomes, decisions))
    if not utility:
        raise BadInput("players: expected at least one entry")
    return Game(
        discount=discount,
        probability=law(data["probability"], "probability", (outcomes,)),
        feasible=feasible,
        public_utility=array(public["utility"], "public.utility", (decisions, publics)),
        public_kernel=law(public["kernel"], "public.kernel", (decisions, publics, publics)),
        utility=tuple(utility),
        kernel=tuple(kernel),
        absent=tuple(absent),
    )


# --- The ways to solve it -------------------------------------------------------------
#
# Each way is a function of a game, a mode and a tolerance; it returns the values of all joint
# states and the seconds spent in the solver itself. What it takes besides is building.


def improved(value, delta, choices, sigma):
    """Decisions by outcome that are better than those of `sigma` beyond rounding, or those."""
    margin = GAIN * (1.0 + np.abs(value).max()) / (1.0 - delta)
    best = choices.argmax(axis=0)
    columns = np.arange(choices.shape[1])
    gain = choices[best, columns] - choices[sigma, columns]
    return np.where(gain > margin, best, sigma)


def with_numpy(game, mode, tolerance):
    """Joint kernels, one for each decision; the outcome is averaged in every step."""
    stage, delta = game.stage(), game.discount
    kernel = np.array([game.joint(a) for a in range(game.decisions)])
    start = perf_counter()
    step = numpy_values if mode == "vi" else numpy_policies
    value = step(game, stage, delta, kernel, tolerance)
    return value, perf_counter() - start


def numpy_values(game, stage, delta, kernel, tolerance):
    """Value iteration, stopped by the span of the residual."""
    value = np.zeros(game.states)
    while True:
        choices = stage + delta * (kernel @ value)
        image = sum(p * choices[a].max(axis=0) for p, a in zip(game.probability, game.feasible))
        low, high = (image - value).min(), (image - value).max()
        if not delta / (1.0 - delta) * (high - low) / 2.0 > tolerance:
            return image + delta / (1.0 - delta) * (high + low) / 2.0
        value = image


def numpy_policies(game, stage, delta, kernel, _tolerance):
    """Policy iteration: a policy is a decision for every outcome and state, its value a linear system."""
    states = np.arange(game.states)
    sigma = [np.full(game.states, a[0]) for a in game.feasible]
    while True:
        # The states' rows for the decisions taken, averaged over outcomes.
        paid = sum(p * stage[s, states] for p, s in zip(game.probability, sigma))
        rows = sum(p * kernel[s, states] for p, s in zip(game.probability, sigma))
        value = np.linalg.solve(np.eye(game.states) - delta * rows, paid)
        choices = stage + delta * (kernel @ value)
        better = []
        for a, s in zip(game.feasible, sigma):
            places = np.searchsorted(a, s)
            better.append(a[improved(value, delta, choices[a], places)])
        if all(np.array_equal(b, s) for b, s in zip(better, sigma)):
            return value
        sigma = better


def pairs(game):
    """State-action pairs with the outcome in the state: rewards, rows of the kernel, states, decisions.

    States are numbered (joint state, outcome). Rows do not depend on the outcome of now.
    """
    count = sum(len(a) for a in game.feasible)
    outcome = np.concatenate([np.full(len(a), z) for z, a in enumerate(game.feasible)])
    decision = np.concatenate(game.feasible)
    stage, size = game.stage(), game.states * len(game.feasible)
    rewards, rows = np.empty((game.states, count)), np.empty((game.states, count, size))
    for a in range(game.decisions):
        at = np.flatnonzero(decision == a)
        if at.size:
            rewards[:, at] = stage[a][:, None]
            rows[:, at] = np.kron(game.joint(a), game.probability)[:, None, :]
    state = np.arange(game.states)[:, None] * len(game.feasible) + outcome
    return rewards.ravel(), rows.reshape(-1, size), state.ravel(), np.tile(decision, game.states)


def averaged(game, value):
    """Values of (joint state, outcome), before the outcome is known."""
    return np.asarray(value).reshape(game.states, -1) @ game.probability


def with_quantecon(game, mode, tolerance):
    from quantecon.markov import DiscreteDP

    rewards, rows, state, decision = pairs(game)
    method, _, stored = mode.partition("-")
    if stored:
        rows = sp.csr_matrix(rows)
    start = perf_counter()
    problem = DiscreteDP(rewards, rows, game.discount, state, decision)
    names = {"vi": "value_iteration", "pi": "policy_iteration", "mpi": "modified_policy_iteration"}
    # Its epsilon bounds twice the error.
    found = problem.solve(method=names[method], epsilon=2.0 * tolerance, max_iter=MOST_STEPS)
    return averaged(game, found.v), perf_counter() - start


def with_mdpsolver(game, mode, tolerance):
    import mdpsolver

    rewards, rows, state, _ = pairs(game)
    # It takes Python's lists: by state, by decision, by next state.
    at = np.searchsorted(state, np.arange(game.states * len(game.feasible) + 1))
    of = list(zip(at[:-1], at[1:]))
    everywhere = np.arange(rows.shape[1]).tolist()
    paid = [rewards[a:b].tolist() for a, b in of]
    chances = [rows[a:b].tolist() for a, b in of]
    columns = [[everywhere] * (b - a) for a, b in of]
    start = perf_counter()
    problem = mdpsolver.model()
    problem.mdp(
        discount=game.discount, rewards=paid, tranMatProbs=chances, tranMatColumns=columns
    )
    problem.solve(algorithm=mode, tolerance=tolerance)
    return averaged(game, problem.getValueVector()), perf_counter() - start


def with_toolbox(game, mode, tolerance):
    """It knows no feasible sets: every decision may be taken in every state, at a price nobody would pay."""
    from mdptoolbox import mdp

    outcomes = len(game.feasible)
    stage, delta = game.stage(), game.discount
    worst = stage.min() - (np.ptp(stage) + 1.0) / (1.0 - delta)
    rewards = np.full((game.states, outcomes, game.decisions), worst)
    for z, a in enumerate(game.feasible):
        rewards[:, z, a] = stage[a].T
    rows = [
        np.repeat(np.kron(game.joint(a), game.probability), outcomes, axis=0)
        for a in range(game.decisions)
    ]
    kernel = np.array(rows)
    rewards = rewards.reshape(-1, game.decisions)
    start = perf_counter()
    try:
        if mode == "pi":
            problem = mdp.PolicyIteration(kernel, rewards, delta, max_iter=MOST_STEPS)
        else:
            kind = mdp.ValueIteration if mode == "vi" else mdp.PolicyIterationModified
            problem = kind(kernel, rewards, delta, epsilon=tolerance, max_iter=MOST_STEPS)
        problem.run()
    except (ValueError, OverflowError):  # its guess of the number of steps is no number
        return np.full(game.states, np.nan), perf_counter() - start
    return averaged(game, problem.V), perf_counter() - start


SOLVING = {
    "NUMPY": with_numpy,
    "QUANTECON": with_quantecon,
    "MDPSOLVER": with_mdpsolver,
    "TOOLBOX": with_toolbox,
}


# --- The run --------------------------------------------------------------------------


@dataclass(frozen=True)
class Limits:
    tolerance: float = 1e-8
    max_seconds: float | None = None


def first_game():
    """One player with two types: what packages compile on their first call is not the game's time."""
    moves = np.array([[[[0.7, 0.3], [0.4, 0.6]]]] * 2)
    sets = (np.array([0]), np.array([0, 1]))
    return Game(
        discount=0.5,
        probability=np.array([0.5, 0.5]),
        feasible=sets,
        public_utility=np.zeros((2, 1)),
        public_kernel=np.ones((2, 1, 1)),
        utility=(np.array([[[0.0, 0.0]], [[1.0, -1.0]]]),),
        kernel=(moves,),
        absent=(sets,),
    )


def prepare(solver, mode):
    """Loads a package and lets it compile itself; the seconds that takes."""
    start = perf_counter()
    SOLVING[solver](first_game(), mode, 1e-6)
    return perf_counter() - start


def entries(game):
    """Entries of the joint kernels: what the time of a way grows with."""
    return float(game.states) ** 2


def run(game, solver, mode, limits=Limits()):
    """Solve the full game and the game without each player; the object to print."""
    seconds_import = peers.SECONDS_IMPORT + prepare(solver, mode)
    base_memory = peers.peak_memory()
    found, without = None, [None] * game.players
    seconds_solve, done, solved = 0.0, 0.0, 0
    everything = sum(entries(game.without(i)) for i in (None, *range(game.players)))
    start = perf_counter()
    for i in (None, *range(game.players)):
        if i is not None and limits.max_seconds is not None:
            if perf_counter() - start >= limits.max_seconds:
                break
        part = game.without(i)
        value, seconds = SOLVING[solver](part, mode, limits.tolerance)
        seconds_solve += seconds
        done += entries(part)
        solved += 1
        usable = np.isfinite(value).all()
        if i is None:
            if not usable:
                raise NoSolution(f"the full game: {solver} returns no numbers")
            found = value.tolist()
        else:
            without[i] = value.tolist() if usable else None
    seconds_total = perf_counter() - start
    complete = solved == game.players + 1
    return {
        "solver": solver,
        "mode": mode,
        "tolerance": limits.tolerance,
        "n": game.players,
        "states": game.states,
        "programs_total": game.players + 1,
        "programs_solved": solved,
        "complete": complete,
        "seconds_total": seconds_total,
        "seconds_build": seconds_total - seconds_solve,
        "seconds_solve": seconds_solve,
        "seconds_total_extrapolated": None if complete else seconds_total * everything / done,
        "seconds_import": seconds_import,
        "value": found,
        "without": without,
        "peak_memory_bytes": peers.peak_memory(),
        "base_memory_bytes": base_memory,
    }


# --- The command line -----------------------------------------------------------------


def parse_options(arguments):
    parser = peers.Parser(
        prog="pivot_peers.py",
        description="Solve a stationary game and the game without each player.",
        allow_abbrev=False,
    )
    parser.add_argument("game", nargs="?", default="-", help="JSON file, - for standard input")
    parser.add_argument(
        "--solver", type=str.upper, choices=tuple(MODES), default="QUANTECON", metavar="NAME",
        help="one of " + ", ".join(MODES) + " (default QUANTECON)",
    )
    parser.add_argument(
        "--mode",
        help="vi: value iteration; pi: policy iteration (default); mpi: modified policy iteration; "
        "mpi-sparse: the same with compressed rows",
        default="pi",
    )
    parser.add_argument(
        "--tolerance", type=peers.positive, default=1e-8, metavar="EPS",
        help="accuracy of the values that is asked for (default 1e-8)",
    )
    parser.add_argument(
        "--max-seconds", type=peers.positive, metavar="S",
        help="start no further program after this time and extrapolate",
    )
    options = parser.parse_args(arguments)
    if options.mode not in MODES[options.solver]:
        known = ", ".join(MODES[options.solver])
        raise BadInput(f"--mode: {options.solver} has {known}, found {options.mode}")
    return options


def main(arguments):
    try:
        options = parse_options(arguments)
        game = peers.load_market(options.game, parse_game)
        # What packages print would spoil the answer.
        with np.errstate(all="ignore"), warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            limits = Limits(options.tolerance, options.max_seconds)
            result = run(game, options.solver, options.mode, limits)
    except BadInput as error:
        print(f"pivot_peers.py: {error}", file=sys.stderr)
        return 2
    except (NoSolution, MemoryError, np.linalg.LinAlgError) as error:
        reason = str(error) or "the memory does not suffice"
        print(f"pivot_peers.py: {reason}", file=sys.stderr)
        return 1
    except ImportError as error:
        print(f"pivot_peers.py: {error}; see requirements.txt", file=sys.stderr)
        return 3
    return peers.print_answer(result)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
