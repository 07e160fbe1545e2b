import json
import os
import socket
import subprocess
import sys
import urllib.request

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from ppgan_mpr.commands.serve import main, parse_args
from ppgan_mpr.ending_signals import ENDING
from ppgan_mpr.version import __version__


@pytest.mark.parametrize("ending", ENDING)
def test_serves_on_a_loopback_address_until_interrupted(root, tmp_path, ending):
    command = [sys.executable, "-m", "ppgan_mpr.commands.serve", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(root), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            address = process.stdout.readline().split()[0]
            assert address.startswith("http://127.0.0.1:")
            with urllib.request.urlopen(f"{address}/health") as answer:
                assert json.load(answer)["status"] == "ok"
            assert list(tmp_path.glob("mprnet-web-*"))
            process.send_signal(ending)
            assert process.wait(timeout=60) == 130
        finally:
            process.kill()
    assert not list(tmp_path.glob("mprnet-web-*"))


def test_the_version_needs_no_server(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"ppgan_mpr {__version__}\n"


def test_listens_on_loopback_by_default():
    assert parse_args([]).host == "127.0.0.1"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "70000"], "--port 70000"),
        (["--queue", "0"], "--queue 0"),
        (["--device", "tpu"], "--device"),
    ],
)
def test_wrong_options_are_one_sentence(arguments, words, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert words in error
    assert len(error.splitlines()) == 1


def test_a_taken_port_is_named_with_the_option_to_choose_another(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 2
    assert capsys.readouterr().err == f"error: port {port} is taken: choose another with --port\n"


def test_address_of_another_machine_is_refused_in_one_sentence(capsys):
    assert main(["--host", "192.0.2.1"]) == 2
    error = capsys.readouterr().err
    assert "cannot listen on 192.0.2.1" in error
    assert "--host" in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(("host", "warned"), [("0.0.0.0", True), ("127.0.0.1", False)])
def test_an_open_server_warns_and_prints_an_address_to_open(monkeypatch, capsys, host, warned):
    monkeypatch.setattr("uvicorn.Server.run", lambda *_, **__: None)
    assert main(["--host", host, "--port", "0"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("http://127.0.0.1:")
    assert ("without a password" in printed.err) == warned


def test_missing_package_is_named_with_its_extra(root, tmp_path):
    (tmp_path / "starlette.py").write_text("raise ModuleNotFoundError(name='starlette')")
    done = subprocess.run(
        [sys.executable, "-m", "ppgan_mpr.commands.serve"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{root}"},
    )
    assert done.returncode == 2
    assert "[web]" in done.stderr
