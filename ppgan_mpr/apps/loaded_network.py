"""A network with its weights on its devices, loaded for a predictor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from ..imaging.memory_budget import MemoryBudget
from ..imaging.reduce import reduced_size
from ..inference import Cache, InferenceOptions, Model, Restorer, RestorerPool
from ..networks import Task, find_network, find_task
from ..versions import versions
from .fit import check_fit
from .lazy_weights import LazyWeights
from .pace import Pace
from .plan import joined_download
from .remarks import warn_of_weakness
from .result import ResultRecord

# Writing a picture takes this many times its bytes: a copy of the pixels, the file, and a copy
# of the file.
_TIMES_ENCODED = 3


@dataclass(frozen=True, eq=False)
class LoadedNetwork:
    """A network, or several in order, ready to restore pictures.

    Attributes:
        weights: of the network; of several, those of the last one.
        task: of the network; of several, that of the last one.
        restorers: one for each device.
        earlier_stages: number of earlier stages whose outputs are wanted too.
        common_record: what the records of all pictures have in common.
        times_between: the memory held between two networks, in multiples of the decoded
            picture's bytes; 0 for one network.
        earlier_weights: of several networks, the weights of all but the last one.
    """

    weights: LazyWeights
    task: Task
    restorers: RestorerPool
    earlier_stages: int
    common_record: ResultRecord
    times_between: int = 0
    earlier_weights: tuple[LazyWeights, ...] = ()

    @property
    def download(self) -> int | None:
        """Size of the weights that would be downloaded first; see :class:`.plan.Plan`."""
        return joined_download(one.download for one in (*self.earlier_weights, self.weights))

    @property
    def scale(self) -> int:
        """How many times the picture is enlarged."""
        return self.common_record.scale

    def result_size(self, width: int, height: int, max_size: int | None) -> tuple[int, int]:
        """Width and height of the result of a picture.

        Args:
            width, height: size of the picture in pixels.
            max_size: the limit that pictures are reduced to, if any.
        """
        width, height = reduced_size(width, height, max_size)
        return self.scale * width, self.scale * height

    def load_ahead(self, width: int, height: int) -> None:
        """Start loading the network for a picture, and return at once; it may do nothing.

        Args:
            width, height: size of the picture in pixels.
        """
        width, height = self.result_size(width, height, None)
        self.restorers.load_ahead(height, width)

    def times_held(self, in_place: bool) -> float:
        """The most memory that a restoration holds, in multiples of the decoded picture's bytes.

        Args:
            in_place: whether the result takes the place of the picture's pixels.
        """
        results = self.earlier_stages + (not in_place or self.scale > 1)
        return 1 + self.scale**2 * (results + _TIMES_ENCODED) + self.times_between

    def pace(self, cache: Cache, options: InferenceOptions) -> Pace:
        """How fast the network computes with these options, as the cache remembers it."""
        common = self.common_record
        what = common.network, common.task, common.weights_digest, common.local
        how = common.backend, common.precision, common.device, common.threads
        return Pace(cache, *what, *how, options.ensemble, options.stages)


def load_network(
    weights: LazyWeights, options: InferenceOptions, cache: Cache, dry_run: bool = False
) -> LoadedNetwork:
    """Load the network of weights for the devices that the options name.

    Args:
        weights: of the network.
        options: how to restore.
        cache: of exported networks.
        dry_run: announce neither the export nor the compilation.

    Raises:
        UsageError: the options do not suit the network.
        WeightsError, DownloadError: see :class:`.lazy_weights.LazyWeights`.
        MissingDependencyError: PaddlePaddle or the backend is not installed.
    """
    info = weights.info
    assert info.task is not None  # LazyWeights has made sure
    spec, task = find_network(info.network), find_task(info.task)
    check_fit(info, task, spec, options)
    warn_of_weakness(weights.record)
    local = info.local if options.local is None else options.local
    build_model = partial(
        Model,
        weights.identity,
        spec,
        weights.build,
        cache,
        channels=info.channels,
        local=local,
        stages=options.stages,
        title=f"{spec.title} ({task.name})",
        silent=dry_run,
    )
    restorers = RestorerPool.on_devices(build_model, options)
    backend = restorers.first.backend
    common_record = ResultRecord(
        source="",
        network=spec.name,
        task=task.name,
        scale=info.scale or 1,
        local=local,
        weights=weights.name,
        weights_digest=weights.digest,
        backend=backend.name,
        precision=backend.precision,
        device=restorers.device,
        threads=backend.threads,
        options={**options.pixel_options(), "memory": restorers.first.budget},
        versions=versions(backend.name),
    )
    earlier_stages = spec.stages - 1 if options.stages else 0
    return LoadedNetwork(weights, task, restorers, earlier_stages, common_record)


def reserve_memory(restorer: Restorer, budget: MemoryBudget) -> None:
    """Reserve the memory that a network may still take, so that its tiles need not be smaller."""
    budget.reserve(restorer, restorer.memory_to_take)
