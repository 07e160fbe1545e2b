"""The specification of NAFNet: its tasks, its sizes, and its weights with their scores."""

from __future__ import annotations

from typing import Any

from ..spec import NetworkSpec, Shapes, count_layers
from ..tasks import DEBLURRING, DENOISING

_LAYERS = "ppgan_mpr.networks.nafnet.network"
_MOST_LEVELS = 4  # of all published networks


def _deduce(shapes: Shapes) -> dict[str, Any]:
    width, channels = shapes["intro.weight"][:2]
    levels = count_layers(shapes, "downs.")
    if levels > _MOST_LEVELS:
        raise ValueError(f"{levels} levels, which need larger multiples of height and width")

    def blocks(sequence: str) -> tuple[int, ...]:
        return tuple(count_layers(shapes, f"{sequence}.{level}.") for level in range(levels))

    return {
        "img_channel": channels,
        "width": width,
        "middle_blk_num": count_layers(shapes, "middle_blks."),
        "enc_blk_nums": blocks("encoders"),
        "dec_blk_nums": blocks("decoders"),
    }


SPEC = NetworkSpec(
    name="NAFNet",
    layer=f"{_LAYERS}:NAFNet",
    tasks=(DEBLURRING, DENOISING),
    identifying_parameters=("intro.weight", "middle_blks.0.sca.1.weight", "ending.weight"),
    deduce=_deduce,
    size_multiple=1 << _MOST_LEVELS,  # NAFNet pads by itself, with zeros
    patch_size=256,
    in_channels="img_channel",
    out_channels="img_channel",
    size_arguments=("width", "enc_blk_nums", "middle_blk_num", "dec_blk_nums"),
    local_layers={f"{_LAYERS}:SimplifiedChannelAttention": f"{_LAYERS}:LocalChannelAttention"},
)
