"""Options with impossible values are refused before anything is built."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

pytest.importorskip("paddle")
yaml = pytest.importorskip("yaml")
pytest.importorskip("ppgan")

from ppgan_mpr.engine.config import load_config  # noqa: E402
from ppgan_mpr.errors import UsageError  # noqa: E402
from ppgan_mpr.ppgan_compat import registry_table  # noqa: E402

WRONG = [
    "total_iters=abc",
    "total_iters=0",
    "total_iters=2.5",
    "lr_scheduler.learning_rate=fast",
    "lr_scheduler.learning_rate=nan",
    "lr_scheduler.warmup_iters=-1",
    "dataset.train.batch_size=four",
    "dataset.train.batch_size=0",
    "dataset.train.batch_size=2.5",
    "dataset.train.num_workers=-1",
    "dataset.test.num_workers=x",
    "model.generator.n_feat=x",
    "model.generator.n_feat=7.5",
    "model.generator.n_feat=True",
    "model.generator.n_feat=[8, 8]",
    "model.generator.bias=xx",
    "model.generator.bias=1",
    "ema_decay=abc",
    "ema_decay=2",
    "ema_decay=1.0",
    "clip_grad_norm=abc",
    "mixup=0.6",
    "mixup.alpha=0",
    "mixup.probability=2",
    "seed=-1",
    "validate.interval=0",
    "log_config.interval=0",
    "log_config.visiual_interval=0",
    "snapshot_config.interval=0",
    "snapshot_config.keep=0",
    "model=None",
    "model.generator=MPRNet",
    "accumulate=1.5",
    "accumulate=True",
    "model.edge_weight=x",
    "amp=maybe",
    "amp_level=O3",
    "amp_dtype=int8",
    "validate.save_img=perhaps",
    "dataset=x",
    "dataset.train.img_options=64",
    "output_dir=",
    "optimizer.beta1=x",
    "clip_grad_norm.x=1",
    "model.edge_criterion=EdgeLoss",
    "validate=1",
]


@pytest.fixture
def file(settings, three_stages, tmp_path):
    settings["model"]["generator"] = three_stages
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


@pytest.mark.parametrize("override", WRONG)
def test_impossible_value_is_an_error_that_names_the_option(file, override):
    key = override.partition("=")[0]
    with pytest.raises(UsageError) as raised:
        load_config(file, [override])
    message = str(raised.value)
    assert message.startswith((f"{key} is ", override, key.split(".")[0]))
    assert "\n" not in message


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("ema_decay=2", "ema_decay is 2: give a number above 0 and below 1, or null."),
        ("total_iters=0", "total_iters is 0: give a whole number from 1 on, or null."),
        ("amp=maybe", "amp is 'maybe': give true or false."),
        ("mixup=0.6", "mixup is 0.6: give a section, or null."),
        ("validate.interval=0", "whole number from 1 on, or -1 for never."),
        ("optimizer.grad_clip=1", "optimizer.grad_clip is 1, but must be an object of Paddle: "),
        ("optimizer.grad_clip=1", "clip_grad_norm"),
    ],
)
def test_message_says_what_to_give(file, override, message):
    with pytest.raises(UsageError) as raised:
        load_config(file, [override])
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("name", "option", "value", "wanted"),
    [
        ("CosineAnnealingRestartLR", "periods", "['a']", "a whole number from 1 on"),
        ("CosineAnnealingRestartLR", "periods", "[0]", "a whole number from 1 on"),
        ("CosineAnnealingRestartLR", "restart_weights", "1", "a number from 0 on"),
        ("CosineAnnealingRestartCyclicLR", "eta_mins", "[-1]", "a number from 0 on"),
        ("MultiStepDecay", "milestones", "'x'", "a whole number from 0 on"),
    ],
)
def test_impossible_list_of_a_schedule_gives_a_one_sentence_error(
    settings, tmp_path, name, option, value, wanted
):
    settings["lr_scheduler"] = {"name": name, "learning_rate": 1e-3, "milestones": [3]}
    if name != "MultiStepDecay":
        settings["lr_scheduler"] = {"name": name, "learning_rate": 1e-3, "periods": [6]}
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(settings))
    with pytest.raises(UsageError) as raised:
        load_config(path, [f"lr_scheduler.{option}={value}"])
    assert str(raised.value) == (
        f"lr_scheduler.{option} is {value}: give a list, each item {wanted}."
    )


def test_numbers_of_a_list_may_have_the_form_1e_6(settings, tmp_path):
    path = tmp_path / "run.yaml"
    settings["lr_scheduler"] = {
        "name": "CosineAnnealingRestartCyclicLR",
        "learning_rate": 1e-3,
        "periods": ["2e1", 30],
        "restart_weights": [1, 1],
        "eta_mins": ["3e-4", "1e-6"],
    }
    path.write_text(yaml.safe_dump(settings))
    schedule = load_config(path).lr_scheduler
    assert schedule.periods == [20, 30] and schedule.eta_mins == [3e-4, 1e-6]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.generator.kernel_size=2", "kernel_size=2: give an odd number."),
        ("model.generator.reduction=100", "reduction=100: give a whole number from 1 to 8."),
        ("optimizer.net_names=generator", "net_names is 'generator': give a list of ['generator']"),
        ("validate.memory=1K", "validate.memory is '1K', but the smallest tile of this network"),
    ],
)
def test_value_that_the_network_cannot_have_is_an_error_before_training(
    settings, three_stages, build, override, message
):
    settings["model"]["generator"] = three_stages
    *sections, option = override.partition("=")[0].split(".")
    section = settings
    for name in sections:
        section = section[name]
    value = override.partition("=")[2]
    section[option] = int(value) if value.isdigit() else value
    with pytest.raises(UsageError) as raised:
        build(settings)
    assert message in str(raised.value)


def test_valid_values_are_accepted(file):
    cfg = load_config(
        file,
        [
            "total_iters=1e5",
            "ema_decay=None",
            "validate.interval=-1",
            "lr_scheduler.eta_min=0",
            "clip_grad_norm=1",
            "model.generator.n_feat=1e1",
            "model.edge_criterion=None",
        ],
    )
    assert cfg.total_iters == 100_000 and isinstance(cfg.total_iters, int)
    assert cfg.ema_decay is None
    assert cfg.clip_grad_norm == 1
    assert isinstance(cfg.model.generator.n_feat, int)


class Outside:
    """A network of another package, whose arguments have annotations or only defaults."""

    def __init__(
        self,
        num_blocks=(1, 2),
        n_heads: Sequence[int] | None = None,
        scale_factor: float = 1.0,
        kind=None,
        reduction: int | tuple[int, int] = 4,
    ):
        pass


@pytest.fixture
def outside(settings, tmp_path, monkeypatch):
    monkeypatch.setitem(registry_table("GENERATORS"), "Outside", Outside)
    settings["model"]["generator"] = {"name": "Outside"}
    path = tmp_path / "outside.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("num_blocks", [2, 4]),
        ("n_heads", [1, 2]),
        ("n_heads", None),
        ("scale_factor", 0.5),
        ("scale_factor", 2),
        ("kind", {"a": 1}),
        ("reduction", [2, 2]),
        ("reduction", 0),
    ],
)
def test_arguments_of_other_networks_may_have_any_name_and_type(outside, option, value):
    cfg = load_config(outside, [f"model.generator.{option}={value}"])
    assert cfg.model.generator[option] == value


@pytest.mark.parametrize(
    ("override", "wanted"),
    [
        ("model.generator.num_blocks=2", "a list"),
        ("model.generator.n_heads=many", "a list or null"),
        ("model.generator.scale_factor=wide", "a number"),
        ("model.generator.reduction=0.5", "a whole number or a list"),
    ],
)
def test_arguments_of_a_network_must_have_the_types_of_its_class(outside, override, wanted):
    name, _, _ = override.partition("=")
    with pytest.raises(UsageError, match=rf"^{name} is .*: give {wanted}\.$"):
        load_config(outside, [override])


def test_override_may_add_a_known_option(settings, tmp_path):
    del settings["model"]["edge_criterion"]
    settings["dataset"]["test"]["img_options"] = None
    path = tmp_path / "bare.yaml"
    path.write_text(yaml.safe_dump(settings))
    cfg = load_config(
        path,
        [
            "dataset.test.img_options.patch_size=64",
            "model.edge_criterion.name=EdgeLoss",
            "mixup.alpha=0.6",
        ],
    )
    assert cfg.dataset.test.img_options == {"patch_size": 64}
    assert cfg.model.edge_criterion == {"name": "EdgeLoss"}
    assert cfg.mixup == {"alpha": 0.6}


def test_missing_section_is_named(settings, tmp_path):
    path = tmp_path / "bare.yaml"
    path.write_text("model:\n")
    with pytest.raises(UsageError, match=r"^model is None: give a section with name"):
        load_config(path)
    del settings["log_config"]
    path.write_text(yaml.safe_dump(settings))
    with pytest.raises(UsageError, match=r"^log_config is None: give a section with interval"):
        load_config(path)


def test_scoring_needs_no_optimizer(settings, build):
    del settings["optimizer"]
    build(settings, is_train=False)
    with pytest.raises(UsageError, match="no optimizer"):
        build(settings)
