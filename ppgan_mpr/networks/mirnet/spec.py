"""The specification of MIRNet: its tasks, and its authors' weights with their scores.

Scores marked "not checked" are the paper's as quoted by others or from memory; nobody has compared
them with the paper. The other scores come from the named source. The paper's scores for
enhancement are computed like those for GoPro in MPRNet's paper: with MATLAB's psnr and ssim of
whole 8-bit RGB files.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from ..spec import NetworkSpec, Score, Shapes, WeightsRecord, count_layers
from ..tasks import LOW_LIGHT, REAL_DENOISING, RETOUCHING, SUPER_RESOLUTION, Task

_PAPER = (
    "Zamir et al., Learning Enriched Features for Real Image Restoration and Enhancement, "
    "ECCV 2020, arXiv 2003.06792"
)
_NOT_CHECKED = "paper, not checked"


def _deduce(shapes: Shapes) -> dict[str, Any]:
    return {
        "in_channels": shapes["conv_in.weight"][1],
        "out_channels": shapes["conv_out.weight"][0],
        "n_feat": shapes["conv_in.weight"][0],
        "n_RRG": count_layers(shapes, "body."),
        "n_MSRB": count_layers(shapes, "body.0.body.") - 1,  # the group ends with a convolution
    }


def _authors(task: Task, score: Score, config: str) -> WeightsRecord:
    return WeightsRecord(
        model="authors",
        task=task.name,
        hyperparameters=MappingProxyType({"n_feat": 64, "n_RRG": 3, "n_MSRB": 2}),
        parameters=31_787_419,
        gmacs=463,
        licence="academic use only (the authors' repository swz30/MIRNet)",
        origin="the authors' PyTorch release",
        paper=_PAPER,
        scores=(score,),
        note="The authors keep the file on Google Drive.",
        config=config,
    )


SPEC = NetworkSpec(
    name="MIRNet",
    layer="ppgan_mpr.networks.mirnet.network:MIRNet",
    tasks=(REAL_DENOISING, LOW_LIGHT, RETOUCHING, SUPER_RESOLUTION),
    identifying_parameters=(
        "conv_in.weight",
        "body.0.body.0.blocks.0.0.body.0.weight",
        "conv_out.weight",
    ),
    deduce=_deduce,
    size_multiple=4,
    patch_size=128,
    size_arguments=("n_feat", "n_RRG", "n_MSRB"),
    local_layers={
        "ppgan_mpr.networks.blocks.attention:CALayer": (
            "ppgan_mpr.networks.blocks.local:LocalCALayer"
        ),
        "ppgan_mpr.networks.blocks.skff:SKFF": "ppgan_mpr.networks.blocks.local:LocalSKFF",
    },
    recomputed_layers=("ppgan_mpr.networks.mirnet.network:MRB",),
    weights=(
        _authors(
            REAL_DENOISING,
            # Quoted in a repository that implements AMSNet, in the README of models/mir_model.
            Score("SIDD validation (1280)", 39.72, 0.959, "sidd", _NOT_CHECKED),
            "mirnet_real_denoising",
        ),
        _authors(LOW_LIGHT, Score("LOL (15)", 24.14, 0.830, "gopro", "paper"), "mirnet_lowlight"),
        _authors(
            RETOUCHING,
            Score("FiveK", 23.73, 0.925, "gopro", _NOT_CHECKED),
            "mirnet_retouching",
        ),
    ),
)
