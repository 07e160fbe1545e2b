"""Reading pickles that hold arrays, dicts, numbers and strings, and nothing else.

``paddle.load`` and ``pickle.load`` run whatever code a file asks for. Here every global a
pickle names is looked up in a short table of harmless constructors; any other is refused
before it is even imported.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from typing import BinaryIO, Callable

import numpy as np

from ...errors import WeightsError


def _reconstruct(subtype, shape, dtype):
    # Only ever an empty array, filled by the state that follows it in the pickle.
    if subtype is not np.ndarray or tuple(shape) != (0,):
        raise pickle.UnpicklingError("an array is not stored the way NumPy stores one")
    return np.ndarray.__new__(np.ndarray, (0,), dtype)


def _frombuffer(buffer, dtype, shape, order):
    return np.frombuffer(buffer, dtype=dtype).reshape(shape, order=order)


def _scalar(dtype, data):
    return np.frombuffer(data.encode("latin1") if isinstance(data, str) else data, dtype)[0]


def _encode(text, encoding):
    # How protocol 2 spells bytes.
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"unexpected text encoding {encoding!r}")
    return text.encode("latin1")


def _data(expression, namespace):
    # paddle.save stores a tensor in a container as eval('data', {'data': array}).
    if expression != "data":
        raise pickle.UnpicklingError("it asks to evaluate an expression")
    return namespace["data"]


_BUILTINS = {
    "tuple": tuple,
    "list": list,
    "dict": dict,
    "set": set,
    "int": int,
    "float": float,
    "bytearray": bytearray,
    "eval": _data,
}
_NUMPY = {
    "_reconstruct": _reconstruct,
    "scalar": _scalar,
    "_frombuffer": _frombuffer,
    "ndarray": np.ndarray,
    "dtype": np.dtype,
}
_ALLOWED: dict[tuple[str, str], Callable] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("_codecs", "encode"): _encode,
    **{(module, n): f for module in ("builtins", "__builtin__") for n, f in _BUILTINS.items()},
    **{
        (module, n): f
        for module in (
            "numpy",
            "numpy.core.multiarray",
            "numpy._core.multiarray",
            "numpy.core.numeric",
            "numpy._core.numeric",
        )
        for n, f in _NUMPY.items()
    },
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


def read_pickle(file: BinaryIO, name: str, unpickler=RestrictedUnpickler):
    """The object in an open pickle.

    Args:
        file: opened for reading in binary.
        name: the file's name, for messages.
        unpickler: a :class:`RestrictedUnpickler` class or a callable that returns one.

    Raises:
        WeightsError: damaged, or asks for anything but plain data.
    """
    try:
        return unpickler(file).load()
    except MemoryError:
        raise
    except Exception as error:  # a broken pickle can raise anything
        reason = str(error) or type(error).__name__
        raise WeightsError(
            f"{name} was not loaded: {reason}. Download it again or ask its author for "
            "a .safetensors file."
        ) from None
