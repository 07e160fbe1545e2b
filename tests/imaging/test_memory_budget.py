"""The memory budget that the pictures of a run share."""

from __future__ import annotations

import contextlib
import gc
import threading

import pytest

from ppgan_mpr.imaging.memory_budget import MemoryBudget, Share

SOON, LATER = 0.3, 60  # seconds
MB = 1 << 20


@pytest.fixture
def shares():
    """A function that makes the share of a picture; it is released at the end of the test."""
    with contextlib.ExitStack() as stack:
        yield lambda budget: stack.enter_context(budget.share())


def decoding(share: Share, pixels: int, needed: int = 0) -> threading.Event:
    """An event that is set when a picture may be decoded; another thread waits for that."""
    allowed = threading.Event()

    def ask() -> None:
        share.before_decoding(pixels, needed)
        allowed.set()

    threading.Thread(target=ask, daemon=True).start()
    return allowed


def test_pictures_wait_until_others_leave_enough(shares):
    budget = MemoryBudget(free=lambda: 1000 * MB)
    with budget.share() as first:
        assert decoding(first, 300 * MB, 300 * MB).wait(LATER)
        second = shares(budget)
        waiting = decoding(second, 200 * MB, 100 * MB)
        assert not waiting.wait(SOON)
    assert waiting.wait(LATER)  # the block of the first has ended
    assert second.waited >= SOON / 2
    assert first.waited < SOON / 2


def test_small_pictures_are_processed_concurrently(shares):
    budget = MemoryBudget(free=lambda: 1000 * MB)
    assert all(decoding(shares(budget), MB, MB).wait(LATER) for _ in range(3))


def test_a_single_picture_is_granted_any_amount(shares):
    budget = MemoryBudget(free=lambda: 0)
    share = shares(budget)
    assert decoding(share, 1000 * MB).wait(LATER)
    assert decoding(share, 2000 * MB).wait(LATER)


def test_memory_for_later_steps_is_held_after_decoding(shares):
    budget = MemoryBudget(free=lambda: 1000 * MB)
    first = shares(budget)
    first.times = 17
    assert decoding(first, 50 * MB).wait(LATER)
    first.decoded(50 * MB)  # 850 MB, though the decoder has ended
    waiting = decoding(shares(budget), 50 * MB)
    assert not waiting.wait(SOON)
    first.times = 1
    first.decoded(0)
    assert waiting.wait(LATER)


def test_memory_of_both_views_counts(shares):
    budget = MemoryBudget(free=lambda: 1000 * MB)
    first = shares(budget)
    first.times = 5
    for _ in range(2):
        assert decoding(first, 80 * MB).wait(LATER)
        first.decoded(80 * MB)
    assert not decoding(shares(budget), 100 * MB).wait(SOON)  # 800 and 228


def test_memory_reserved_for_a_network_is_not_granted(shares):
    class Network:
        pass

    network, budget = Network(), MemoryBudget(free=lambda: 1000 * MB)
    budget.reserve(network, 700 * MB)
    assert decoding(shares(budget), 10 * MB).wait(LATER)
    waiting = decoding(shares(budget), 100 * MB)
    assert not waiting.wait(SOON)
    budget.reserve(network, 100 * MB)  # the network now holds the rest
    assert waiting.wait(LATER)
    budget.reserve(network, 1000 * MB)
    waiting = decoding(shares(budget), 10 * MB)
    assert not waiting.wait(SOON)
    del network
    gc.collect()
    assert waiting.wait(LATER)


def test_two_growing_shares_do_not_wait_for_each_other():
    budget = MemoryBudget(free=lambda: 300 * MB)
    ended = []

    def work() -> None:
        with budget.share() as share:
            share.times = 1
            share.before_decoding(5 * MB, 0)
            meeting.wait()
            share.times = 50  # more than half of what is free
            share.decoded(5 * MB)
            ended.append(share)

    meeting = threading.Barrier(2, timeout=LATER)
    threads = [threading.Thread(target=work, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LATER)
    assert len(ended) == 2


def test_a_request_to_stop_reaches_a_picture_that_waits(shares):
    class Stopped(Exception):
        pass

    def check() -> None:
        raise Stopped

    budget, stopped = MemoryBudget(free=lambda: 0), threading.Event()
    shares(budget).before_decoding(MB, MB)

    def work() -> None:
        with contextlib.suppress(Stopped), budget.share(check) as share:
            share.before_decoding(MB, MB)
            return
        stopped.set()

    threading.Thread(target=work, daemon=True).start()
    assert stopped.wait(LATER)
