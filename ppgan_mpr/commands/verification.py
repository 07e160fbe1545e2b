"""Verifies weights: finds the published scores that apply, and measures by their protocols."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..checks import exact_name
from ..datasets import MPRVal
from ..errors import ImageError, UsageError
from ..imaging import Header
from ..imaging.samples import to_dtype
from ..inference import InferenceOptions, Model, Restorer
from ..inference.backends.base import Backend
from ..metrics import Protocol, ScoreTable, get_protocol
from ..networks import Score

_TEST_HALVES = ("test", "testing", "val", "valid", "validation", "eval")


@dataclass(frozen=True)
class Tolerance:
    """Largest difference between a measured and a published mean: PSNR in dB, and SSIM."""

    psnr: float = 0.05
    ssim: float = 0.002


@dataclass(frozen=True)
class Choice:
    """The published scores to print next to a measured one.

    Attributes:
        scores: any number of scores.
        reason: a sentence that says why they cannot be compared with the measured one; empty if
            they can.
    """

    scores: tuple[Score, ...]
    reason: str = ""


@dataclass(frozen=True)
class Comparison:
    """A published score and the measured one.

    Attributes:
        score: the published score, or None if there is none.
        measured: every picture's score by one protocol.
        reason: a sentence that says why the two cannot be compared; empty if they can.
        name: name of the measured data set; used if ``score`` is None.
    """

    score: Score | None
    measured: ScoreTable
    reason: str = ""
    name: str = ""

    @property
    def differences(self) -> tuple[float | None, float | None]:
        """Measured minus published PSNR in dB and SSIM; None where one of the two is missing."""
        if self.score is None:
            return None, None
        mean = self.measured.mean()
        ssim = None if self.score.ssim is None else mean["ssim"] - self.score.ssim
        return mean["psnr"] - self.score.psnr, ssim

    def agrees(self, tolerance: Tolerance) -> bool | None:
        """Whether the two differ by at most the tolerance; None if they cannot be compared."""
        psnr, ssim = self.differences
        if self.reason or psnr is None:
            return None
        # Both comparisons are False for NaN and infinity.
        return abs(psnr) <= tolerance.psnr and (ssim is None or abs(ssim) <= tolerance.ssim)


def dataset_name(score: Score) -> str:
    """Name of a score's test set, without its number of pictures."""
    return score.dataset.partition("(")[0].strip()


def dataset_count(score: Score) -> int | None:
    """Number of pictures of a score's test set, or None if the score does not state it."""
    found = re.search(r"\((\d+)", score.dataset)
    return int(found[1]) if found else None


def find_test_sets(folder: Path) -> list[Path]:
    """The folder itself if it holds pairs, else the test sets in its sub-folders."""
    if any((folder / part).exists() for part in ("input", "inputL", "target")):
        return [folder]
    try:
        inner = sorted(path for path in folder.iterdir() if (path / "target").is_dir())
    except OSError:
        inner = []
    return inner or [folder]


def mean_of_sets(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The mean over test sets, for every protocol by which several test sets were measured.

    Args:
        comparisons: comparisons of all sets. If some sets have a published score, the mean is over
            these sets. If none has, the mean is over all sets, without a published score.
    """
    found = []
    for protocol in dict.fromkeys(each.measured.protocol.name for each in comparisons):
        of_sets = {
            id(each.measured): each
            for each in comparisons
            if each.measured.protocol.name == protocol
        }
        rows = [row for row in of_sets.values() if row.score is not None] or list(of_sets.values())
        if len(rows) < 2:
            continue
        table, scores = ScoreTable(rows[0].measured.protocol), [row.score for row in rows]
        for number, row in enumerate(rows):
            table.add(str(number), row.measured.mean())
        known = [score for score in scores if score is not None]
        published = None
        if len(known) == len(rows):
            ssims = [score.ssim for score in known if score.ssim is not None]
            published = Score(
                f"mean of {len(rows)} sets",
                float(np.mean([score.psnr for score in known])),
                float(np.mean(ssims)) if len(ssims) == len(rows) else None,
                protocol,
                ", ".join(dict.fromkeys(score.source for score in known)),
            )
        reasons = [row.reason for row in rows if row.reason]
        reason = reasons[0] if reasons else ""
        found.append(Comparison(published, table, reason, f"mean of {len(rows)} sets"))
    return found


def choose_protocols(
    scores: Iterable[Score], name: str | None, dataset: str | None, weights: str
) -> list[Protocol]:
    """The protocols to measure by.

    Args:
        scores: published scores of the weights.
        name: name of the only protocol to use, or None for the protocols of the scores.
        dataset: use only the protocols of scores on this test set; None: of all scores.
        weights: name of the weights, for messages.

    Raises:
        UsageError: there is no such protocol or test set, or no score names a protocol.
    """
    scores = tuple(scores)
    if dataset is not None:
        if not scores:
            raise UsageError(f"There is no published score of {weights}: leave out dataset=.")
        wanted = exact_name("data set", dataset, dict.fromkeys(map(dataset_name, scores)))
        scores = tuple(score for score in scores if dataset_name(score) == wanted)
    if name is not None:
        return [get_protocol(name)]
    if not scores:
        raise UsageError(
            f"There is no published score of {weights}: give protocol= to choose how to score."
        )
    return [get_protocol(each) for each in dict.fromkeys(score.protocol for score in scores)]


def choose_scores(
    scores: Iterable[Score], protocol: Protocol, folder: Path, count: int, dataset: str | None
) -> Choice:
    """The published scores that belong to a folder of pictures.

    Args:
        scores: published scores of the weights, with or without the test-time local converter
            (TLC), as in the measurement.
        protocol: only its scores count.
        folder: folder of the pictures; its name, or that of the folder above it, may hold the name
            of the test set.
        count: number of pairs in the folder, which may also identify the test set.
        dataset: name of the test set if the user gave it, else None.
    """
    scores = tuple(score for score in scores if score.protocol == protocol.name)
    if dataset is not None:
        scores = tuple(s for s in scores if dataset_name(s).lower() == dataset.lower())
        if not scores:
            return Choice(
                (), f"There is no published score by the protocol {protocol.name} on {dataset}."
            )
    elif scores:
        found = scores_of_folder(scores, folder, count)
        if not found:
            return Choice(
                scores,
                f"{folder} may hold a test set other than those in the table: name it with "
                "dataset=.",
            )
        scores = found
    else:
        return Choice((), f"There is no published score by the protocol {protocol.name}.")
    other = [n for n in map(dataset_count, scores) if n not in (None, count)]
    if other:
        return Choice(
            scores,
            f"The published score is a mean of {other[0]} pictures, but {folder} holds {count}.",
        )
    return Choice(scores)


def scores_named(scores: Iterable[Score], name: str) -> tuple[Score, ...]:
    """The scores on the test set with this name; case, spaces and hyphens do not count."""
    return tuple(score for score in scores if _plain(dataset_name(score)) == _plain(name))


def scores_of_folder(
    scores: Sequence[Score], folder: Path, count: int | None = None
) -> tuple[Score, ...]:
    """The scores on the test set that the folder's name or number of pairs identifies.

    Args:
        scores: scores on any test sets.
        folder: folder of the pictures.
        count: number of pairs, if known.

    Returns:
        The scores on one test set; empty if none or several are possible.
    """
    counted = {dataset_name(score) for score in scores if count and dataset_count(score) == count}
    folder = folder.resolve()
    # The test set's name may be the folder's, as in Rain100L/, or its parent's, as in GoPro/test/
    # (but not as in GoPro/train/).
    half = folder.name.lower() in _TEST_HALVES
    for name in (folder.name, folder.parent.name if half else ""):
        named = {n for n in map(dataset_name, scores) if _plain(n) in _plain(name)}
        if named:
            # "SIDD validation" is more specific than "SIDD".
            longest = max(map(len, named))
            found = {n for n in named if len(n) == longest}
            break
    else:
        found = counted
    if len(found) > 1:
        found &= counted
    return tuple(s for s in scores if dataset_name(s) in found) if len(found) == 1 else ()


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


class Measurement:
    """Restores and scores the pairs of a folder by published protocols.

    Pictures are restored as the protocols' authors restore them. If only the centre crop is scored,
    only that is restored. Padding is on the same sides. There are no tiles if the memory allows it.
    The protocols get the network's floats and do their own rounding.

    Args:
        folder: folder of pairs in the layout of training data; kept as an attribute.
        protocols: protocols to score by.
        views: number of photographs that enter the network together.
        scale: factor by which the inputs are enlarged before they enter the network.
        limit: number of pairs to score, from the first on; None: all.

    Attributes:
        total: number of pairs in the folder.
        count: number of pairs that are scored.
        tiled: names of pictures that did not fit in the memory as a whole; :meth:`run` fills it.
        backend: the backend that ran the network; None before :meth:`run`.

    Raises:
        UsageError: files do not pair, or a protocol cannot score a picture.
    """

    def __init__(
        self,
        folder: Path,
        protocols: Sequence[Protocol],
        views: int = 1,
        scale: int = 1,
        limit: int | None = None,
    ):
        self.folder = folder
        self._passes: list[tuple[MPRVal, list[Header], str, list[Protocol]]] = []
        self.tiled: list[str] = []
        self.backend: Backend | None = None
        # Protocols that can score the same restored picture share a pass.
        groups: dict[tuple[int | None, str], list[Protocol]] = {}
        for protocol in protocols:
            groups.setdefault((protocol.crop, protocol.padding), []).append(protocol)
        for (crop, padding), group in groups.items():
            form = {"patch_size": crop, "scale": scale, "dual_pixel": views == 2}
            dataset = MPRVal(folder, form)
            self.total = len(dataset)
            self.count = self.total if limit is None else min(limit, self.total)
            headers = [
                _checked(name, header, group) for name, header in dataset.headers()[: self.count]
            ]
            self._passes.append((dataset, headers, padding, group))

    @property
    def restorations(self) -> int:
        """Total number of pictures to restore."""
        return self.count * len(self._passes)

    def run(
        self,
        model: Model,
        options: InferenceOptions,
        progress: Callable[[ScoreTable], None] = lambda table: None,
    ) -> dict[str, ScoreTable]:
        """Restore and score.

        Args:
            model: the network.
            options: options of the :class:`~ppgan_mpr.inference.Restorer`.
            progress: called after every picture with a table of the scores so far.

        Returns:
            Name of each protocol → its scores.

        Raises:
            ImageError: a picture cannot be read, or does not fit in the memory.
        """
        tables: dict[str, ScoreTable] = {}
        restorers: dict[str, Restorer] = {}
        for dataset, headers, padding, protocols in self._passes:
            if padding not in restorers:
                restorers[padding] = Restorer(model, options, padding=padding)
            restore = restorers[padding]
            self.backend = restore.backend
            tables.update({p.name: ScoreTable(p) for p in protocols})
            for index, header in enumerate(headers):
                target, degraded, name = dataset[index]  # [C, H, W]
                restored = self._restored(restore, degraded.transpose(1, 2, 0), name)
                # The integer values of the file, which the data set converted to floats.
                wanted = to_dtype(target.transpose(1, 2, 0), np.dtype(f"u{header.itemsize}"))
                for protocol in protocols:
                    tables[protocol.name].add(name, protocol.score(restored, wanted))
                progress(tables[protocols[0].name])
        return tables

    def _restored(self, restore: Restorer, degraded: np.ndarray, name: str) -> np.ndarray:
        tiles = 1

        def count_tiles(done: int, total: int) -> None:
            nonlocal tiles
            tiles = total

        try:
            restored = restore(degraded, count_tiles)
        except MemoryError:
            raise ImageError(
                f"{name} cannot be restored: even small tiles do not fit in the memory of "
                f"{restore.backend.device}."
            ) from None
        if tiles > 1:
            self.tiled.append(name)
        return restored


def _checked(name: str, header: Header | None, protocols: Iterable[Protocol]) -> Header:
    assert header is not None  # MPRVal has a target for every input
    for protocol in protocols:
        try:
            protocol.check(header.height, header.width)
        except ImageError as error:
            raise UsageError(
                f"{name} cannot be scored: {error}: choose another protocol."
            ) from None
    return header


def finite(number: float | None) -> float | None:
    """The number, or None for NaN and infinity, which JSON does not have."""
    return number if number is not None and math.isfinite(number) else None
