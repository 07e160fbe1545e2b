from __future__ import annotations

import pytest

pytest.importorskip("paddle")
yaml = pytest.importorskip("yaml")
pytest.importorskip("ppgan")

from ppgan_mpr.engine.config import load_config, save_config  # noqa: E402
from ppgan_mpr.errors import UsageError  # noqa: E402


@pytest.fixture
def file(settings, tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def test_overrides_are_literals(file):
    cfg = load_config(
        file,
        [
            "total_iters=7",
            "model.generator.middle_blk_num=3",
            "validate.save_img=True",
            "model.clip_output=true",  # not in the yaml, but an argument of MPRModel
            "lr_scheduler.learning_rate=2e-4",
            "model.edge_criterion=null",
            "model.generator.name=NAFNet",
            "snapshot_config.keep=4",
            "dataset.train.num_workers=1",
            "dataset.train.img_options={'patch_size': 64}",
            "dataset.train.img_options.saturation=0.2",
            "output_dir=a=b",
        ],
    )
    assert cfg.total_iters == 7
    assert cfg.model.generator.middle_blk_num == 3
    assert cfg.validate.save_img is True
    assert cfg.model.clip_output is True
    assert cfg.lr_scheduler.learning_rate == 2e-4
    assert cfg.model.edge_criterion is None
    assert cfg.snapshot_config.keep == 4
    assert cfg.dataset.train.num_workers == 1
    assert cfg.dataset.train.img_options.patch_size == 64
    assert cfg.output_dir == "a=b"
    assert cfg.accumulate == 1  # a default


def test_values_are_never_run_as_code(file, tmp_path):
    canary = tmp_path / "canary"
    expression = f"__import__('pathlib').Path({str(canary)!r}).touch()"
    cfg = load_config(file, [f"output_dir={expression}"])
    assert cfg.output_dir == expression
    assert not canary.exists()


@pytest.mark.parametrize(
    ("override", "hint"),
    [
        ("total_iter=5", "total_iters"),
        ("model.generator.widht=5", "width"),
        ("dataset.train.batchsize=5", "batch_size"),
        ("clip_grad=5", "clip_grad_norm"),
        ("validate.metrics.psnr.protocoll=gopro", "protocol"),
        ("modle.generator.width=5", "model"),
    ],
)
def test_unknown_key_names_the_nearest(file, override, hint):
    with pytest.raises(UsageError, match=rf"did you mean {hint}\?"):
        load_config(file, [override])


@pytest.mark.parametrize("override", ["total_iters", "total_iters.x=1", "model.x.y=1"])
def test_malformed_override_is_an_error(file, override):
    with pytest.raises(UsageError, match=override):
        load_config(file, [override])


def test_file_that_is_not_a_configuration_is_an_error(tmp_path):
    for content, message in (("a: [", "not a yaml"), ("- 1", "not a training configuration")):
        path = tmp_path / "bad.yaml"
        path.write_text(content)
        with pytest.raises(UsageError, match=message):
            load_config(path)
    with pytest.raises(UsageError, match="There is no configuration"):
        load_config(tmp_path / "absent.yaml")


def test_unknown_option_in_the_yaml_is_a_warning(settings, tmp_path, caplog):
    settings["pretrain_ckpt"] = "a file"
    settings["snapshot_config"]["upload"] = True
    path = tmp_path / "more.yaml"
    path.write_text(yaml.safe_dump(settings))
    load_config(path)
    assert "nothing reads the option 'pretrain_ckpt'" in caplog.text
    assert "nothing reads the option 'upload'" in caplog.text
    assert len(caplog.records) == 2


@pytest.mark.parametrize(
    ("section", "key", "meant"),
    [
        ("", "clip_grad_nrom", "clip_grad_norm"),
        ("", "ema_decy", "ema_decay"),
        ("", "total_itres", "total_iters"),
        ("validate", "intervall", "interval"),
        ("snapshot_config", "keeep", "keep"),
    ],
)
def test_misspelt_option_in_the_yaml_is_an_error(settings, tmp_path, section, key, meant):
    (settings[section] if section else settings)[key] = 3
    path = tmp_path / "typo.yaml"
    path.write_text(yaml.safe_dump(settings))
    with pytest.raises(UsageError, match=f"has no option '{key}': did you mean {meant}?"):
        load_config(path)


@pytest.mark.parametrize(
    ("section", "key", "hint"),
    [
        (("model", "generator"), "widht", "width"),
        (("dataset", "train"), "rgb_dri", "rgb_dir"),
        (("optimizer",), "beta_1", "beta1"),
        (("validate", "metrics", "psnr"), "crop_boarder", "crop_border"),
        (("mixup",), "alhpa", "alpha"),
    ],
)
def test_unknown_argument_in_the_yaml_is_an_error(settings, tmp_path, section, key, hint):
    settings["mixup"] = {}
    node = settings
    for part in section:
        node = node[part]
    node[key] = 1
    path = tmp_path / "typo.yaml"
    path.write_text(yaml.safe_dump(settings))
    with pytest.raises(UsageError, match=f"has no option '{key}': did you mean {hint}"):
        load_config(path)


def test_metric_may_be_added_key_by_key(file):
    added = ["validate.metrics.ssim.name=SSIM", "validate.metrics.ssim.protocol=gopro"]
    metrics = load_config(file, added).validate.metrics
    assert metrics.ssim == {"name": "SSIM", "protocol": "gopro"}
    assert "psnr" in metrics


def test_unknown_class_names_the_nearest(file):
    with pytest.raises(UsageError, match="there is no 'MRPNet': did you mean MPRNet"):
        load_config(file, ["model.generator.name=MRPNet"])


@pytest.mark.parametrize(
    ("section", "known", "other"),
    [
        ("model", "MPRModel", "MPRNet"),
        ("model.generator", "MPRNet", "MPRModel"),
        ("model.char_criterion", "CharbonnierLoss", "PSNR"),
        ("dataset.train", "MPRTrain", "Adam"),
        ("validate.metrics.psnr", "PSNR", "Adam"),
        ("lr_scheduler", "WarmupCosine", "Adam"),
        ("optimizer", "Adam", "WarmupCosine"),
    ],
)
def test_unknown_class_lists_only_the_classes_of_its_section(file, section, known, other):
    with pytest.raises(UsageError, match=rf"^{section}.name: there is no 'qqqq'") as raised:
        load_config(file, [f"{section}.name=qqqq"])
    listed = str(raised.value).partition("choose one of ")[2].rstrip(".").split(", ")
    assert known in listed
    assert other not in listed
    with pytest.raises(UsageError, match=f"there is no '{other}'"):
        load_config(file, [f"{section}.name={other}"])


def test_numbers_written_like_1e_8_are_numbers(tmp_path, settings):
    path = tmp_path / "numbers.yaml"
    text = yaml.safe_dump(settings) + "clip_grad_norm: 1e-2\n"
    path.write_text(text)
    assert load_config(path).clip_grad_norm == 0.01


def test_saved_configuration_loads_again(file, tmp_path):
    cfg = load_config(file, ["clip_grad_norm=0.5"])
    save_config(cfg, tmp_path / "saved" / "config.yaml")
    assert load_config(tmp_path / "saved" / "config.yaml") == cfg


def test_channels_of_network_and_data_must_agree(settings, three_stages, tmp_path):
    settings["model"]["generator"] = three_stages
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump(settings))
    load_config(file, ["dataset.train.img_options.dual_pixel=False"])
    with pytest.raises(UsageError, match=r"takes 3 channels and dataset.train gives 6"):
        load_config(file, ["dataset.train.img_options.dual_pixel=True"])
    with pytest.raises(UsageError, match=r"takes 6 channels and dataset.* gives 3"):
        load_config(file, ["model.generator.in_c=6"])


@pytest.mark.parametrize("name", ["2024", "2024-01-05", "1e5", "None"])
def test_folder_may_be_named_like_a_number(settings, tmp_path, name):
    settings["dataset"]["test"]["rgb_dir"] = name
    path = tmp_path / "numbers.yaml"
    path.write_text(yaml.safe_dump(settings))
    cfg = load_config(path, [f"output_dir={name}", f"dataset.train.rgb_dir={name}"])
    assert cfg.output_dir == cfg.dataset.train.rgb_dir == cfg.dataset.test.rgb_dir == name


APPLY = "!!python/object/apply:os.mkdir [run]"


@pytest.mark.parametrize(
    "line",
    [
        f"seed: {APPLY}",
        "seed: !!python/name:os.system",
        "seed: !!python/module:os",
        "!!python/object/new:os.system ['touch run']: 1",
    ],
)
def test_yaml_runs_no_code(file, tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    file.write_text(f"{file.read_text()}\n{line}\n")
    with pytest.raises(UsageError, match=r"run\.yaml is not a yaml file"):
        load_config(file)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "value",
    [
        APPLY,
        "__import__('pathlib').Path('run').touch()",
        "open('run', 'w')",
        "{a: !!python/name:os.system }",
    ],
)
def test_options_run_no_code(file, tmp_path, monkeypatch, value):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"seed is"):
        load_config(file, [f"seed={value}"])
    assert not (tmp_path / "run").exists()
