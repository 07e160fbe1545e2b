"""The command ``mprnet-verify``: scores weights, and compares with the published scores."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..apps.lazy_weights import LazyWeights
from ..checks import exact_name
from ..errors import UsageError
from ..files import atomic_write
from ..free_memory import available
from ..inference import Cache, InferenceOptions, Model
from ..metrics import PROTOCOLS, ScoreTable
from ..metrics.scores import check_writable
from ..networks import (
    NetworkSpec,
    Score,
    Task,
    WeightsRecord,
    find_network,
    find_task,
    networks,
    tasks,
    weights_records,
)
from ..weights import Weights, find_record
from ..weights.digests import DigestCheck, check_first_seen, check_published, digest_file
from ..weights.download import cached_path
from .flags import as_flags
from .inference_flags import add_inference_flag
from .program import program_name, run_program
from .verification import (
    Choice,
    Comparison,
    Measurement,
    Tolerance,
    choose_protocols,
    choose_scores,
    dataset_name,
    find_test_sets,
    mean_of_sets,
    scores_named,
    scores_of_folder,
)
from .verification_report import (
    comparison_report,
    computer_report,
    conclude,
    describe_computer,
    describe_data,
    describe_weights,
    remarks,
    render_table,
    sets_report,
    weights_report,
)

_OPTIONS = ("network", "model", "scale", "device", "backend", "precision", "local")
# Published scores are of whole pictures, so allow more memory than usual: fewer tiles are needed.
_MEMORY_SHARE = 0.8
_LOG_INTERVAL = 60.0  # seconds between two lines of progress in a log


def build_parser() -> argparse.ArgumentParser:
    """The options of ``mprnet-verify``."""
    parser = argparse.ArgumentParser(
        prog=program_name(),
        description="Score weights by the protocols of their published scores, and compare the "
        "measured scores with the published ones.",
        epilog="exit code: 0 every comparable score agrees, 1 a score or the file's digest "
        "differs, 2 nothing could be measured",
    )
    add = parser.add_argument
    add("-t", "--task", metavar="TASK", help=f"one of {', '.join(tasks())}")
    add(
        "--data", metavar="DIR", required=True,
        help="test set in the layout of training data: input/ and target/ with pictures of the "
        "same names (inputL/ and inputR/ for the two views of a dual-pixel camera), or a folder of "
        "several such sets",
    )  # fmt: skip
    add(
        "--weight_path", metavar="FILE",
        help="your own weights instead of --model; files of published weights are recognised",
    )  # fmt: skip
    add(
        "--protocol", type=str.lower, choices=tuple(PROTOCOLS),
        help="how to score (default: every protocol of the published scores)",
    )  # fmt: skip
    add(
        "--dataset", metavar="NAME",
        help="name of the test set in DIR, as in the published score (default: recognised by the "
        "name of DIR and its number of pictures)",
    )  # fmt: skip
    add("--limit", type=int, metavar="N", help="measure only the first N pictures, for a trial")
    add(
        "--tolerance", nargs=2, type=float, metavar=("PSNR", "SSIM"),
        default=[Tolerance.psnr, Tolerance.ssim],
        help="largest difference that counts as agreement, in dB and in SSIM (default: "
        f"{Tolerance.psnr:g} {Tolerance.ssim:g})",
    )  # fmt: skip
    add("-o", "--output", metavar="FILE", help="also write everything to a .json file")
    for option in InferenceOptions.documented():
        if option.name == "precision":
            add_inference_flag(parser, option, default="f32")
        elif option.name in _OPTIONS:
            add_inference_flag(parser, option)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: arguments without the program's name; default: ``sys.argv``.

    Returns:
        0 if every comparable score agrees, 1 if one does not or the weights file is not the
        expected one, 2 if nothing could be measured.
    """
    arguments = build_parser().parse_args(argv)
    return run_program(lambda: verify(arguments))


@dataclass(frozen=True)
class _Subject:
    """The weights to verify, described before they are read.

    Attributes:
        record: their record in the catalogue, or None.
        note: a sentence about how they were recognised, or empty.
        load: reads them, and downloads them first if they are missing.
    """

    name: str
    record: WeightsRecord | None
    spec: NetworkSpec
    task: Task
    scale: int
    load: Callable[[], Weights]
    note: str = ""


def verify(arguments: argparse.Namespace) -> int:
    """Measure, print, store; returns the exit code."""
    started = time.perf_counter()
    # All options and pictures are checked before anything is downloaded.
    options = _options(arguments)
    tolerance = _tolerance(arguments.tolerance)
    output = _checked_output(arguments.output)
    if arguments.limit is not None and arguments.limit < 1:
        raise UsageError(f"limit={arguments.limit}: give a number of at least 1.")
    cache = Cache.of_user()
    subject = _find_subject(arguments, options, cache)
    record = subject.record
    if options.local and not subject.spec.local_layers:
        raise UsageError(f"local=True is not for {subject.spec.title}: {subject.spec.no_local}.")
    folder = Path(os.path.expanduser(arguments.data))
    scores = record.scores if record else ()
    protocols = choose_protocols(scores, arguments.protocol, arguments.dataset, subject.name)
    sets = find_test_sets(folder)
    if arguments.dataset and len(sets) > 1:
        raise UsageError(f"dataset= names one test set, but {folder} holds {len(sets)}.")
    form = (subject.task.views, subject.scale, arguments.limit)
    measurements = [Measurement(each, protocols, *form) for each in sets]
    weights = subject.load()
    if weights.channels != subject.task.channels:
        raise UsageError(
            f"{subject.name} takes {weights.channels} channels, but pictures for "
            f"{subject.task.name} have {subject.task.channels}: give other weights."
        )

    local = weights.local if options.local is None else options.local
    options = options.replace(local=local)
    path = _path(record, arguments.weight_path)
    check = _check_digest(path, record, arguments.weight_path is not None)
    print(describe_weights(weights, record, path, check, as_flags(subject.note)))
    print(describe_data(measurements, protocols), flush=True)
    model = Model(
        # A digest of the content, so that no cache entry of another file is used.
        f"sha256:{check.digest.sha256}",
        weights.spec,
        weights.build,
        cache,
        channels=weights.channels,
        local=local,
    )
    applicable = [score for score in scores if score.local == local]
    others = _scores_of_others(record, local)
    results = [(each, _measure(each, model, options)) for each in measurements]
    comparisons = [
        comparison
        for each, tables in results
        for table in tables.values()
        for comparison in _compare(
            table, applicable, others, each, arguments.dataset, several=len(sets) > 1
        )
    ]
    comparisons += mean_of_sets(comparisons)
    verdicts = [comparison.agrees(tolerance) for comparison in comparisons]
    failed = not check.passed or False in verdicts
    computer = computer_report(measurements[0], options)
    print(f"\n{render_table(comparisons, verdicts)}\n")
    for remark in remarks(comparisons, measurements):
        print(as_flags(remark))
    print(describe_computer(computer))
    print(conclude(verdicts, check, tolerance))
    if output:
        report = {
            "agrees": None if not failed and True not in verdicts else not failed,
            "seconds": round(time.perf_counter() - started, 3),
            "weights": weights_report(weights, record, path, check),
            **sets_report(results),
            "tolerance": asdict(tolerance),
            "scores": [comparison_report(*pair) for pair in zip(comparisons, verdicts)],
            **computer,
        }
        text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        with atomic_write(output) as file:
            file.write(text.encode("utf-8", "backslashreplace"))  # names may hold any bytes
        print(f"stored in {output}")
    return 1 if failed else 0


def _find_subject(
    arguments: argparse.Namespace, options: InferenceOptions, cache: Cache
) -> _Subject:
    """The weights that the options choose; only a user's own file is read here."""
    asked = find_task(arguments.task).name if arguments.task else None
    choice = (find_network(options.network),) if options.network else networks()

    def opened(source: str | WeightsRecord) -> LazyWeights:
        return LazyWeights(source, asked, choice, options.scale, cache, options.progress)

    if arguments.weight_path:
        own = opened(arguments.weight_path)
        weights, task, scale = own.weights, find_task(own.info.task or ""), own.info.scale or 1
        folder = Path(os.path.expanduser(arguments.data))
        record, note = _record_of(weights, task.name, scale, folder, arguments.dataset)
        return _Subject(own.name, record, weights.spec, task, scale, lambda: weights, note)
    if asked is None:
        raise UsageError(f"Choose the weights: give task=, one of {', '.join(tasks())}.")
    record = find_record(options.model, asked, options.network, options.scale)
    spec, task = find_network(record.network), find_task(record.task)
    return _Subject(record.name, record, spec, task, record.scale, lambda: opened(record).weights)


def _tolerance(given: Sequence[float]) -> Tolerance:
    if any(math.isnan(value) or value < 0 for value in given):
        raise UsageError("tolerance= takes two numbers of at least 0: a PSNR in dB and an SSIM.")
    return Tolerance(*given)


def _options(arguments: argparse.Namespace) -> InferenceOptions:
    given = {name: getattr(arguments, name) for name in _OPTIONS}
    memory = max(1, int(_MEMORY_SHARE * available()) >> 20)
    return InferenceOptions(**given, memory=f"{memory}M")


def _checked_output(written: str | None) -> Path | None:
    if written is None:
        return None
    path = Path(os.path.expanduser(written))
    if path.suffix.lower() != ".json":
        raise UsageError(f"output={written!r}: name a .json file.")
    return check_writable(path)


def _record_of(
    weights: Weights, task: str, scale: int, folder: Path, dataset: str | None
) -> tuple[WeightsRecord | None, str]:
    """The record of a user's file; if its digest is unknown, a record that fits the network.

    If several records fit, the first one with a score on the test set is chosen. ``dataset``, or
    else the folder's name, says which test set that is.

    Returns:
        The record, or None, and a sentence to print, which may be empty.
    """
    if weights.record:
        return weights.record, ""
    possible = [
        record
        for record in weights_records()
        if (record.network, record.task, record.scale) == (weights.network, task, scale)
        and not (record.sha256 or record.git_blob)
        and all(weights.hyperparameters.get(k) == v for k, v in record.hyperparameters.items())
    ]
    if not possible:
        return None, ""
    scores = [score for record in possible for score in record.scores]
    if dataset is not None and len(possible) > 1:
        wanted = exact_name("dataset", dataset, dict.fromkeys(map(dataset_name, scores)))
    else:
        wanted = next(map(dataset_name, scores_of_folder(scores, folder)), "")
    of_set = [record for record in possible if wanted in map(dataset_name, record.scores)]
    chosen = (of_set or possible)[0]
    others = ", ".join(record.name for record in possible if record is not chosen)
    text = (
        f"The file is assumed to be {chosen.name}, but no published digest confirms it"
        + (f". It may also be {others}: choose with dataset=" if others else "")
        + "."
    )
    return chosen, text


def _path(record: WeightsRecord | None, weight_path: str | None) -> Path:
    if weight_path is not None:
        return Path(os.path.expanduser(weight_path))
    assert record is not None  # the weights were found through it
    return record.path or cached_path(record)


def _check_digest(path: Path, record: WeightsRecord | None, own: bool) -> DigestCheck:
    digest = digest_file(path)
    check = check_published(digest, record) if record else None
    if check is None and record and record.url and not own:
        check = check_first_seen(digest, path, record.url)
    return check or DigestCheck(digest, "unknown", "No digest is published to compare it with.")


def _measure(
    measurement: Measurement, model: Model, options: InferenceOptions
) -> dict[str, ScoreTable]:
    from tqdm import tqdm

    shown = sys.stderr.isatty()
    bar = tqdm(
        total=measurement.restorations,
        unit="picture",
        mininterval=0.1 if shown else _LOG_INTERVAL,
        delay=0 if shown else _LOG_INTERVAL,
    )

    def progress(table: ScoreTable) -> None:
        bar.set_postfix_str(f"{table.protocol.name}: {table.mean()['psnr']:.2f} dB", refresh=False)
        bar.update()

    with bar:
        return measurement.run(model, options, progress)


def _compare(
    table: ScoreTable,
    scores: Sequence[Score],
    others: Sequence[Score],
    measurement: Measurement,
    dataset: str | None,
    several: bool,
) -> list[Comparison]:
    """The measured score paired with each published score that is printed next to it.

    If ``several`` sets are measured together, a set is identified only by its folder's name.
    """
    name = measurement.folder.name
    if several:
        scores, others = scores_named(scores, name), scores_named(others, name)
    place = (table.protocol, measurement.folder, measurement.total, dataset)
    choice = choose_scores(scores, *place)
    reason = choice.reason
    if not choice.scores:
        choice = choose_scores(others, *place)
        if choice.reason or not choice.scores:
            choice = Choice(())
            reason = f"There is no published score on a test set {name}." if several else reason
        else:
            reason = "The published scores are of other weights, so a difference is no error."
    if not reason and measurement.count < measurement.total:
        reason = (
            f"Only the first {measurement.count} of {measurement.total} pictures were measured, "
            "so the scores are not comparable."
        )
    return [Comparison(score, table, reason, name) for score in choice.scores or (None,)]


def _scores_of_others(record: WeightsRecord | None, local: bool) -> list[Score]:
    """Published scores of other weights for the same network, task, scale and hyperparameters."""
    if record is None:
        return []
    same = ("network", "task", "scale", "hyperparameters")
    return [
        score
        for other in weights_records()
        if other.name != record.name and all(getattr(other, k) == getattr(record, k) for k in same)
        for score in other.scores
        if score.local == local and score.source != "measured"
    ]


if __name__ == "__main__":
    sys.exit(main())
