"""Many pictures: one failure costs one picture, and several jobs change nothing."""

import logging
import threading

import numpy as np
import pytest
from apps_samples import picture, predictor

from ppgan_mpr import MPRPredictor
from ppgan_mpr.apps.batch import Stop, process_in_order


def test_bad_files_do_not_stop_the_batch(tmp_path, caplog):
    picture().save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    (tmp_path / "c.png").write_text("not a picture")
    picture(1).save(tmp_path / "d.png")
    with caplog.at_level(logging.WARNING):
        results = predictor(tmp_path).run(tmp_path)
    assert [result.ok for result in results] == [True, False, False, True]
    assert "b.png" in results[1].error
    messages = [record.getMessage() for record in caplog.records]
    assert messages[-1] == "2 of 4 pictures could not be restored: see the error of their results."
    assert "c.png" not in " ".join(messages)  # each error is in its result alone
    written = sorted(path.name for path in (tmp_path / "out" / "Denoising").iterdir())
    assert written == ["a_restoration.png", "d_restoration.png"]


def test_a_fault_costs_one_picture(denoise, monkeypatch):
    from ppgan_mpr.apps import sources as module

    def fail(array):
        if array.shape[0] == 9:
            raise RuntimeError("surprise")
        return original(array)

    original = module.from_array
    monkeypatch.setattr(module, "from_array", fail)
    results = denoise.run([np.zeros([9, 9, 3], np.uint8), np.zeros([8, 8, 3], np.uint8)])
    assert "unexpected RuntimeError: surprise" in results[0].error
    assert results[1].ok


def test_several_jobs_give_the_same_pictures(tmp_path):
    (tmp_path / "in").mkdir()
    for index in range(5):
        picture(index).save(tmp_path / "in" / f"{index}.png")
    one = MPRPredictor(tmp_path / "one", task="Denoising", model="lite")
    many = MPRPredictor(tmp_path / "many", task="Denoising", model="lite", jobs=3)
    for a, b in zip(one.run(tmp_path / "in"), many.run(tmp_path / "in")):
        assert a.source == b.source
        assert a.output.read_bytes() == b.output.read_bytes()


def test_calls_at_the_same_time_do_not_end_each_other(tmp_path):
    from ppgan_mpr.apps.sources import expand

    for index in range(5):
        picture(index).save(tmp_path / f"{index}.png")
    restorer = MPRPredictor(None, task="Denoising", model="lite", jobs=2)
    first = restorer.iterate(expand(tmp_path))
    results = [next(first), *restorer.iterate(expand(tmp_path)), *first]
    assert len(results) == 10
    assert not any(result.error for result in results)


def test_iteration_works_no_further_ahead_than_asked(tmp_path, monkeypatch):
    from ppgan_mpr.apps import sources as module
    from ppgan_mpr.apps.sources import expand

    read = []
    original = module.read_photo
    monkeypatch.setattr(
        module, "read_photo", lambda path: read.append(threading.get_ident()) or original(path)
    )
    for index in range(6):
        picture(index).save(tmp_path / f"{index}.png")
    results = predictor(tmp_path, jobs=2).iterate(expand(tmp_path))
    next(results)
    results.close()
    assert len(read) <= 3


def test_results_come_in_the_order_of_their_items():
    first_may_end = threading.Event()

    def process(item, stop):
        if item == 0:
            assert first_may_end.wait(60)  # the second ends before the first
        else:
            first_may_end.set()
        return item

    assert list(process_in_order(range(6), process, 2, Stop())) == [*range(6)]


@pytest.mark.parametrize("jobs", [1, 3])
def test_request_to_stop_ends_the_work_and_keeps_what_is_finished(jobs):
    requested, begun = threading.Event(), []

    def process(item, stop):
        stop.check()
        begun.append(item)
        return item

    finished = []
    for item in process_in_order(iter(range(100)), process, jobs, Stop(requested)):
        finished.append(item)
        if item == 4:
            requested.set()
    assert finished[:5] == [0, 1, 2, 3, 4]
    assert set(finished) == set(begun)
    assert len(finished) <= 5 + jobs


@pytest.mark.parametrize("jobs", [1, 3])
def test_error_in_an_item_reaches_the_caller(jobs):
    def process(item, stop):
        return 1 // item

    with pytest.raises(ZeroDivisionError):
        list(process_in_order([1, 0, 1], process, jobs, Stop()))
