"""Weights that are read only when somebody needs more of them than what they are for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from ..errors import UsageError, WeightsError
from ..inference import Cache, file_identity
from ..networks.records import in_channels
from ..networks.tasks import NETWORK_TASKS
from ..version import __version__
from ..weights import Weights, load_weights
from ..weights.catalogue import record_of_name
from ..weights.download import cached_path


@dataclass(frozen=True)
class Purpose:
    """What weights are for.

    Attributes:
        network: class name in :mod:`ppgan_mpr.networks`.
        task: one of :data:`ppgan_mpr.networks.tasks.ALL_TASKS`, or None where nothing tells.
        scale: how many times the picture is enlarged before it enters the network, or None
            where nothing tells.
        channels: of the picture that enters the network.
    """

    network: str
    task: str | None
    scale: int | None
    channels: int


class LazyWeights:
    """The weights of a predictor.

    Reading weights takes PaddlePaddle and seconds. Where the network was exported before, an
    identity and the purpose are all that is needed, and the catalogue or the cache tells both.

    Args:
        source: see :func:`~ppgan_mpr.weights.load_weights`.
        task: what they must be for; None: whatever they are for.
        networks: class names of the networks that they may belong to.
        scale: the enlargement, which weights for super-resolution may not tell; None:
            whatever they tell.
        cache: remembers what files hold.
        progress: show a bar while downloading.

    Attributes:
        purpose: with the task and the scale that were given or found.

    Raises:
        UsageError, WeightsError, DownloadError: see :func:`~ppgan_mpr.weights.load_weights`.
    """

    def __init__(
        self,
        source: str | Path,
        task: str | None,
        networks: Sequence[str],
        scale: int | None,
        cache: Cache,
        progress: bool,
    ):
        self._source, self._wanted, self._progress = source, task, progress
        self._record = record_of_name(str(source))
        # Before reading: a file that is replaced meanwhile must not lend its identity to the old.
        self._identity = self._identify() if self._path.is_file() else None
        found = self._remembered(cache)
        if found is None or (task and not _may_serve(found, task)):  # reading tells what is wrong
            found = _purpose(self.weights.network, self.weights.task, self.weights.hyperparameters)
            cache.store_facts(asdict(found), "weights", __version__, self.identity)
        if found.network not in networks:
            raise WeightsError(
                f"{source} holds weights of {found.network}, and {' or '.join(networks)} was "
                "asked for: give other weights, or ask for their network."
            )
        if not (task or found.task):
            raise UsageError(
                f"{source} does not tell what it was trained for: name the task, one of "
                f"{', '.join(NETWORK_TASKS[found.network])}."
            )
        self.purpose = Purpose(
            found.network,
            task or found.task,
            _agreed_scale(source, task or found.task, found.scale, scale),
            found.channels,
        )

    @cached_property
    def weights(self) -> Weights:
        """The weights themselves."""
        return load_weights(self._source, self._wanted, self._progress)

    @property
    def identity(self) -> str:
        """Equal for equal weights; see :class:`~ppgan_mpr.inference.Model`."""
        if self._identity is None:  # there was no file yet
            self._identity = self._identify()
        return self._identity

    def _identify(self) -> str:
        if self._record and self._record.sha256:
            return f"sha256:{self._record.sha256}"
        return file_identity(self._path)

    @property
    def _path(self) -> Path:
        if self._record:
            return self._record.path or cached_path(self._record)
        return Path(self._source).expanduser()

    def _remembered(self, cache: Cache) -> Purpose | None:
        """What these weights were found to be for earlier."""
        if not self._path.is_file():
            return None
        if self._record:
            record = self._record
            return _purpose(record.network, record.task, record.hyperparameters)
        facts = cache.load_facts("weights", __version__, self.identity)
        return facts and Purpose(**facts)


def _purpose(network: str, task: str | None, hyperparameters) -> Purpose:
    scale = hyperparameters.get("scale")
    return Purpose(network, task, scale, in_channels(hyperparameters))


def _may_serve(purpose: Purpose, task: str) -> bool:
    return purpose.task in (task, None) and task in NETWORK_TASKS[purpose.network]


def _agreed_scale(source, task: str, told: int | None, asked: int | None) -> int:
    if task != "SuperResolution":
        if asked not in (None, 1):
            raise UsageError(f"scale is {asked}, but {task} does not enlarge: leave it out.")
        return 1
    if told and asked not in (None, told, 1):  # 1: somebody has enlarged the picture already
        raise UsageError(f"scale is {asked}, but {source} enlarges {told} times.")
    if not (asked or told):
        raise UsageError(f"{source} does not tell how many times it enlarges: give the scale.")
    return asked or told
