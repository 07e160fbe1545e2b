"""The API's description of a job."""

from __future__ import annotations

from pathlib import Path

import pytest

from ppgan_mpr.inference import InferenceOptions
from ppgan_mpr.inference.preparation import Preparation
from ppgan_mpr.web.job import Job
from ppgan_mpr.web.status import status


@pytest.mark.parametrize(("state", "prepared"), [("running", True), ("waiting", False)])
def test_a_running_job_is_preparing_while_the_network_is_prepared(state, prepared):
    job = Job("id", "photo.png", "any", InferenceOptions(), Path(), Path(), decided="one")
    job.state = state
    assert not status(job, 0)["preparing"]
    with Preparation("network").announced():
        assert status(job, 0)["preparing"] == prepared
    job.progress.note(0, 42)
    answer = status(job, 0)
    assert not answer["preparing"]
    assert (answer["tiles_done"], answer["tiles"]) == (0, 42)
