"""Networks that are not part of the package, for tests that register them."""

from ppgan_mpr.dependencies import require
from ppgan_mpr.networks import NetworkSpec, find_network
from ppgan_mpr.networks.nafnet.network import NAFNet
from ppgan_mpr.networks.tasks import DEBLURRING, DENOISING

paddle = require("paddle")
nn = paddle.nn


class MixedNet(nn.Layer):
    """Layers whose parameters PyTorch names or arranges differently from Paddle."""

    def __init__(self, width=6, hidden=6):
        super().__init__()
        self.head = nn.Conv2D(3, width, 3, padding=1)
        self.norm = nn.BatchNorm2D(width)
        self.instance = nn.InstanceNorm2D(width)
        self.act = nn.PReLU()
        self.widen = nn.Linear(width, hidden)
        self.gate = nn.Linear(hidden, width)
        self.tail = nn.Conv2D(width, 3, 3, padding=1)

    def forward(self, x):
        y = self.act(self.instance(self.norm(self.head(x))))
        gate = self.gate(self.widen(y.mean([2, 3])))
        return x + self.tail(y * gate.unsqueeze(-1).unsqueeze(-1))


MIXED = NetworkSpec(
    name="MixedNet",
    layer="other_networks:MixedNet",
    tasks=(DENOISING,),
    identifying_parameters=("head.weight", "widen.weight"),
    deduce=lambda shapes: {"width": shapes["head.weight"][0], "hidden": shapes["widen.weight"][1]},
    size_multiple=1,
    patch_size=32,
)


class PlainNet(nn.Layer):
    """Layers with PyTorch's names and one square matrix."""

    def __init__(self):
        super().__init__()
        self.head = nn.Conv2D(3, 4, 3, padding=1)
        self.gate = nn.Linear(4, 4)
        self.tail = nn.Conv2D(4, 3, 3, padding=1)

    def forward(self, x):
        y = self.head(x)
        return x + self.tail(y * self.gate(y.mean([2, 3])).unsqueeze(-1).unsqueeze(-1))


PLAIN = NetworkSpec(
    name="PlainNet",
    layer="other_networks:PlainNet",
    tasks=(DENOISING,),
    identifying_parameters=("head.weight", "gate.weight", "tail.weight"),
    deduce=lambda shapes: {},
    size_multiple=1,
    patch_size=32,
)


class RefinedNAFNet(NAFNet):
    """NAFNet with one more layer, so its files hold all parameters of NAFNet, too."""

    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.refine = nn.Conv2D(3, 3, 3, padding=1)

    def forward(self, x):
        return self.refine(super().forward(x))


REFINED = NetworkSpec(
    name="RefinedNAFNet",
    layer="other_networks:RefinedNAFNet",
    tasks=(DEBLURRING,),
    identifying_parameters=("intro.weight", "refine.weight"),
    deduce=find_network("NAFNet").deduce,
    size_multiple=16,
    patch_size=32,
    in_channels="img_channel",
    out_channels="img_channel",
)


class RenamedNAFNet(NAFNet):
    """NAFNet under another name, with equal parameters."""


RENAMED = NetworkSpec(
    name="RenamedNAFNet",
    layer="other_networks:RenamedNAFNet",
    tasks=(DEBLURRING,),
    identifying_parameters=("intro.weight", "ending.weight"),
    deduce=find_network("NAFNet").deduce,
    size_multiple=16,
    patch_size=32,
    in_channels="img_channel",
    out_channels="img_channel",
)
