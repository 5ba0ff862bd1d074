"""The inverse of a large symmetric matrix in one sweep of matrix products, by SciPy's BLAS and LAPACK.

Bientinesi, Gunter, van de Geijn: Families of Algorithms Related to the Inversion of a Symmetric Positive Definite
Matrix, ACM TOMS 35(1), 2008, doi:10.1145/1377603.1377606: where LAPACK passes over the matrix three times (potrf,
trtri, lauum), each block of columns is eliminated for good, and nearly all the work is products over all the rest.

Routines are called without Python's lock, which scipy.linalg keeps for as long as it computes.
"""

from collections.abc import Mapping
from ctypes import CFUNCTYPE, PYFUNCTYPE, byref, c_char, c_char_p, c_float, c_int, c_void_p, py_object, pythonapi

import numpy as np
from scipy.linalg import cython_blas, cython_lapack

from serendip.arrays import F32

BLOCK = 512  # columns eliminated at once
NAME = PYFUNCTYPE(c_char_p, py_object)(("PyCapsule_GetName", pythonapi))
POINTER = PYFUNCTYPE(c_void_p, py_object, c_char_p)(("PyCapsule_GetPointer", pythonapi))
EXPORTED: Mapping[str, object] = {**cython_blas.__pyx_capi__, **cython_lapack.__pyx_capi__}


def call(name: str, *given: str | int | float | c_void_p | c_int) -> None:
    """Call a BLAS or LAPACK routine: letters, integers, float32 numbers, and addresses of matrices or results."""
    capsule = EXPORTED[name]
    routine = CFUNCTYPE(None, *[c_void_p] * len(given))(POINTER(capsule, NAME(capsule)))
    routine(*map(passed, given))


def passed(given: str | int | float | c_void_p | c_int) -> object:
    """Return what a Fortran routine is handed: where the value lies."""
    match given:
        case str():
            return byref(c_char(given.encode()))
        case int():
            return byref(c_int(given))
        case float():
            return byref(c_float(given))
        case c_int():
            return byref(given)
        case _:
            return given


def inverse_lower(a: F32) -> int:
    """Turn the lower triangle of a positive definite matrix into that of its inverse, in its place.  # a (n, n)

    Return 0, or which leading minor is not positive definite; `a` is spoilt then. What is above the diagonal stays.

    Raises:
        ValueError: `a` is no writeable C-contiguous square float32 matrix.
    """
    if a.ndim != 2 or a.shape[0] != a.shape[1] or a.dtype != np.float32:
        raise ValueError("the matrix must be square and float32")
    if not a.flags.c_contiguous or not a.flags.writeable:
        raise ValueError("the matrix must be writeable and C-contiguous: it is inverted in its place")
    n, info = len(a), c_int(0)

    def at(row: int, column: int) -> c_void_p:
        return c_void_p(a.ctypes.data + 4 * (row * n + column))

    # Rows are columns to BLAS, so that it reads an upper triangle U of U'U. With the block k being eliminated, p before
    # and s after it: P_pp is the inverse of A_pp, X_sp = A_sp P_pp, and A_ss what A_pp's elimination leaves of it.
    for k in range(0, n, BLOCK):
        s = min(k + BLOCK, n)
        b, rest = s - k, n - s
        own, left, below = at(k, k), at(k, 0), at(s, k)
        call("spotrf", "U", b, own, n, info)  # A_kk = U'U
        if info.value:
            return k + info.value
        call("strsm", "R", "U", "N", "N", k, b, 1.0, own, n, left, n)  # V = U'^-1 X_kp
        call("strsm", "L", "U", "T", "N", b, rest, 1.0, own, n, below, n)  # W = A_sk U^-1
        call("ssyrk", "U", "N", k, b, 1.0, left, n, 1.0, at(0, 0), n)  # P_pp += V'V
        call("sgemm", "N", "N", k, rest, b, -1.0, left, n, below, n, 1.0, at(s, 0), n)  # X_sp -= WV
        call("ssyrk", "U", "T", rest, b, -1.0, below, n, 1.0, at(s, s), n)  # A_ss -= WW'
        call("strsm", "R", "U", "T", "N", k, b, -1.0, own, n, left, n)  # P_kp = -U^-1 V
        call("strsm", "L", "U", "N", "N", b, rest, 1.0, own, n, below, n)  # X_sk = W U'^-1
        call("spotri", "U", b, own, n, info)
    return 0
