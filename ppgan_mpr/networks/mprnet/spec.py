"""The specification of MPRNet: its tasks, its sizes, and its weights with their scores.

The weights are PaddleGAN's, the authors', and the small (lite) ones in this package. Scores of the
first are from PaddleGAN's documentation, of the second from the papers on MPRNet and TLC; those of
the lite weights were measured for this project.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ..spec import NetworkSpec, Score, Shapes, WeightsRecord
from ..tasks import DEBLURRING, DENOISING, DERAINING, Task

_PAPER = "Zamir et al., Multi-Stage Progressive Image Restoration, CVPR 2021, arXiv 2102.02808"
_TLC = "TLC, arXiv 2112.04491"
_TASKS = (DEBLURRING, DENOISING, DERAINING)


def _deduce(shapes: Shapes) -> dict[str, Any]:
    n_feat, in_c, kernel_size, _ = shapes["shallow_feat1.0.weight"]
    orb_convs = [name for name in shapes if name.startswith("stage3_orsnet.orb1.body.")]
    blocks = {int(name.split(".")[3]) for name in orb_convs if ".CA." in name}
    return {
        "in_c": in_c,
        "out_c": shapes["tail.weight"][0],
        "n_feat": n_feat,
        "scale_unetfeats": shapes["stage1_encoder.down12.down.1.weight"][0] - n_feat,
        "scale_orsnetfeats": shapes["concat23.weight"][0] - n_feat,
        "num_cab": len(blocks),
        "kernel_size": kernel_size,
        "reduction": n_feat // shapes["shallow_feat1.1.CA.conv_du.0.weight"][0],
        "bias": "tail.bias" in shapes,
    }


def _widths(n_feat: int, unet: int, ors: int, num_cab: int = 8) -> Mapping[str, int]:
    return MappingProxyType(
        {
            "n_feat": n_feat,
            "scale_unetfeats": unet,
            "scale_orsnetfeats": ors,
            "num_cab": num_cab,
        }
    )


# Section 4.2 and supplementary material: one width for each task; parameters and GMACs.
_FULL_SIZE = {
    DEBLURRING: (_widths(96, 48, 32), 20_127_073, 751),
    DENOISING: (_widths(80, 48, 32), 15_741_025, 567),
    DERAINING: (_widths(40, 20, 16), 3_637_249, 139),
}

_PAPER_SCORES = {
    DEBLURRING: (
        Score("GoPro (1111)", 32.66, 0.959, "gopro", "paper"),
        Score("HIDE", 30.96, 0.939, "gopro", "paper"),
        Score("GoPro (1111)", 33.31, 0.964, "gopro", _TLC, local=True),
        Score("HIDE", 31.19, 0.942, "gopro", _TLC, local=True),
    ),
    DENOISING: (Score("SIDD validation (1280)", 39.71, 0.958, "sidd", "paper"),),
    DERAINING: (
        Score("Test100", 30.27, 0.897, "rain-y", "paper"),
        Score("Rain100H", 30.41, 0.890, "rain-y", "paper"),
        Score("Rain100L", 36.40, 0.965, "rain-y", "paper"),
        Score("Test2800", 33.64, 0.938, "rain-y", "paper"),
        Score("Test1200", 32.91, 0.916, "rain-y", "paper"),
    ),
}

_PADDLEGAN_SCORES = {
    DEBLURRING: Score("GoPro", 33.4360, 0.9410, "ppgan-crop256", "PaddleGAN's documentation"),
    DENOISING: Score("SIDD", 43.6100, 0.9586, "ppgan-crop256-y", "PaddleGAN's documentation"),
    DERAINING: Score("Rain100L", 36.2848, 0.9651, "ppgan-crop256-y", "PaddleGAN's documentation"),
}

_AUTHORS_BLOBS = {
    DEBLURRING: "a7cbe87e33d71e69a0fb1a734bc7f2b2f5b36946",
    DENOISING: "aabb19cfd9a2195b6e5939dcd374d31a7e4c33b8",
    DERAINING: "2414346fcefd7c84a6d8fecab1b397411ca5e57f",
}


def _published(task: Task) -> WeightsRecord:
    hyperparameters, parameters, gmacs = _FULL_SIZE[task]
    return WeightsRecord(
        model="published",
        task=task.name,
        paper=_PAPER,
        hyperparameters=hyperparameters,
        parameters=parameters,
        gmacs=gmacs,
        url=f"https://paddlegan.bj.bcebos.com/models/MPR_{task.name}.pdparams",
        licence="Apache-2.0 (PaddleGAN)",
        origin="PaddleGAN model zoo",
        scores=(_PADDLEGAN_SCORES[task],),
        config=f"mprnet_{task.name.lower()}",
    )


def _authors(task: Task) -> WeightsRecord:
    hyperparameters, parameters, gmacs = _FULL_SIZE[task]
    return WeightsRecord(
        model="authors",
        task=task.name,
        paper=_PAPER,
        hyperparameters=hyperparameters,
        parameters=parameters,
        gmacs=gmacs,
        git_blob=_AUTHORS_BLOBS[task],
        licence="academic use only (the authors' repository swz30/MPRNet)",
        origin="the authors' PyTorch release",
        scores=_PAPER_SCORES[task],
        config=f"mprnet_{task.name.lower()}",
    )


def _lite(task: Task, note: str, sha256: str, *scores: Score, weakness: str = "") -> WeightsRecord:
    return WeightsRecord(
        model="lite",
        task=task.name,
        paper=_PAPER,
        hyperparameters=_widths(16, 16, 16, 4),
        parameters=887_217,
        gmacs=26,
        resource=f"ppgan_mpr.networks.mprnet:lite/mprnet_lite_{task.name.lower()}.safetensors",
        size=1_802_854,
        sha256=sha256,
        licence="Apache-2.0; trained partly on data sets released for research use",
        origin="trained for this project on two CPU cores",
        scores=scores,
        note=note,
        weakness=weakness,
        config=f"mprnet_lite_{task.name.lower()}",
    )


_LITE = (
    _lite(
        DEBLURRING,
        "The weakest of the three: motion blur needs far longer training.",
        "b2c3050faa720974bfb04fb1d7a7b1f6fd17a8dbc39b2bbe7fcf8e7705442c68",
        Score("GoPro crops (18; input 24.74)", 24.87, None, "gopro", "measured"),
        weakness="hardly reduce real motion blur (+0.1 dB on crops of GoPro)",
    ),
    _lite(
        DENOISING,
        "Trained on real camera noise and on synthetic noise of many strengths.",
        "023575223b9171aada6bbc3f7c9f432c3ccc000fdef3daa4fc605a90eefcff9b",
        Score("SIDD validation blocks (12; input 19.59)", 35.46, None, "sidd", "measured"),
    ),
    _lite(
        DERAINING,
        "Trained on synthetic rain; still mistakes some fine texture for rain.",
        "a38135a0a3f7b1b75b5d286c4c4f556ea3c33d6a8cd882051f9034759e19a07d",
        Score("Rain100L (8; input 27.52)", 33.69, None, "rain-y", "measured"),
        Score("Rain100H (4; input 14.42)", 24.58, None, "rain-y", "measured"),
    ),
)

SPEC = NetworkSpec(
    name="MPRNet",
    layer="ppgan_mpr.networks.mprnet.network:MPRNet",
    tasks=_TASKS,
    identifying_parameters=(
        "shallow_feat1.0.weight",
        "sam12.conv1.weight",
        "concat23.weight",
        "tail.weight",
    ),
    deduce=_deduce,
    size_multiple=8,
    patch_size=256,
    stages=3,
    in_channels="in_c",
    out_channels="out_c",
    size_arguments=("n_feat", "scale_unetfeats", "scale_orsnetfeats", "num_cab"),
    local_layers={
        "ppgan_mpr.networks.blocks.attention:CALayer": (
            "ppgan_mpr.networks.blocks.local:LocalCALayer"
        )
    },
    recomputed_layers=("ppgan_mpr.networks.blocks.attention:CAB",),
    weights=(*map(_published, _TASKS), *_LITE, *map(_authors, _TASKS)),
    plugin_names={
        "generator": "MPRNet",
        "model": "MPRModel",
        "train": "MPRTrain",
        "validation": "MPRVal",
        "test": "MPRTest",
    },
)
