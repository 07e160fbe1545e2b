"""Ctrl-C and a cluster's SIGTERM: finish the iteration, save, then leave."""

from __future__ import annotations

import signal
import threading


class Interrupt:
    """Inside its ``with`` block a signal is only noted.

    A second Ctrl-C interrupts at once, for the impatient; SIGTERM may be repeated without
    harm, as Paddle's launcher does within a second.

    Attributes:
        signal: number of the signal that arrived, or 0.
    """

    def __init__(self):
        self.signal = 0
        self._previous = {}

    def __enter__(self):
        # Only the main thread may install handlers; elsewhere signals keep their meaning.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_):
        for number, handler in self._previous.items():
            # None stands for a handler that Python did not install and cannot put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _note(self, number, _frame):
        self.signal = number
        if number == signal.SIGINT:
            signal.signal(number, signal.default_int_handler)
