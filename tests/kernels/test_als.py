"""The half-sweep against its NumPy twin and against the equation, with every instruction set."""

import signal
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serendip.arrays import F32
from serendip.kernels import compiled
from serendip.kernels.als import Solver, owed, owed_numpy, solve_rows, solve_rows_numpy
from serendip.kernels.gram import gram_numpy
from serendip.kernels.system import Systems


def problem(n: int, m: int, rank: int, longest: int, seed: int) -> Systems:
    """Rows of 0 to `longest` interactions, items repeated among them; about one row in four is empty.

    The weights of a row sum to 8 at most, so that float32 solves its system well and both sides can be compared.
    """
    rng = np.random.default_rng(seed)
    degree = rng.integers(0, longest + 1, n) * (rng.random(n) > 0.25) * (m > 0)
    indptr = np.concatenate([[0], np.cumsum(degree)])
    indices = rng.integers(0, max(m, 1), indptr[-1]).astype(np.int32)
    weight = rng.random(len(indices)) * 8 / max(longest, 1) * (rng.random(len(indices)) > 0.1)
    y = rng.normal(0, 1, (m, rank)).astype(np.float32)
    l2 = rng.uniform(0.5, 2, n).astype(np.float32)
    return Systems(indptr, indices, weight.astype(np.float32), (weight + 1).astype(np.float32), y, gram_numpy(y), l2)


def start(n: int, rank: int) -> F32:
    return np.random.default_rng(7).normal(0, 0.1, (n, rank)).astype(np.float32)


@pytest.mark.parametrize("solver", ["cholesky", "cg", "subspace"])
@given(
    n=st.integers(0, 40),
    m=st.integers(0, 60),
    rank=st.one_of(st.integers(0, 20), st.sampled_from([31, 32, 33, 64, 70])),
    longest=st.sampled_from([0, 1, 5, 63, 64, 65, 200]),
    block=st.sampled_from([1, 16, 30, 64]),
    threads=st.integers(1, 4),
    seed=st.integers(0, 1000),
)
def test_kernel_equals_twin(
    isa: str, solver: Solver, n: int, m: int, rank: int, longest: int, block: int, threads: int, seed: int
) -> None:
    given_problem = problem(n, m, rank, longest, seed)
    before = [a.copy() for a in given_problem]
    x, twin = start(n, rank), start(n, rank)
    solve_rows(given_problem, x, solver=solver, block=block, threads=threads)
    solve_rows_numpy(given_problem, twin, solver=solver, block=block)
    np.testing.assert_allclose(x, twin, rtol=2e-3, atol=5e-4)
    assert not x[np.diff(given_problem.indptr) == 0].any()
    for a, b in zip(given_problem, before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_one_factor_by_hand(isa: str) -> None:
    x = np.zeros((1, 1), np.float32)
    y = np.array([[2], [3]], np.float32)
    solve_rows(Systems(
        np.array([0, 2]), np.array([0, 1], np.int32), np.array([1, 2], np.float32), np.array([2, 3], np.float32),
        y, np.array([[13]], np.float32), np.array([0.5], np.float32),
    ), x)  # fmt: skip
    assert x[0, 0] == pytest.approx((2 * 2 + 3 * 3) / (13 + 1 * 4 + 2 * 9 + 0.5))


def test_solution_solves_the_system(isa: str) -> None:
    p = problem(20, 300, 192, 400, 3)
    x = start(20, 192)
    solve_rows(p, x)
    for u in np.flatnonzero(np.diff(p.indptr)):
        row = slice(p.indptr[u], p.indptr[u + 1])
        y = p.y[p.indices[row]].astype(np.float64)
        a = p.gram + (y.T * p.weight[row]) @ y + p.l2[u] * np.eye(192)
        b = p.target[row] @ y
        assert np.linalg.norm(a @ x[u] - b) < 1e-4 * np.linalg.norm(b)


def test_conjugate_gradients_reach_the_exact_solution(isa: str) -> None:
    p = problem(30, 50, 12, 40, 5)
    exact, cg = start(30, 12), start(30, 12)
    solve_rows(p, exact)
    solve_rows(p, cg, solver="cg", steps=60)
    np.testing.assert_allclose(cg, exact, rtol=1e-3, atol=1e-4)


def test_many_factors_take_more_rows_together_and_come_to_the_same(isa: str) -> None:
    p = problem(45, 90, 530, 12, 5)
    x, twin = start(45, 530), start(45, 530)
    solve_rows(p, x, solver="cg")
    solve_rows_numpy(p, twin, solver="cg")
    np.testing.assert_allclose(x, twin, rtol=2e-3, atol=5e-4)


def test_passes_over_blocks_reach_the_exact_solution(isa: str) -> None:
    p = problem(30, 50, 40, 40, 5)
    exact, near = start(30, 40), start(30, 40)
    solve_rows(p, exact)
    for _ in range(2000):
        solve_rows(p, near, solver="subspace", block=16)
    np.testing.assert_allclose(near, exact, rtol=1e-3, atol=2e-4)


def test_one_block_of_all_factors_is_exact(isa: str) -> None:
    p = problem(30, 50, 40, 40, 5)
    exact, near = start(30, 40), start(30, 40)
    solve_rows(p, exact)
    solve_rows(p, near, solver="subspace", block=40)
    np.testing.assert_allclose(near, exact, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("solver", ["cholesky", "cg", "subspace"])
def test_threads_do_not_change_a_bit(isa: str, solver: Solver) -> None:
    p = problem(500, 80, 33, 90, 1)
    answers = []
    for threads in (1, 2, 5):
        x = start(500, 33)
        solve_rows(p, x, solver=solver, threads=threads)
        answers.append(x)
    np.testing.assert_array_equal(answers[0], answers[1])
    np.testing.assert_array_equal(answers[0], answers[2])


@given(
    n=st.integers(1, 20),
    m=st.integers(1, 60),
    rank=st.one_of(st.integers(1, 20), st.sampled_from([31, 32, 33, 64, 70])),
    longest=st.sampled_from([0, 1, 5, 63, 64, 65, 200]),
    each=st.integers(0, 12),
    threads=st.integers(1, 4),
    seed=st.integers(0, 1000),
)
def test_what_a_score_owes_equals_the_twin_and_sums_to_the_score(
    isa: str, n: int, m: int, rank: int, longest: int, each: int, threads: int, seed: int
) -> None:
    p = problem(n, m, rank, longest, seed)
    rng = np.random.default_rng(seed)
    of = np.repeat(rng.permutation(n), each)
    item = rng.integers(0, m, len(of)).astype(np.int32)
    found = owed(p, item, of, threads=threads)
    np.testing.assert_allclose(found, owed_numpy(p, item, of), rtol=2e-3, atol=5e-4)
    x, length = start(n, rank), np.diff(p.indptr)[of]
    solve_rows(p, x)
    score = np.einsum("mf,mf->m", x[of].astype(np.float64), p.y[item])
    total = np.bincount(np.repeat(np.arange(len(of)), length), found, minlength=len(of))
    np.testing.assert_allclose(total, score, rtol=5e-3, atol=2e-3)


@pytest.mark.parametrize(
    ("item", "of", "message"),
    [([60], [0], "rows of y"), ([-1], [0], "rows of y"), ([0], [4], "histories"), ([0, 1], [0], "equally long")],
)
def test_what_there_is_not_owes_nothing(item: list[int], of: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        owed(problem(4, 60, 5, 9, 1), np.array(item, np.int32), np.array(of))


def test_what_a_singular_system_owes_is_refused(isa: str) -> None:
    none, row, y = np.zeros(1, np.float32), np.zeros(1, np.int32), np.ones((2, 3), np.float32)
    with pytest.raises(ValueError, match="row 0 is not positive definite"):
        singular = Systems(np.array([0, 1]), row, none, none + 1, y, np.zeros((3, 3), np.float32), none)
        owed(singular, row, np.zeros(1, np.int64))


def broken(**changes: np.ndarray) -> None:
    p = problem(4, 6, 3, 5, 2)._replace(**changes)
    solve_rows(p, start(4, 3))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"indptr": np.array([0, 1])}, "one more entry"),
        ({"indptr": np.array([0, 9, 1, 1, 1])}, "must rise"),
        ({"indices": np.array([6], np.int32), "indptr": np.array([0, 1, 1, 1, 1])}, r"\[0, 6\)"),
        ({"indices": np.array([-1], np.int32), "indptr": np.array([0, 1, 1, 1, 1])}, r"\[0, 6\)"),
        ({"weight": np.ones(1000, np.float32)}, "equally long"),
        ({"l2": np.ones(3, np.float32)}, "one more entry"),
        ({"gram": np.ones((2, 2), np.float32)}, "do not fit"),
        ({"gram": -100 * np.eye(3, dtype=np.float32)}, "row . is not positive definite"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        broken(**changes)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["weight", "target"])
def test_values_that_are_not_finite_are_refused(name: str, wrong: float) -> None:
    value = getattr(problem(4, 6, 3, 5, 2), name).copy()
    value[0] = wrong
    with pytest.raises(ValueError, match="NaN or infinity"):
        broken(**{name: value})


@pytest.mark.parametrize("solver", ["cholesky", "subspace"])
def test_a_singular_system_without_regularisation_is_named(isa: str, solver: Solver) -> None:
    one = np.ones(1, np.float32)
    with pytest.raises(ValueError, match="row 0 is not positive definite"):  # one interaction, two factors
        singular = Systems(np.array([0, 1]), np.zeros(1, np.int32), one, one, np.ones((1, 2), np.float32),
                           np.zeros((2, 2), np.float32), 0 * one)  # fmt: skip
        solve_rows(singular, np.zeros((1, 2), np.float32), solver=solver)


@pytest.mark.parametrize("solver", ["cholesky", "cg", "subspace"])
def test_the_order_of_a_row_and_repeated_pairs_do_not_matter(isa: str, solver: Solver) -> None:
    p = problem(1, 6, 4, 0, 1)
    once, twice = np.zeros((1, 4), np.float32), np.zeros((1, 4), np.float32)
    two, half = np.array([2, 2, 2], np.float32), np.array([1, 2, 2, 1], np.float32)
    same = Systems(np.array([0, 3]), np.array([1, 3, 5], np.int32), two, two, *p[4:])
    turned = Systems(np.array([0, 4]), np.array([5, 1, 3, 5], np.int32), half, half, *p[4:])
    solve_rows(same, once, solver=solver, steps=20)
    solve_rows(turned, twice, solver=solver, steps=20)
    np.testing.assert_allclose(once, twice, atol=1e-5)


@pytest.mark.parametrize("solver", ["cholesky", "cg", "subspace"])
def test_rows_of_y_lie_beyond_two_to_the_31(isa: str, solver: Solver) -> None:
    m = 2**31 // 16 + 2
    try:
        y = np.zeros((m, 16), np.float32)  # 8.6 GB of addresses, of which a page or two are ever touched
    except MemoryError:
        pytest.skip("the machine does not let 8.6 GB be addressed")
    y[m - 1] = np.arange(16)
    eye, one = np.eye(16, dtype=np.float32), np.ones(1, np.float32)
    far, near = np.zeros((1, 16), np.float32), np.zeros((1, 16), np.float32)
    last = Systems(np.array([0, 1]), np.array([m - 1], np.int32), one, one, y, eye, one)
    solve_rows(last, far, solver=solver)
    solve_rows(last._replace(indices=np.array([0], np.int32), y=y[m - 1 :]), near, solver=solver)
    np.testing.assert_array_equal(far, near)
    assert far[0, 15] > 0


def test_an_unknown_solver_is_refused() -> None:
    unknown: Any = "lu"
    with pytest.raises(ValueError, match="one of cholesky, cg, subspace"):
        solve_rows(problem(4, 6, 3, 5, 2), start(4, 3), solver=unknown)


def test_x_that_cannot_be_updated_in_place_is_refused() -> None:
    p = problem(4, 6, 3, 5, 2)
    for x in (np.zeros((3, 4), np.float32).T, np.zeros((4, 3))):
        with pytest.raises(ValueError, match="in place"):
            solve_rows(p, x)


LONG = """
import sys
import numpy as np
from serendip.kernels.als import solve_rows
from serendip.kernels.system import Systems
n, rank = 20_000, 1024  # about a minute of work
one = np.ones(n, np.float32)
try:
    print("begin", flush=True)
    systems = Systems(np.arange(n + 1), np.zeros(n, np.int32), one, one, np.ones((1, rank), np.float32),
                      np.eye(rank, dtype=np.float32), one)
    for _ in range(20):
        solve_rows(systems, np.zeros((n, rank), np.float32), solver=sys.argv[1], threads=2)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.skipif(not compiled.native, reason="the kernels were not compiled")
@pytest.mark.parametrize("solver", ["cholesky", "subspace"])
def test_ctrl_c_is_answered(solver: Solver) -> None:
    with subprocess.Popen([sys.executable, "-c", LONG, solver], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begin\n"
            time.sleep(1)  # now it is in the kernel
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=20)
        finally:
            process.kill()
    assert out == "interrupted\n"
