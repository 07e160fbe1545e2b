"""Runs commands in separate processes, and measures them from outside."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
TASK = ("--task", "Denoising", "--model", "lite", "--cpu")
ADDRESS_SPACE = 12 << 30  # bytes, so that no run exhausts the machine


@dataclass
class Run:
    """The output and the resources of a process.

    Attributes:
        code: exit code, negative for a signal.
        lines: (seconds since the start, line) of stdout and stderr.
        peak: peak memory in bytes, child processes included.
        seconds: from start to end.
        hung: whether it was killed because it printed nothing for too long.
    """

    code: int = 0
    lines: list[tuple[float, str]] = field(default_factory=list)
    peak: int = 0
    seconds: float = 0.0
    hung: bool = False

    @property
    def text(self) -> str:
        return "\n".join(line for _, line in self.lines)


def environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a run whose cache is in ``home``."""
    return {**os.environ, "PPGAN_MPR_HOME": str(home), "PYTHONPATH": str(ROOT), **more}


def mprnet(*arguments: object) -> list[str]:
    """The command that restores."""
    script = ROOT / "applications" / "tools" / "mprnet.py"
    return [sys.executable, str(script), *map(str, arguments), *TASK]


def watch(
    command: list[str],
    home: Path,
    *,
    silence: float = 300,
    on_line: Callable[[psutil.Popen, int], None] | None = None,
    kill_after: tuple[float, int] | None = None,
    sample: Callable[[psutil.Process], None] | None = None,
    limits: Callable[[], None] | None = None,
    **variables: str,
) -> Run:
    """Run a command to its end.

    Args:
        command: what to run.
        home: folder of the cache.
        silence: seconds without a line after which the process counts as hung and is killed.
        on_line: called after each line with the process and the number of lines.
        kill_after: (seconds, signal): a signal to send to the process, and when.
        sample: called with the process about ten times a second.
        limits: called in the process before the command starts; sets resource limits.
        variables: environment variables to add.
    """
    run = Run()
    started = time.perf_counter()
    process = psutil.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment(home, **variables),
        start_new_session=True,
        preexec_fn=limits or _bounded,
    )
    last = [time.perf_counter()]
    ended = threading.Event()

    def guard() -> None:
        while not ended.wait(0.1):
            with contextlib.suppress(psutil.Error):
                family = [process, *process.children(recursive=True)]
                run.peak = max(run.peak, sum(member.memory_info().rss for member in family))
                if sample:
                    sample(process)
            if time.perf_counter() - last[0] > silence:
                run.hung = True
                end_session(process.pid)

    def strike(delay: float, number: int) -> None:
        if not ended.wait(delay):
            with contextlib.suppress(psutil.Error, ProcessLookupError):
                process.send_signal(number)

    threads = [threading.Thread(target=guard, daemon=True)]
    if kill_after:
        threads.append(threading.Thread(target=strike, args=kill_after, daemon=True))
    for thread in threads:
        thread.start()
    for line in process.stdout:
        last[0] = time.perf_counter()
        run.lines.append((last[0] - started, line.rstrip("\n")))
        if on_line:
            on_line(process, len(run.lines))
    run.code = process.wait()
    ended.set()
    for thread in threads:
        thread.join()
    end_session(process.pid)  # child processes that still run
    run.seconds = time.perf_counter() - started
    return run


def end_session(leader: int) -> None:
    """Kill all processes in the session that a command has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _bounded() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def small_files(nbytes: int) -> Callable[[], None]:
    """A function that keeps the files of a process from growing beyond ``nbytes``."""

    def apply() -> None:
        import resource

        _bounded()
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (nbytes, nbytes))

    return apply


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Callable[[str], None] | None]:
    """A disk of a given size at ``folder``; yields a function that remounts it.

    Yields None if this user may not mount.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mounted = _quietly("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    try:
        if mounted:
            yield lambda options: _check("mount", "-o", f"remount,{options}", str(folder))
        else:
            yield None
    finally:
        if mounted:
            _quietly("umount", str(folder)) or _quietly("umount", "-l", str(folder))


def _quietly(*command: str) -> bool:
    with contextlib.suppress(OSError):
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    return False


def _check(*command: str) -> None:
    subprocess.run(command, capture_output=True, check=True)
