from __future__ import annotations

import errno
import sys

import pytest

from ppgan_mpr.commands.program import program_name, run_program
from ppgan_mpr.errors import DownloadError, UsageError


def fail(error):
    def body():
        raise error

    return body


@pytest.mark.parametrize("code", [0, 1])
def test_exit_code_is_that_of_the_work(code, capsys):
    assert run_program(lambda: code) == code
    assert capsys.readouterr().err == ""


def test_error_that_the_user_can_fix_is_one_line_in_flags(capsys):
    assert run_program(fail(UsageError("jobs=0: give more"))) == 2
    assert capsys.readouterr().err == "error: --jobs 0: give more\n"


def test_exit_code_of_an_error_may_depend_on_it(capsys):
    def code(error):
        return 3 if isinstance(error, DownloadError) else 4

    assert run_program(fail(DownloadError("offline")), code) == 3
    assert run_program(fail(UsageError("wrong")), code) == 4
    assert run_program(fail(UsageError("wrong")), 1, message=lambda _: "right") == 1
    assert capsys.readouterr().err.splitlines()[-1] == "error: right"


def test_interrupt_ends_with_130_and_without_a_message(capsys):
    assert run_program(fail(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == ""


def test_full_disk_names_the_file(capsys):
    assert run_program(fail(OSError(errno.ENOSPC, "No space left on device", "out.json"))) == 2
    assert capsys.readouterr().err == "error: out.json: No space left on device\n"


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
