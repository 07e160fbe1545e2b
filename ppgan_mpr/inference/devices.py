"""The devices that networks run on: the CPU, and the NVIDIA GPUs that the CUDA driver reports."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Callable

from ..errors import UsageError

# CUDA's numbers of device attributes, and the lowest compute capabilities of cards with matrix
# units for a number format.
_MAJOR, _MINOR = 75, 76
_F16_FROM, _BF16_FROM = (7, 0), (8, 0)
_LIBRARIES = {"win32": ("nvcuda.dll", "nvml.dll")}
_DEFAULT_LIBRARIES = ("libcuda.so.1", "libnvidia-ml.so.1")


@dataclass(frozen=True)
class Device:
    """The CPU or a GPU that a network runs on.

    Attributes:
        kind: ``cpu`` or ``gpu``.
        index: CUDA's number of the GPU among those that this process may use.
        name: name of the GPU's model.
        total_memory: memory of the GPU in bytes.
        free_memory: free memory of the GPU when it was queried, in bytes; None if unknown.
        f16, bf16: whether a GPU has matrix units for the format. Cards with bf16 also have
            them for tf32.
    """

    kind: str = "cpu"
    index: int = 0
    name: str = ""
    total_memory: int = 0
    free_memory: int | None = None
    f16: bool = False
    bf16: bool = False

    def __str__(self) -> str:
        return self.kind if self.kind == "cpu" else f"{self.kind}:{self.index}"

    @property
    def description(self) -> str:
        """The device for messages: a GPU's number, model and memory."""
        if self.kind == "cpu":
            return "the CPU"
        return f"{self} ({self.name}, {self.total_memory / (1 << 30):.0f} GB)"


#: The processor.
CPU = Device()


def choose_devices(wanted: str, gpus: Callable[[], Sequence[Device]]) -> tuple[Device, ...]:
    """The devices that the option ``device`` names.

    Args:
        wanted: ``cpu``, ``gpu`` (the first), ``gpu:N``, ``gpu:N,M,...`` or ``all`` (every GPU).
        gpus: lists the GPUs, such as :func:`find_gpus`.

    Raises:
        UsageError: there is no such device.
    """
    if wanted == "cpu":
        return (CPU,)
    found = {device.index: device for device in gpus()}
    if not found:
        raise UsageError(
            f"device={wanted!r}, but this process sees no NVIDIA GPU: check nvidia-smi and "
            "CUDA_VISIBLE_DEVICES, or choose device='cpu'."
        )
    if wanted == "all":
        return tuple(found.values())
    _, _, numbers = wanted.partition(":")
    indices = dict.fromkeys(map(int, numbers.split(","))) if numbers else [min(found)]
    for index in indices:
        if index not in found:
            there = " and ".join(device.description for device in found.values())
            raise UsageError(f"There is no device gpu:{index}: this process sees {there}.")
    return tuple(found[index] for index in indices)


def find_gpus(load: Callable[[str], Any] = ctypes.CDLL) -> tuple[Device, ...]:
    """The NVIDIA GPUs that this process may use, in CUDA's order.

    It asks the driver itself, so it needs no package. The numbers are those that PaddlePaddle and
    ONNX Runtime use, and ``CUDA_VISIBLE_DEVICES`` applies. No GPU memory is allocated.

    Args:
        load: loads a library by its name, or raises OSError.

    Raises:
        UsageError: there is no driver, or it does not work.
    """
    library, management = _LIBRARIES.get(sys.platform, _DEFAULT_LIBRARIES)
    try:
        driver = _Driver(load(library))
    except OSError:
        raise UsageError(
            f"No NVIDIA driver is installed ({library} is missing): install it, or choose "
            "device='cpu'."
        ) from None
    try:
        nvml = load(management)
    except OSError:
        nvml = None
    return driver.devices(nvml)


class _Driver:
    """The few functions of the CUDA driver that describe devices."""

    def __init__(self, library: Any):
        self._library = library

    def devices(self, management: Any) -> tuple[Device, ...]:
        if self._call("cuInit", 0, allowed=(100,)):
            return ()  # CUDA_ERROR_NO_DEVICE
        count = self._number("cuDeviceGetCount")
        return tuple(self._device(index, management) for index in range(count))

    def _device(self, index: int, management: Any) -> Device:
        handle = self._number("cuDeviceGet", index)
        total = ctypes.c_size_t()
        self._call("cuDeviceTotalMem_v2", ctypes.byref(total), handle)
        capability = tuple(
            self._number("cuDeviceGetAttribute", key, handle) for key in (_MAJOR, _MINOR)
        )
        return Device(
            "gpu",
            index,
            self._text("cuDeviceGetName", handle).decode(errors="replace"),
            total.value,
            _free_memory(management, self._text("cuDeviceGetPCIBusId", handle)),
            f16=capability >= _F16_FROM,
            bf16=capability >= _BF16_FROM,
        )

    def _number(self, function: str, *arguments: int) -> int:
        number = ctypes.c_int()
        self._call(function, ctypes.byref(number), *arguments)
        return number.value

    def _text(self, function: str, handle: int) -> bytes:
        text = ctypes.create_string_buffer(256)
        self._call(function, text, len(text), handle)
        return text.value

    def _call(self, function: str, *arguments: Any, allowed: tuple[int, ...] = ()) -> int:
        status: int = getattr(self._library, function)(*arguments)
        if status and status not in allowed:
            raise UsageError(
                f"The NVIDIA driver does not work ({function} returned {status}): check "
                "nvidia-smi, reinstall the driver, or choose device='cpu'."
            )
        return status


class _Memory(ctypes.Structure):
    """``nvmlMemory_t``."""

    _fields_ = (
        ("total", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    )


def _free_memory(management: Any, bus_id: bytes) -> int | None:
    """Free memory in bytes of the card at a PCI address; None if NVML does not report it."""
    if management is None or management.nvmlInit_v2():
        return None
    handle, memory = ctypes.c_void_p(), _Memory()
    if management.nvmlDeviceGetHandleByPciBusId_v2(bus_id, ctypes.byref(handle)):
        return None
    if management.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)):
        return None
    return int(memory.free)
