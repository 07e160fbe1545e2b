"""The command line of mprnet-bulk; jobs are tested in tests/cluster."""

import sys
import types

import pytest

from ppgan_mpr.cluster.bulk import BulkJob, Outcome, Progress
from ppgan_mpr.commands.bulk import build_parser, main, progress_line, summary


def outcome(name, error=None, node="one", **facts):
    values = {"skipped": False, "left_alone": False, "pixels": 2_000_000, "seconds": 1.0}
    return Outcome(name, error, **{**values, **facts}, node=node)


@pytest.fixture
def progress():
    """A job that has restored two of four pictures."""
    made = Progress(total=4, items=3, workers=2)
    made.started -= 10
    made.add(outcome("a"))
    made.add(outcome("b", node="two"))
    made.add(outcome("c", "broken", pixels=0))
    return made


def test_progress_shows_rates_time_left_and_every_node(progress):
    line = progress_line(progress)
    assert "3 of 4 done" in line and "0.30 pictures/s" in line and "0.40 MP/s" in line
    assert "3 s left" in line
    assert "one 20% busy" in line and "two 10% busy" in line


def test_seconds_of_a_node_are_divided_by_its_number_of_workers():
    made = Progress(workers=5, by_host={"large": 4, "small": 1})
    made.started -= 10
    made.add(outcome("a", node="large", seconds=40.0))
    made.add(outcome("b", node="small", seconds=5.0))
    line = progress_line(made)
    assert "large 100% busy" in line and "small 50% busy" in line


def test_many_nodes_are_summed_up():
    made = Progress(workers=9)
    made.started -= 10
    for number in range(9):
        made.add(outcome("a", node=f"n{number}", seconds=10.0 if number else 1.0))
    line = progress_line(made)
    assert "9 nodes 90% busy, least busy: n0 10%" in line


def test_slow_rates_have_two_significant_digits():
    slow = Progress(total=9, items=1, workers=1)
    slow.started -= 40
    slow.add(outcome("a", pixels=24 * 24))
    line = progress_line(slow)
    assert "0.025 pictures/s" in line and "0.000014 MP/s" in line


def test_interrupted_job_says_how_to_continue(tmp_path, capsys, monkeypatch):
    def interrupt(job):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(BulkJob, "run", interrupt)
    assert main([str(tmp_path), str(tmp_path / "out"), "--task", "Denoising"]) == 130
    assert "the same command continues the job" in capsys.readouterr().err


def test_summary_counts_every_picture(progress):
    progress.finished_before = 7
    progress.table = "out/table.parquet"
    progress.passed_over.update({".txt": 1, "": 2})
    lines = summary(progress)
    assert lines[0].startswith("2 restored, 1 failed, 7 restored by earlier runs, ")
    assert "3 other files passed over (2 without suffix, 1 .txt) in " in lines[0]
    assert lines[-1] == "table: out/table.parquet"


def test_options_are_those_of_mprnet():
    options = build_parser().parse_args(["in", "out", "--quality", "80", "--tile", "256"])
    assert (options.quality, options.tile) == (80, 256)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--address", "ray://host:10001", "--task", "Denoising"], "--address"),
        (["--task", "Denoisng"], "did you mean Denoising?"),
        (["--task", "DualPixelDeblurring"], "two views"),
        (["--task", "Denoising", "--large", "big"], "--large"),
    ],
)
def test_wrong_usage_is_explained_in_one_sentence(tmp_path, capsys, arguments, message):
    assert main([str(tmp_path), str(tmp_path / "out"), *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and len(error.splitlines()) == 1


def test_missing_ray_is_explained_in_one_sentence(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main([str(tmp_path), str(tmp_path / "out"), "--task", "Denoising"]) == 2
    assert "ppgan_mpr[cluster]" in capsys.readouterr().err


@pytest.mark.parametrize("output", ["out", "s3://bucket/out"])
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("raise ImportError('NumPy 2 is needed')", ("NumPy 2 is needed", "'pyarrow<26'")),
        ("raise ModuleNotFoundError(name='pyarrow')", ("not installed", "ppgan_mpr[cluster]")),
    ],
)
def test_unusable_pyarrow_is_explained_in_one_sentence(
    tmp_path, capsys, monkeypatch, fault, words, output
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    (tmp_path / "pyarrow.py").write_text(fault)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pyarrow", raising=False)
    monkeypatch.setitem(sys.modules, "ray", types.ModuleType("ray"))
    monkeypatch.setattr("ppgan_mpr.dependencies.installed_version", lambda _: "1.26.4")
    assert main(["in", output, "--task", "Denoising"]) == 2
    error = capsys.readouterr().err
    assert all(word in error for word in words) and len(error.splitlines()) == 1
