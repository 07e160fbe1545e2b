"""Reads PyTorch's ``.pth`` files without PyTorch.

There are two formats. In both, a pickle describes tensors that refer to storages (flat runs of
numbers). In the zip format (PyTorch ≥ 1.6), the storages are members of the archive. In the older
format, they follow the pickle.
"""

from __future__ import annotations

import io
import math
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, Callable

import numpy as np

from ...errors import WeightsError
from .machine import BoundedFile, Constructor, Sealed
from .pickles import Pending, RestrictedUnpickler, read_pickle

# The first pickle of the older format: a magic number.
_LEGACY_START = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."

# Storage class → stored element type; NumPy has no bfloat16, so `decode` widens it to float32.
_STORAGES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}


def decode(raw: bytes | bytearray, kind: str) -> np.ndarray:
    """Decode little-endian numbers into a flat array.

    Args:
        raw: the numbers.
        kind: a NumPy type, or ``bfloat16``, which becomes float32.
    """
    if kind == "bfloat16":
        halves = np.frombuffer(raw, "<u2")
        widened = np.zeros(halves.size, "<f4")
        widened.view("<u2")[1::2] = halves  # the upper halves, without intermediate copies
        return widened
    return np.frombuffer(raw, kind)


def _itemsize(kind: str) -> int:
    return 2 if kind == "bfloat16" else np.dtype(kind).itemsize


class _Storage(Sealed):
    """A flat run of numbers; it is filled later, as the older format stores it after the pickle."""

    flat: Any = None  # a NumPy array once it is filled

    def __init__(self, kind: str, size: int):
        self.kind, self.size = kind, size

    @property
    def decoded_kind(self) -> str:
        """NumPy's name of the element type after decoding."""
        return "<f4" if self.kind == "bfloat16" else self.kind

    def fill(self, raw: bytes) -> None:
        if len(raw) != self.size * _itemsize(self.kind):
            raise pickle.UnpicklingError("a tensor is cut short")
        self.flat = decode(raw, self.kind)


class _Tensor(Pending):
    """A view into a storage, which becomes an array when all storages are filled.

    Its arguments come from the file and are untrusted; :meth:`array` checks them.
    """

    def __init__(self, storage: Any, offset: Any, shape: Any, strides: Any, *_: Any):
        self.storage, self.offset = storage, int(offset)
        self.shape, self.strides = tuple(map(int, shape)), tuple(map(int, strides))

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * np.dtype(self.storage.decoded_kind).itemsize

    def array(self) -> np.ndarray:
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides))
        negative = min((self.offset, *self.shape, *self.strides)) < 0
        if negative or len(self.shape) != len(self.strides) or 0 in self.shape:
            raise pickle.UnpicklingError("a tensor has an impossible shape")
        if last >= self.storage.size or math.prod(self.shape) > self.storage.size:
            raise pickle.UnpicklingError("a tensor exceeds its storage")
        flat = self.storage.flat[self.offset :]
        steps = [s * flat.itemsize for s in self.strides]
        return np.lib.stride_tricks.as_strided(flat, self.shape, steps).copy()


def _parameter(data: Any, *_: Any) -> Any:
    return data


_ALLOWED: dict[tuple[str, str], Any] = {
    **RestrictedUnpickler.allowed,
    ("torch._utils", "_rebuild_tensor_v2"): Constructor(_Tensor),
    ("torch._utils", "_rebuild_parameter"): Constructor(_parameter),
    ("torch", "Size"): Constructor(tuple),
    # A pickle uses storage classes only to name an element type.
    **{("torch", name): kind for name, kind in _STORAGES.items()},
}


class _TorchUnpickler(RestrictedUnpickler):
    allowed = _ALLOWED

    def __init__(self, file: BinaryIO, storage_of: Callable[..., _Storage]):
        super().__init__(file)
        self._storage_of = storage_of

    def persistent_load(self, reference: Any) -> _Storage:
        tag, kind, key, _location, size, *view = reference
        if tag != "storage" or kind not in _STORAGES.values() or any(view):
            raise pickle.UnpicklingError("it refers to something that is not a tensor")
        return self._storage_of(str(key), kind, int(size))


class _ZipReader:
    """Reader of the zip format: one pickle, and a member of the archive for each storage."""

    def __init__(self, archive: zipfile.ZipFile):
        self._archive = archive
        _check_members(archive)
        pickles = [n for n in archive.namelist() if n.endswith("data.pkl")]
        if len(pickles) != 1:
            raise pickle.UnpicklingError("it is not a PyTorch archive")
        self._prefix = pickles[0][: -len("data.pkl")]
        self._storages: dict[str, _Storage] = {}

    def _storage(self, key: str, kind: str, size: int) -> _Storage:
        if key not in self._storages:
            member = f"{self._prefix}data/{key}"
            if self._archive.getinfo(member).file_size != size * _itemsize(kind):
                raise pickle.UnpicklingError("a tensor is cut short")
            self._storages[key] = _Storage(kind, size)
            self._storages[key].fill(self._archive.read(member))
        return self._storages[key]

    def load(self) -> Any:
        order = f"{self._prefix}byteorder"
        if order in self._archive.namelist() and self._archive.read(order) != b"little":
            raise pickle.UnpicklingError("it was written on a big-endian machine")
        source = io.BytesIO(self._archive.read(f"{self._prefix}data.pkl"))
        return _TorchUnpickler(source, self._storage).load()


def _check_members(archive: zipfile.ZipFile) -> None:
    """Raise UnpicklingError if a member is compressed, or all together exceed the archive."""
    members = archive.infolist()
    packed = next(
        (member for member in members if member.compress_type != zipfile.ZIP_STORED), None
    )
    if packed:
        raise pickle.UnpicklingError(
            f"its member {packed.filename[:80]!r} is compressed, which PyTorch never does and "
            "which can hide any amount of data"
        )
    assert archive.fp is not None
    if sum(member.file_size for member in members) > archive.fp.seek(0, 2):
        raise pickle.UnpicklingError("its members are larger than the file that holds them")


class _LegacyReader:
    """Reader of the format before PyTorch 1.6: five pickles in a row, then the storages."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self._storages: dict[str, _Storage] = {}

    def _storage(self, key: str, kind: str, size: int) -> _Storage:
        return self._storages.setdefault(key, _Storage(kind, size))

    def load(self) -> Any:
        RestrictedUnpickler(self._file).load()  # magic number, checked by the caller
        RestrictedUnpickler(self._file).load()  # protocol version
        RestrictedUnpickler(self._file).load()  # sizes of the writer's C types
        node = _TorchUnpickler(self._file, self._storage).load()
        for key in RestrictedUnpickler(self._file).load():
            storage = self._storages[str(key)]
            (size,) = struct.unpack("<q", self._file.read(8))
            if size != storage.size:
                raise pickle.UnpicklingError("a tensor is cut short")
            storage.fill(BoundedFile(self._file).read(size * _itemsize(storage.kind)))
        return node


def is_legacy_torch(head: bytes) -> bool:
    """Whether a file with these first bytes (at least 16) has PyTorch's older format."""
    return head.startswith(_LEGACY_START)


def read_torch_zip(path: Path) -> Any:
    """Read a ``.pth`` file in the zip format into a nested object with arrays.

    Raises:
        WeightsError: the file is damaged or unsafe.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return read_pickle(archive, path, _ZipReader)
    except zipfile.BadZipFile as error:
        raise WeightsError(f"{path} is damaged ({error}): download it again.") from None


def read_torch_legacy(file: BinaryIO, path: Path) -> Any:
    """Read a ``.pth`` file in the format before PyTorch 1.6 into a nested object with arrays.

    Args:
        file: opened for reading in binary.
        path: path of the file, for messages.

    Raises:
        WeightsError: the file is damaged or unsafe.
    """
    return read_pickle(file, path, _LegacyReader)
