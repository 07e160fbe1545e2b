"""The schema of a configuration: its sections and options with their types and ranges.

Each section is a dataclass that is never instantiated. The configuration of a run remains a nested
dict, which PaddleGAN's builders need, and :func:`check_values` compares it with these declarations.
An option's annotation states its type; :func:`option` adds a default and a range.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from typing import Any, ClassVar, Literal

from .options import Choice, Flag, Number, NumberList, Rule, SectionRule, Text, type_words


class Section:
    """A section of a configuration.

    Attributes:
        registry: PaddleGAN's registry of the classes that the section may name; the other options
            are arguments of the class. None for sections that do not configure a class.
        lenient: unknown options only give a warning, because PaddleGAN may have more options. But
            those that resemble a known option are refused as misspelt.
        free: options may have any name.
        others: schema of subsections without a field here.
    """

    registry: ClassVar[str | None] = None
    lenient: ClassVar[bool] = False
    free: ClassVar[bool] = False
    others: ClassVar[type[Section] | None] = None


def option(
    default: Any = MISSING,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    open: bool = False,
    open_above: bool = False,
    never: bool = False,
    required: bool = False,
    own: bool = False,
) -> Any:
    """Declare an option of a section.

    Args:
        default: filled in if the yaml lacks the option; without a default it stays absent.
        low, high: smallest and largest value.
        open: low and high are excluded.
        open_above: high is excluded.
        never: -1 is allowed, and means never.
        required: the section must have the option.
        own: the option is not an argument of the class that the section configures.
    """
    bounds = {"low": low, "high": high, "open": open, "open_above": open_above, "never": never}
    metadata = {"bounds": bounds, "required": required, "own": own or required}
    return field(default=default, metadata=metadata)


def section(
    schema: type[Section] | None,
    default: Any = MISSING,
    *,
    none: bool = False,
    required: bool = False,
) -> Any:
    """Declare a subsection; ``schema`` None means the class that contains this declaration."""
    metadata = {"section": schema, "none": none, "required": required, "own": False}
    return field(default=default, metadata=metadata)


class Component(Section):
    """A section that names any class of any registry."""

    registry = "*"


@dataclass(init=False)
class Generator(Section):
    """``model.generator``: the network."""

    registry = "GENERATORS"
    name: str = option(required=True)


@dataclass(init=False)
class Criterion(Section):
    """A loss of an MPRModel; if PaddleGAN has one of the same name, ours is used."""

    registry = "CRITERIONS"
    name: str = option(required=True)
    reduction: Literal["mean", "sum"] = option()
    eps: float = option(low=0)


@dataclass(init=False)
class Model(Section):
    """``model``: the network and its losses."""

    registry = "MODELS"
    others = Component
    name: str = option(required=True)
    generator: Generator = section(Generator)
    char_criterion: Criterion | None = section(Criterion, none=True)
    psnr_criterion: Criterion | None = section(Criterion, none=True)
    edge_criterion: Criterion | None = section(Criterion, none=True)
    edge_weight: float = option(low=0)
    clip_output: bool = option()


@dataclass(init=False)
class ImageOptions(Section):
    """``img_options`` of a data set; the data set's class checks options not declared here."""

    free = True
    cache_gb: float = option(low=0)


@dataclass(init=False)
class DataSet(Section):
    """``dataset.train`` or ``dataset.test``: the data set and how it is loaded."""

    registry = "DATASETS"
    name: str = option(required=True)
    rgb_dir: str = option()
    img_options: ImageOptions | None = section(ImageOptions, none=True)
    dataset: DataSet = section(None)  # the data set inside a RepeatDataset
    # Null cancels the batch size of a base file; check_config removes it.
    batch_size: int | None = option(low=1, own=True)
    num_workers: int = option(low=0, own=True)
    use_shared_memory: bool = option(own=True)
    progressive: list = option(own=True)


@dataclass(init=False)
class DataSets(Section):
    """``dataset``: the training set and the validation set."""

    others = DataSet
    train: DataSet | None = section(DataSet, none=True)
    test: DataSet | None = section(DataSet, none=True)


@dataclass(init=False)
class Schedule(Section):
    """``lr_scheduler``: the learning rate."""

    registry = "LRSCHEDULERS"
    name: str = option(required=True)
    learning_rate: float = option(low=0, open=True)
    warmup_iters: int = option(low=0)
    eta_min: float = option(low=0)
    periods: list[int] = option(low=1)
    milestones: list[int] = option(low=0)
    restart_weights: list[float] = option(low=0)
    eta_mins: list[float] = option(low=0)


@dataclass(init=False)
class Optimizer(Section):
    """``optimizer``: the optimizer of the network."""

    registry = "OPTIMIZERS"
    name: str = option(required=True)
    net_names: list = option(own=True)
    beta1: float = option(low=0, high=1, open_above=True)
    beta2: float = option(low=0, high=1, open_above=True)
    epsilon: float = option(low=0, open=True)
    weight_decay: float | None = option(low=0)


@dataclass(init=False)
class Metric(Section):
    """One metric of ``validate.metrics``."""

    registry = "METRICS"
    name: str = option(required=True)


class Metrics(Section):
    """``validate.metrics``: label → metric, or a single metric."""

    registry = "METRICS"
    free = True
    others = Metric


@dataclass(init=False)
class Validate(Section):
    """``validate``: when and how dataset.test is scored."""

    lenient = True
    interval: int = option(low=1, never=True)
    save_img: bool = option()
    save_panels: bool = option()
    memory: str = option()
    local: bool = option()
    metrics: Metrics | None = section(Metrics, none=True)


@dataclass(init=False)
class MixUpOptions(Section):
    """``mixup``: blends the pairs of a batch, see :class:`ppgan_mpr.datasets.MixUp`."""

    alpha: float = option(low=0, open=True)
    start_iter: int = option(low=0)
    probability: float = option(low=0, high=1)
    per_pair: bool = option()


@dataclass(init=False)
class LogConfig(Section):
    """``log_config``: intervals of log lines and previews, in iterations."""

    lenient = True
    interval: int = option(low=1, required=True)
    visiual_interval: int = option(low=1, required=True)  # PaddleGAN's spelling


@dataclass(init=False)
class SnapshotConfig(Section):
    """``snapshot_config``: interval of checkpoints, and how many to keep.

    The interval counts iterations, or epochs if the configuration has ``epochs``.
    """

    lenient = True
    interval: int = option(low=1, required=True)
    keep: int = option(low=1)


@dataclass(init=False)
class Configuration(Section):
    """A whole configuration: PaddleGAN's options, and ours, which have defaults."""

    lenient = True
    model: Model = section(Model, required=True)
    dataset: DataSets = section(DataSets, required=True)
    lr_scheduler: Schedule | None = section(Schedule, none=True)
    optimizer: Optimizer | None = section(Optimizer, none=True)
    validate: Validate | None = section(Validate, none=True)
    log_config: LogConfig = section(LogConfig, required=True)
    snapshot_config: SnapshotConfig = section(SnapshotConfig, required=True)
    output_dir: str = option(required=True)
    total_iters: int | None = option(low=1)
    epochs: int | None = option(low=1)
    enable_visualdl: bool = option()
    find_unused_parameters: bool = option()
    min_max: list = option()
    image_num: int = option()
    export_model: list = option()
    seed: int = option(0, low=0)  # of weights, data order and augmentation
    accumulate: int = option(1, low=1)  # number of slices of a batch
    # Number of pictures per update, of all processes and slices together.
    total_batch_size: int | None = option(None, low=1)
    clip_grad_norm: float | None = option(None, low=0, open=True)  # largest norm of the gradient
    # Decay of the averaged weights, which are evaluated and released.
    ema_decay: float | None = option(None, low=0, high=1, open=True)
    mixup: MixUpOptions | None = section(MixUpOptions, None, none=True)
    amp: bool = option(False)  # mixed precision on GPUs
    amp_level: Literal["O1", "O2"] = option("O1")
    amp_dtype: Literal["auto", "bfloat16", "float16"] = option("auto")
    recompute: bool = option(False)  # recompute values in the backward pass to save memory


def defaults(schema: type[Section]) -> dict[str, Any]:
    """The options of a section that have defaults."""
    return {
        item.name: item.default
        for item in _fields(schema)
        if item.default is not MISSING and not item.metadata["required"]
    }


def subsection(schema: type[Section] | None, key: str) -> type[Section] | None:
    """The schema of the section under a key, or None if the key has no section."""
    if schema is None:
        return None
    for item in _fields(schema):
        if item.name == key:
            return (item.metadata["section"] or schema) if "section" in item.metadata else None
    return schema.others


def schema_at(path: str) -> type[Section] | None:
    """The schema of the section at a path such as ``"dataset.train"``."""
    found: type[Section] | None = Configuration
    for key in filter(None, path.split(".")):
        found = subsection(found, key)
    return found


def option_names(schema: type[Section], own: bool = False) -> set[str]:
    """The declared options of a section; ``own`` leaves out the arguments of its class."""
    return {item.name for item in _fields(schema) if item.metadata["own"] or not own}


def is_text(path: str) -> bool:
    """Whether an option is always a text: a folder named 2024 must not become a number."""
    where, _, key = path.rpartition(".")
    schema = schema_at(where)
    declared = [item for item in (_fields(schema) if schema else ()) if item.name == key]
    return any(isinstance(rule_of(item), Text) for item in declared)


def check_values(node: dict[str, Any], schema: type[Section], path: str = "") -> None:
    """Check the values of a section and of all sections below it.

    Whole numbers are converted to int.

    Args:
        node: the section; changed in place.
        schema: schema of the section.
        path: path of the section, for messages.

    Raises:
        UsageError: the first option with an invalid value, or the first missing section.
    """
    inside = f"{path}." if path else ""
    for item in _fields(schema):
        if item.name in node or (item.metadata["required"] and not path):
            rule = rule_of(item, schema)
            if rule is not None:
                node[item.name] = rule.check(f"{inside}{item.name}", node.get(item.name))
    for key, value in node.items():
        below = subsection(schema, key)
        if below is not None and isinstance(value, dict):
            check_values(value, below, f"{inside}{key}")


def rule_of(item: Field, owner: type[Section] | None = None) -> Rule | None:
    """The rule for an option; None leaves the check to the class."""
    if "section" in item.metadata:
        schema: Any = item.metadata["section"] or owner
        required = [part.name for part in _fields(schema) if part.metadata["required"]]
        return SectionRule(tuple(required), item.metadata["none"])
    if str(item.type).startswith("Literal"):
        return Choice(ast.literal_eval(f"({str(item.type)[8:-1]},)"))
    kind, *rest = type_words(str(item.type))
    bounds: Mapping[str, Any] = item.metadata["bounds"]
    limits = {key: value for key, value in bounds.items() if value != -math.inf}
    if str(item.type) in ("list[int]", "list[float]"):
        return NumberList(Number(**limits, whole=str(item.type) == "list[int]"))
    if kind in ("int", "float"):
        return Number(**limits, whole=kind == "int", none="None" in rest)
    plain: dict[str, Rule] = {"bool": Flag(), "str": Text()}
    return plain.get(kind)


def _fields(schema: Any) -> tuple[Field, ...]:
    return fields(schema) if is_dataclass(schema) else ()
