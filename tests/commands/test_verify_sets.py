"""mprnet-verify on a folder of several test sets."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ppgan_mpr.networks import Score


@pytest.fixture
def sets(write_pairs):
    """A folder with two test sets, of two pictures and of one."""
    write_pairs((32, 40), (40, 32), name="test/Rain100L")
    return write_pairs((48, 40), name="test/Test100").parent


def score(dataset, psnr, ssim, **facts):
    return Score(dataset, psnr, ssim, "rain-y", "paper", **facts)


def test_all_sets_are_measured_beside_the_papers_table(zoo, sets, verify):
    zoo(score("Rain100L", 20.0, 0.5), score("Test100", 30.0, 0.75), score("Test1200", 9.0, 0.1))
    code, out, _, report = verify(sets)
    assert code == 1  # of the made-up scores, none agrees
    rows = {row["published"]["dataset"]: row for row in report["scores"]}
    assert list(rows) == ["Rain100L", "Test100", "mean of 2 sets"]
    measured = [
        np.mean([picture["psnr"] for picture in each["pictures"]["rain-y"]])
        for each in report["sets"]
    ]
    assert [each["data"]["measured"] for each in report["sets"]] == [2, 1]
    mean = rows["mean of 2 sets"]
    assert (mean["published"]["psnr"], mean["published"]["ssim"]) == (25.0, 0.625)
    assert mean["measured"]["psnr"] == pytest.approx(np.mean(measured))  # of sets, not pictures
    assert f"2 in {sets / 'Rain100L'}" in out
    assert "25.00 dB / 0.625" in out


def test_scores_of_other_weights_are_shown_but_not_compared(zoo, sets, verify, known_weights):
    mine = zoo(score("Rain100L", 20.0, 0.5))
    theirs = [score("Rain100L", 36.4, 0.965), score("Test100", 30.27, 0.897)]
    known_weights(
        "MPRNet",
        dataclasses.replace(mine, scores=()),
        dataclasses.replace(mine, model="authors", url=None, scores=tuple(theirs)),
    )
    code, out, _, report = verify(sets, "--protocol", "rain-y")
    assert code == 2 or report["agrees"] is None
    assert [row["published"]["psnr"] for row in report["scores"]][:2] == [36.4, 30.27]
    assert all(row["agrees"] is None for row in report["scores"])
    assert "other weights are not compared" in out


def test_one_name_for_several_sets_is_refused(zoo, sets, verify):
    zoo(score("Rain100L", 20.0, 0.5))
    code, _, err, _ = verify(sets, "--dataset", "Rain100L")
    assert code == 2
    assert "--dataset names one test set" in err
