"""What is known about a file of weights, as data.

Published scores are their authors' words; those of the lite weights were measured for this
project.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# What each network calls the channels of its input.
_IN_CHANNELS = ("in_c", "in_channels", "inp_channels")


def in_channels(hyperparameters: Mapping[str, Any]) -> int:
    """Channels of the picture that a network takes: 3, or 6 for two views."""
    return next((hyperparameters[key] for key in _IN_CHANNELS if key in hyperparameters), 3)


@dataclass(frozen=True)
class Score:
    """One published or measured result.

    Attributes:
        dataset: test set and, in brackets, its number of pictures.
        psnr: mean PSNR in dB.
        ssim: mean SSIM, or None where it was not reported.
        protocol: name of the protocol in :mod:`ppgan_mpr.metrics` it was measured by.
        source: who reports it.
    """

    dataset: str
    psnr: float
    ssim: float | None
    protocol: str
    source: str


@dataclass(frozen=True)
class WeightsRecord:
    """One file of weights.

    Attributes:
        model: ``published`` (downloaded: PaddleGAN's files for MPRNet, the authors' for
            MIRNet-v2), ``lite`` (embedded) or ``authors`` (the paper's own PyTorch files,
            which the user brings).
        task: one of :data:`ppgan_mpr.networks.tasks.ALL_TASKS`.
        network: class name in :mod:`ppgan_mpr.networks`.
        hyperparameters: the network's arguments that differ between models. Those that
            cannot be told from the tensors, such as the enlargement, are taken from here.
        parameters: number of parameters.
        url: where to download from, or None.
        resource: path inside this package, or None.
        size: bytes, where known.
        sha256: digest of the file, where known.
        git_blob: git's object id of the file, where known.
        licence, origin, paper: for credit.
        scores: what the weights achieve.
        note: what a user should know before choosing them.
    """

    model: str
    task: str
    network: str
    hyperparameters: Mapping[str, Any]
    parameters: int
    licence: str
    origin: str
    paper: str
    url: str | None = None
    resource: str | None = None
    size: int | None = None
    sha256: str | None = None
    git_blob: str | None = None
    scores: tuple[Score, ...] = field(default=())
    note: str = ""

    @property
    def scale(self) -> int:
        """How many times the picture is enlarged before it enters the network."""
        return self.hyperparameters.get("scale", 1)

    @property
    def name(self) -> str:
        """``model:task``, for super-resolution ``model:task:xN``: what ``load_weights`` takes."""
        enlarging = f":x{self.scale}" if self.scale > 1 else ""
        return f"{self.model}:{self.task}{enlarging}"

    @property
    def path(self) -> Path | None:
        """The file inside this package, or None."""
        return Path(__file__).parent / self.resource if self.resource else None
