from __future__ import annotations

import re

import pytest

from ppgan_mpr.detection import CONFIDENT
from ppgan_mpr.web.choices import choices
from ppgan_mpr.web.limits import Limits


@pytest.fixture
def offered():
    return choices(Limits())


def weights_of(offered, name):
    return next(task for task in offered["tasks"] if task["name"] == name)["weights"]


def test_choices_include_models_and_limits(offered):
    assert {"lite", "published"} <= {one["model"] for one in weights_of(offered, "Denoising")}
    assert offered["limits"]["queue"] == Limits().queue


def test_choices_mark_weak_weights(offered):
    weak = [
        (task["name"], weights["model"], weights["better"]["model"])
        for task in offered["tasks"]
        for weights in task["weights"]
        if weights["weakness"]
    ]
    assert weak == [("Deblurring", "lite", "published")]


def test_auto_names_the_tasks_that_it_chooses_from(offered):
    tasks = {task["name"]: task["degradation"] for task in offered["tasks"]}
    kinds = {tasks[name] for name in offered["auto"]["tasks"]}
    assert kinds == {"noise", "motion blur", "rain", "low light"}
    assert offered["auto"]["confident"] == CONFIDENT


def test_weights_that_were_downloaded_are_ready(tmp_path, monkeypatch):
    from ppgan_mpr.weights import find_record
    from ppgan_mpr.weights.download import cached_path

    monkeypatch.setenv("PPGAN_MPR_HOME", str(tmp_path))
    record = find_record("published", "Denoising")

    def ready():
        weights = weights_of(choices(Limits()), "Denoising")
        return {one["name"]: one["ready"] for one in weights}

    assert ready()["lite:Denoising"]
    assert not ready()[record.name]
    cached_path(record).parent.mkdir(parents=True)
    cached_path(record).touch()
    assert ready()[record.name]


def test_all_choices_have_a_chinese_text(offered, root):
    chinese = (root / "ppgan_mpr/web/page/chinese.js").read_text(encoding="utf-8")
    translated = set(re.findall(r'^  "([^"]+)":', chinese, re.M))
    needed = {
        f"note.{one['name']}" for t in offered["tasks"] for one in t["weights"] if one["note"]
    }
    for task in offered["tasks"]:
        needed |= {f"task.{task['name']}", f"purpose.{task['name']}"}
        needed |= {f"hint.{task['name']}"} if task["hint"] else set()
        needed |= {f"found.{task['degradation']}"} if task["degradation"] else set()
    assert needed <= translated
