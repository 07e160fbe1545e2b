"""The task ``auto``, several tasks in order and reduced copies, over HTTP."""

from __future__ import annotations

import pytest
from web_samples import by_command_line, pictures_for_detection, png

AUTO = {"task": "auto", "network": ""}


@pytest.fixture(scope="module")
def pictures(root):
    return pictures_for_detection(root)


def test_a_certain_finding_is_restored(client, pictures, tmp_path):
    content = pictures["noisy"]
    job = client.wait(client.restore(content, **AUTO).json())
    assert job["state"] == "done", job["error"]
    assert job["detected"]["certain"]
    assert job["detected"]["degradation"] == "noise"
    assert job["detected"]["confidence"] == pytest.approx(
        job["detected"]["probabilities"]["noise"], abs=1e-3
    )
    assert job["task"] == "auto"
    assert job["record"]["task"] == "Denoising"
    recorded = job["record"]["detected"]
    assert (recorded["degradation"], recorded["task"], recorded["doubtful"]) == (
        "noise", "Denoising", False,
    )  # fmt: skip
    result = client.get(f"/jobs/{job['id']}/result").content
    assert result == by_command_line(tmp_path, content, "photo.png", "--task", "auto")


def test_a_clean_picture_is_left_alone(client, pictures):
    job = client.wait(client.restore(pictures["clean"], **AUTO).json())
    assert job["state"] == "clean"
    assert job["detected"]["degradation"] == ""
    assert job["record"] is None
    answer = client.get(f"/jobs/{job['id']}/result")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_done")
    assert answer.json()["error"]["parameters"] == {"state": "clean"}


def test_in_doubt_the_visitor_chooses(client, pictures, tmp_path):
    content = pictures["doubtful"]
    job = client.wait(client.restore(content, **AUTO).json())
    assert job["state"] == "undecided"
    assert not job["detected"]["certain"]
    chances = [proposal["probability"] for proposal in job["proposals"]]
    assert chances == sorted(chances, reverse=True)
    first = job["proposals"][0]
    assert (first["degradation"], first["task"], first["model"]) == ("noise", "Denoising", "lite")
    chosen = {name: first[name] for name in ("task", "network", "model")}
    answer = client.post(f"/jobs/{job['id']}/restore", data=chosen)
    assert answer.status_code == 202
    job = client.wait(answer.json())
    assert (job["state"], job["proposals"]) == ("done", [])
    result = client.get(f"/jobs/{job['id']}/result").content
    assert result == by_command_line(tmp_path, content, "photo.png")
    answer = client.post(f"/jobs/{job['id']}/restore", data=chosen)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_undecided")


@pytest.mark.parametrize("chosen", [{}, {"task": "auto"}, {"task": "DualPixelDeblurring"}])
def test_choice_must_name_a_task_that_takes_one_picture(client, pictures, chosen):
    job = client.wait(client.restore(pictures["doubtful"], **AUTO).json())
    answer = client.post(f"/jobs/{job['id']}/restore", data={**chosen, "model": "published"})
    assert answer.status_code == 422
    assert client.get(f"/jobs/{job['id']}").json()["state"] == "undecided"


def test_a_cancelled_picture_takes_no_choice(client, pictures):
    job = client.wait(client.restore(pictures["doubtful"], **AUTO).json())
    assert client.post(f"/jobs/{job['id']}/cancel").json()["state"] == "cancelled"
    answer = client.post(f"/jobs/{job['id']}/restore", data={"task": "Denoising"})
    assert answer.status_code == 409


def test_other_weights_are_proposed_where_the_model_has_none_for_the_task(client, pictures):
    job = client.wait(client.restore(pictures["dark"], **AUTO).json())
    assert job["state"] == "undecided"
    first = job["proposals"][0]
    assert (first["task"], first["model"]) == ("LowLight", "published")
    assert not first["embedded"]


@pytest.mark.parametrize("named", [["Denoising", "Deraining"], ["denoising,Deraining"]])
def test_tasks_run_in_order(client, tmp_path, named):
    content = png(90, 70)
    job = client.wait(client.restore(content, task=named).json())
    assert job["state"] == "done", job["error"]
    assert job["task"] == job["record"]["task"] == "Denoising+Deraining"
    assert job["step"] == job["steps"] == 2
    result = client.get(f"/jobs/{job['id']}/result").content
    flags = ("--task", "Denoising,Deraining")
    assert result == by_command_line(tmp_path, content, "photo.png", *flags)


def test_a_reduced_result_gives_a_warning(client, tmp_path):
    content = png(120, 60)
    job = client.wait(client.restore(content, max_size="40").json())
    assert job["record"]["size"] == [40, 20]
    (warning,) = job["warnings"]
    assert warning["code"] == "reduced"
    assert warning["parameters"] == {
        "full_width": 120, "full_height": 60, "width": 40, "height": 20,
    }  # fmt: skip
    result = client.get(f"/jobs/{job['id']}/result").content
    assert result == by_command_line(tmp_path, content, "photo.png", "--max-size", "40")


def test_weak_weights_are_named_with_better_ones(client):
    job = client.wait(client.restore(png(), task="Deblurring").json())
    (warning,) = job["warnings"]
    assert warning["code"] == "weak_weights"
    better = warning["parameters"]["better"]
    assert (better["task"], better["model"]) == ("Deblurring", "published")
    assert "model=published" in warning["message"]


def test_progress_includes_the_time_left(client):
    job = client.restore(png(900, 900)).json()
    while job["state"] != "running" or job["tiles_done"] < 2:
        job = client.get(f"/jobs/{job['id']}").json()
    assert job["seconds_left"] > 0
    client.delete(f"/jobs/{job['id']}")
