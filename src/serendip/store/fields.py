"""Frozen dataclasses as plain data beside arrays, tables and ids: what a model file is made of.

Arrays, sparse matrices, ids and frames are put aside under a name and stand in the plain data as a reference, an object
with one key that begins with $. Going back, a class is found only through the declared type of the field that holds
it or, for a model, through the registry: a file cannot name anything else.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from serendip.data.ids import Ids
from serendip.errors import UserError
from serendip.models.contract import Model
from serendip.registry import SHAPES, load

Plain = Any  # what JSON holds: null, true, numbers, text, lists and objects


@dataclass
class Parts:
    """What plain data refers to: arrays (all in state.safetensors), frames and ids (a Parquet file each)."""

    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    frames: dict[str, pl.DataFrame] = field(default_factory=dict)
    ids: dict[str, Ids] = field(default_factory=dict)

    def keep_ids(self, ids: Ids, path: str) -> str:
        """Return the name under which ids are kept; equal tables, as children of a blend share, are kept once."""
        for name, known in self.ids.items():
            if known is ids or known == ids:
                return name
        self.ids[path] = ids
        return path


def model_data(model: Model, parts: Parts, prefix: str = "") -> Plain:
    """Return a model as plain data: its shape and its fields.

    Raises:
        TypeError: its class is no registered shape, or a field holds what cannot be kept.
    """
    kind = type(model)
    shape = next((n for n, where in SHAPES.items() if where == f"{kind.__module__}:{kind.__qualname__}"), None)
    if shape is None:
        raise TypeError(f"{kind.__qualname__} is no registered shape: add it to serendip.registry.SHAPES")
    return {"$shape": shape, "fields": _fields(model, parts, prefix)}


def _fields(value: Any, parts: Parts, prefix: str) -> Plain:
    return {
        f.name: _data(getattr(value, f.name), parts, f"{prefix}{f.name}") for f in dataclasses.fields(value) if f.init
    }


def _data(value: Any, parts: Parts, path: str) -> Plain:
    match value:
        case Model():
            return model_data(value, parts, f"{path}.")
        case np.generic():
            return _data(value.item(), parts, path)
        case None | bool() | int() | str():
            return value
        case float():
            return value if np.isfinite(value) else {"$float": repr(value)}
        case np.ndarray():
            parts.arrays[path] = value
            return {"$array": path}
        case Ids():
            return {"$ids": parts.keep_ids(value, path)}
        case pl.DataFrame():
            parts.frames[path] = value
            return {"$frame": path}
        case tuple():
            return {"$tuple": [_data(v, parts, f"{path}.{i}") for i, v in enumerate(value)]}
        case list():
            return [_data(v, parts, f"{path}.{i}") for i, v in enumerate(value)]
        case Mapping() if all(isinstance(key, str) for key in value):
            return {"$dict": {key: _data(v, parts, f"{path}.{key}") for key, v in value.items()}}
    if isinstance(value, csr_matrix):
        parts.arrays |= {f"{path}.{part}": getattr(value, part) for part in ("data", "indices", "indptr")}
        return {"$csr": path, "shape": list(value.shape)}
    if is_dataclass(value):
        return {"$class": type(value).__qualname__, "fields": _fields(value, parts, f"{path}.")}
    raise TypeError(f"{path} holds a {type(value).__qualname__}, which a model file cannot")


def model_of(data: Plain, parts: Parts) -> Model:
    """Return the model that plain data stands for.

    Raises:
        UserError: the shape is not known here (the nearest is named), or its fields are others than here.
    """
    kind = load(data["$shape"], SHAPES, "fitted shape")
    model: Model = _object(kind, data["fields"], parts)
    return model


def _object(kind: type, data: Mapping[str, Plain], parts: Parts) -> Any:
    hints = get_type_hints(kind)
    known = {f.name: f for f in dataclasses.fields(kind) if f.init}
    needed = {n for n, f in known.items() if f.default is f.default_factory is dataclasses.MISSING}
    if not needed <= set(data) <= set(known):
        odd = sorted((needed - set(data)) | (set(data) - set(known)))
        raise UserError(
            f"this model's {kind.__name__} is of another version of Serendip (it differs in {', '.join(odd)}): fit the "
            "model again, or use the version that wrote it"
        )
    return kind(**{name: _value(value, hints[name], parts) for name, value in data.items()})


def _value(data: Plain, hint: Any, parts: Parts) -> Any:
    if isinstance(data, list):
        return [_value(v, hint, parts) for v in data]
    if not isinstance(data, dict):
        return data
    match data:
        case {"$shape": _}:
            return model_of(data, parts)
        case {"$float": text}:
            return float(text)
        case {"$array": path}:
            return parts.arrays[path]
        case {"$ids": path}:
            return parts.ids[path]
        case {"$frame": path}:
            return parts.frames[path]
        case {"$tuple": values}:
            return tuple(_value(v, hint, parts) for v in values)
        case {"$dict": values}:
            return {key: _value(v, hint, parts) for key, v in values.items()}
        case {"$csr": path, "shape": shape}:
            return _csr(parts, path, (shape[0], shape[1]))
        case {"$class": name, "fields": values}:
            allowed = {kind.__qualname__: kind for kind in _declared(hint)}
            return _object(_nested(name, allowed), values, parts)
    raise UserError(f"a model file refers to {sorted(data)}, which this version of Serendip does not know")


def _csr(parts: Parts, path: str, shape: tuple[int, int]) -> csr_matrix:
    data, indices, indptr = (parts.arrays[f"{path}.{part}"] for part in ("data", "indices", "indptr"))
    matrix = csr_matrix(shape, dtype=data.dtype)  # set apart, since the constructor might copy or narrow the indices
    matrix.data, matrix.indices, matrix.indptr = data, indices, indptr
    return matrix


def _declared(hint: Any) -> list[type]:
    if get_origin(hint) is None:
        return [hint] if isinstance(hint, type) and is_dataclass(hint) else []
    return [kind for part in get_args(hint) for kind in _declared(part)]


def _nested(name: str, allowed: Mapping[str, type]) -> type:
    """Return the class of a nested value: one that the field's declared type names.

    Raises:
        UserError: it names no such class.
    """
    if name not in allowed:
        raise UserError(f"a model file holds a {name} where {' or '.join(allowed) or 'no class'} belongs: fit it again")
    return allowed[name]
