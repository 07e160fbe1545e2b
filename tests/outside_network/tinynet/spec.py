"""What ppgan_mpr needs to know about TinyNet."""

from ppgan_mpr import NetworkSpec, Score, Task, WeightsRecord
from ppgan_mpr.networks.spec import count_layers

DEHAZING = Task("Dehazing", "pictures taken through haze")


def deduce(shapes):
    return {
        "width": shapes["encode.weight"][0],
        "num_blocks": tuple(
            count_layers(shapes, f"blocks.{group}.")
            for group in range(count_layers(shapes, "blocks."))
        ),
        "wave": "wave" in shapes,
    }


SPEC = NetworkSpec(
    name="TinyNet",
    layer="tinynet.network:TinyNet",
    tasks=(DEHAZING,),
    identifying_parameters=("encode.weight", "decode.0.weight", "blocks.0.0.depthwise.weight"),
    deduce=deduce,
    size_multiple=2,
    patch_size=32,
    size_arguments=("width", "num_blocks"),
    weights=(
        WeightsRecord(
            model="lite",
            task=DEHAZING.name,
            hyperparameters={"width": 8, "num_blocks": (1, 1)},
            parameters=564,
            licence="CC0",
            origin="random numbers",
            paper="none",
            resource="tinynet:tiny.safetensors",
            scores=(Score("haze", 12.34, None, "gopro", "measured"),),
        ),
    ),
)
