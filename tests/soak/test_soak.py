"""A part of ``tools/soak.py``: 5 % of the files, and eight kinds of faults, each once."""

import os
import sys

import pytest
from soak_corpus import corpus
from soak_faults import Workplace, inject_faults, plan
from soak_files import restore_all
from soak_load import many_pictures, two_programs

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="needs the limits and signals of POSIX"
)
SHARE = 0.05
FAULTS = (
    "full disk", "file too large", "read-only folder", "permission lost",
    "batch: SIGTERM", "download: SIGINT", "cache: SIGKILL", "training: SIGTERM",
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory, root, without_matplotlib):
    """Pictures, a cache and the results of undisturbed runs, which no test changes."""
    path = os.pathsep.join(map(str, (without_matplotlib, root)))
    made = Workplace(tmp_path_factory.mktemp("place"), PYTHONPATH=path)
    assert made.results  # also fills the cache, whichever test comes first
    return made


def test_every_damaged_file_is_restored_or_reported_in_one_line(tmp_path):
    report = restore_all(corpus(seed=0, share=SHARE), tmp_path)
    assert len(report.fates) >= 100
    assert [(fate.case.name, fate.outcome, fate.detail) for fate in report.failures] == []
    assert report.within_memory


def test_faults_lose_nothing_and_the_next_run_finishes(place):
    faults = [fault for fault in plan() if fault[:2] in {(kind, 0) for kind in FAULTS}]
    verdicts = inject_faults(0, faults, place, say=lambda _: None)
    assert [one.kind for one in verdicts] == list(FAULTS)
    assert [(one.kind, one.number, one.problems) for one in verdicts if one.problems] == []
    assert sum(one.lost for one in verdicts) == 0


def test_there_are_at_least_2000_files_and_200_faults():
    assert len(corpus(seed=0, share=0.1)) >= 200
    assert len(plan()) >= 200


def test_open_files_and_memory_do_not_grow_in_a_long_run(place, tmp_path):
    load = many_pictures(300, tmp_path / "load", place.home)
    assert load.handles[1] <= load.handles[0] + 2
    assert load.memory[1] < 1.2 * load.memory[0]


def test_two_programs_restore_one_folder_without_conflicts(place, tmp_path):
    """Two programs that begin with an empty cache are in ``tests/commands/test_restore.py``."""
    assert two_programs(place, tmp_path, warm=True) == []
