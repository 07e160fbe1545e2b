"""Weights that are read only when somebody needs more of them than their name."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from ..errors import UsageError, WeightsError
from ..inference import Cache, file_identity
from ..tasks import TASKS
from ..version import __version__
from ..weights import Weights, load_weights
from ..weights.catalogue import record_of_name
from ..weights.download import cached_path

_NETWORK = "MPRNet"


class LazyWeights:
    """MPRNet's weights for one task.

    Reading weights takes PaddlePaddle and seconds. Where the network was exported before, an
    identity and the task are all that is needed, and the catalogue or the cache tells both.

    Args:
        source: see :func:`~ppgan_mpr.weights.load_weights`.
        task: what they must be for; None: whatever they are for.
        cache: remembers what files hold.
        progress: show a bar while downloading.

    Attributes:
        task: what they are for.

    Raises:
        UsageError, WeightsError, DownloadError: see :func:`~ppgan_mpr.weights.load_weights`.
    """

    def __init__(self, source: str | Path, task: str | None, cache: Cache, progress: bool):
        self._source, self._wanted, self._progress = source, task, progress
        self._record = record_of_name(str(source))
        remembered = self._remembered(cache)
        if remembered is None or (task and remembered not in (task, "")):
            self._check()
            remembered = self.weights.task or ""
            cache.store_facts({"task": remembered}, "weights", __version__, self.identity)
        self.task = task or remembered
        if not self.task:
            raise UsageError(
                f"{source} does not tell what it was trained for: name the task, one of "
                f"{', '.join(TASKS)}."
            )

    @cached_property
    def weights(self) -> Weights:
        """The weights themselves."""
        return load_weights(self._source, self._wanted, self._progress)

    @property
    def identity(self) -> str:
        """Equal for equal weights; see :class:`~ppgan_mpr.inference.Model`."""
        if self._record and self._record.sha256:
            return f"sha256:{self._record.sha256}"
        return file_identity(self._path)

    @property
    def _path(self) -> Path:
        if self._record:
            return self._record.path or cached_path(self._record)
        return Path(self._source).expanduser()

    def _remembered(self, cache: Cache) -> str | None:
        """The task that these weights were found to be for earlier, empty where none is known."""
        if not self._path.is_file():
            return None
        if self._record:
            return self._record.task
        facts = cache.load_facts("weights", __version__, self.identity)
        return facts and facts["task"]

    def _check(self) -> None:
        if self.weights.network != _NETWORK:
            raise WeightsError(
                f"{self.weights.source} holds weights of {self.weights.network}, and this "
                f"predictor runs {_NETWORK}: give weights of {_NETWORK}."
            )
