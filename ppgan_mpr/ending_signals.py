"""The signals that ask a program to end."""

import signal

#: Ctrl-C, SIGTERM and SIGHUP; the last, of a terminal that was closed, is unknown to Windows.
ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
