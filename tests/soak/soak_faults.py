"""Injects faults into running programs, and checks what they and the next run leave.

After every fault, no partial file may have a final name, and the sources must be unchanged. The
next run must finish exactly what is missing, with the result of an undisturbed run.
"""

from __future__ import annotations

import contextlib
import io
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from PIL import Image
from soak_runs import ROOT, Run, mprnet, small_disk, small_files, watch
from tls_server import Server

from ppgan_mpr.apps.manifest import Manifest
from ppgan_mpr.weights import load_weights
from ppgan_mpr.weights.conversion import convert

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
_COUNTS = {"batch": 30, "download": 8, "cache": 8, "training": 10}  # of each signal
_DISK = {"full disk": 14, "file too large": 4, "read-only folder": 6, "permission lost": 14}
_PICTURES = 8
_ITERATIONS = 12
_DOWNLOAD = """
import dataclasses, sys
from ppgan_mpr.networks import find_network, networks, register_network, unregister_network
from ppgan_mpr.weights import find_record, load_weights
from ppgan_mpr.weights.download import cached_path
lite = find_record("lite", "Denoising")
record = dataclasses.replace(
    lite, model="published", resource=None, size=None, sha256=None, url=sys.argv[1])
spec = find_network(lite.network)
for known in networks():
    unregister_network(known.name)
register_network(dataclasses.replace(spec, weights=(record,)))
print(cached_path(record), flush=True)
load_weights(find_record("published", "Denoising"))
"""


@dataclass
class Verdict:
    """The consequences of one fault.

    Attributes:
        kind: kind of fault.
        number: number of the fault among those of its kind. Seed, kind and number repeat a fault.
        problems: the violated requirements, in words.
        left: number of temporary files that remain after the next run.
        lost: bytes of sources or finished results that were lost.
    """

    kind: str
    number: int
    problems: list[str] = field(default_factory=list)
    left: int = 0
    lost: int = 0


def table(verdicts: list[Verdict]) -> str:
    """Markdown: a row for each kind of fault."""
    kinds: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        kinds[verdict.kind].append(verdict)
    rows = ["| fault | injected | passed | temporary files left | bytes lost |",
            "|---|---|---|---|---|"]  # fmt: skip
    for kind, found in [*kinds.items(), ("all", verdicts)]:
        rows.append(
            f"| {kind} | {len(found)} | {sum(not one.problems for one in found)} "
            f"| {sum(one.left for one in found)} | {sum(one.lost for one in found)} |"
        )
    return "\n".join(rows)


class Workplace:
    """Sources and caches of the runs, and the results of undisturbed runs.

    Args:
        folder: everything goes below it.
        variables: environment variables of the training runs.
    """

    def __init__(self, folder: Path, **variables: str):
        self.folder = folder
        self.variables = variables
        self.home = folder / "home"
        self.sources = folder / "photos"
        self.sources.mkdir(parents=True)
        rng = np.random.default_rng(0)
        for number in range(_PICTURES):
            pixels = rng.integers(0, 256, (48, 64, 3), np.uint8)
            Image.fromarray(pixels).save(self.sources / f"{number}.png")
        self.source_bytes = read_files(self.sources)

    def restore(self, output: Path, **options: object) -> Run:
        """Restore the sources; finished results are skipped."""
        command = mprnet(self.sources, "-o", output, "--skip-existing")
        return watch(command, self.home, **options)  # type: ignore[arg-type]  # as they are

    @cached_property
    def results(self) -> dict[str, bytes]:
        """Name → content of each result of an undisturbed run."""
        self.cold_seconds = self.restore(self.folder / "first").seconds  # it fills the cache
        started = time.perf_counter()
        run = self.restore(self.folder / "second")
        self.seconds = time.perf_counter() - started
        if run.code:
            raise RuntimeError(run.text)
        found = read_files(self.folder / "second" / "Denoising")
        return {name: content for name, content in found.items() if name.endswith(".png")}

    def restore_one(self, output: Path, home: Path, **options: object) -> Run:
        """Restore one source with a cache of its own."""
        command = mprnet(self.sources / "0.png", "-o", output, "--skip-existing")
        return watch(command, home, **options)  # type: ignore[arg-type]

    @cached_property
    def pairs(self) -> Path:
        """Small parts of the samples, which are scored quickly."""
        for path in (ROOT / "samples" / "Denoising").glob("*/*"):
            part = self.folder / "pairs" / path.parent.name
            part.mkdir(parents=True, exist_ok=True)
            with Image.open(path) as whole:
                whole.crop((0, 0, 96, 64)).save(part / f"{path.stem}.png")
        return self.folder / "pairs"

    def train(self, output: Path, *arguments: str, **options: object) -> Run:
        """Train a very small network for a few iterations."""
        command = [
            sys.executable, str(ROOT / "tools" / "main.py"), "-c", "mprnet_tiny_denoising",
            *arguments, "-o", f"output_dir={output}", f"total_iters={_ITERATIONS}",
            f"validate.interval={_ITERATIONS}", "validate.save_img=false",
            "validate.save_panels=false", "snapshot_config.interval=3",
            "dataset.train.batch_size=2", "dataset.train.img_options.patch_size=32",
            f"dataset.train.rgb_dir={self.pairs}", f"dataset.test.rgb_dir={self.pairs}",
        ]  # fmt: skip
        return watch(command, self.home, **options, **self.variables)  # type: ignore[arg-type]

    @cached_property
    def trained(self) -> dict[str, np.ndarray]:
        """The weights that an undisturbed run of training ends with."""
        self.train_seconds = self.train(self.folder / "trained").seconds
        return final_weights(self.folder / "trained")


def read_files(folder: Path) -> dict[str, bytes]:
    """Name → content of the files in a folder, which may not exist; hidden ones are left out."""
    if not folder.is_dir():
        return {}
    paths = sorted(path for path in folder.iterdir() if path.is_file())
    return {path.name: path.read_bytes() for path in paths if not path.name.startswith(".")}


def temporary_files(folder: Path) -> int:
    """Number of unfinished files below a folder."""
    return len([*folder.rglob(".*.tmp"), *folder.rglob(".download-*")])


def final_weights(folder: Path) -> dict[str, np.ndarray]:
    """The weights that a finished run left in its folder; empty if it is not finished."""
    (*_, path) = [None, *folder.glob(f"*/iter_{_ITERATIONS}_weight.pdparams")]
    return dict(load_weights(path).tensors) if path else {}


def _check_run(run: Run, verdict: Verdict) -> None:
    if "Traceback" in run.text and "KeyboardInterrupt" not in run.text:
        verdict.problems.append(f"a traceback: {run.text[-500:]}")
    if run.hung:
        verdict.problems.append("it hung")


def _check_results(place: Workplace, output: Path, verdict: Verdict, complete: bool) -> set[str]:
    """Compare the results with those of an undisturbed run; returns the missing names."""
    found = read_files(output / "Denoising")
    pictures = {name: content for name, content in found.items() if name.endswith(".png")}
    for name, content in pictures.items():
        if content != place.results.get(name):
            expected = place.results.get(name, b"")
            verdict.problems.append(
                f"{name} is not what it should be: {_difference(content, expected)}; "
                f"{_how_it_was_made(output, name)}"
            )
            verdict.lost += len(place.results.get(name, b""))
    missing = set(place.results) - set(pictures)
    if complete and missing:
        verdict.problems.append(f"{len(missing)} results are missing")
    if read_files(place.sources) != place.source_bytes:
        verdict.problems.append("a source has changed")
        verdict.lost += sum(map(len, place.source_bytes.values()))
    return missing


def _difference(found: bytes, expected: bytes) -> str:
    """How the pixels of two PNG files differ."""
    try:
        one, other = (
            np.asarray(Image.open(io.BytesIO(content))).astype(int) for content in (found, expected)
        )
    except OSError as error:
        return f"{len(found)} bytes instead of {len(expected)}, {error}"
    if one.shape != other.shape:
        return f"shape {one.shape} instead of {other.shape}"
    distance = np.abs(one - other)
    return f"{np.count_nonzero(distance)} samples differ, by up to {distance.max()}"


def _how_it_was_made(output: Path, name: str) -> str:
    """The last line of the manifest about an output."""
    entry = Manifest(output).find(output / "Denoising" / name)
    return "not in the manifest" if entry is None else str(entry.record)


def _finish(place: Workplace, output: Path, verdict: Verdict) -> None:
    """Start the next run, which must restore exactly what is missing."""
    missing = _check_results(place, output, verdict, complete=False)
    again = place.restore(output)
    _check_run(again, verdict)
    restored = re.search(r"^(\d+) restored", again.text, re.MULTILINE)
    if again.code or not restored or int(restored[1]) != len(missing):
        verdict.problems.append(f"{len(missing)} were missing: {again.code} {again.text[-500:]}")
    _check_results(place, output, verdict, complete=True)
    verdict.left = temporary_files(output)


def batch(place: Workplace, rng: random.Random, verdict: Verdict, number: int) -> None:
    """A signal at any moment of a batch."""
    assert place.results
    with _folder(place) as output:
        delay = rng.uniform(0.2, 1.05) * place.seconds
        run = place.restore(output, kill_after=(delay, number))
        _check_run(run, verdict)
        if number != signal.SIGKILL and temporary_files(output):
            verdict.problems.append("a temporary file was left")
        _finish(place, output, verdict)


def disk(place: Workplace, rng: random.Random, verdict: Verdict, kind: str) -> None:
    """A disk that is full, or that is write-protected from the start or during the run."""
    assert place.results
    with _folder(place) as output, small_disk(output, "8m") as remount:
        write_protect = partial(_write_protect, output, remount)
        options: dict[str, object] = {}
        if kind == "full disk" and remount:
            remount(f"size={rng.randrange(8, 60)}k")
        elif kind in ("full disk", "file too large"):
            options["limits"] = small_files(rng.randrange(500, 9000))
        elif kind == "read-only folder":
            write_protect(True)
        else:
            moment = rng.randrange(1, _PICTURES)
            options["on_line"] = lambda _, lines: write_protect(True) if lines == moment else None
        run = place.restore(output, **options)
        _check_run(run, verdict)
        write_protect(False)
        if remount:
            remount("size=8m")
        missing = _check_results(place, output, verdict, complete=False)
        if missing and run.code not in (1, 2):
            verdict.problems.append(f"exit code {run.code} with {len(missing)} missing")
        if temporary_files(output):
            verdict.problems.append("a temporary file was left")
        _finish(place, output, verdict)


def _write_protect(folder: Path, remount: Callable[[str], None] | None, protected: bool) -> None:
    if remount is None:
        for path in (folder, folder / "Denoising"):
            with contextlib.suppress(FileNotFoundError):
                path.chmod(0o555 if protected else 0o755)
        return
    for _ in range(100):  # a file system with an open file stays writable
        with contextlib.suppress(Exception):
            remount("ro" if protected else "rw")
            return
        time.sleep(0.01)


def download(place: Workplace, rng: random.Random, verdict: Verdict, number: int) -> None:
    """A signal at any moment of a download."""
    with _folder(place) as home:
        home.mkdir()
        server = Server(home.parent)
        convert("lite:Denoising", home.parent / "w.pdparams")
        server.content = (home.parent / "w.pdparams").read_bytes()
        server.pause = 0.2
        command = [sys.executable, "-c", _DOWNLOAD, server.url]
        authority = {"REQUESTS_CA_BUNDLE": str(server.authority)}
        try:
            struck = watch(command, home, kill_after=(rng.uniform(0.5, 4), number), **authority)
            kept = [path for path in home.rglob("*.pdparams") if ".download-" not in str(path)]
            if any(path.read_bytes() != server.content for path in kept):
                verdict.problems.append("a partial download has its final name")
            if number == signal.SIGINT and temporary_files(home):
                verdict.problems.append(f"a temporary file was left: {struck.text[-300:]}")
            again = watch(command, home, **authority)
            path = Path(again.lines[0][1])
            if again.code or path.read_bytes() != server.content:
                verdict.problems.append(f"the next run failed: {again.text[-500:]}")
        finally:
            server.close()
        verdict.left = temporary_files(home)


def cache(place: Workplace, rng: random.Random, verdict: Verdict, number: int) -> None:
    """A signal at any moment of the first run, which exports and compiles the network."""
    assert place.results
    with _folder(place) as output:
        home = output.parent / "home"
        delay = rng.uniform(0.2, 1.05) * place.cold_seconds
        _check_run(place.restore_one(output, home, kill_after=(delay, number)), verdict)
        again = place.restore_one(output, home)
        _check_run(again, verdict)
        found = read_files(output / "Denoising").get("0_restoration.png")
        if again.code or found != place.results["0_restoration.png"]:
            verdict.problems.append(f"the next run: {again.code} {again.text[-500:]}")
        verdict.left = temporary_files(home)


def training(place: Workplace, rng: random.Random, verdict: Verdict, number: int) -> None:
    """A signal at any moment of a training run, which is then resumed."""
    assert place.trained
    with _folder(place) as output:
        delay = rng.uniform(0.3, 1.02) * place.train_seconds
        place.train(output, kill_after=(delay, number))
        for path in output.rglob("iter_*.pdparams"):
            try:
                load_weights(path)
            except Exception as error:
                verdict.problems.append(f"{path.name} cannot be read: {error}")
                verdict.lost += path.stat().st_size
        if not final_weights(output):
            resumable = [*output.rglob("iter_*_checkpoint.pdparams")]
            again = place.train(output, *(("--resume", "auto") if resumable else ()))
            if again.code:
                verdict.problems.append(f"it was not resumed: {again.text[-500:]}")
        weights = final_weights(output)
        same = [np.array_equal(value, weights.get(name)) for name, value in place.trained.items()]
        if not all(same):
            verdict.problems.append("the resumed run ends with other weights")
        verdict.left = temporary_files(output)


@contextlib.contextmanager
def _folder(place: Workplace) -> Iterator[Path]:
    """A folder for one fault, in which the output goes to ``out``."""
    folder = Path(tempfile.mkdtemp(dir=place.folder))
    try:
        yield folder / "out"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


Scenario = Callable[[Workplace, random.Random, Verdict], None]
Fault = tuple[str, int, Scenario]  # kind, number among its kind, and what injects it


def plan() -> list[Fault]:
    """All faults."""
    found: list[Fault] = []
    for kind, count in _DISK.items():
        found += [(kind, number, partial(disk, kind=kind)) for number in range(count)]
    for inject in (batch, download, cache, training):
        for number in SIGNALS:
            kind = f"{inject.__name__}: {signal.Signals(number).name}"
            scenario = partial(inject, number=number)
            found += [(kind, index, scenario) for index in range(_COUNTS[inject.__name__])]
    return found


def share_of_plan(seed: int, share: float) -> list[Fault]:
    """A share of all faults, between 0 and 1, spread evenly over the kinds."""
    faults = plan()
    step = 1 / share
    offset = random.Random(seed).uniform(0, step)
    chosen = sorted({int(offset + index * step) for index in range(len(faults))})
    return [faults[index] for index in chosen if index < len(faults)]


def inject_faults(
    seed: int, faults: list[Fault], place: Workplace, say: Callable[[str], None]
) -> list[Verdict]:
    """Inject faults; returns the consequences of each.

    Args:
        seed: seed of their moments.
        faults: the faults, in order.
        place: the sources and their undisturbed results.
        say: called with a line about each fault.
    """
    verdicts = []
    for kind, number, scenario in faults:
        verdict = Verdict(kind, number)
        scenario(place, random.Random(f"{seed} {kind} {number}"), verdict)
        verdicts.append(verdict)
        say(f"{kind} {number}: {'; '.join(verdict.problems) or 'survived'}")
    return verdicts
