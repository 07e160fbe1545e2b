"""The priority of threads after videos are encoded."""

import os

import numpy as np
import pytest
from video_samples import make_video

pytest.importorskip("av")

from ppgan_mpr.imaging.limits import Limits
from ppgan_mpr.video.clip import inspect
from ppgan_mpr.video.encoding import PartEncoder, choose_encoding
from ppgan_mpr.video.muxing import check_container
from ppgan_mpr.video.scheduling import kept_priority

pytestmark = [
    pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="not Linux"),
    pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() != 0,
        reason="only root may use real-time priorities",
    ),
]


def policies():
    """The scheduling policies of the threads of this process."""
    return {os.sched_getscheduler(int(thread)) for thread in os.listdir("/proc/self/task")}


@pytest.fixture
def av1(tmp_path):
    clip = tmp_path / "a.mkv"
    make_video(clip, 2, size=(64, 64))
    facts = inspect(clip, Limits())
    return clip, choose_encoding(facts, facts.size, "matroska", "av1")


def test_encoding_av1_leaves_the_priority_unchanged(av1, tmp_path):
    assert policies() == {os.SCHED_OTHER}
    with (tmp_path / "part").open("wb") as file:
        encoder = PartEncoder(file, av1[1])
        for _ in range(2):
            encoder.add(np.zeros((64, 64, 3), np.uint8))
        assert policies() == {os.SCHED_OTHER}
        encoder.finish()
    assert policies() == {os.SCHED_OTHER}


def test_checking_a_container_for_av1_leaves_the_priority_unchanged(av1, tmp_path):
    clip, encoding = av1
    check_container(clip, tmp_path / "out.mkv", encoding, Limits(), False)
    assert policies() == {os.SCHED_OTHER}


def test_a_real_time_priority_that_the_caller_has_is_kept():
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    own = os.sched_param(1)
    os.sched_setscheduler(0, os.SCHED_RR, own)
    try:
        with kept_priority():
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(2))
        assert os.sched_getscheduler(0) == os.SCHED_RR
        assert os.sched_getparam(0).sched_priority == own.sched_priority
    finally:
        os.sched_setscheduler(0, *before)
