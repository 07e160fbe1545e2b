"""Messages between two processes: JSON, followed by the bytes and arrays that it refers to.

Reading a message cannot run code, unlike reading a pickle.
"""

from __future__ import annotations

import dataclasses
import json
import struct
from typing import Any, BinaryIO

import numpy as np

from . import photo as _photo

_LENGTHS = struct.Struct(">IQ")  # of the JSON text; number of blobs
_LENGTH = struct.Struct(">Q")


def send(file: BinaryIO, message: Any) -> None:
    """Write one message.

    Args:
        file: unbuffered or buffered; it is flushed.
        message: None, booleans, numbers, strings, bytes, arrays, photos and their metadata, and
            tuples and dictionaries of these.

    Raises:
        TypeError: the message holds something else.
        OSError: the other end is closed.
    """
    blobs: list[memoryview] = []
    text = json.dumps(_pack(message, blobs)).encode()
    _write(file, memoryview(_LENGTHS.pack(len(text), len(blobs)) + text))
    for blob in blobs:
        _write(file, memoryview(_LENGTH.pack(len(blob))))
        _write(file, blob)
    file.flush()


def receive(file: BinaryIO) -> Any:
    """Read one message.

    Raises:
        EOFError: the other side ended before it was complete.
    """
    length, count = _LENGTHS.unpack(_read(file, _LENGTHS.size).tobytes())
    packed = json.loads(_read(file, length).tobytes())
    blobs = []
    for _ in range(count):
        (length,) = _LENGTH.unpack(_read(file, _LENGTH.size).tobytes())
        blobs.append(_read(file, length))
    return _unpack(packed, blobs)


def _pack(value: Any, blobs: list[memoryview]) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, bytes):
        blobs.append(memoryview(value))
        return {"bytes": len(blobs) - 1}
    if isinstance(value, np.ndarray):
        blobs.append(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data)
        return {"array": len(blobs) - 1, "dtype": value.dtype.str, "shape": list(value.shape)}
    if isinstance(value, tuple):
        return [_pack(item, blobs) for item in value]
    if isinstance(value, dict):
        return {"items": {key: _pack(item, blobs) for key, item in value.items()}}
    if dataclasses.is_dataclass(value) and _known(type(value).__name__) is type(value):
        names = [item.name for item in dataclasses.fields(value)]
        fields = {name: _pack(getattr(value, name), blobs) for name in names}
        return {"made": type(value).__name__, "of": fields}
    raise TypeError(f"a {type(value).__name__} cannot be sent to another process")


def _unpack(value: Any, blobs: list[np.ndarray]) -> Any:
    if isinstance(value, list):
        return tuple(_unpack(item, blobs) for item in value)
    if not isinstance(value, dict):
        return value
    if "bytes" in value:
        return blobs[value["bytes"]].tobytes()
    if "array" in value:
        return blobs[value["array"]].view(value["dtype"]).reshape(value["shape"])
    if "items" in value:
        return {key: _unpack(item, blobs) for key, item in value["items"].items()}
    made = _known(value["made"])
    return made(**{name: _unpack(item, blobs) for name, item in value["of"].items()})


def _known(name: str) -> Any:
    """The class of this name in :mod:`.photo`."""
    return vars(_photo).get(name)


def _write(file: BinaryIO, data: memoryview) -> None:
    while data:
        data = data[file.write(data) :]  # a raw pipe may accept only a part


def _read(file: BinaryIO, length: int) -> np.ndarray:
    """Read bytes into a new array, which the caller may keep and change."""
    array = np.empty(length, np.uint8)
    view, done = array.data, 0
    while done < length:
        count = file.readinto(view[done:])  # type: ignore[attr-defined]  # not in BinaryIO
        if not count:
            raise EOFError("the other process ended")
        done += count
    return array
