"""The options of restoration, for predictors, command lines and backends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any

from ..checks import check_choice, check_fraction, check_whole_number, did_you_mean, exact_name
from ..errors import UsageError
from ..imaging.formats import format_suffix
from ..imaging.limits import Limits
from ..weights.catalogue import MODELS
from .memory import DEFAULT_BUDGET, parse_memory

BACKENDS = ("auto", "paddle", "openvino", "onnxruntime")
PRECISIONS = ("auto", "f32", "tf32", "bf16", "f16")
#: What to do if an output file exists.
EXISTING = ("error", "overwrite", "skip")
_CHOICES = {
    "model": MODELS,
    "existing": EXISTING,
    "backend": BACKENDS,
    "precision": PRECISIONS,
}


def _option(default: Any, text: str, **details: Any) -> Any:
    """A field with its documentation.

    Args:
        default: the default value.
        text: the documentation, which does not repeat the default value.
        details: ``metavar``, ``choices`` and ``group`` for the command line, and
            ``changes_pixels`` if the option belongs to :meth:`InferenceOptions.pixel_options`.
    """
    return field(default=default, metadata={"help": text, **details})


_FILES = "untrusted files"
_SPEED = "speed and memory"
_QUALITY = "better and slower"
_RESULT = "the result"


@dataclass(frozen=True)
class InferenceOptions:
    """Options of a predictor and of the command line."""

    network: str | None = _option(
        None,
        "network to use; default: the first one in mprnet --list that has weights of the chosen "
        "kind (published or lite, see model) for the task",
        metavar="NAME",
    )
    model: str = _option(
        "published",
        "published: full-size weights, downloaded once; lite: small embedded ones, faster and "
        "weaker",
        choices=MODELS,
    )
    scale: int | None = _option(
        None,
        "factor of enlargement, for tasks that enlarge; not needed if the weights state it; 1: "
        "the pictures are already enlarged and keep their size",
        metavar="N",
    )
    device: str = _option(
        "auto",
        "auto (the first GPU if one can be used, else the CPU), cpu, gpu, gpu:N, or several GPUs "
        "that share the pictures: gpu:N,M or all",
        metavar="NAME",
        changes_pixels=True,
    )
    recursive: bool = _option(False, "search sub-folders too")
    existing: str = _option(
        "error",
        "what to do when an output file exists: error, overwrite or skip; pictures from memory "
        "always take the next free name",
        choices=EXISTING,
    )
    suffix: str | None = _option(
        None,
        "format of the outputs, such as png or .tif; default: PNG for pictures from memory, "
        "16-bit TIFF for cameras' raw files, otherwise the format of the input file, or PNG if "
        "that format cannot be written or would change how the picture looks",
        metavar="FORMAT",
    )
    quality: int = _option(
        95, "quality of JPEG and other lossy formats, 1 to 100", metavar="N", changes_pixels=True
    )
    allow_loss: bool = _option(
        False,
        "if the chosen format cannot store a picture's 16 bits, transparency or colour profile, "
        "write the picture anyway, and warn about the loss (transparent parts become white); "
        "default: such a picture is an error",
    )
    jobs: int | None = _option(
        None,
        "number of pictures processed at the same time, on all devices together; never less than "
        "one per device; default: the number of devices plus the number of cores, counting at most "
        "4 cores, so that reading and writing overlap with computing; some pictures wait if the "
        "free memory is too small for all; with mprnet-bulk: pictures per worker, default 2",
        metavar="N",
    )
    picture_limit: str | int = _option(
        "4G",
        "largest picture to read, by the size of its decoded pixels, such as 800M, 8G or a number "
        "of megabytes; protects against small files that decode to more than fits into memory",
        metavar="SIZE",
        group=_FILES,
    )
    read_timeout: int | None = _option(
        None,
        "seconds that reading a picture may take; default: 60 plus two for each megabyte of its "
        "pixels",
        metavar="N",
        group=_FILES,
    )
    progress: bool = _option(True, "show a bar while downloading weights")
    backend: str = _option(
        "auto",
        "library that runs the network; auto: on a GPU, PaddlePaddle if its build for GPUs is "
        "installed, else ONNX Runtime; on a CPU, the fastest installed one",
        choices=BACKENDS,
        group=_SPEED,
        changes_pixels=True,
    )
    precision: str = _option(
        "auto",
        "number format of the computation; auto: on a CPU, bf16 if OpenVINO computes and the "
        "processor has instructions for it, else f32; on a GPU, the fastest of bf16, f16 and f32 "
        "(PaddlePaddle) or of tf32 and f32 (ONNX Runtime)",
        choices=PRECISIONS,
        group=_SPEED,
        changes_pixels=True,
    )
    threads: int | None = _option(
        None, "CPU threads; default: all cores", metavar="N", group=_SPEED
    )
    memory: str | int | None = _option(
        None,
        "working memory of the network, such as 800M, 1.5G or a number of megabytes; "
        "pictures that need more are restored in tiles; default: 600M on a CPU, regardless of the "
        "free memory, and six tenths of a GPU's memory",
        metavar="SIZE",
        group=_SPEED,
        changes_pixels=True,
    )
    tile: int | None = _option(
        None,
        "maximum side of a tile in pixels; default: as large as the memory allows; the smaller the "
        "tiles, the more the result differs from that of the whole photo",
        metavar="N",
        group=_SPEED,
        changes_pixels=True,
    )
    overlap: int | None = _option(
        None,
        "minimum overlap of neighbouring tiles in pixels, rounded down to a multiple of 4, 8 or "
        "16, depending on the network; default: 32, or half a window with TLC (see local)",
        metavar="N",
        group=_SPEED,
        changes_pixels=True,
    )
    strength: float = _option(
        1.0,
        "share of the restoration in the result, from 0 (the original) to 1; smaller values keep "
        "skin texture and grain",
        metavar="S",
        group=_RESULT,
        changes_pixels=True,
    )
    stages: bool = _option(
        False,
        "also save the outputs of the network's earlier stages beside the result, as "
        "NAME_restoration_stage1 and so on; if several tasks run one after another "
        "(task A,B), only those of the last task",
        group=_RESULT,
        changes_pixels=True,
    )
    max_size: int | None = _option(
        None,
        "restore a copy whose longer side is reduced to N pixels, for blur or rain much wider "
        "than in the network's training data; default: full size",
        metavar="N",
        group=_RESULT,
        changes_pixels=True,
    )
    local: bool | None = _option(
        None,
        "test-time local converter (TLC, arXiv 2112.04491), for large pictures: where the network "
        "averages over the whole picture, average over windows that are 1.5 times as wide and "
        "high as the training patches; default: only with weights meant for TLC",
        choices=(True, False),
        group=_QUALITY,
    )
    ensemble: bool = _option(
        False,
        "average over the eight flips and rotations; takes eight times as long",
        group=_QUALITY,
        changes_pixels=True,
    )

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            object.__setattr__(self, name, exact_name(name, getattr(self, name), choices))
        for name in ("recursive", "allow_loss", "progress", "stages", "ensemble"):
            check_choice(name, getattr(self, name), (True, False))
        if self.local is not None:
            check_choice("local", self.local, (True, False))
        device = str(self.device).lower()
        if not re.fullmatch(r"auto|cpu|all|gpu(:\d{1,3}(,\d{1,3}){0,63})?", device):
            raise UsageError(
                f"device={self.device!r}: choose auto, cpu, gpu, gpu:N, gpu:N,M or all."
            )
        object.__setattr__(self, "device", device)
        if self.suffix is not None:
            object.__setattr__(self, "suffix", format_suffix(self.suffix))
        check_whole_number("quality", self.quality, 1, 100)
        check_whole_number("jobs", self.jobs, 1, 64, optional=True)
        check_fraction("strength", self.strength)
        check_whole_number("max_size", self.max_size, 16, 1 << 20, optional=True)
        check_whole_number("scale", self.scale, 1, 8, optional=True)
        check_whole_number("threads", self.threads, 1, 1024, optional=True)
        check_whole_number("tile", self.tile, 64, 1 << 16, optional=True)
        check_whole_number(
            "overlap",
            self.overlap,
            8,
            self.largest_overlap,
            optional=True,
            high_is=f"a quarter of tile={self.tile}" if self.tile else "",
        )
        check_whole_number("read_timeout", self.read_timeout, 1, 86400, optional=True)
        parse_memory(self.picture_limit, "picture_limit")
        if self.memory is not None:
            parse_memory(self.memory)

    @property
    def memory_bytes(self) -> int:
        """The working memory in bytes on a CPU; on a GPU only if ``memory`` is given."""
        return DEFAULT_BUDGET if self.memory is None else parse_memory(self.memory)

    @property
    def largest_overlap(self) -> int:
        """Largest overlap of tiles in pixels: a quarter of ``tile``, or 1024 without ``tile``."""
        return (self.tile or 4096) // 4

    def pixel_options(self) -> dict[str, Any]:
        """Name → value of the options that affect the content of an output; memory in bytes.

        The network, the task, the weights, ``scale`` and ``local`` affect it too. They are left
        out, because the record of a result has fields of its own for them.
        """
        names = [item.name for item in self.documented() if item.metadata.get("changes_pixels")]
        return {**{name: getattr(self, name) for name in names}, "memory": self.memory_bytes}

    @property
    def limits(self) -> Limits:
        """Limits of memory and time for reading one picture file."""
        return Limits(parse_memory(self.picture_limit, "picture_limit"), self.read_timeout)

    def replace(self, **changes: Any) -> InferenceOptions:
        """These options with some of them changed.

        Raises:
            UsageError: a value is invalid.
            TypeError: there is no such option.
        """
        names = [option.name for option in self.documented()]
        for name in changes:
            if name not in names:
                option = next((key for key, words in _CHOICES.items() if name in words), None)
                hint = f"give {option}={name!r}." if option else did_you_mean(name, names)
                raise TypeError(f"There is no option {name!r}: {hint}")
        return replace(self, **changes)

    @classmethod
    def documented(cls) -> Iterator[Field[Any]]:
        """All options as dataclass fields; ``metadata['help']`` is their documentation."""
        yield from fields(cls)


def _docstring() -> str:
    lines = [f"    {item.name}: {item.metadata['help']}." for item in InferenceOptions.documented()]
    return "\n".join(
        (
            "Options of a predictor and of the command line.",
            "",
            "Attributes:",
            *lines,
            "",
            "Raises:",
            "    UsageError: a value is invalid.",
        )
    )


InferenceOptions.__doc__ = _docstring()
