"""Reads and writes weights files: Paddle's, PyTorch's and safetensors."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

import numpy as np

from ...errors import UsageError, WeightsError
from ...files import atomic_write
from ...free_memory import available
from .pickles import read_pickle
from .torch_files import decode, is_legacy_torch, read_torch_legacy, read_torch_zip

#: Suffixes of the formats that can be written; more formats can be read.
WRITABLE = (".pdparams", ".safetensors")

# The key of a state dict under which Paddle stores its internal parameter names.
NAME_TABLE = "StructuredToParameterName@@"

#: The entry in safetensors' metadata that marks files of PyTorch.
TORCH = MappingProxyType({"format": "pt"})


def read_file(path: Path) -> tuple[Any, dict[str, str]]:
    """Read a weights file in any supported format, which is recognised by its content.

    Returns:
        The nested object (dicts of arrays), and metadata: the file's own for safetensors,
        :data:`TORCH` for PyTorch's own formats.

    Raises:
        WeightsError: the file is missing, damaged, unsafe or of an unknown format.
    """
    try:
        _check_size(path)
        with path.open("rb") as file:
            head = file.read(16)
            file.seek(0)
            if head[:4] == b"PK\x03\x04":
                return read_torch_zip(path), dict(TORCH)
            if head[8:9] == b"{":
                return _read_safetensors(file, path)
            if head[:1] != b"\x80":
                found = "is empty" if not head else "is not a weights file"
                raise WeightsError(
                    f"{path} {found}: give a Paddle .pdparams, a PyTorch .pth or a .safetensors."
                )
            if is_legacy_torch(head):
                return read_torch_legacy(file, path), dict(TORCH)
            return read_pickle(file, path), {}
    except OSError as error:
        raise WeightsError(
            f"The weights file {path} cannot be read: {error.strerror or error}."
        ) from None


def _check_size(path: Path) -> None:
    """Raise WeightsError for a file that is too large for the memory, or not an ordinary file."""
    size, free = path.stat().st_size, available()
    if not path.is_file():
        raise WeightsError(f"{path} is not an ordinary file: name the weights file itself.")
    if size > free:
        raise WeightsError(
            f"{path} has {size >> 20} MB, but only {free >> 20} MB of memory are free: name a "
            "file of weights, or close other programs."
        )


_HEADER = 1 << 20  # bytes of names and shapes; a large network has some 100 kB
_SAFETENSORS_KINDS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "bfloat16"}


def _read_safetensors(file: BinaryIO, path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    from safetensors import SafetensorError, deserialize

    length = int.from_bytes(file.read(8), "little")
    if length > path.stat().st_size:
        raise WeightsError(
            f"{path} is a damaged .safetensors (its header claims {length} bytes): download it "
            "again."
        )
    if length > _HEADER:  # many tiny tensors could fill the memory: each takes some 2 kB
        raise WeightsError(
            f"{path} names more tensors than a network has (its header has {length} bytes, at "
            f"most {_HEADER} are read): give the weights of one network."
        )
    try:
        header = json.loads(file.read(length))
        file.seek(0)
        # Raw bytes instead of safetensors' arrays, because NumPy has no bfloat16.
        entries = deserialize(file.read())
        entries.reverse()
        tensors = {}
        while entries:  # popped, so that their bytes are freed one by one
            name, entry = entries.pop()
            kind = _SAFETENSORS_KINDS.get(entry["dtype"])
            if kind is not None:
                tensors[name] = decode(entry["data"], kind).reshape(entry["shape"])
    except (SafetensorError, ValueError, RecursionError) as error:
        raise WeightsError(f"{path} is a damaged .safetensors ({error}).") from None
    return tensors, header.get("__metadata__") or {}


def write_file(
    path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None
) -> None:
    """Write tensors atomically in the format of ``path``'s suffix.

    Args:
        path: ends in ``.pdparams`` (the format of the published weights) or ``.safetensors``.
        tensors: name → array.
        metadata: stored in ``.safetensors`` only.

    Raises:
        UsageError: another suffix.
        WeightsError: the folder cannot be written.
    """
    check_writable_suffix(path)
    try:
        with atomic_write(path) as file:
            if path.suffix.lower() == ".safetensors":
                from safetensors.numpy import save

                file.write(save(dict(tensors), dict(metadata or {})))
            else:
                _write_paddle(file, tensors)
    except OSError as error:
        raise WeightsError(f"{path} cannot be written: {error.strerror or error}.") from None


def check_writable_suffix(path: Path) -> None:
    """Raise UsageError if weights cannot be written in the format of the path's suffix."""
    if path.suffix.lower() not in WRITABLE:
        raise UsageError(
            f"{path} does not end in {' or '.join(WRITABLE)}: choose one of these (PyTorch reads "
            ".safetensors with safetensors.torch.load_file)."
        )


def _write_paddle(file: BinaryIO, tensors: Mapping[str, np.ndarray]) -> None:
    # This table makes paddle.load return tensors, as for a file written by paddle.save.
    table = {name: name for name in tensors}
    pickle.dump({**tensors, NAME_TABLE: table}, file, protocol=2)
