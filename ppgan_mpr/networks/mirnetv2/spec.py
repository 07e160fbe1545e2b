"""The specification of MIRNet-v2: its tasks, and its authors' weights with their scores.

Scores marked "not checked" are the paper's as quoted by others or from memory; nobody has compared
them with the paper. The other scores come from the named source. The paper's scores for
enhancement are computed like those for GoPro in MPRNet's paper: with MATLAB's psnr and ssim of
whole 8-bit RGB files.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ..spec import GLOBAL_POOLING, NOTHING, NetworkSpec, Score, Shapes, WeightsRecord, count_layers
from ..tasks import (
    DUAL_PIXEL_DEBLURRING,
    LOW_LIGHT,
    REAL_DENOISING,
    RETOUCHING,
    SUPER_RESOLUTION,
    Task,
)

_PAPER = (
    "Zamir et al., Learning Enriched Features for Fast Image Restoration and Enhancement, "
    "TPAMI 2022, arXiv 2205.01649"
)
_RELEASE = "https://github.com/swz30/MIRNetv2/releases/download/v1.0.0/"
_NOT_CHECKED = "paper, not checked"


def _deduce(shapes: Shapes) -> dict[str, Any]:
    n_feat, inp_channels = shapes["conv_in.weight"][:2]
    out_channels = shapes["conv_out.weight"][0]
    block = "body.{}.body.0.{}.body.0.weight"
    per_group = [
        shapes[block.format(group, "dau_top")][1] for group in range(count_layers(shapes, "body."))
    ]
    mid, bot = (shapes[block.format(0, stream)][0] for stream in ("dau_mid", "dau_bot"))
    # The network rounds widths down; this is the smallest factor that gives both of them.
    chan_factor = max(mid / n_feat, math.sqrt(bot / n_feat))
    return {
        "inp_channels": inp_channels,
        "out_channels": out_channels,
        "n_feat": n_feat,
        "chan_factor": math.ceil(chan_factor * 1e6) / 1e6,
        "n_MRB": count_layers(shapes, "body.0.body.") - 1,  # the group ends with a convolution
        "groups": tuple(n_feat // channels for channels in per_group),
        "task": "defocus_deblurring" if inp_channels != out_channels else None,
    }


def _published(
    task: Task,
    file: str,
    config: str,
    git_blob: str | None = None,
    scores: tuple[Score, ...] = (),
    note: str = "",
    scale: int = 1,
    parameters: int = 5_858_560,
    form: Mapping[str, Any] = NOTHING,
) -> WeightsRecord:
    widths = {"inp_channels": task.channels, "n_feat": 80, "chan_factor": 1.5, "n_MRB": 2}
    return WeightsRecord(
        model="published",
        task=task.name,
        hyperparameters=MappingProxyType({**widths, **form}),
        parameters=parameters,
        gmacs=140,
        scale=scale,
        url=f"{_RELEASE}{file}.pth",
        git_blob=git_blob,
        licence="academic use only (the authors' repository swz30/MIRNetv2)",
        origin="the authors' PyTorch release",
        paper=_PAPER,
        scores=scores,
        note=note,
        config=config,
    )


def _super_resolution(scale: int, git_blob: str | None = None) -> WeightsRecord:
    return _published(
        SUPER_RESOLUTION,
        f"sr_x{scale}",
        f"mirnetv2_super_resolution_x{scale}",
        git_blob,
        note=f"Trained on RealSR; the picture is enlarged {scale} times first.",
        scale=scale,
    )


SPEC = NetworkSpec(
    name="MIRNetv2",
    title="MIRNet-v2",
    layer="ppgan_mpr.networks.mirnetv2.network:MIRNetv2",
    tasks=(REAL_DENOISING, LOW_LIGHT, RETOUCHING, SUPER_RESOLUTION, DUAL_PIXEL_DEBLURRING),
    identifying_parameters=(
        "conv_in.weight",
        "body.0.body.0.dau_top.body.0.weight",
        "conv_out.weight",
    ),
    deduce=_deduce,
    size_multiple=4,
    patch_size=128,
    in_channels="inp_channels",
    size_arguments=("inp_channels", "n_feat", "chan_factor", "n_MRB"),
    shared_layers=(GLOBAL_POOLING, "ppgan_mpr.networks.blocks.context:AttentivePool"),
    no_local=("its attention compares all positions of the picture, not only those in a window"),
    recomputed_layers=("ppgan_mpr.networks.mirnetv2.network:MRB",),
    weights=(
        _published(
            REAL_DENOISING,
            "real_denoising",
            "mirnetv2_real_denoising",
            "e9c402fcebc3c69f4e24f523341fc5c18d2a8b6f",
            (Score("SIDD validation (1280)", 39.84, 0.959, "sidd", _NOT_CHECKED),),
        ),
        _published(
            LOW_LIGHT,
            "enhancement_lol",
            "mirnetv2_lowlight",
            "6c8cc088f24c37ac8244c009a737cf101fec85a9",
            (Score("LOL (15)", 24.74, 0.851, "gopro", "discussion in swz30/MIRNetv2"),),
        ),
        _published(
            RETOUCHING,
            "enhancement_fivek",
            "mirnetv2_retouching",
            "1bec817bf2bf68dca0cdabdfcecd14c24a451380",
            (Score("FiveK", 23.97, 0.931, "gopro", _NOT_CHECKED),),
        ),
        _super_resolution(2),
        _super_resolution(3),
        _super_resolution(4, "94a26166dce9636b1999ba1be460fa1599b753f7"),
        _published(
            DUAL_PIXEL_DEBLURRING,
            "dual_pixel_defocus_deblurring",
            "mirnetv2_dual_pixel",
            note="Takes the left and the right view of a dual-pixel camera, 16 bits.",
            parameters=5_860_720,
            form=MappingProxyType({"task": "defocus_deblurring"}),
        ),
    ),
)
