"""The inverse of a large symmetric matrix by SciPy's LAPACK, without Python's lock, so that Ctrl-C is heard meanwhile.

scipy.linalg.lapack keeps the lock for as long as it computes: half a minute for 20,000 columns.
"""

from collections.abc import Callable, Mapping
from ctypes import CFUNCTYPE, PYFUNCTYPE, byref, c_char, c_char_p, c_int, c_void_p, py_object, pythonapi

import numpy as np
import numpy.typing as npt
from scipy.linalg import cython_lapack

NAME = PYFUNCTYPE(c_char_p, py_object)(("PyCapsule_GetName", pythonapi))
POINTER = PYFUNCTYPE(c_void_p, py_object, c_char_p)(("PyCapsule_GetPointer", pythonapi))
Routine = CFUNCTYPE(None, c_void_p, c_void_p, c_void_p, c_void_p, c_void_p)  # uplo, n, a, lda, info


def routine(name: str) -> Callable[..., None]:
    """Return a LAPACK routine of a triangle; ctypes lets the lock go while it runs."""
    exported: Mapping[str, object] = cython_lapack.__pyx_capi__
    capsule = exported[name]
    return Routine(POINTER(capsule, NAME(capsule)))


def inverse_lower(a: npt.NDArray[np.float32]) -> int:
    """Turn the lower triangle of a positive definite matrix into that of its inverse, in its place.  # a (n, n)

    Return 0, or which leading minor is not positive definite; `a` is spoilt then. What is above the diagonal stays.

    Raises:
        ValueError: `a` is no writeable C-contiguous square float32 matrix.
    """
    if a.ndim != 2 or a.shape[0] != a.shape[1] or a.dtype != np.float32:
        raise ValueError("the matrix must be square and float32")
    if not a.flags.c_contiguous or not a.flags.writeable:
        raise ValueError("the matrix must be writeable and C-contiguous: it is inverted in its place")
    n, lda, info = c_int(len(a)), c_int(max(len(a), 1)), c_int(0)
    upper = c_char(b"U")  # of columns, which is the lower triangle of rows
    for name in ("spotrf", "spotri"):
        routine(name)(byref(upper), byref(n), a.ctypes.data, byref(lda), byref(info))
        if info.value != 0:
            break
    return info.value
