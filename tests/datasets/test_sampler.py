from __future__ import annotations

import pickle
from itertools import chain

import pytest

from ppgan_mpr.datasets import ResumableBatchSampler, SampleIndex
from ppgan_mpr.datasets.sampler import sample_rng
from ppgan_mpr.errors import UsageError


def _epoch(**options):
    return list(ResumableBatchSampler(range(21), **{"batch_size": 4, **options}))


def test_epoch_has_no_sample_twice_and_its_order_depends_on_the_seed():
    first = _epoch(seed=1)
    assert len(first) == len(ResumableBatchSampler(range(21), batch_size=4)) == 5
    flat = [index for batch in first for index in batch]
    assert len(set(flat)) == 20 and flat != sorted(flat)
    assert first == _epoch(seed=1) != _epoch(seed=2)


@pytest.mark.parametrize("processes, batch_size", [(1, 4), (2, 2), (4, 1)])
def test_processes_divide_the_same_global_batches(processes, batch_size):
    whole = [sorted(batch) for batch in _epoch(seed=1)]
    parts = [
        _epoch(seed=1, batch_size=batch_size, num_replicas=processes, rank=rank)
        for rank in range(processes)
    ]
    assert [sorted(chain(*step)) for step in zip(*parts)] == whole


def test_resumed_order_equals_the_uninterrupted_one():
    whole = ResumableBatchSampler(range(21), 4, seed=5)
    expected = []
    for _ in range(3):
        for batch in whole:
            expected.append([(int(i), i.draw) for i in batch])
            whole.advance()
    assert whole.epoch == 3

    resumed = ResumableBatchSampler(range(21), 4, seed=5)
    got = []
    while len(got) < len(expected):
        iterator = iter(resumed)  # as after a restart: the iterator is new each time
        for batch in [b for b, _ in zip(iterator, range(2))]:
            got.append([(int(i), i.draw) for i in batch])
            resumed.advance()
        state = resumed.state_dict()
        resumed = ResumableBatchSampler(range(21), 4, seed=99)
        resumed.load_state_dict(state)
    assert got[: len(expected)] == expected


def test_resuming_with_another_batch_size_skips_the_same_samples():
    sampler = ResumableBatchSampler(range(21), 4, seed=5)
    order = [i for batch in sampler for i in batch]
    sampler.advance()
    half = [ResumableBatchSampler(range(21), 3, num_replicas=2, rank=rank) for rank in range(2)]
    for part in half:
        part.load_state_dict(sampler.state_dict())
    assert sorted(chain(*(next(iter(part)) for part in half))) == sorted(order[4:10])


def test_sizes_may_change_between_iterations():
    sampler = ResumableBatchSampler(range(21), 4, patch_size=64)
    batches = iter(sampler)
    assert {i.patch_size for i in next(batches)} == {64}
    sampler.advance()
    sampler.resize(2, 128)
    batch = next(batches)
    assert len(batch) == 2 and {i.patch_size for i in batch} == {128}
    sampler.advance()
    assert sampler.consumed == 6


def test_batch_larger_than_the_rest_starts_a_new_epoch():
    sampler = ResumableBatchSampler(range(10), 4)
    sampler.advance()
    sampler.resize(7)
    assert (sampler.epoch, len(next(iter(sampler)))) == (1, 7)
    half = ResumableBatchSampler(range(10), 4)
    half.advance()
    resumed = ResumableBatchSampler(range(10), 7)
    resumed.load_state_dict(half.state_dict())
    assert list(resumed) == list(sampler)
    with pytest.raises(UsageError, match="gives 10 samples per epoch, but one batch takes 11"):
        sampler.resize(11)


def test_an_epoch_of_the_sampler_has_several_passes_and_each_is_counted():
    sampler = ResumableBatchSampler(range(4), 2, repeat=3)
    seen = []
    for _ in range(8):
        seen.append(sampler.passes)
        sampler.advance()
    assert seen == [0, 0, 1, 1, 2, 2, 3, 3]


def test_repeat_fills_a_batch_from_a_small_set():
    with pytest.raises(UsageError, match="lower batch_size or raise repeat"):
        ResumableBatchSampler(range(3), 4)
    (batch, second, third) = ResumableBatchSampler(range(3), 4, repeat=4)
    draws = [i.draw for i in batch + second + third]
    assert len(set(draws)) == 12
    assert sorted(batch + second + third) == sorted([0, 1, 2] * 4)


def test_state_of_another_data_set_is_refused():
    state = ResumableBatchSampler(range(20), 4).state_dict()
    with pytest.raises(UsageError, match="20 samples, but the data set now has 21"):
        ResumableBatchSampler(range(21), 4).load_state_dict(state)


def test_index_keeps_its_seed_when_pickled():
    index = SampleIndex(7, (1, 2, 7), 64)
    sent = pickle.loads(pickle.dumps(index))
    assert (sent, sent.draw, sent.patch_size) == (7, (1, 2, 7), 64)
    wrapped = index % 5
    assert wrapped == 2 and wrapped.draw == index.draw
    assert sample_rng(sent).random() == sample_rng(index).random()
    others = [SampleIndex(7, draw) for draw in ((1, 3, 7), (2, 2, 7), (1, 2, 8))]
    assert len({sample_rng(other).random() for other in [index, *others]}) == 4


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"rank": 2, "num_replicas": 2}, {"seed": -1}])
def test_out_of_range_options_are_refused(wrong):
    with pytest.raises(UsageError):
        ResumableBatchSampler(range(9), **{"batch_size": 1, **wrong})


def test_resumed_run_equals_the_uninterrupted_one(loader_runs):
    assert len(loader_runs["resumed"]) in (2, 4)
    for run in loader_runs["resumed"]:
        assert run == loader_runs["uninterrupted"]
