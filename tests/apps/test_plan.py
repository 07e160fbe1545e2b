"""Plans of runs, which restore and write nothing."""

import json
import os
import sys
import types

import numpy as np
import psutil
import pytest
from apps_samples import picture, predictor
from PIL import Image
from raw_samples import dng, patches

from ppgan_mpr import AutoPredictor, ChainPredictor, Predictor
from ppgan_mpr.apps.pace import Pace
from ppgan_mpr.apps.plan import Plan, PlanRecord
from ppgan_mpr.errors import UsageError

OPTIONS = {"task": "Denoising", "model": "lite"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    picture().save(tmp_path / "in" / "a.png")
    picture(1, (200, 100)).save(tmp_path / "in" / "b.jpg")
    (tmp_path / "in" / "c.png").write_text("no picture")
    deep = np.zeros([9, 9], np.uint16)
    Image.fromarray(deep).save(tmp_path / "in" / "d.png")
    return tmp_path / "in"


def planner(tmp_path, **options):
    return Predictor(tmp_path / "out", dry_run=True, **{**OPTIONS, **options})


def entries(folder):
    """All files below a folder, with the times of their last changes."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_plan_agrees_with_the_run(folder, tmp_path):
    plan = planner(tmp_path, tile=64).plan(folder)
    results = predictor(tmp_path, tile=64).run(folder)
    assert [record.source for record in plan] == [result.source for result in results]
    assert [record.error is None for record in plan] == [result.ok for result in results]
    for record, result in zip(plan, results):
        if result.ok:
            made = result.record
            assert (record.output, record.size) == (made.output, made.size)
            assert (record.tiles, record.tile) == (made.tiles, made.tile)
            for name in ("network", "task", "weights", "backend", "precision", "device"):
                assert getattr(record, name) == getattr(made, name)
    assert "is not a picture" in plan[2].error


def test_nothing_is_written_downloaded_or_restored(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("PPGAN_MPR_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("requests.get", lambda *_, **__: pytest.fail("a download"))
    before = entries(tmp_path)
    for options in ({"model": "lite"}, {"model": "published"}):
        dry = planner(tmp_path, **options)
        plan = dry.plan(folder)
        assert [record.tiles for record in plan] == [1, 1, 0, 1]
        assert (plan.download is None) == (options["model"] == "lite")
        for run in (dry.run, dry.restore):
            with pytest.raises(UsageError, match="dry_run=True"):
                run(folder / "a.png")
    assert entries(tmp_path) == before


def test_existing_outputs_are_treated_as_in_the_run(folder, tmp_path):
    picture().save(tmp_path / "in" / "e.gif")  # the suffix of its result follows from its content
    sources = [folder / name for name in ("a.png", "e.gif")]
    predictor(tmp_path).run(sources)
    before = entries(tmp_path)
    skipping = planner(tmp_path, existing="skip").plan(sources)
    assert [record.skipped for record in skipping] == [True, True]
    assert not any(record.to_do for record in skipping)
    assert all("was left alone" in record.error for record in planner(tmp_path).plan(sources))
    replacing = planner(tmp_path, existing="overwrite").plan(sources)
    assert all(record.to_do and os.path.exists(record.output) for record in replacing)
    changed = planner(tmp_path, existing="skip", tile=64).plan(sources)
    assert all(record.to_do for record in changed)
    assert entries(tmp_path) == before


def test_time_follows_from_earlier_runs(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(Pace, "remembered", lambda self: None)
    assert planner(tmp_path).plan(folder / "b.jpg").seconds is None
    monkeypatch.setattr(Pace, "remembered", lambda self: 1000.0)
    plan = planner(tmp_path).plan([folder / "b.jpg", folder / "c.png", folder / "d.png"])
    tiles = [record.tile[0] * record.tile[1] for record in plan if record.tile]
    assert plan.seconds == pytest.approx(sum(tiles) / 1000)


def test_memory_counts_the_pictures_that_are_processed_together(tmp_path):
    small, large = np.zeros([2, 64, 64, 3], np.uint8)[0], np.zeros([4000, 6000, 3], np.uint8)
    one, other = large, large + 1
    alone = planner(tmp_path, jobs=1).plan([small, one, other])
    assert alone[1].memory - alone[0].memory > 4 * large.nbytes
    assert alone.memory == max(record.memory for record in alone)
    together = planner(tmp_path, jobs=2).plan([small, one, other])
    assert together.memory - alone.memory > 4 * large.nbytes
    all_three = planner(tmp_path, jobs=3).plan([small, one, other])
    assert together.memory < all_three.memory < together.memory + large.nbytes * 4


def test_pictures_together_take_no_more_than_the_free_memory(tmp_path, monkeypatch):
    pictures = [np.full([4000, 6000, 3], value, np.uint8) for value in range(4)]
    machine = psutil.virtual_memory()._replace(available=1 << 30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: machine)
    plan = planner(tmp_path, jobs=4).plan(pictures)
    assert plan.memory <= max(plan[0].memory, psutil.Process().memory_info().rss + (1 << 30))


def test_a_picture_that_is_given_twice_is_planned_once(folder, tmp_path):
    plan = planner(tmp_path).plan([folder / "a.png", folder / "a.png"])
    assert len(plan) == 1


def test_a_predictor_that_restores_can_plan_too(folder, tmp_path, denoise):
    (record,) = denoise.plan(folder / "a.png")
    assert (record.tiles, record.output) == (1, None)
    assert json.loads(json.dumps(record.to_dict()))["size"] == [24, 17]


def test_raw_files_are_planned_without_their_size(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rawpy", types.ModuleType("rawpy"))
    (tmp_path / "a.nef").write_bytes(bytes(100))
    (record,) = planner(tmp_path).plan(tmp_path / "a.nef")
    assert record.to_do and record.size is None
    assert record.output == str(tmp_path / "out" / "Denoising" / "a_restoration.tif")
    assert record.warnings == (
        "it is a camera's raw file, whose size is not known until it is developed",
    )
    (tmp_path / "out" / "Denoising").mkdir(parents=True)
    (tmp_path / "out" / "Denoising" / "a_restoration.tif").touch()
    (record,) = planner(tmp_path).plan(tmp_path / "a.nef")
    assert "a_restoration.tif exists and was left alone" in record.error


def test_raw_file_in_memory_is_planned_like_a_file(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rawpy", types.ModuleType("rawpy"))
    (record,) = planner(tmp_path).plan(dng(patches(24, 48)))
    assert record.to_do and record.output and "raw file" in record.warnings[0]


def test_raw_files_fail_without_rawpy(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rawpy", None)
    (tmp_path / "a.nef").write_bytes(bytes(100))
    (record,) = planner(tmp_path).plan(tmp_path / "a.nef")
    assert "rawpy develops cameras' raw files" in record.error


def test_time_is_that_of_the_pictures_whose_size_is_known(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rawpy", types.ModuleType("rawpy"))
    monkeypatch.setattr(Pace, "remembered", lambda self: 1000.0)
    (folder / "x.nef").write_bytes(bytes(100))
    known = planner(tmp_path).plan(folder / "b.jpg")
    plan = planner(tmp_path).plan([folder / "b.jpg", folder / "x.nef"])
    assert plan.seconds == known.seconds == known[0].seconds
    assert plan[1].seconds is None


def test_tiles_of_all_tasks_of_a_chain_are_planned(folder, tmp_path):
    options = {"task": "Denoising,Deraining", "model": "lite"}
    plan = ChainPredictor(tmp_path / "out", dry_run=True, **options).plan(folder / "b.jpg")
    result = ChainPredictor(tmp_path / "out", **options).run(folder / "b.jpg")[0]
    assert plan[0].tiles == result.record.tiles == 2
    assert plan[0].output == result.record.output


def test_plan_of_an_automatic_run_agrees_with_the_run(mixed, tmp_path):
    (mixed / "broken.png").write_bytes(b"\x89PNG broken")
    dry = AutoPredictor(tmp_path / "out", model="lite", dry_run=True)
    plan = dry.plan(mixed)
    assert not (tmp_path / "out").exists()
    results = AutoPredictor(tmp_path / "out", model="lite").run(mixed)
    assert [record.task for record in plan] == ["", "Denoising", "Deraining", ""]
    for record, result in zip(plan, results):
        assert (record.source, record.output) == (result.source, result.record.output)
        assert (record.error is None) == result.ok
        assert (record.left_alone, record.tiles) == (result.left_alone, result.record.tiles)
        assert record.detected == result.record.detected
    assert plan.memory == max(record.memory for record in plan if record.memory)
    for run in (dry.run, dry.restore):
        with pytest.raises(UsageError, match="dry_run=True"):
            run(mixed / "noisy.png")


def test_plan_of_an_automatic_run_knows_finished_pictures(mixed, tmp_path):
    options = {"model": "lite", "existing": "skip"}
    AutoPredictor(tmp_path / "out", **options).run(mixed / "noisy.png")
    plan = AutoPredictor(tmp_path / "out", **options, dry_run=True).plan(mixed)
    assert [record.skipped for record in plan] == [True, False, False]


def test_download_counts_the_weights_of_every_task(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("PPGAN_MPR_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("ppgan_mpr.apps.lazy_weights.LazyWeights.download", 5)

    def download(task):
        kind = ChainPredictor if "," in task else Predictor
        planned = kind("out", task=task, model="published", network="MPRNet", dry_run=True)
        assert planned.download == planned.plan(folder / "a.png").download
        return planned.download

    steps = ["Denoising", "Deraining"]
    assert download(",".join(steps)) == sum(map(download, steps)) > max(map(download, steps))


def test_joined_plans_add_up():
    records = [PlanRecord("a", seconds=2.0), PlanRecord("b", error="it is damaged")]
    plan = Plan.joined([Plan(records, download=5, memory=70), Plan(records, 6), Plan(records)])
    assert (len(plan), plan.seconds, plan.download, plan.memory) == (6, 6.0, 11, 70)
    assert Plan.joined([Plan(download=0), Plan(download=5)]).download == 0  # one is not known
    assert Plan.joined([]).download is None


def test_several_cards_share_the_time_of_pictures():
    records = [PlanRecord("a.png", seconds=4.0), PlanRecord("b.mp4", frames=2, seconds=3.0)]
    assert Plan(records, devices=2).seconds == 4.0 / 2 + 3.0
