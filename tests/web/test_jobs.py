"""The queue without HTTP: expiry and removal of files."""

from __future__ import annotations

import time

import pytest
from web_samples import LITE, png

from ppgan_mpr.errors import UsageError
from ppgan_mpr.inference import InferenceOptions
from ppgan_mpr.web.job import FINISHED, Job
from ppgan_mpr.web.jobs import Jobs
from ppgan_mpr.web.limits import Limits

OPTIONS = InferenceOptions(network=LITE["network"], model="lite")


def job(jobs):
    folder = jobs.new_folder()
    (folder / "image.png").write_bytes(png())
    return Job(folder.name, "photo.png", LITE["task"], OPTIONS, folder, folder / "image.png")


def finished(jobs):
    one = job(jobs)
    jobs.submit(one)
    while one.state not in FINISHED:
        time.sleep(0.02)
    return one


def test_results_expire_with_their_files():
    now = [0.0]
    with Jobs(Limits(seconds=60), clock=lambda: now[0]) as jobs:
        one = finished(jobs)
        output = one.result.output
        now[0] = 59
        assert jobs.get(one.id) is one
        assert output.exists()
        now[0] = 61
        assert jobs.get(one.id) is None
        assert not output.exists()
        assert not one.folder.exists()


def test_a_deleted_job_leaves_no_files():
    with Jobs() as jobs:
        one = finished(jobs)
        jobs.forget(one)
        files = [path for path in jobs.folder.rglob("*") if path.is_file()]
        assert files == []


def test_the_oldest_results_are_removed_first():
    with Jobs(Limits(kept=2)) as jobs:
        three = [finished(jobs) for _ in range(3)]
        assert [jobs.get(one.id) is one for one in three] == [False, True, True]


def test_only_an_undecided_job_takes_a_choice():
    with Jobs() as jobs:
        one = job(jobs)
        jobs.submit(one)
        assert not jobs.decide(one, LITE["task"], OPTIONS)
        while one.state not in FINISHED:
            time.sleep(0.02)
        assert not jobs.decide(one, LITE["task"], OPTIONS)
        assert one.state == "done"
        assert jobs.waiting == 0


def test_closing_the_queue_removes_all_files():
    with Jobs() as jobs:
        finished(jobs)
        jobs.submit(job(jobs))
        folder = jobs.folder
        assert folder.exists()
    assert not folder.exists()
    assert not jobs.alive


@pytest.mark.parametrize("limits", [{"queue": 0}, {"upload": -1}, {"seconds": 1.5}])
def test_limits_are_positive_whole_numbers(limits):
    with pytest.raises(UsageError, match="whole number"):
        Limits(**limits)
