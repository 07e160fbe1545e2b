"""The signals that ask a program to end."""

import signal

#: SIGINT (Ctrl-C), SIGTERM and SIGHUP (a terminal was closed), which Windows does not have.
ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
