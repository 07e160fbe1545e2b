"""Safe reader of pickles that contain only arrays, containers, numbers and strings.

``paddle.load`` and ``pickle.load`` run any code that a file asks for. Here every global that a
pickle names is looked up in a short table of harmless constructors. Any other global is refused
before it is imported. NumPy's types are not in the table: a pickle may call them with any
arguments and overwrite their state, and with ``numpy.ndarray`` and ``numpy.dtype`` this gives
access to arbitrary memory. The stand-ins below replace them. They accept only plain element types,
and hold the shape and the bytes of an array until the whole file has been read. Only then are these
checked, and the array is made.
"""

from __future__ import annotations

import math
import pickle
import re
from collections import OrderedDict
from pathlib import Path
from typing import Any, Callable

import numpy as np

from ...errors import WeightsError
from .machine import Allowance, Constructor, PlainUnpickler, Sealed, make_dict, make_set

_NDARRAY = "ndarray"  # stand-in for numpy.ndarray, which pickles only pass as an argument


class Pending(Sealed):
    """A placeholder for an array, which is created when the whole file has been read."""

    @property
    def nbytes(self) -> int:
        """Bytes that the array will take."""
        raise NotImplementedError

    def array(self) -> np.ndarray:
        """The array."""
        raise NotImplementedError


class _DType(Sealed):
    """Stand-in for ``numpy.dtype``: only numbers and booleans, nothing that may be a pointer."""

    def __init__(self, name: Any, *_flags: Any):
        if not isinstance(name, str) or not re.fullmatch(r"[<>|=]?[fiub][1248]", name):
            raise pickle.UnpicklingError(f"it holds elements of type {str(name)[:40]!r}")
        self.dtype = np.dtype(name)

    def __setstate__(self, state: Any) -> None:
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])


class _Array(Pending):
    """Stand-in for an array as NumPy pickles it: created empty, then filled from its state."""

    def __init__(self, raw: Any = b"", dtype: Any = None, shape: Any = (0,), order: Any = "C"):
        self._raw, self._dtype, self._shape, self._order = raw, dtype, shape, order

    def __setstate__(self, state: Any) -> None:
        *_version, self._shape, self._dtype, fortran, self._raw = state
        self._order = "F" if fortran else "C"

    @property
    def nbytes(self) -> int:
        return len(self._raw)

    def array(self) -> np.ndarray:
        return _from_bytes(self._raw, self._dtype or _DType("f4"), self._shape, self._order)


def _from_bytes(raw: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray:
    if isinstance(raw, str):  # a pickle written by Python 2
        raw = raw.encode("latin1")
    raw, shape = memoryview(raw), tuple(map(int, shape))
    if not isinstance(dtype, _DType):
        raise pickle.UnpicklingError("an array has no plain element type")
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.dtype.itemsize != raw.nbytes:
        raise pickle.UnpicklingError("an array is cut short")
    return np.frombuffer(raw, dtype.dtype).reshape(shape, order=order)


def _reconstruct(subtype: Any, *_shape_and_type: Any) -> _Array:
    if subtype is not _NDARRAY:
        raise pickle.UnpicklingError("an array is not stored the way NumPy stores one")
    return _Array()


def _frombuffer(buffer: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    return _Array(buffer, dtype, shape, order)


def _scalar(dtype: Any, raw: Any) -> Any:
    return _from_bytes(raw, dtype, (), "C").item()


def _encode(text: Any, encoding: Any) -> bytes:
    # Pickle protocol 2 stores bytes as a call to _codecs.encode.
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"unexpected text encoding {encoding!r}")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    # Pickle protocol 2 stores b"" as a call to bytes without arguments.
    return b""


def _data(expression: Any, namespace: Any = None) -> Any:
    # paddle.save stores a tensor in a container as eval('data', {'data': array}).
    if expression != "data":
        raise pickle.UnpicklingError("it asks to evaluate an expression")
    return namespace["data"]


def _ordered_dict(pairs: Any = ()) -> OrderedDict[Any, Any]:
    return OrderedDict(make_dict(pairs))


_BUILTINS = {
    "tuple": Constructor(tuple),
    "list": Constructor(list),
    "dict": Constructor(make_dict),
    "set": Constructor(make_set),
    "bytes": Constructor(_no_bytes),
    "eval": Constructor(_data),
}
_NUMPY = {
    "_reconstruct": Constructor(_reconstruct),
    "scalar": Constructor(_scalar),
    "_frombuffer": Constructor(_frombuffer),
    "ndarray": _NDARRAY,
    "dtype": Constructor(_DType),
}
_NUMPY_MODULES = (
    "numpy",
    "numpy.core.multiarray",
    "numpy._core.multiarray",
    "numpy.core.numeric",
    "numpy._core.numeric",
)
_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): Constructor(_ordered_dict),
    ("_codecs", "encode"): Constructor(_encode),
    **{(module, n): f for module in ("builtins", "__builtin__") for n, f in _BUILTINS.items()},
    **{(module, n): f for module in _NUMPY_MODULES for n, f in _NUMPY.items()},
}


class RestrictedUnpickler(PlainUnpickler):
    """An unpickler of numbers, strings, containers and NumPy's arrays."""

    allowed = _ALLOWED


def resolve(
    node: Any, allowance: Allowance, _done: dict[int, tuple[Any, Any]] | None = None
) -> Any:
    """Replace every :class:`Pending` in a nested object by its array.

    An object that is referenced several times is converted once, so that a small file with
    many references cannot fill the memory. Different arrays may still share bytes of the file, so
    the bytes of all arrays are counted.

    Args:
        node: the nested object.
        allowance: the bytes that all arrays together may take.
    """
    done = {} if _done is None else _done
    if id(node) in done:
        return done[id(node)][1]
    result: Any
    if isinstance(node, Pending):
        allowance.take(node.nbytes)
        result = node.array()
    elif isinstance(node, dict):
        result = {}
        done[id(node)] = node, result  # before its members, which may contain it
        result.update((key, resolve(value, allowance, done)) for key, value in node.items())
    elif isinstance(node, list):
        result = []
        done[id(node)] = node, result
        result.extend(resolve(value, allowance, done) for value in node)
    elif isinstance(node, tuple):
        result = tuple(resolve(value, allowance, done) for value in node)
    else:
        return node
    done[id(node)] = node, result  # keeps the node alive, so that its id is not reused
    return result


def read_pickle(
    file: Any,
    path: Path,
    unpickler: Callable[[Any], Any] = RestrictedUnpickler,
) -> Any:
    """Read the nested object in an open file, with its arrays.

    Args:
        file: argument of ``unpickler``: a file opened for reading in binary, or an archive.
        path: path of the file, for its size and for messages.
        unpickler: makes an object with a ``load`` method from ``file``.

    Raises:
        WeightsError: the file is damaged, contains more than plain data, or unpacks to several
            times its size.
    """
    try:
        return resolve(unpickler(file).load(), Allowance(path.stat().st_size))
    except MemoryError:
        reason = "it asks for more memory than is available"
    except Exception as error:  # a damaged pickle can raise any exception
        reason = str(error) or type(error).__name__
    raise WeightsError(
        f"{path} was not loaded: {reason}. Download it again or ask its author for a "
        ".safetensors file."
    )
