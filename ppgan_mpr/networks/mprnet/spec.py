"""MPRNet's weights: PaddleGAN's, the authors', and the small ones embedded here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..records import Score, WeightsRecord
from ..tasks import TASKS

_PAPER = "Zamir et al., Multi-Stage Progressive Image Restoration, CVPR 2021, arXiv 2102.02808"


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
        network="MPRNet",
        paper=_PAPER,
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
        network="MPRNet",
        paper=_PAPER,
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
        network="MPRNet",
        paper=_PAPER,
        hyperparameters=_widths(16, 16, 16, 4),
        parameters=887_217,
        resource=f"mprnet/lite/mprnet_lite_{task.lower()}.safetensors",
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
        "Trained on synthetic rain; still takes some fine texture for rain.",
        "a38135a0a3f7b1b75b5d286c4c4f556ea3c33d6a8cd882051f9034759e19a07d",
        Score("Rain100L (8; input 27.52)", 33.69, None, "rain-y", "measured"),
        Score("Rain100H (4; input 14.42)", 24.58, None, "rain-y", "measured"),
    ),
)

MPRNET_RECORDS: tuple[WeightsRecord, ...] = (
    *map(_published, TASKS),
    *_LITE,
    *map(_authors, TASKS),
)
