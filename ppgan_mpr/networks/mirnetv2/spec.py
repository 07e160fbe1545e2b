"""The weights of MIRNet and MIRNet-v2, all of them their authors'.

Of the scores, those whose source says "unconfirmed" are the papers' as they are commonly
quoted; the others were read in the source that is named. Both papers score enhancement as
MPRNet's scores GoPro: MATLAB's psnr and ssim of whole 8-bit RGB files.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ..records import Score, WeightsRecord

_MIRNET_PAPER = (
    "Zamir et al., Learning Enriched Features for Real Image Restoration and Enhancement, "
    "ECCV 2020, arXiv 2003.06792"
)
_MIRNETV2_PAPER = (
    "Zamir et al., Learning Enriched Features for Fast Image Restoration and Enhancement, "
    "TPAMI 2022, arXiv 2205.01649"
)
_RELEASE = "https://github.com/swz30/MIRNetv2/releases/download/v1.0.0/"
_UNCONFIRMED = "paper, unconfirmed"


def _mirnetv2(
    task: str,
    file: str,
    git_blob: str | None = None,
    scores: tuple[Score, ...] = (),
    note: str = "",
    parameters: int = 5_858_560,
    form: Mapping[str, Any] = MappingProxyType({}),
) -> WeightsRecord:
    widths = {"inp_channels": 3, "n_feat": 80, "chan_factor": 1.5, "n_MRB": 2}
    return WeightsRecord(
        model="published",
        task=task,
        network="MIRNetv2",
        hyperparameters=MappingProxyType({**widths, **form}),
        parameters=parameters,
        url=f"{_RELEASE}{file}.pth",
        git_blob=git_blob,
        licence="academic use only (the authors' repository swz30/MIRNetv2)",
        origin="the authors' PyTorch release",
        paper=_MIRNETV2_PAPER,
        scores=scores,
        note=note,
    )


def _super_resolution(scale: int, git_blob: str | None = None) -> WeightsRecord:
    return _mirnetv2(
        "SuperResolution",
        f"sr_x{scale}",
        git_blob,
        note=f"Trained on RealSR; the picture is enlarged {scale} times before it enters.",
        form={"scale": scale},
    )


def _mirnet(task: str, *scores: Score) -> WeightsRecord:
    return WeightsRecord(
        model="authors",
        task=task,
        network="MIRNet",
        hyperparameters=MappingProxyType({"n_feat": 64, "n_RRG": 3, "n_MSRB": 2}),
        parameters=31_787_419,
        licence="academic use only (the authors' repository swz30/MIRNet)",
        origin="the authors' PyTorch release",
        paper=_MIRNET_PAPER,
        scores=scores,
        note="The authors keep the file on Google Drive.",
    )


MIRNET_RECORDS: tuple[WeightsRecord, ...] = (
    _mirnetv2(
        "RealDenoising",
        "real_denoising",
        "e9c402fcebc3c69f4e24f523341fc5c18d2a8b6f",
        (Score("SIDD validation (1280)", 39.84, 0.959, "sidd", _UNCONFIRMED),),
    ),
    _mirnetv2(
        "LowLight",
        "enhancement_lol",
        "6c8cc088f24c37ac8244c009a737cf101fec85a9",
        (Score("LOL (15)", 24.74, 0.851, "gopro", "discussion in swz30/MIRNetv2"),),
    ),
    _mirnetv2(
        "Retouching",
        "enhancement_fivek",
        "1bec817bf2bf68dca0cdabdfcecd14c24a451380",
        (Score("FiveK", 23.97, 0.931, "gopro", _UNCONFIRMED),),
    ),
    _super_resolution(2),
    _super_resolution(3),
    _super_resolution(4, "94a26166dce9636b1999ba1be460fa1599b753f7"),
    _mirnetv2(
        "DualPixelDeblurring",
        "dual_pixel_defocus_deblurring",
        note="Takes the left and the right view of a dual-pixel camera, 16 bits.",
        parameters=5_860_720,
        form={"inp_channels": 6, "task": "defocus_deblurring"},
    ),
    _mirnet(
        "RealDenoising",
        Score("SIDD validation (1280)", 39.72, 0.959, "sidd", "AMSNet's README"),
    ),
    _mirnet("LowLight", Score("LOL (15)", 24.14, 0.830, "gopro", "paper")),
    _mirnet("Retouching", Score("FiveK", 23.73, 0.925, "gopro", _UNCONFIRMED)),
)
