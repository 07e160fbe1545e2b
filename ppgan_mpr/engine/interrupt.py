"""Signals: Ctrl-C, SIGTERM and SIGHUP let the iteration finish, so that it can be saved."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from ..ending_signals import ENDING
from . import processes


class Interrupt:
    """Inside its ``with`` block a signal is only recorded.

    A block inside another one begins with the signal that the outer one has recorded. A signal
    that the caller ignores, as ``nohup`` does, stays ignored.

    A second Ctrl-C interrupts at once, for the impatient; the other signals may be repeated
    without harm, as Paddle's launcher does within a second.

    Attributes:
        signal: number of the signal that arrived in this process, or 0.
        shared: number of a signal that all processes know of, and leave for together, or 0.
    """

    def __init__(self) -> None:
        self.signal = self.shared = 0
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        # Only the main thread may install handlers; elsewhere signals keep their meaning.
        if threading.current_thread() is threading.main_thread():
            for number in ENDING:
                if signal.getsignal(number) == signal.SIG_IGN:
                    continue
                self._previous[number] = signal.signal(number, self._note)
                outer = getattr(self._previous[number], "__self__", None)
                if isinstance(outer, Interrupt):
                    self.signal = self.signal or outer.signal
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            # None stands for a handler that Python did not install and cannot put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def share(self) -> bool:
        """Exchange signals between the processes; returns whether any of them has received one."""
        self.shared = processes.largest(self.signal)
        return self.shared > 0

    def take_shared(self, number: int) -> None:
        """Take the largest signal of all processes, which an update has exchanged.

        So an iteration needs no exchange of its own, for which the GPUs would have to wait. A
        single process takes also a signal that arrived after the exchange.
        """
        self.shared = number if processes.count() > 1 else self.signal

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.signal = number
        if number == signal.SIGINT:
            signal.signal(number, signal.default_int_handler)
