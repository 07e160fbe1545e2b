"""Memory for pictures that are decoded at the same time."""

from __future__ import annotations

import threading

from ppgan_mpr.imaging.memory_budget import MemoryBudget

SOON, LATER = 0.3, 60  # seconds


def asking(budget: MemoryBudget, owner: str, nbytes: int) -> threading.Event:
    """An event that is set when the owner has been granted its memory by another thread."""
    granted = threading.Event()

    def ask() -> None:
        budget.grant(owner, nbytes)
        granted.set()

    threading.Thread(target=ask, daemon=True).start()
    return granted


def test_owners_share_what_is_free():
    budget = MemoryBudget(free=lambda: 100)
    assert asking(budget, "a", 60).wait(LATER)
    assert asking(budget, "b", 40).wait(LATER)
    third = asking(budget, "c", 1)
    assert not third.wait(SOON)
    budget.release("b")
    assert third.wait(LATER)


def test_who_is_alone_is_granted_everything():
    budget = MemoryBudget(free=lambda: 100)
    assert asking(budget, "a", 1000).wait(LATER)
    assert asking(budget, "a", 2000).wait(LATER)  # in the place of what it had


def test_two_that_need_more_than_they_hold_do_not_wait_for_each_other():
    budget = MemoryBudget(free=lambda: 100)
    assert asking(budget, "a", 50).wait(LATER)
    assert asking(budget, "b", 50).wait(LATER)
    first = asking(budget, "a", 100)
    second = asking(budget, "b", 100)
    assert second.wait(LATER) or first.wait(LATER)
    for owner in ("a", "b"):
        budget.release(owner)
    assert first.wait(LATER)
