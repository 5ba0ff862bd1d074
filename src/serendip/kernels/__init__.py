"""C++ kernels under a thin typed face: plain arrays in, plain arrays out, and a NumPy twin of each."""

from serendip.kernels.compiled import default_threads, native

__all__ = ["default_threads", "native"]
