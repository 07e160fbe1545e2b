"""Reports in files, pipes and devices."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ppgan_mpr import ResultRecord
from ppgan_mpr.apps.report import check_writable_report, write_report
from ppgan_mpr.errors import UsageError


def _record(source):
    return ResultRecord(source, error="no picture")


def test_report_of_names_that_are_not_unicode_is_valid_json(tmp_path):
    record = _record(os.fsdecode(b"a\xff\xc3\xa9.png"))
    write_report(tmp_path / "report.json", [record])
    text = (tmp_path / "report.json").read_bytes().decode("utf-8")
    assert [ResultRecord.from_dict(row) for row in json.loads(text)] == [record]
    assert "a\\udcff" in text and "é" in text


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have no names there")
def test_report_is_written_into_a_pipe_and_does_not_replace_it(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    check_writable_report(pipe)
    write_report(pipe, [_record("a.png")])
    assert json.loads(os.read(reader, 4096))[0]["source"] == "a.png"
    os.close(reader)
    assert pipe.is_fifo()


@pytest.mark.skipif(os.name != "posix", reason="devices are no files there")
def test_report_into_a_device_does_not_replace_a_link_to_it(tmp_path):
    (tmp_path / "nothing").symlink_to(os.devnull)
    write_report(tmp_path / "nothing", [_record("a.png")])
    assert (tmp_path / "nothing").is_symlink() and Path(os.devnull).is_char_device()


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no such device here")
def test_report_follows_what_was_printed_where_both_go_into_one_file(tmp_path, root):
    code = (
        "from ppgan_mpr import ResultRecord; from ppgan_mpr.apps.report import write_report;"
        "print('printed');"
        "write_report('/dev/stdout', [ResultRecord('a.png')]); print('after')"
    )
    with open(tmp_path / "log", "wb") as file:
        subprocess.run([sys.executable, "-c", code], stdout=file, check=True, cwd=root)
    lines = (tmp_path / "log").read_text().splitlines()
    assert (lines[0], lines[-1]) == ("printed", "after")
    assert json.loads("".join(lines[1:-1]))[0]["source"] == "a.png"


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="sockets have no names there")
def test_report_into_a_socket_is_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(UsageError, match="The report s cannot be written"):
            check_writable_report("s")
