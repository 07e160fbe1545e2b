"""What a network states about itself, as data: the one place that generic code asks.

A network is a folder with its layers (``network.py``) and a :class:`NetworkSpec` (``spec.py``).
Importing a spec does not import PaddlePaddle: classes are named by ``"module:Class"`` and
imported on first use.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..dependencies import require
from .tasks import Task

#: Parameter name → shape.
Shapes = Mapping[str, tuple[int, ...]]
Hyperparameters = Mapping[str, Any]

NOTHING: Mapping[str, Any] = MappingProxyType({})

#: Global average pooling, whose results the tiles of one photograph share.
GLOBAL_POOLING = "paddle.nn:AdaptiveAvgPool2D"


@dataclass(frozen=True)
class Score:
    """One published or measured result; no other module states one.

    Attributes:
        dataset: test set and, in brackets, its number of pictures.
        psnr: mean PSNR in dB.
        ssim: mean SSIM, or None where it was not reported.
        protocol: name of the protocol in :mod:`ppgan_mpr.metrics` it was measured by.
        source: who reports it; ``measured`` for scores of this project.
        local: with the test-time local converter (TLC, arXiv 2112.04491).
    """

    dataset: str
    psnr: float
    ssim: float | None
    protocol: str
    source: str
    local: bool = False


@dataclass(frozen=True)
class WeightsRecord:
    """What is known about one file of weights.

    Attributes:
        model: ``published`` (downloaded), ``lite`` (embedded in a package) or ``authors`` (the
            paper's own files, which the user brings).
        task: name of a task of the network.
        hyperparameters: the network's arguments that differ between its models.
        parameters: number of parameters.
        licence, origin, paper: for credit.
        scale: how many times the picture is enlarged before it enters the network.
        url: where to download from, or None.
        resource: ``"package:path"`` of an embedded file, or None.
        size: bytes, where known.
        sha256: digest of the file, where known.
        git_blob: git's object id of the file, where known.
        scores: what the weights achieve.
        note: what a user should know before choosing them.
        config: name of the packaged configuration that trains this network, or empty.
        network: name of the network; filled in by its :class:`NetworkSpec`.
        qualified: another network's weights have the same model and task, so that the name
            says the network too; filled in by the registry.
    """

    model: str
    task: str
    hyperparameters: Hyperparameters
    parameters: int
    licence: str
    origin: str
    paper: str
    scale: int = 1
    url: str | None = None
    resource: str | None = None
    size: int | None = None
    sha256: str | None = None
    git_blob: str | None = None
    scores: tuple[Score, ...] = ()
    note: str = ""
    config: str = ""
    network: str = ""
    qualified: bool = False

    @property
    def name(self) -> str:
        """``model:task``, what ``load_weights`` takes.

        With ``:xN`` at the end where the picture is enlarged, and ``model:network:task`` where
        two networks have weights for a task.
        """
        network = f"{self.network.lower()}:" if self.qualified else ""
        scale = f":x{self.scale}" if self.scale > 1 else ""
        return f"{self.model}:{network}{self.task}{scale}"

    @property
    def path(self) -> Path | None:
        """The embedded file, or None."""
        if self.resource is None:
            return None
        package, _, path = self.resource.partition(":")
        found = importlib.util.find_spec(package)
        if found is None or not found.submodule_search_locations:
            raise ModuleNotFoundError(f"there is no package {package}", name=package)
        return Path(next(iter(found.submodule_search_locations))) / path


@dataclass(frozen=True)
class Layout:
    """What a network's state dict consists of.

    Attributes:
        shapes: name → shape of every entry.
        copies: name → the earlier name of the same tensor, where layers share parameters.
    """

    shapes: Shapes
    copies: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class NetworkSpec:
    """A restoration network: where its layers are, and every fact that other code needs.

    The network maps a picture [N, C, H, W] with values in [0, 1] to a picture [N, C', H, W], or
    to a list of them, the result first.

    Attributes:
        name: of the network and of its class.
        layer: ``"module:Class"`` of the ``paddle.nn.Layer``.
        tasks: what it is for.
        identifying_parameters: names that every state dict of the network has, and no other's.
        deduce: shapes of all tensors → the constructor's arguments that they show. May raise
            anything for tensors that are not the network's.
        size_multiple: height and width of a picture must be multiples of this.
        patch_size: side in pixels of the patches that it is trained on.
        title: name for people, where it differs.
        in_channels, out_channels: the constructor's arguments that hold the channels of the
            input and the output, which are 3 where the argument is missing.
        size_arguments: the constructor's arguments that set the size of the network, for
            messages.
        shared_layers: ``"module:Class"`` of the layers that reduce a whole map to statistics
            [N, C, 1, 1] or [N, C, 1]. Tiles of one photograph share their results.
        local_layers: ``"module:Class"`` of a layer → of its replacement with statistics over
            windows (TLC), see :mod:`.blocks.local`. Empty where TLC does not apply.
        no_local: why TLC does not apply, to end a sentence; for networks without local layers.
        weights: what weights are known.
        plugin_names: role → name in PaddleGAN's registries. The roles are ``generator``,
            ``model``, ``train``, ``validation`` and ``test``; a network without names of its
            own is registered as a generator.
    """

    name: str
    layer: str
    tasks: tuple[Task, ...]
    identifying_parameters: tuple[str, ...]
    deduce: Callable[[Shapes], dict[str, Any]]
    size_multiple: int
    patch_size: int
    title: str = ""
    in_channels: str = "in_channels"
    out_channels: str = "out_channels"
    size_arguments: tuple[str, ...] = ()
    shared_layers: tuple[str, ...] = (GLOBAL_POOLING,)
    local_layers: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    no_local: str = "it has no layers with windowed statistics"
    weights: tuple[WeightsRecord, ...] = ()
    plugin_names: Mapping[str, str] = field(default_factory=lambda: NOTHING)

    def __post_init__(self) -> None:
        own = tuple(replace(record, network=self.name) for record in self.weights)
        object.__setattr__(self, "weights", own)
        object.__setattr__(self, "title", self.title or self.name)
        names = self.plugin_names or {"generator": self.name}
        object.__setattr__(self, "plugin_names", MappingProxyType(dict(names)))

    @property
    def task_names(self) -> tuple[str, ...]:
        return tuple(task.name for task in self.tasks)

    @property
    def layer_class(self) -> type:
        """The ``paddle.nn.Layer`` class; the first access imports PaddlePaddle."""
        require("paddle")
        return resolve(self.layer)

    def build(self, hyperparameters: Hyperparameters) -> Any:
        """The network as a ``paddle.nn.Layer`` with random weights."""
        return self.layer_class(**hyperparameters)

    def input_channels(self, hyperparameters: Hyperparameters) -> int:
        """Channels of the picture that the network takes: 3 for each view."""
        return hyperparameters.get(self.in_channels, 3)

    def output_channels(self, hyperparameters: Hyperparameters) -> int:
        """Channels of the picture that the network returns."""
        return hyperparameters.get(self.out_channels, 3)

    def localise(self, network: Any, channels: int = 3) -> None:
        """Replace statistics over the whole picture by windowed ones (TLC), in place.

        Args:
            network: the ``paddle.nn.Layer`` in evaluation mode.
            channels: of the picture that it takes.
        """
        from .blocks.local import convert_to_local

        replacements = {resolve(a): resolve(b) for a, b in self.local_layers.items()}
        convert_to_local(network, replacements, self.patch_size, channels)

    def layout(self, hyperparameters: Hyperparameters) -> Layout:
        """What the network's state dict consists of."""
        return _layout(self, tuple(sorted(hyperparameters.items())))

    def describe(self, hyperparameters: Hyperparameters) -> str:
        """The size of the network in words, such as ``n_feat 96, num_cab 8``."""
        known = (key for key in self.size_arguments if key in hyperparameters)
        return ", ".join(f"{key} {hyperparameters[key]}" for key in known)

    def tasks_for(self, channels: int) -> tuple[Task, ...]:
        """The tasks whose pictures have this many channels."""
        return tuple(task for task in self.tasks if task.channels == channels)


def resolve(path: str) -> Any:
    """The class that ``"module:Class"`` names."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def count_layers(shapes: Shapes, prefix: str) -> int:
    """How many layers a sequence has, whose parameters' names start with ``prefix``."""
    inside = (name[len(prefix) :] for name in shapes if name.startswith(prefix))
    return len({name.partition(".")[0] for name in inside})


@functools.lru_cache(maxsize=8)
def _layout(spec: NetworkSpec, hyperparameters: tuple[tuple[str, Any], ...]) -> Layout:
    paddle = require("paddle")
    with paddle.LazyGuard():  # names and shapes without memory: a hostile file may ask for much
        state = spec.build(dict(hyperparameters)).state_dict()
    first: dict[int, str] = {}
    same_as = {key: first.setdefault(id(value), key) for key, value in state.items()}
    return Layout(
        shapes={key: tuple(value.shape) for key, value in state.items()},
        copies={key: original for key, original in same_as.items() if key != original},
    )
