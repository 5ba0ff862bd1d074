"""Arrays in one file of the safetensors format: written piece by piece, mapped on reading.

The format: 8 bytes little-endian length, a JSON header (name -> dtype, shape, data_offsets), then the bytes of the
arrays without gaps. The safetensors package reads these files; it is not used for writing, because it would hold every
array twice, nor for reading, because its NumPy face copies.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from serendip.errors import UserError

ALIGN = 64  # bytes: where the first array begins; the widest numbers come first, so that all are aligned to their size
PIECE = 1 << 26  # bytes made contiguous and written at once
NAMES: Mapping[str, str] = {
    "|b1": "BOOL", "|i1": "I8", "|u1": "U8", "<i2": "I16", "<u2": "U16", "<i4": "I32", "<u4": "U32", "<i8": "I64",
    "<u8": "U64", "<f2": "F16", "<f4": "F32", "<f8": "F64",
}  # fmt: skip
DTYPES = {name: np.dtype(code) for code, name in NAMES.items()}
Arrays = Mapping[str, NDArray[Any]]


def write(out: BinaryIO, arrays: Arrays) -> None:
    """Write arrays to an open file.

    Raises:
        TypeError: an array is not of a plain number type.
    """
    for name, array in arrays.items():
        if array.dtype.newbyteorder("<").str not in NAMES:
            raise TypeError(f"the array {name!r} holds {array.dtype}, which a model file cannot")
    names = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    header: dict[str, object] = {}
    end = 0
    for name in names:
        array, start = arrays[name], end
        end += array.nbytes
        dtype = NAMES[array.dtype.newbyteorder("<").str]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % ALIGN)
    out.write(len(text).to_bytes(8, "little") + text)
    for name in names:
        array = arrays[name].reshape(-1) if arrays[name].flags.c_contiguous else np.atleast_1d(arrays[name])
        rows = max(1, PIECE * len(array) // max(array.nbytes, 1))
        for start in range(0, len(array), rows):
            part = array[start : start + rows]
            out.write(np.ascontiguousarray(part, part.dtype.newbyteorder("<")).data.cast("B") if part.size else b"")


def mapped(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file as read-only views of its pages: processes that read it share one copy.

    Raises:
        UserError: the file is not of the format.
    """
    try:
        pages = np.memmap(path, np.uint8, "r")
        start = 8 + int.from_bytes(pages[:8].tobytes(), "little")
        header = json.loads(pages[8:start].tobytes())
        arrays = {}
        for name, about in header.items():
            begin, end = about["data_offsets"]
            part = np.asarray(pages[start + begin : start + end])
            arrays[name] = part.view(DTYPES[about["dtype"]]).reshape(about["shape"])
        return arrays
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise UserError(f"{path} is damaged or no file of arrays ({error}): fit the model again") from error
