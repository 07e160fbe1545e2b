"""The weights that are known by name, as data.

A record states where weights come from, under which licence, and what they score under
which protocol. Published scores are their authors' words; those of the lite weights were
measured for this project.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from ..errors import UsageError
from ..tasks import TASKS, normalise_task

MODELS = ("published", "lite")

_PAPER = "Zamir et al., Multi-Stage Progressive Image Restoration, CVPR 2021, arXiv 2102.02808"


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
        model: ``published`` (PaddleGAN's), ``lite`` (embedded) or ``authors`` (the paper's
            own PyTorch files, recognised but not downloaded).
        task: one of :data:`ppgan_mpr.tasks.TASKS`.
        network: class name in :mod:`ppgan_mpr.models.generators`.
        hyperparameters: the network's arguments that differ between models.
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
    hyperparameters: Mapping[str, int]
    parameters: int
    licence: str
    origin: str
    network: str = "MPRNet"
    paper: str = _PAPER
    url: str | None = None
    resource: str | None = None
    size: int | None = None
    sha256: str | None = None
    git_blob: str | None = None
    scores: tuple[Score, ...] = field(default=())
    note: str = ""

    @property
    def name(self) -> str:
        """``model:task``, what ``--load`` and ``load_weights`` take."""
        return f"{self.model}:{self.task}"

    @property
    def path(self) -> Path | None:
        """The file inside this package, or None."""
        return Path(__file__).parent / self.resource if self.resource else None


def _widths(n_feat: int, unet: int, ors: int, num_cab: int = 8) -> Mapping[str, int]:
    return MappingProxyType(
        {
            "n_feat": n_feat,
            "scale_unetfeats": unet,
            "scale_orsnetfeats": ors,
            "num_cab": num_cab,
        }
    )


# MPRNet, section 4.2 and supplementary material: one width per task.
_FULL = {
    "Deblurring": (_widths(96, 48, 32), 20_127_073),
    "Denoising": (_widths(80, 48, 32), 15_741_025),
    "Deraining": (_widths(40, 20, 16), 3_637_249),
}

_PAPER_SCORES = {
    "Deblurring": (
        Score("GoPro (1111)", 32.66, 0.959, "gopro", "paper"),
        Score("HIDE", 30.96, 0.939, "gopro", "paper"),
    ),
    "Denoising": (Score("SIDD validation (1280)", 39.71, 0.958, "sidd", "paper"),),
    "Deraining": (
        Score("Rain100H", 30.41, 0.890, "rain-y", "paper"),
        Score("Rain100L", 36.40, 0.965, "rain-y", "paper"),
    ),
}

_PADDLEGAN_SCORES = {
    "Deblurring": Score("GoPro", 33.4360, 0.9410, "ppgan-crop256", "PaddleGAN's documentation"),
    "Denoising": Score("SIDD", 43.6100, 0.9586, "ppgan-crop256-y", "PaddleGAN's documentation"),
    "Deraining": Score("Rain100L", 36.2848, 0.9651, "ppgan-crop256-y", "PaddleGAN's documentation"),
}

_AUTHORS_BLOBS = {
    "Deblurring": "a7cbe87e33d71e69a0fb1a734bc7f2b2f5b36946",
    "Denoising": "aabb19cfd9a2195b6e5939dcd374d31a7e4c33b8",
    "Deraining": "2414346fcefd7c84a6d8fecab1b397411ca5e57f",
}


def _published(task: str) -> WeightsRecord:
    widths, parameters = _FULL[task]
    return WeightsRecord(
        model="published",
        task=task,
        hyperparameters=widths,
        parameters=parameters,
        url=f"https://paddlegan.bj.bcebos.com/models/MPR_{task}.pdparams",
        licence="Apache-2.0 (PaddleGAN)",
        origin="PaddleGAN model zoo",
        scores=(_PADDLEGAN_SCORES[task],),
    )


def _authors(task: str) -> WeightsRecord:
    widths, parameters = _FULL[task]
    return WeightsRecord(
        model="authors",
        task=task,
        hyperparameters=widths,
        parameters=parameters,
        git_blob=_AUTHORS_BLOBS[task],
        licence="academic use only (the authors' repository swz30/MPRNet)",
        origin="the authors' PyTorch release",
        scores=_PAPER_SCORES[task],
    )


def _lite(task: str, note: str, sha256: str, *scores: Score) -> WeightsRecord:
    return WeightsRecord(
        model="lite",
        task=task,
        hyperparameters=_widths(16, 16, 16, 4),
        parameters=887_217,
        resource=f"lite/mprnet_lite_{task.lower()}.safetensors",
        size=1_802_854,
        sha256=sha256,
        licence="Apache-2.0; trained partly on data sets released for research use",
        origin="trained for this project on two CPU cores",
        scores=scores,
        note=note,
    )


_LITE = (
    _lite(
        "Deblurring",
        "The weakest of the three: motion blur needs far longer training than this had.",
        "b2c3050faa720974bfb04fb1d7a7b1f6fd17a8dbc39b2bbe7fcf8e7705442c68",
        Score("GoPro crops (18; input 24.74)", 24.86, None, "gopro", "measured"),
    ),
    _lite(
        "Denoising",
        "Trained on real camera noise and on synthetic noise of many strengths.",
        "023575223b9171aada6bbc3f7c9f432c3ccc000fdef3daa4fc605a90eefcff9b",
        Score("SIDD validation blocks (12; input 19.59)", 35.43, None, "sidd", "measured"),
    ),
    _lite(
        "Deraining",
        "Trained on synthetic rain.",
        "173506ba45e4170449f360386a0703847357ca0d386cb45418e2022069815438",
        Score("Rain100L (8; input 27.52)", 31.71, None, "rain-y", "measured"),
        Score("Rain100H (4; input 14.42)", 22.12, None, "rain-y", "measured"),
    ),
)

CATALOGUE: tuple[WeightsRecord, ...] = (
    *map(_published, TASKS),
    *_LITE,
    *map(_authors, TASKS),
)


def find_record(model: str, task: str) -> WeightsRecord:
    """The record of ``model`` (``published``, ``lite``, ``authors``) for ``task``.

    Raises:
        UsageError: unknown model or task.
    """
    task = normalise_task(task)
    for record in CATALOGUE:
        if record.model == model and record.task == task:
            return record
    raise UsageError(f"There is no model {model!r}: choose one of {', '.join(MODELS)}.")


def record_of_name(name: str) -> WeightsRecord | None:
    """The record that ``model:task`` names, or None if ``name`` is not of that form."""
    model, colon, task = name.partition(":")
    return find_record(model, task) if colon and model in MODELS else None


def record_of_file(path: Path) -> WeightsRecord | None:
    """The catalogue's record of which ``path`` is a copy, by git's object id, or None."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    blob = digest.hexdigest()
    return next((record for record in CATALOGUE if record.git_blob == blob), None)
