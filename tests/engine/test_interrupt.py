"""Signals during training."""

from __future__ import annotations

import signal

import pytest

pytest.importorskip("paddle")

from ppgan_mpr.ending_signals import ENDING
from ppgan_mpr.engine.interrupt import Interrupt


@pytest.mark.parametrize("number", ENDING)
def test_ending_signal_is_recorded_and_its_handler_restored(number):
    before = signal.getsignal(number)
    with Interrupt() as interrupt:
        assert interrupt.signal == 0
        signal.raise_signal(number)
        assert interrupt.signal == number
        assert interrupt.share() and interrupt.shared == number
        with Interrupt() as inner:
            assert inner.signal == number
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("number", ENDING)
def test_signal_that_the_caller_ignores_stays_ignored(number):
    before = signal.signal(number, signal.SIG_IGN)  # as nohup does
    try:
        with Interrupt() as interrupt:
            signal.raise_signal(number)
        assert interrupt.signal == 0 and not interrupt.share()
        assert signal.getsignal(number) == signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_second_ctrl_c_interrupts_at_once():
    with pytest.raises(KeyboardInterrupt), Interrupt():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("number", ENDING[1:])
def test_other_signals_may_be_repeated(number):
    with Interrupt() as interrupt:
        for _ in range(3):
            signal.raise_signal(number)
    assert interrupt.signal == number
