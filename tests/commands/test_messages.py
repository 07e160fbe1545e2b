import logging

import pytest
from PIL import Image

from ppgan_mpr.commands.messages import show_messages
from ppgan_mpr.commands.restore import main
from ppgan_mpr.inference import preparation

logger = logging.getLogger("ppgan_mpr.somewhere")


def test_messages_name_options_as_flags(capsys):
    with show_messages():
        logger.warning("use existing='skip'")
        logger.info("preparing")
        logger.debug("hidden")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "mprnet: use --skip-existing\nmprnet: preparing\n"


def test_messages_are_printed_once_whatever_handlers_the_root_logger_has(capsys, caplog):
    with show_messages():
        logger.warning("heard")
    assert capsys.readouterr().err.count("heard") == 1
    assert "heard" not in caplog.text


def test_messages_are_not_shown_after_the_block(capsys):
    with show_messages():
        pass
    logger.info("preparing")
    assert capsys.readouterr().err == ""


def test_first_use_of_a_network_is_announced_beside_json(tmp_path, monkeypatch, capsys):
    pytest.importorskip("openvino")
    monkeypatch.setenv("PPGAN_MPR_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(preparation, "PATIENCE", 0)
    Image.new("RGB", (12, 9), (90, 80, 70)).save(tmp_path / "photo.png")
    Image.new("RGB", (30, 41), (90, 80, 70)).save(tmp_path / "small.png")
    Image.new("RGB", (240, 200), (90, 80, 70)).save(tmp_path / "large.png")
    arguments = ["--task", "Denoising", "--model", "lite", "--json", "--memory", "16M"]
    errors = []
    for number, name in enumerate(("photo", "photo", "small", "large")):
        photo, out = tmp_path / f"{name}.png", tmp_path / str(number)
        assert main([str(photo), *arguments, "-o", str(out)]) == 0
        captured = capsys.readouterr()
        assert captured.out.count("\n") == 1 and "preparing" not in captured.out
        errors.append(captured.err)
    assert "mprnet: preparing MPRNet (Denoising) for this computer, once" in errors[0]
    assert "preparing" not in errors[1] + errors[2]  # one network takes all small pictures
    assert "mprnet: preparing MPRNet (Denoising)" in errors[3]
