import subprocess
import sys

import pytest

from ppgan_mpr.commands.convert import main
from ppgan_mpr.weights import load_weights


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_script_of_the_checkout_converts_by_name_and_keeps_the_task(root, tmp_path):
    script = root / "tools" / "convert_weights.py"
    command = [sys.executable, str(script), "lite:Deraining", "out.safetensors"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "MPRNet, task Deraining, 256 tensors" in done.stdout
    assert load_weights(tmp_path / "out.safetensors").task == "Deraining"


def test_prints_the_exact_name_of_the_task(capsys):
    assert main(["lite:Deraining", "out.safetensors", "--task", "deRAINING"]) == 0
    assert "task Deraining," in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.pdparams", "out.pdparams"), "none.pdparams cannot be read"),
        (("lite:Deraining", "out.onnx"), "does not end in"),
        (("lite:Deraining", "out.pdparams", "--half"), ".safetensors"),
        (("lite:Deraining", "out.pdparams", "--scale", "4"), "--scale 4 is for .safetensors only"),
        (("authors:Deraining", "out.pdparams"), "authors:Deraining cannot be downloaded"),
        (("lite:Deraining", "out.pth"), "safetensors.torch.load_file"),
        (("lite:Deraining", "no/such/folder/out.pdparams"), "cannot be written"),
        (("lite:Deraining", "out.pdparams", "--task", "Denoising"), "holds weights for Deraining"),
    ],
)
def test_mistakes_are_one_sentence_and_exit_code_2(capsys, arguments, message):
    assert main(list(arguments)) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
