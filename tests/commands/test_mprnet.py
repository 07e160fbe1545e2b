"""The program ``mprnet`` as users start it: its results, its exit code and its exit handlers."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

TRACED = (
    "import atexit, sys, threading, time;"
    "from ppgan_mpr.commands.mprnet import main;"
    "threading.Thread(target=lambda: (time.sleep(3), print('other thread'))).start();"
    "code = main(); atexit.register(print, 'last handler'); sys.exit(code)"
)


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(np.full([24, 32, 3], 90, np.uint8)).save(path)
    return path


def run(code, *arguments, stdout=subprocess.PIPE):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=300)


def restore(*photos, stdout=subprocess.PIPE):
    output = photos[0].parent / ("out.png" if len(photos) == 1 else "out")
    flags = ["--task", "Deraining", "--model", "lite", "-o", output]
    return run(TRACED, *photos, *flags, stdout=stdout), output


def test_threads_and_exit_handlers_finish(photo):
    done, output = restore(photo)
    assert done.returncode == 0, done.stderr
    assert Image.open(output).size == (32, 24)
    assert "1 restored" in done.stdout
    assert "other thread" in done.stdout
    assert done.stdout.endswith("last handler\n")


def test_the_exit_code_is_that_of_the_command(photo):
    (photo.parent / "b.png").write_bytes(b"no picture")
    done, _ = restore(photo, photo.parent / "b.png")
    assert done.returncode == 1
    assert "1 restored, 1 failed" in done.stdout
    assert run(TRACED, "--no-such-flag").returncode == 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_output_that_cannot_be_written_is_a_failure(photo):
    with open("/dev/full", "w") as full:
        done, output = restore(photo, stdout=full)
    assert done.returncode != 0
    assert output.exists()


def test_openvinos_converter_of_models_is_not_imported(photo):
    pytest.importorskip("openvino")
    code = (
        "import sys; from ppgan_mpr.commands.mprnet import main; code = main();"
        "import openvino; print('converter', sys.modules['openvino.tools.ovc']); sys.exit(code)"
    )
    done = run(
        code, photo, "--task", "Deraining", "--model", "lite", "-o", photo.parent / "out.png"
    )
    assert done.returncode == 0, done.stderr
    assert "converter None" in done.stdout


def test_the_garbage_collector_is_paused_only_until_the_predictor_is_ready(photo):
    code = (
        "import gc, sys; from ppgan_mpr.commands.mprnet import main;"
        "from ppgan_mpr.apps.predictor import Predictor as P; load, work = P._load, P.iterate;"
        "P._load = lambda *given: (print('loads', gc.isenabled()), load(*given))[1];"
        "P.iterate = lambda *given: (print('works', gc.isenabled()), work(*given))[1];"
        "sys.exit(main())"
    )
    done = run(code, photo, "--task", "Deraining", "--model", "lite", "-o", photo.parent / "b.png")
    assert done.returncode == 0, done.stderr
    assert "loads False" in done.stdout and "works True" in done.stdout


RELEASED = (
    "import sys; from ppgan_mpr.commands.mprnet import main;"
    "from ppgan_mpr.inference import Restorer;"
    "Restorer.release = lambda self: print('released', flush=True); sys.exit(main())"
)


@pytest.mark.parametrize(
    ("task", "photos", "released"),
    [("Deraining", 1, True), ("Deraining", 2, False), ("Deraining,Deblurring", 1, False)],
)
def test_network_is_freed_while_the_only_photo_of_the_only_task_is_written(
    photo, task, photos, released
):
    others = [photo.with_name(f"{number}.png") for number in range(1, photos)]
    for other in others:
        other.write_bytes(photo.read_bytes())
    output = photo.parent / ("out" if others else "out.png")
    done = run(RELEASED, photo, *others, "--task", task, "--model", "lite", "-o", output)
    assert done.returncode == 0, done.stderr
    assert ("released" in done.stdout) == released
