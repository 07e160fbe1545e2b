import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import requests
from PIL import Image

from ppgan_mpr import ResultRecord
from ppgan_mpr.commands.restore import main
from ppgan_mpr.ending_signals import ENDING
from ppgan_mpr.errors import DownloadError

LITE = ["--task", "Denoising", "--model", "lite"]


@pytest.fixture
def photo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (12, 9), (90, 80, 70)).save("photo.jpg")
    return "photo.jpg"


def test_restores_into_the_output_folder(photo, tmp_path, capsys):
    assert main(["--input_image", photo, *LITE]) == 0
    assert (tmp_path / "output_dir" / "Denoising" / "photo_restoration.jpg").exists()
    lines = capsys.readouterr().out.splitlines()
    assert "photo.jpg -> output_dir" in lines[0]
    assert "12x9" in lines[0]
    assert lines[-1].startswith("1 restored in")


def test_flags_of_paddlegans_program_are_understood(photo, tmp_path):
    arguments = ["--input_image", photo, "--output_path", "there", "--task", "Denoising", "--cpu"]
    assert main([*arguments, "--model", "lite"]) == 0
    assert (tmp_path / "there" / "Denoising" / "photo_restoration.jpg").exists()


def test_one_failure_gives_exit_code_1_and_the_rest_is_done(photo, tmp_path, capsys):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG broken")
    assert main(["broken.png", photo, *LITE]) == 1
    captured = capsys.readouterr()
    assert "1 restored, 1 failed" in captured.out
    assert "broken.png: failed:" in captured.err
    assert (tmp_path / "output_dir" / "Denoising" / "photo_restoration.jpg").exists()


def test_existing_results_are_kept_skipped_or_replaced_as_asked(photo, capsys):
    assert main([photo, *LITE]) == 0
    assert main([photo, *LITE]) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert main([photo, *LITE, "--skip-existing"]) == 0
    assert "1 skipped" in capsys.readouterr().out
    assert main([photo, *LITE, "--overwrite"]) == 0
    assert "1 restored" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Name a picture"),
        (["none.jpg", *LITE], "There is no file or folder none.jpg"),
        (["photo.jpg"], "The task is missing: give --task"),
        (["photo.jpg", "--task", "Deblur"], "did you mean Deblurring"),
        (["photo.jpg", *LITE, "--jobs", "0"], "jobs"),
        (["photo.jpg", *LITE, "--cpu", "--device", "gpu"], "contradicts"),
        (["photo.jpg", "--task", "Denoising", "--weight_path", "none.pdparams"], "none.pdparams"),
    ],
)
def test_mistakes_are_one_sentence_and_exit_code_2(photo, capsys, arguments, message):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_argparse_mistakes_exit_with_2(photo):
    with pytest.raises(SystemExit) as caught:
        main([photo, *LITE, "--overwrite", "--skip-existing"])
    assert caught.value.code == 2


def run(arguments, folder, root, **options):
    script = root / "applications" / "tools" / "mprnet.py"
    return subprocess.Popen(
        [sys.executable, str(script), *arguments],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.parametrize(
    ("jobs", "number"),
    [("1", signal.SIGINT), ("3", signal.SIGINT), *(("1", number) for number in ENDING[1:])],
)
def test_an_interrupted_batch_lists_exactly_what_it_finished(tmp_path, root, jobs, number):
    for index in range(100):
        Image.new("RGB", (120, 90), (index, 80, 70)).save(tmp_path / f"{index:02}.png")
    # PaddlePaddle has signal handlers of its own. OpenVINO starts faster.
    backend = "paddle" if number == signal.SIGTERM else "auto"
    arguments = [".", *LITE, "--jobs", jobs, "--backend", backend, "--report", "report.json"]
    process = run(arguments, tmp_path, root, stdout=subprocess.PIPE)
    first = process.stdout.readline()  # the first picture is done
    process.send_signal(number)
    # Not communicate(), which would lose the lines buffered after the first.
    printed, errors = process.stdout.read(), process.stderr.read()
    assert process.wait(timeout=60) == 130, errors
    assert errors.splitlines()[-1] == "mprnet: interrupted; finished pictures are complete"
    assert "Traceback" not in errors
    written = sorted(path.name for path in (tmp_path / "output_dir" / "Denoising").iterdir())
    assert 1 <= len(written) < 100
    for name in written:
        Image.open(tmp_path / "output_dir" / "Denoising" / name).load()
    listed = [line.split(" -> ")[1] for line in (first + printed).splitlines() if " -> " in line]
    assert sorted(os.path.basename(line.split("  ")[0]) for line in listed) == written
    report = json.loads((tmp_path / "report.json").read_text())
    assert sorted(os.path.basename(row["output"]) for row in report) == written


def test_sigterm_during_a_download_leaves_nothing(photo, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PPGAN_MPR_HOME", str(tmp_path / "home"))
    unfinished = []

    def get(*_, **__):
        unfinished.extend((tmp_path / "home" / "weights").iterdir())
        signal.raise_signal(signal.SIGTERM)
        raise requests.exceptions.ConnectionError

    monkeypatch.setattr("requests.get", get)
    assert main([photo, "--task", "Denoising"]) == 130
    assert unfinished and list((tmp_path / "home" / "weights").iterdir()) == []
    downloading, interrupted = capsys.readouterr().err.splitlines()
    assert downloading.startswith("mprnet: downloading published:Denoising, once, from https://")
    assert interrupted.startswith("mprnet: interrupted")


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_a_whole_batch_ends_with_exit_code_0(photo, capsys, jobs):
    assert main([photo, *LITE, "--jobs", jobs]) == 0
    assert "interrupted" not in capsys.readouterr().err


def test_report_has_a_record_for_each_picture(photo, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG broken")
    assert main(["broken.png", photo, *LITE, "--report", "report.json"]) == 1
    rows = [
        ResultRecord.from_dict(row) for row in json.loads((tmp_path / "report.json").read_text())
    ]
    assert [row.source for row in rows] == ["broken.png", "photo.jpg"]
    assert "damaged" in rows[0].error and rows[0].output is None
    assert rows[1].error is None and rows[1].size == (12, 9)
    assert main([photo, *LITE, "--report", "no/such/folder/report.json"]) == 2


def test_output_file_takes_one_picture_only(photo, tmp_path, capsys):
    assert main([photo, *LITE, "-o", "clean.png"]) == 0
    assert Image.open(tmp_path / "clean.png").size == (12, 9)
    assert main([photo, photo.replace("photo", "photo2"), *LITE, "-o", "two.png"]) == 2
    Image.new("RGB", (8, 8)).save(tmp_path / "photo2.jpg")
    assert main([photo, "photo2.jpg", *LITE, "-o", "two.png"]) == 2
    assert "name a folder" in capsys.readouterr().err


def test_loss_that_is_accepted_is_named_in_a_line(photo, capsys):
    Image.new("RGBA", (12, 9), (90, 80, 70, 100)).save("clear.png", dpi=(300, 300))
    arguments = ["clear.png", *LITE, "-o", "clear.ppm"]
    assert main(arguments) == 1
    refusal = capsys.readouterr().err
    assert "would lose the transparency and the resolution (300 dpi), choose" in refusal
    assert "accept the loss by --allow-loss" in refusal
    assert main([*arguments, "--allow-loss"]) == 0
    lost = "clear.png: the result lacks the transparency and the resolution (300 dpi)\n"
    assert lost in capsys.readouterr().err


def test_words_are_understood_in_any_case(photo, tmp_path):
    arguments = [photo, "--task", "DENOISING", "--model", "Lite", "--format", "JPEG"]
    assert main([*arguments, "--backend", "Auto"]) == 0
    (written,) = (tmp_path / "output_dir" / "Denoising").iterdir()
    assert Image.open(written).format == "JPEG"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--task", "DualPixelDeblurring"], "give the right one too (--right_image)"),
        (["--task", "SuperResolution", "--scale", "7"], "--scale 7 is not one of them"),
        (["--task", "SuperResolution"], "choose one by --scale"),
        (["--task", "Deraining", "--model", "lite", "--scale", "2"], "--scale 2, but Deraining"),
        (["--task", "LowLight", "--local"], "--local is not for MIRNet-v2"),
    ],
)
def test_mistakes_name_the_flag_and_start_no_download(
    photo, capsys, monkeypatch, arguments, message
):
    from ppgan_mpr.weights import published

    def no_network(record, *_):
        raise DownloadError(f"{record.name} was asked for")

    monkeypatch.setattr(published, "fetch", no_network)
    assert main([photo, *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error, error


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device here")
def test_full_output_device_is_reported(photo, tmp_path, root):
    with open("/dev/full", "w") as full:
        process = run([photo, *LITE], tmp_path, root, stdout=full)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in errors
    assert "No space left" in errors


@pytest.mark.parametrize("sign", ["\x1b", "\n", "\x9b", "\u202e", "\u2028", "\u200f"])
def test_invisible_characters_in_names_are_not_sent_to_the_terminal(
    tmp_path, monkeypatch, capsys, sign
):
    monkeypatch.chdir(tmp_path)
    Image.new("L", (8, 8)).save("plain.png")
    os.rename("plain.png", f"a{sign}b.png")
    assert main([f"a{sign}b.png", *LITE]) == 0
    assert main([f"missing{sign}b.png", *LITE]) == 2
    printed = "".join(capsys.readouterr())
    assert sign not in printed.replace("\n", "") and f"a{sign}" not in printed
    escaped = ascii(sign)[1:-1]
    assert f"a{escaped}b.png" in printed and f"missing{escaped}b.png" in printed


def test_help_explains_every_exit_code(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    explained = capsys.readouterr().out.split("exit code:")[1]
    assert re.findall(r"^  (\d+) ", explained, re.MULTILINE) == ["0", "1", "2", "130"]
    assert "could not be compared (--compare)" in explained


def test_list_and_version_need_no_picture(capsys):
    assert main(["--list"]) == 0
    listed = capsys.readouterr().out
    for word in ("published", "lite", "Deblurring", "33.44 dB", "ppgan-crop256", "licence"):
        assert word in listed
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0


def test_script_of_the_checkout_prints_names_in_any_encoding(photo, tmp_path, root):
    """The whole process, with a name that the terminal's encoding cannot show."""
    name = "été\udcff.png"
    Image.new("L", (8, 8), 100).save(tmp_path / "plain.png")
    os.rename(tmp_path / "plain.png", tmp_path / name)
    script = root / "applications" / "tools" / "mprnet.py"
    done = subprocess.run(
        [sys.executable, str(script), "--input_image", name, *LITE],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    output = tmp_path / "output_dir" / "Denoising" / "été\udcff_restoration.png"
    assert Image.open(output).mode == "L"


def test_list_shows_gmacs_weakness_and_source_of_weights(capsys):
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (gopro,) = (
        line for line in lines if line.startswith("authors:nafnet:Deblurring:gopro-width32")
    )
    assert "16 GMACs" in gopro and "your own file" in gopro
    (mprnet,) = (line for line in lines if line.startswith("published:Deblurring"))
    assert "751 GMACs" in mprnet and "https://" in mprnet
    assert any("These weights hardly reduce real motion blur" in line for line in lines)


def test_list_says_which_scores_are_with_tlc(capsys):
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (by_default,) = (line for line in lines if "REDS (300): 29.09 dB" in line)
    assert "/ 0.8671 with TLC  [gopro;" in by_default
    (on_demand,) = (line for line in lines if "GoPro (1111): 33.31 dB" in line)
    assert "with TLC (--local)  [" in on_demand
    (without,) = (line for line in lines if "SIDD validation (1280): 40.30 dB" in line)
    assert "TLC" not in without


@pytest.mark.parametrize(
    ("flags", "local"), [([], False), (["--local"], True), (["--no-local"], False)]
)
def test_flags_switch_local_statistics(photo, tmp_path, flags, local):
    assert main([photo, *LITE, "--report", "report.json", "--backend", "paddle", *flags]) == 0
    (row,) = json.loads((tmp_path / "report.json").read_text())
    assert row["local"] is local


def start(tmp_path, root, *arguments, **environment):
    """The command in a process of its own."""
    code = "import sys; from ppgan_mpr.commands.restore import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_may_begin_with_one_folder_and_one_empty_cache(tmp_path, root):
    pytest.importorskip("openvino")
    home = tmp_path / "home"
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for number in range(8):
        pixels = rng.integers(0, 256, (48, 64, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.png")
    command = ["photos", *LITE, "--skip-existing", "-o"]
    running = [
        start(tmp_path, root, *command, "shared", PPGAN_MPR_HOME=str(home)) for _ in range(2)
    ]
    for process in running:
        _, errors = process.communicate()
        assert process.returncode == 0, errors
        assert all(line.startswith("mprnet: preparing MPRNet") for line in errors.splitlines())
    # The cache that they left is complete: a third process needs neither weights nor PaddlePaddle.
    (tmp_path / "paddle.py").write_text("raise SystemExit('the cache was not used')")
    third = start(tmp_path, f"{tmp_path}{os.pathsep}{root}", *command, "alone",
                  PPGAN_MPR_HOME=str(home))  # fmt: skip
    assert third.communicate()[1] == ""
    assert third.returncode == 0
    shared, alone = (
        {path.name: path.read_bytes() for path in (tmp_path / name / "Denoising").glob("*.png")}
        for name in ("shared", "alone")
    )
    assert len(alone) == 8
    assert shared == alone


@pytest.mark.skipif(os.name != "posix", reason="permissions of folders are those of POSIX")
def test_cache_that_cannot_be_used_is_reported_in_one_sentence(photo, tmp_path, root):
    home = tmp_path / "home"
    home.mkdir(mode=0o000)
    code = "import sys; from ppgan_mpr.commands.restore import main; sys.exit(main())"
    arguments = [sys.executable, "-c", code, photo, *LITE, "-o", str(tmp_path / "out")]
    if os.geteuid() == 0:  # root may do everything
        if not shutil.which("setpriv"):
            pytest.skip("root cannot give up its rights here")
        arguments = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *arguments]
    done = subprocess.run(
        arguments,
        env={**os.environ, "PYTHONPATH": str(root), "PPGAN_MPR_HOME": str(home)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    usual = ("is slow on a CPU", "mprnet: preparing")  # the first with PaddlePaddle 2
    lines = done.stderr.splitlines()
    (sentence,) = (line for line in lines if not any(words in line for words in usual))
    assert "The cache folder" in sentence
    assert "cannot be read (Permission denied)" in sentence
    assert "PPGAN_MPR_HOME" in sentence
    assert (tmp_path / "out" / "Denoising" / "photo_restoration.jpg").exists()


def test_weak_weights_are_named_once_with_the_command_for_better_ones(photo, capsys):
    shutil.copy(photo, "second photo.jpg")
    arguments = [photo, "second photo.jpg", "--model", "lite", "--task", "Deblurring", "-o", "out"]
    assert main(arguments) == 0
    errors = capsys.readouterr().err
    assert errors.count("hardly reduce real motion blur") == 1
    assert "use --model published, which is downloaded once" in errors
    command = "mprnet photo.jpg 'second photo.jpg' --task Deblurring -o out --model published"
    command += " --overwrite"  # because this run has just written the outputs
    assert f"mprnet: better weights:  {command}\n" in errors
    assert main([photo, *LITE]) == 0
    assert "hardly" not in capsys.readouterr().err


def test_json_prints_one_record_per_line_and_nothing_else(photo, tmp_path, capsys):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    assert main([photo, "broken.png", *LITE, "--json"]) == 1
    captured = capsys.readouterr()
    records = [ResultRecord.from_dict(json.loads(line)) for line in captured.out.splitlines()]
    assert [record.source for record in records] == [photo, "broken.png"]
    assert records[0].output.endswith("photo_restoration.jpg") and records[1].error
    assert "1 restored, 1 failed" in captured.err


def test_json_and_the_report_name_flags_as_the_terminal_does(photo, capsys):
    assert main([photo, *LITE]) == 0
    assert main([photo, *LITE, "--json", "--report", "report.json"]) == 1
    record = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert "use --overwrite to replace it or --skip-existing" in record["error"]
    assert main([photo, *LITE, "--strength", "0.5", "--skip-existing", "--json"]) == 0
    (warning,) = json.loads(capsys.readouterr().out)["warnings"]
    assert "because it was made with --strength 1.0" in warning
    with open("report.json") as file:
        assert json.load(file) == [record]


def test_file_that_cannot_be_written_is_named(photo, monkeypatch, capsys):
    def full(*_):
        print("a result")
        raise OSError(errno.ENOSPC, "No space left on device", "report.json")

    monkeypatch.setattr("ppgan_mpr.commands.restore.report_results", full)
    assert main([photo, *LITE]) == 1
    printed, errors = capsys.readouterr()
    assert errors.splitlines()[-1] == "mprnet: report.json: No space left on device"
    assert printed == "a result\n"
