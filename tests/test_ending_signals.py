import signal
import threading

import pytest

from ppgan_mpr.ending_signals import ENDING, handled_by


@pytest.mark.parametrize("number", ENDING)
def test_signals_reach_the_handler_only_while_the_block_runs(number):
    arrived = []
    before = signal.getsignal(number)
    with pytest.raises(ZeroDivisionError), handled_by(lambda *args: arrived.append(args[0])):
        signal.raise_signal(number)
        raise ZeroDivisionError
    assert arrived == [number]
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("foreign", [True, False])
def test_ignored_signal_stays_ignored(foreign):
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with handled_by(pytest.fail, foreign) as previous:
            assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
        assert signal.SIGTERM not in previous
    finally:
        signal.signal(signal.SIGTERM, before)


def test_handlers_that_python_did_not_install_are_replaced_only_on_request(monkeypatch):
    known, replaced = dict.fromkeys(ENDING), []
    monkeypatch.setattr(signal, "getsignal", known.get)
    monkeypatch.setattr(signal, "signal", lambda number, handler: replaced.append(handler))
    with handled_by(print):
        assert replaced == []
    with handled_by(print, foreign=True):
        assert replaced == [print] * len(ENDING)
    assert replaced[len(ENDING) :] == [signal.SIG_DFL] * len(ENDING)


def test_other_threads_set_no_handler():
    handlers = []

    def enter():
        with handled_by(print) as previous:
            handlers.append(previous)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert handlers == [{}]
