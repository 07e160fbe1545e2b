"""Signals: Ctrl-C and SIGTERM let the iteration finish, so that it can be saved."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class Interrupt:
    """Inside its ``with`` block a signal is only recorded.

    A block inside another one begins with the signal that the outer one has recorded.

    A second Ctrl-C interrupts at once, for the impatient; SIGTERM may be repeated without
    harm, as Paddle's launcher does within a second.

    Attributes:
        signal: number of the signal that arrived, or 0.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        # Only the main thread may install handlers; elsewhere signals keep their meaning.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._note)
                outer = getattr(self._previous[number], "__self__", None)
                if isinstance(outer, Interrupt):
                    self.signal = self.signal or outer.signal
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            # None stands for a handler that Python did not install and cannot put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.signal = number
        if number == signal.SIGINT:
            signal.signal(number, signal.default_int_handler)
