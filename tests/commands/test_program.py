from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import tempfile

import pytest

from ppgan_mpr.commands.program import program_name, run_program
from ppgan_mpr.ending_signals import ENDING
from ppgan_mpr.errors import DownloadError, UsageError


def fail(error):
    def body():
        raise error

    return body


@pytest.mark.parametrize("code", [0, 1])
def test_exit_code_is_that_of_the_work(code, capsys):
    assert run_program(lambda: code) == code
    assert capsys.readouterr().err == ""


def test_error_that_the_user_can_fix_is_one_line_that_names_flags(capsys):
    assert run_program(fail(UsageError("jobs=0: give more"))) == 2
    assert capsys.readouterr().err == "error: --jobs 0: give more\n"


def test_exit_code_may_depend_on_the_error(capsys):
    def code(error):
        return 3 if isinstance(error, DownloadError) else 4

    assert run_program(fail(DownloadError("offline")), code) == 3
    assert run_program(fail(UsageError("wrong")), code) == 4
    assert run_program(fail(UsageError("wrong")), 1, message=lambda _: "right") == 1
    assert capsys.readouterr().err.splitlines()[-1] == "error: right"


def test_interrupt_ends_with_130_and_without_a_message(capsys):
    assert run_program(fail(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("number", ENDING[1:])
def test_ending_signal_removes_temporary_folders(tmp_path, number):
    """For example those of a program that exports a network."""

    def body():
        with tempfile.TemporaryDirectory(dir=tmp_path):
            signal.raise_signal(number)
        return 0

    before = signal.getsignal(number)
    assert run_program(body) == 130
    assert signal.getsignal(number) is before
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize("error", [SystemError("a result with an exception set"), None])
def test_interrupt_that_a_library_hides_or_loses_ends_the_program(number, error, capsys):
    """C++ libraries that are interrupted while they call Python may do either."""

    def body():
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt:
            if error:
                raise error from None
        return 0

    assert run_program(body) == 130
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("number", ENDING)
def test_ignored_signal_stays_ignored(number):
    def body():
        signal.raise_signal(number)
        return 0

    before = signal.signal(number, signal.SIG_IGN)
    try:
        assert run_program(body) == 0
    finally:
        signal.signal(number, before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked there")
def test_forked_process_of_a_program_dies_of_sigterm():
    def body():
        child = os.fork()
        if not child:
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                os._exit(7)
        return os.waitpid(child, 0)[1]

    assert run_program(body) == signal.SIGTERM


def test_full_disk_names_the_file(capsys):
    assert run_program(fail(OSError(errno.ENOSPC, "No space left on device", "out.json"))) == 2
    assert capsys.readouterr().err == "error: out.json: No space left on device\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device here")
def test_full_output_ends_the_program_with_one_line(root):
    code = """if True:
        from ppgan_mpr.commands.program import run_program

        def body():
            print("result", flush=True)

        raise SystemExit(run_program(body, prefix="tool", unwritable=5))
    """
    # With a buffer, Python writes the output again when it ends.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=root,
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, done.stderr) == (5, "tool: a file: No space left on device\n")


def test_output_before_an_error_is_kept(root):
    code = """if True:
        from ppgan_mpr.commands.program import run_program

        def body():
            print("result")
            raise OSError(28, "No space left on device", "out.json")

        raise SystemExit(run_program(body))
    """
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "result\n")


def test_programming_error_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run_program(lambda: 1 // 0)


@pytest.mark.parametrize(
    ("typed", "name"),
    [("/usr/bin/mprnet-train", "mprnet-train"), ("tools/main.py", "python tools/main.py")],
)
def test_program_is_named_as_it_was_typed(monkeypatch, typed, name):
    monkeypatch.setattr(sys, "argv", [typed])
    monkeypatch.delattr("__main__.__spec__")
    assert program_name() == name
