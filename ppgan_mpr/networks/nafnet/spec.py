"""The specification of NAFNet: its tasks, its sizes, and its weights with their scores.

The authors trained on 256×256 patches. They test deblurring with TLC, and denoising without.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ..spec import NetworkSpec, Score, Shapes, WeightsRecord, count_layers
from ..tasks import DEBLURRING, DENOISING, Task

_PAPER = "Chen et al., Simple Baselines for Image Restoration, ECCV 2022, arXiv 2204.04676"
_AUTHORS = "authors' repository"

_LAYERS = "ppgan_mpr.networks.nafnet.network"
MOST_LEVELS = 4  # as in all published networks; more would need a larger ``size_multiple``


def _deduce(shapes: Shapes) -> dict[str, Any]:
    width, channels = shapes["intro.weight"][:2]
    levels = count_layers(shapes, "downs.")

    def blocks(sequence: str) -> tuple[int, ...]:
        return tuple(count_layers(shapes, f"{sequence}.{level}.") for level in range(levels))

    return {
        "img_channel": channels,
        "width": width,
        "middle_blk_num": count_layers(shapes, "middle_blks."),
        "enc_blk_nums": blocks("encoders"),
        "dec_blk_nums": blocks("decoders"),
    }


def _sizes(width: int, encoder: tuple[int, ...], middle: int, decoder: int) -> Mapping[str, Any]:
    return MappingProxyType(
        {
            "width": width,
            "enc_blk_nums": encoder,
            "middle_blk_num": middle,
            "dec_blk_nums": (decoder,) * len(encoder),
        }
    )


_DEBLURRING = {width: _sizes(width, (1, 1, 1, 28), 1, 1) for width in (32, 64)}
_DENOISING = {width: _sizes(width, (2, 2, 4, 8), 12, 2) for width in (32, 64)}


def _authors(
    variant: str,
    task: Task,
    hyperparameters: Mapping[str, Any],
    parameters: int,
    gmacs: float,
    score: Score,
) -> WeightsRecord:
    return WeightsRecord(
        model="authors",
        task=task.name,
        variant=variant,
        hyperparameters=hyperparameters,
        parameters=parameters,
        gmacs=gmacs,
        licence="MIT (the authors' repository megvii-research/NAFNet)",
        origin="the authors' PyTorch release, on Google Drive",
        paper=_PAPER,
        scores=(score,),
        local=score.local,
        config=f"nafnet_{task.name.lower()}_width{hyperparameters['width']}",
    )


_WEIGHTS = (
    WeightsRecord(
        model="published",
        task=DENOISING.name,
        hyperparameters=_DENOISING[64],
        parameters=115_982_915,
        gmacs=63.5,
        url="https://paddlegan.bj.bcebos.com/models/NAFNet_Denoising.pdparams",
        licence="Apache-2.0 (PaddleGAN)",
        origin="PaddleGAN model zoo",
        paper=_PAPER,
        scores=(Score("SIDD", 43.1468, 0.9563, "ppgan-crop256-y", "PaddleGAN's documentation"),),
        config="nafnet_denoising_width64",
    ),
    _authors(
        "gopro-width32",
        DEBLURRING,
        _DEBLURRING[32],
        17_111_907,
        16.0,
        Score("GoPro (1111)", 32.87, 0.9606, "gopro", _AUTHORS, local=True),
    ),
    _authors(
        "gopro-width64",
        DEBLURRING,
        _DEBLURRING[64],
        67_888_835,
        63.2,
        Score("GoPro (1111)", 33.71, 0.9668, "gopro", _AUTHORS, local=True),
    ),
    _authors(
        "reds-width64",
        DEBLURRING,
        _DEBLURRING[64],
        67_888_835,
        63.2,
        Score("REDS (300)", 29.09, 0.8671, "gopro", _AUTHORS, local=True),
    ),
    _authors(
        "sidd-width32",
        DENOISING,
        _DENOISING[32],
        29_159_715,
        16.1,
        Score("SIDD validation (1280)", 39.97, 0.9599, "sidd", _AUTHORS),
    ),
    _authors(
        "sidd-width64",
        DENOISING,
        _DENOISING[64],
        115_982_915,
        63.5,
        Score("SIDD validation (1280)", 40.30, 0.9614, "sidd", _AUTHORS),
    ),
)

SPEC = NetworkSpec(
    name="NAFNet",
    layer=f"{_LAYERS}:NAFNet",
    tasks=(DEBLURRING, DENOISING),
    identifying_parameters=("intro.weight", "ending.weight"),
    deduce=_deduce,
    size_multiple=1 << MOST_LEVELS,  # other sizes would be padded with zeros by the network
    patch_size=256,
    in_channels="img_channel",
    out_channels="img_channel",
    size_arguments=("width", "enc_blk_nums", "middle_blk_num", "dec_blk_nums"),
    weights=_WEIGHTS,
    plugin_names={
        "generator": "NAFNet",
        "model": "NAFNetModel",
        "train": "NAFNetTrain",
        "validation": "NAFNetVal",
        "test": "NAFNetTest",
    },
    recomputed_layers=(f"{_LAYERS}:NAFBlock",),
    local_layers={f"{_LAYERS}:SimplifiedChannelAttention": f"{_LAYERS}:LocalChannelAttention"},
)
