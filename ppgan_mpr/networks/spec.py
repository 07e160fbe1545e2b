"""Specifications of networks: the facts about each network that other code needs, as data.

A network is a folder with its layers (``network.py``) and a :class:`NetworkSpec` (``spec.py``).
Importing a spec does not import PaddlePaddle: it names classes as ``"module:Class"``, and they
are imported on first use.
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
from ..paddle_mode import changing_mode
from .tasks import Task

#: Parameter name → shape.
Shapes = Mapping[str, tuple[int, ...]]
Hyperparameters = Mapping[str, Any]

#: An empty mapping that cannot be changed, for default values.
NOTHING: Mapping[str, Any] = MappingProxyType({})

#: Global average pooling; the tiles of one photograph share its results.
GLOBAL_POOLING = "paddle.nn:AdaptiveAvgPool2D"


@dataclass(frozen=True)
class Score:
    """A published or measured PSNR and SSIM of a set of weights on a test set.

    Attributes:
        dataset: test set and, in brackets, its number of pictures.
        psnr: mean PSNR in dB.
        ssim: mean SSIM, or None if not reported.
        protocol: name of the measurement protocol in :mod:`ppgan_mpr.metrics`.
        source: who reports it; ``measured`` for scores of this project.
        local: whether the test-time local converter (TLC, arXiv 2112.04491) was used.
    """

    dataset: str
    psnr: float
    ssim: float | None
    protocol: str
    source: str
    local: bool = False


@dataclass(frozen=True)
class WeightsRecord:
    """The catalogue entry of a weights file: its network, task, origin and scores.

    Attributes:
        model: ``published`` (downloaded), ``lite`` (embedded in a package) or ``authors`` (the
            paper's own files, which the user has to download).
        task: name of a task of the network.
        variant: distinguishes several weights of the same network, model and task, or empty.
        hyperparameters: constructor arguments that differ between the network's weights.
        parameters: number of parameters.
        gmacs: multiply-adds of the convolutions for a picture of 256×256 pixels, in billions.
        licence, origin, paper: for credit.
        scale: factor by which the picture is enlarged before it enters the network.
        url: address of the download, or None.
        resource: ``"package:path"`` of an embedded file, or None.
        size: bytes, if known.
        sha256: digest of the file, if known.
        git_blob: git's object id of the file, if known.
        scores: results on test sets.
        note: what a user should know before choosing these weights.
        weakness: why these weights hardly help with real pictures, as the end of a sentence that
            begins with their name; empty for weights that help. Users get it as a warning.
        local: whether these weights are meant to run with the test-time local converter (TLC),
            as their authors test them.
        config: name of the packaged configuration that trains this network, or empty.
        network: name of the network; filled in by its :class:`NetworkSpec`.
        qualified: whether the name includes the network, because a network registered earlier
            has weights of the same model and task; filled in by the registry.
    """

    model: str
    task: str
    hyperparameters: Hyperparameters
    parameters: int
    licence: str
    origin: str
    paper: str
    variant: str = ""
    gmacs: float | None = None
    scale: int = 1
    url: str | None = None
    resource: str | None = None
    size: int | None = None
    sha256: str | None = None
    git_blob: str | None = None
    scores: tuple[Score, ...] = ()
    note: str = ""
    weakness: str = ""
    local: bool = False
    config: str = ""
    network: str = ""
    qualified: bool = False

    @property
    def name(self) -> str:
        """The name that ``load_weights`` takes: ``model:task``.

        It is ``model:network:task`` if a network registered earlier has such weights for the
        task. A ``:variant`` follows, and ``:xN`` if the picture is enlarged.
        """
        network = f"{self.network.lower()}:" if self.qualified else ""
        scale = f":x{self.scale}" if self.scale > 1 else ""
        variant = f":{self.variant}" if self.variant else ""
        return f"{self.model}:{network}{self.task}{variant}{scale}"

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
    """The names and shapes of the tensors in a network's state dict.

    Attributes:
        shapes: name → shape of every entry.
        copies: name → the first name of the same tensor, for layers that share parameters.
        torch_names: name → PyTorch's name of the same tensor, if it differs.
        transposed: names of the matrices that PyTorch stores transposed.
    """

    shapes: Shapes
    copies: Mapping[str, str]
    torch_names: Mapping[str, str]
    transposed: frozenset[str]


@dataclass(frozen=True, eq=False)
class NetworkSpec:
    """A restoration network: the path to its layers, and the facts that other code needs.

    The network maps pictures [N, C, H, W] with values in [0, 1] to pictures [N, C', H, W], or to a
    list of such pictures that starts with the result of the last stage.

    Attributes:
        name: name of the network and its class.
        layer: ``"module:Class"`` of the ``paddle.nn.Layer``.
        tasks: the tasks that it is trained for.
        identifying_parameters: parameter names by which the network is recognised; all of its
            state dicts have all of them, and those of other networks do not.
        deduce: function from the shapes of all tensors to the constructor's arguments. It may
            raise any exception for tensors of another network.
        size_multiple: height and width of a picture must be multiples of this.
        patch_size: side in pixels of its training patches.
        stages: number of pictures that it returns, one for each stage of refinement.
        title: the name to display; default: ``name``.
        in_channels, out_channels: names of the constructor's arguments for the channels of
            input and output; 3 channels if the arguments are not given.
        size_arguments: names of the constructor's arguments that set the size of the network,
            for messages.
        shared_layers: ``"module:Class"`` of the layers that reduce a whole map to statistics
            [N, C, 1, 1] or [N, C, 1]. Tiles of one photograph share their results.
        local_layers: ``"module:Class"`` of a layer → that of its replacement with statistics
            over windows (TLC), see :mod:`.blocks.local`. Empty if TLC does not apply.
        no_local: the reason why TLC does not apply, as the end of a sentence.
        recomputed_layers: ``"module:Class"`` of the blocks that need most memory in training;
            they are not nested. Activation recomputation keeps only their inputs.
        weights: the known weights.
        plugin_names: role → name in PaddleGAN's registries. The roles are ``generator``,
            ``model``, ``train``, ``validation`` and ``test``. By default, the network is
            registered as a generator under its own name.
    """

    name: str
    layer: str
    tasks: tuple[Task, ...]
    identifying_parameters: tuple[str, ...]
    deduce: Callable[[Shapes], dict[str, Any]]
    size_multiple: int
    patch_size: int
    stages: int = 1
    title: str = ""
    in_channels: str = "in_channels"
    out_channels: str = "out_channels"
    size_arguments: tuple[str, ...] = ()
    shared_layers: tuple[str, ...] = (GLOBAL_POOLING,)
    local_layers: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    no_local: str = "it has no layers that TLC replaces"
    recomputed_layers: tuple[str, ...] = ()
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
        """Names of the tasks."""
        return tuple(task.name for task in self.tasks)

    @property
    def layer_class(self) -> type[Any]:
        """The ``paddle.nn.Layer`` class; the first access imports PaddlePaddle."""
        require("paddle")
        return resolve(self.layer)

    def build(self, hyperparameters: Hyperparameters) -> Any:
        """Build the network as a ``paddle.nn.Layer`` with random weights."""
        with changing_mode():
            return self.layer_class(**hyperparameters)

    def input_channels(self, hyperparameters: Hyperparameters) -> int:
        """Number of channels of the network's input: 3 for each view."""
        return hyperparameters.get(self.in_channels, 3)

    def output_channels(self, hyperparameters: Hyperparameters) -> int:
        """Number of channels of the network's output."""
        return hyperparameters.get(self.out_channels, 3)

    @property
    def window(self) -> int:
        """Side in pixels of TLC's windows: 1.5 times the side of the training patches."""
        return 3 * self.patch_size // 2

    def localise(self, network: Any, channels: int = 3, exact: bool = False) -> None:
        """Replace statistics over the whole picture by windowed ones (TLC), in place.

        Args:
            network: the ``paddle.nn.Layer`` in evaluation mode.
            channels: channels of its input.
            exact: compute the statistics at every position (slow) instead of interpolating.
        """
        from .blocks.local import convert_to_local

        replacements = {resolve(a): resolve(b) for a, b in self.local_layers.items()}
        convert_to_local(network, replacements, self.window, channels, exact)

    def layout(self, hyperparameters: Hyperparameters) -> Layout:
        """The names and shapes of the tensors in the network's state dict."""
        return _layout(self, _hashable(hyperparameters))

    def describe(self, hyperparameters: Hyperparameters) -> str:
        """The size of the network in words, for messages.

        It names known variants of this size, such as ``the size of gopro-width32``, or else the
        arguments, such as ``n_feat 96, num_cab 8``.
        """
        records = self.records_of_size(hyperparameters)
        variants = [record.variant for record in records if record.variant]
        if variants:
            return f"the size of {' and '.join(variants)}"
        known = (key for key in self.size_arguments if key in hyperparameters)
        return ", ".join(f"{key} {hyperparameters[key]}" for key in known)

    def records_of_size(self, hyperparameters: Hyperparameters) -> list[WeightsRecord]:
        """The records of known weights for a network of this size."""
        return [
            record
            for record in self.weights
            if all(hyperparameters.get(k) == v for k, v in record.hyperparameters.items())
        ]

    def tasks_for(self, channels: int) -> tuple[Task, ...]:
        """The tasks whose inputs have this many channels."""
        return tuple(task for task in self.tasks if task.channels == channels)


def resolve(path: str) -> Any:
    """Import the class that ``"module:Class"`` names."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def count_layers(shapes: Shapes, prefix: str) -> int:
    """The number of layers of a sequence whose parameters' names start with ``prefix``."""
    inside = (name[len(prefix) :] for name in shapes if name.startswith(prefix))
    return len({name.partition(".")[0] for name in inside})


def _hashable(value: Any) -> Any:
    """A value with its lists as tuples, and its mappings as sorted tuples of pairs."""
    if isinstance(value, Mapping):
        return tuple(sorted((key, _hashable(item)) for key, item in value.items()))
    return tuple(map(_hashable, value)) if isinstance(value, (list, tuple)) else value


@functools.lru_cache(maxsize=8)
def _layout(spec: NetworkSpec, hyperparameters: tuple[tuple[str, Any], ...]) -> Layout:
    paddle = require("paddle")
    # Names and shapes only, without memory: a malicious file may claim an enormous network.
    with changing_mode(), paddle.LazyGuard():
        network = spec.build(dict(hyperparameters))
    state = network.state_dict()
    renamed, transposed = _torch_differences(network)
    first: dict[int, str] = {}
    same_as = {key: first.setdefault(id(value), key) for key, value in state.items()}
    return Layout(
        shapes={key: tuple(value.shape) for key, value in state.items()},
        copies={key: original for key, original in same_as.items() if key != original},
        torch_names={
            key: f"{key.rpartition('.')[0]}.{renamed[id(value)]}".lstrip(".")
            for key, value in state.items()
            if id(value) in renamed
        },
        transposed=frozenset(key for key, value in state.items() if id(value) in transposed),
    )


def _torch_differences(network: Any) -> tuple[dict[int, str], set[int]]:
    """The parameters and buffers that PyTorch stores differently, by their ``id``.

    Returns:
        ``id`` → last part of PyTorch's name, for those with another name; and the ids of the
        matrices of linear layers, which are [in, out] in Paddle and [out, in] in PyTorch.
    """
    from paddle import nn

    batch_norms = (
        nn.BatchNorm, nn.BatchNorm1D, nn.BatchNorm2D, nn.BatchNorm3D, nn.SyncBatchNorm,
    )  # fmt: skip
    instance_norms = (nn.InstanceNorm1D, nn.InstanceNorm2D, nn.InstanceNorm3D)
    names: dict[tuple[type, ...], dict[str, str]] = {
        (nn.PReLU,): {"_weight": "weight"},
        batch_norms: {"_mean": "running_mean", "_variance": "running_var"},
        instance_norms: {"scale": "weight"},
    }
    renamed: dict[int, str] = {}
    transposed: set[int] = set()
    for layer in network.sublayers(include_self=True):
        for kinds, own in names.items():
            if isinstance(layer, kinds):
                renamed.update({id(getattr(layer, ours)): theirs for ours, theirs in own.items()})
        if isinstance(layer, nn.Linear):
            transposed.add(id(layer.weight))
    return renamed, transposed
