import json

import pytest
from detection_samples import codes, noisy, scene
from PIL import Image

from ppgan_mpr.commands.restore import main
from ppgan_mpr.commands.task_choice import ask_person
from ppgan_mpr.detection import Finding

AUTO = ["--task", "auto", "--model", "lite"]


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(codes(noisy(scene(height=160, width=200)))).save("noisy.png")
    Image.fromarray(codes(scene(height=160, width=200))).save("sharp.png")
    return tmp_path


def test_auto_prints_its_finding_and_confidence(pictures, capsys):
    assert main(["noisy.png", "sharp.png", *AUTO]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "output_dir/Denoising/noisy_restoration.png" in lines[0]
    assert "noise (" in lines[0] and lines[0].endswith("% sure)")
    assert lines[1].startswith("sharp.png: nothing to restore (")
    assert lines[2].startswith("1 restored, 1 with nothing to restore in")


def test_a_clean_picture_gives_no_output_and_exit_code_0(pictures):
    assert main(["sharp.png", *AUTO]) == 0
    assert not (pictures / "output_dir").exists()


def test_json_and_the_report_hold_the_finding(pictures, capsys):
    assert main(["noisy.png", *AUTO, "--json", "--report", "report.json"]) == 0
    (report,) = json.loads((pictures / "report.json").read_text())
    assert json.loads(capsys.readouterr().out) == report
    assert report["detected"]["degradation"] == "noise"
    assert report["detected"]["task"] == report["task"] == "Denoising"


def test_an_uncertain_picture_is_reported_and_left_alone(pictures, capsys, monkeypatch):
    unsure = Finding({"": 0.4, "motion blur": 0.6})
    monkeypatch.setattr("ppgan_mpr.apps.auto.detect", lambda photo: unsure)
    assert main(["sharp.png", *AUTO]) == 0
    line, summary = capsys.readouterr().out.splitlines()
    assert summary.startswith("0 restored, 1 doubtful and left alone in")
    assert "perhaps motion blur (60 % sure), left alone: --task Deblurring" in line
    assert not (pictures / "output_dir").exists()
    assert main(["sharp.png", *AUTO, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    detected = record["detected"]
    assert record["task"] == "" and detected["task"] == "Deblurring" and detected["doubtful"]


def test_picture_without_weights_is_not_a_failure(pictures, capsys):
    Image.fromarray(codes(noisy(0.06 * scene(height=96, width=96), 0.008))).save("dark.png")
    assert main(["dark.png", "noisy.png", *AUTO]) == 0
    captured = capsys.readouterr()
    dark, restored, summary = captured.out.splitlines()
    assert dark.startswith("dark.png: looks like low light (")
    assert dark.endswith(
        "% sure); there are no lite weights for LowLight: use --task LowLight --model published"
    )
    assert "Denoising" in restored
    assert summary.startswith("1 restored, 1 left alone for lack of weights in")
    assert "dark.png" not in captured.err


def test_better_weights_are_named_for_the_pictures_that_need_them(pictures, capsys, monkeypatch):
    found = iter([Finding({"motion blur": 1.0}), Finding({"noise": 1.0})])
    monkeypatch.setattr("ppgan_mpr.apps.auto.detect", lambda photo: next(found))
    assert main(["sharp.png", "noisy.png", *AUTO, "--jobs", "1", "--strength", "0.5"]) == 0
    lines = capsys.readouterr().err.splitlines()
    (command,) = (line for line in lines if "better weights:" in line)
    assert command.startswith("mprnet: better weights:  mprnet sharp.png --task Deblurring ")
    for words in ("--model published", "--overwrite", "--strength 0.5"):
        assert words in command
    assert "noisy.png" not in command and "auto" not in command.replace("--device auto", "")


@pytest.mark.parametrize("answer, chosen", [("y", "rain"), ("yes ", "rain"), ("", None)])
def test_user_is_asked_about_an_uncertain_finding(answer, chosen):
    asked = []
    finding = Finding({"": 0.4, "rain": 0.6})
    assert ask_person("a.png", finding, lambda text: asked.append(text) or answer) == chosen
    assert asked == ["a.png: perhaps rain (60 %). Restore it? [y/N] "]


def test_several_tasks_run_in_order(pictures, capsys):
    assert main(["noisy.png", "--task", "Denoising,Deraining", "--model", "lite"]) == 0
    assert (pictures / "output_dir" / "Denoising+Deraining" / "noisy_restoration.png").exists()


@pytest.mark.parametrize("task", ["auto", "Denoising,Deblurring"])
def test_weights_of_one_task_are_refused_for_several(pictures, capsys, task):
    assert main(["noisy.png", "--task", task, "--weight_path", "w.pdparams"]) == 2
    error = capsys.readouterr().err
    assert "--weight_path" in error and len(error.splitlines()) == 1
