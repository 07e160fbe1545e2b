"""Handling of Ctrl-C, SIGTERM and SIGHUP: the iteration is finished first and can be saved."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from ..ending_signals import ENDING
from . import processes


class Interrupt:
    """Records signals inside its ``with`` block instead of ending the process.

    A nested block starts with the signal that the outer block has recorded. Signals that the caller
    ignores, as ``nohup`` does, stay ignored.

    A second Ctrl-C interrupts at once. Repeating other signals has no effect; Paddle's launcher
    repeats them within a second.

    Attributes:
        signal: number of the signal that arrived in this process, or 0.
        shared: number of a signal that all processes know and stop for together, or 0.
    """

    def __init__(self) -> None:
        self.signal = self.shared = 0
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        # Only the main thread may install handlers; in other threads signals keep their handlers.
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
            # None means a handler that Python did not install and cannot restore.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def share(self) -> bool:
        """Exchange signals between the processes; returns whether any of them has received one."""
        self.shared = processes.largest(self.signal)
        return self.shared > 0

    def take_shared(self, number: int) -> None:
        """Take over the largest signal of all processes, which an update has exchanged.

        So no separate exchange is needed, for which the GPUs would have to wait. A single process
        also notices a signal that arrived after the exchange.
        """
        self.shared = number if processes.count() > 1 else self.signal

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.signal = number
        if number == signal.SIGINT:
            signal.signal(number, signal.default_int_handler)
