"""Reading pickles that hold arrays, dicts, numbers and strings, and nothing else.

``paddle.load`` and ``pickle.load`` run whatever code a file asks for. Here every global a
pickle names is looked up in a short table of harmless constructors; any other is refused
before it is even imported. No type of NumPy's is in that table: a pickle may call what it
is given with any arguments and overwrite its state, which for ``numpy.ndarray`` and
``numpy.dtype`` means memory of its choice. It gets the stand-ins below, which check what
they are told, refuse to have their state set from outside, and become arrays only when
the whole file is read.
"""

from __future__ import annotations

import math
import pickle
import re
from collections import OrderedDict
from typing import Any, BinaryIO, Callable

import numpy as np

from ...errors import WeightsError

_NDARRAY = "ndarray"  # what the name numpy.ndarray stands for: it is only ever passed along


class Sealed:
    """An object whose attributes a pickle cannot set."""

    def __setstate__(self, state):
        raise pickle.UnpicklingError("it sets the state of something that has none")


class Constructor(Sealed):
    """A function that a pickle may call, and do nothing else with."""

    def __init__(self, function: Callable):
        self._function = function

    def __call__(self, *arguments):
        return self._function(*arguments)


class Pending(Sealed):
    """Something that becomes an array when the whole file is read."""

    def array(self) -> np.ndarray:
        raise NotImplementedError


class _DType(Sealed):
    """An element type: numbers and booleans, nothing that could hold a pointer."""

    def __init__(self, name, *_flags):
        if not isinstance(name, str) or not re.fullmatch(r"[<>|=]?[fiub][1248]", name):
            raise pickle.UnpicklingError(f"it holds elements of type {str(name)[:40]!r}")
        self.dtype = np.dtype(name)

    def __setstate__(self, state):
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])


class _Array(Pending):
    """An array as NumPy pickles it: made empty, filled by its state."""

    def __init__(self, array=None):
        self._array = np.zeros(0, np.float32) if array is None else array

    def __setstate__(self, state):
        *_version, shape, dtype, fortran, raw = state
        self._array = _from_bytes(raw, dtype, shape, "F" if fortran else "C")

    def array(self) -> np.ndarray:
        return self._array


def _from_bytes(raw, dtype, shape, order) -> np.ndarray:
    if isinstance(raw, str):  # a pickle of Python 2
        raw = raw.encode("latin1")
    raw, shape = memoryview(raw), tuple(map(int, shape))
    if not isinstance(dtype, _DType):
        raise pickle.UnpicklingError("an array has no plain element type")
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.dtype.itemsize != raw.nbytes:
        raise pickle.UnpicklingError("an array is cut short")
    return np.frombuffer(raw, dtype.dtype).reshape(shape, order=order)


def _reconstruct(subtype, *_shape_and_type) -> _Array:
    if subtype is not _NDARRAY:
        raise pickle.UnpicklingError("an array is not stored the way NumPy stores one")
    return _Array()


def _frombuffer(buffer, dtype, shape, order) -> _Array:
    return _Array(_from_bytes(buffer, dtype, shape, order))


def _scalar(dtype, raw):
    return _from_bytes(raw, dtype, (), "C").item()


def _encode(text, encoding):
    # How protocol 2 spells bytes.
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"unexpected text encoding {encoding!r}")
    return text.encode("latin1")


def _no_bytes():
    # How protocol 2 spells b"".
    return b""


def _data(expression, namespace=None):
    # paddle.save stores a tensor in a container as eval('data', {'data': array}).
    if expression != "data":
        raise pickle.UnpicklingError("it asks to evaluate an expression")
    return namespace["data"]


_BUILTINS = {
    "tuple": tuple,
    "list": list,
    "dict": dict,
    "set": set,
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
    ("collections", "OrderedDict"): OrderedDict,
    ("_codecs", "encode"): Constructor(_encode),
    **{(module, n): f for module in ("builtins", "__builtin__") for n, f in _BUILTINS.items()},
    **{(module, n): f for module in _NUMPY_MODULES for n, f in _NUMPY.items()},
}


class RestrictedUnpickler(pickle.Unpickler):
    """An unpickler that can build plain data only."""

    allowed = _ALLOWED

    def find_class(self, module: str, name: str):
        try:
            return self.allowed[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it asks for {module}.{name}, which plain weights do not need and which "
                "could run code"
            ) from None


def resolve(node: Any, _done: dict | None = None) -> Any:
    """The same nested object with every :class:`Pending` as an array.

    Objects that stand in several places are converted once, so a file cannot grow in
    memory by referring to itself.
    """
    done = {} if _done is None else _done
    if id(node) in done:
        return done[id(node)][1]
    if isinstance(node, Pending):
        result = node.array()
    elif isinstance(node, dict):
        result = {}
        done[id(node)] = node, result  # before its members: they may contain it
        result.update((key, resolve(value, done)) for key, value in node.items())
    elif isinstance(node, list):
        result = []
        done[id(node)] = node, result
        result.extend(resolve(value, done) for value in node)
    elif isinstance(node, tuple):
        result = tuple(resolve(value, done) for value in node)
    else:
        return node
    done[id(node)] = node, result  # with the node itself, so that its id stays taken
    return result


def read_pickle(file: BinaryIO, name: str, unpickler: Callable = RestrictedUnpickler):
    """The object in an open pickle, its arrays complete.

    Args:
        file: opened for reading in binary.
        name: the file's name, for messages.
        unpickler: file → something with a ``load`` method.

    Raises:
        WeightsError: damaged, or asks for anything but plain data.
    """
    try:
        return resolve(unpickler(file).load())
    except MemoryError:
        reason = "it asks for more memory than there is"
    except Exception as error:  # a broken pickle can raise anything
        reason = str(error) or type(error).__name__
    raise WeightsError(
        f"{name} was not loaded: {reason}. Download it again or ask its author for a "
        ".safetensors file."
    )
