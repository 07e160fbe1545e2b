"""The weights of a predictor, chosen by its arguments and read only when they are needed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import UsageError, WeightsError
from ..inference import Cache, InferenceOptions, file_identity
from ..networks import NetworkSpec, WeightsRecord, find_network, find_task
from ..version import __version__
from ..weights import Weights, find_record, load_weights
from ..weights.catalogue import record_of_name
from ..weights.digests import digest_file
from ..weights.download import cached_path
from ..weights.loading import check_task

_FACTS = "model info 3"  # kind of cache entries, with its version


@dataclass(frozen=True)
class ModelInfo:
    """What weights are for.

    Attributes:
        network: name of the network.
        task: name of the task, or None if it is not known.
        scale: how many times the picture is enlarged before it enters the network, or None if it
            is not known.
        channels: number of input channels of the network.
        local: whether the weights are meant to run with the test-time local converter (TLC).
        task_stated: whether the weights state the task; otherwise the task is that of known
            weights for a network of the same size, or the one that the user asked for.
    """

    network: str
    task: str | None
    scale: int | None
    channels: int
    local: bool
    task_stated: bool = True


class LazyWeights:
    """The weights of a predictor.

    Reading weights takes seconds and needs PaddlePaddle. A network that was exported before needs
    only the identity of its weights and their :class:`ModelInfo`, which are in the catalogue or in
    the cache. Missing files are downloaded when the identity is used.

    Args:
        source: see :func:`~ppgan_mpr.weights.load_weights`.
        task: name of the required task; None: that of the weights.
        networks: networks to which the weights may belong.
        scale: the enlargement, for weights that do not state it; None: that of the weights.
        cache: stores facts about files.
        progress: show a bar while downloading.
        dry_run: download nothing; missing weights are then identified by their name.

    Attributes:
        info: with the task and the scale that were given or found.

    Raises:
        UsageError, WeightsError, DownloadError: see :func:`~ppgan_mpr.weights.load_weights`.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | WeightsRecord,
        task: str | None,
        networks: Sequence[NetworkSpec],
        scale: int | None,
        cache: Cache,
        progress: bool,
        dry_run: bool = False,
    ):
        self._source, self._progress, self._dry_run = source, progress, dry_run
        self._cache, self._networks = cache, networks
        if isinstance(source, WeightsRecord):
            self._record: WeightsRecord | None = source
        else:
            self._record = record_of_name(os.fspath(source))
        # Identified before it is read: if the file is replaced meanwhile, facts about the old file
        # must not be cached under the identity of the new one.
        self._identity = self._identify() if os.path.isfile(self._path) else None
        names = [spec.name for spec in networks]
        found = self._remembered(cache, names)
        if found is None:
            weights = self._as_found
            found = ModelInfo(
                weights.network,
                weights.task,
                weights.scale,
                weights.channels,
                weights.local,
                weights.task_stated,
            )
            cache.store_facts(asdict(found), _FACTS, __version__, self.identity, *names)
        if found.network not in names:
            raise WeightsError(
                f"{self.name} holds weights of {found.network}, but the requested network is "
                f"{' or '.join(names)}: give other weights, or request their network."
            )
        stated_scale = found.scale
        if task and task != found.task:
            known = found.task if found.task_stated else None
            spec = find_network(found.network)
            check_task(self.name, task, known, found.task, spec, found.channels)
            stated_scale = found.scale if found.task is None else None
        task = task or found.task
        if task is None:
            raise UsageError(
                f"{self.name} does not say what it was trained for: give task=, one of "
                f"{', '.join(find_network(found.network).task_names)}."
            )
        scale = self._agreed_scale(task, stated_scale, scale)
        self.info = replace(found, task=task, scale=scale)

    @property
    def record(self) -> WeightsRecord | None:
        """The entry in the catalogue; None for a file given by its path."""
        return self._record

    @property
    def name(self) -> str:
        """The catalogue name, or the file."""
        return self._record.name if self._record else os.fspath(self._source)  # type: ignore[arg-type]

    @cached_property
    def _as_found(self) -> Weights:
        return load_weights(self._source, None, self._progress, self._networks)

    @property
    def weights(self) -> Weights:
        """The weights themselves."""
        return replace(self._as_found, task=self.info.task, scale=self.info.scale)

    @property
    def identity(self) -> str:
        """Equal for equal weights; see :class:`~ppgan_mpr.inference.Model`."""
        if self._identity is None:  # there was no file yet
            if not self._dry_run:
                self._as_found  # noqa: B018 - downloads them
            self._identity = self._identify()
        return self._identity

    @property
    def download(self) -> int | None:
        """Bytes to download, 0 if their number is not known; None if nothing is downloaded."""
        missing = self._record is not None and not os.path.isfile(self._path)
        return (self._record.size or 0) if self._record and missing else None

    def build(self) -> Any:
        """The network as a ``paddle.nn.Layer`` in evaluation mode.

        In a dry run, the network of weights in the catalogue is untrained.
        """
        if self._dry_run and self._record:
            network = find_network(self._record.network).build(self._record.hyperparameters)
            network.eval()
            return network
        return self.weights.build()

    @cached_property
    def digest(self) -> str:
        """``sha256:…`` of the file."""
        if self._record and self._record.sha256:
            return f"sha256:{self._record.sha256}"
        if self._dry_run and not os.path.isfile(self._path):
            return ""
        known = (self._cache.load_facts("digest", self.identity) or {}).get("sha256")
        if not isinstance(known, str):
            known = digest_file(self._path).sha256
            self._cache.store_facts({"sha256": known}, "digest", self.identity)
        return f"sha256:{known}"

    def _identify(self) -> str:
        if self._record and self._record.sha256:
            return f"sha256:{self._record.sha256}"
        if self._dry_run and not os.path.isfile(self._path):
            return self.name
        return file_identity(self._path)

    @property
    def _path(self) -> Path:
        if self._record:
            return self._record.path or cached_path(self._record)
        return Path(os.path.expanduser(self.name))

    def _remembered(self, cache: Cache, networks: Sequence[str]) -> ModelInfo | None:
        """The facts in the catalogue, or in the cache for the same choice of networks; or None."""
        if self._record:
            record = self._record
            channels = find_network(record.network).input_channels(record.hyperparameters)
            return ModelInfo(record.network, record.task, record.scale, channels, record.local)
        if not os.path.isfile(self._path):
            return None
        facts = cache.load_facts(_FACTS, __version__, self.identity, *networks)
        return None if facts is None else _info_of(facts)

    def _agreed_scale(self, task: str, stated: int | None, asked: int | None) -> int:
        if not find_task(task).enlarges:
            if asked not in (None, 1):
                raise UsageError(f"scale={asked}, but {task} does not enlarge: leave it out.")
            return 1
        if stated and asked not in (None, stated, 1):  # 1: the picture is already enlarged
            raise UsageError(
                f"scale={asked}, but {self.name} enlarges {stated} times: leave scale= out, or "
                "give other weights."
            )
        scale = asked or stated
        if scale is None:
            raise UsageError(f"{self.name} does not say how many times it enlarges: give scale=.")
        return scale


def _info_of(facts: Mapping[str, Any]) -> ModelInfo | None:
    """The cached facts about weights, or None if they are damaged."""
    try:
        info = ModelInfo(**facts)
        find_network(info.network)
        if info.task is not None:
            find_task(info.task)
    except (TypeError, UsageError):
        return None
    whole = all(value is None or type(value) is int for value in (info.scale, info.channels))
    truths = all(type(value) is bool for value in (info.local, info.task_stated))
    return info if whole and info.channels and truths else None


def choose_weights(
    weight_path: str | os.PathLike[str] | None,
    task: str | None,
    choice: Sequence[NetworkSpec],
    options: InferenceOptions,
    cache: Cache,
    dry_run: bool = False,
) -> LazyWeights:
    """The weights that a user's arguments name.

    Args:
        weight_path: a file or a catalogue name; None: known weights of ``options.model``.
        task: name of the task, in any letter case; None: that of the weights.
        choice: networks to choose from; the first one with such weights is taken.
        options: ``network``, ``model``, ``scale`` and ``progress`` are used.
        cache, dry_run: see :class:`LazyWeights`.

    Raises:
        UsageError: the arguments name no weights, or contradict each other.
        WeightsError, DownloadError: see :class:`LazyWeights`.
    """
    if options.network is not None:
        chosen = find_network(options.network)
        if chosen not in choice:
            names = ", ".join(spec.name for spec in choice)
            raise UsageError(
                f"network={options.network!r}: choose one of {names}, or use Predictor, which has "
                "all networks."
            )
        choice = (chosen,)
    names = " or ".join(spec.name for spec in choice)
    possible = list(dict.fromkeys(name for spec in choice for name in spec.task_names))
    if task is not None:
        task = find_task(task).name
        if task not in possible and weight_path is None:
            raise UsageError(f"{names} is not for {task}: choose {', '.join(possible)}.")
    if not isinstance(weight_path, (str, os.PathLike, type(None))):
        raise UsageError(
            f"weight_path= takes a file or the name of weights, not {type(weight_path).__name__}."
        )
    source: str | os.PathLike[str] | WeightsRecord
    if weight_path is not None:
        source = weight_path
    elif task is None:
        raise UsageError(f"The task is missing: give task=, one of {', '.join(possible)}.")
    else:
        scale = options.scale if find_task(task).enlarges else None
        source = find_record(options.model, task, _with_weights(choice, options.model, task), scale)
    return LazyWeights(source, task, choice, options.scale, cache, options.progress, dry_run)


def _with_weights(choice: Sequence[NetworkSpec], model: str, task: str) -> str | None:
    """The first network with such weights; if there is one network to choose from, that one."""
    if len(choice) == 1:
        return choice[0].name
    own = ((spec.name, (record.model, record.task)) for spec in choice for record in spec.weights)
    return next((name for name, weights in own if weights == (model, task)), None)
