"""Configurations: reading a yaml, changing options of it, and finding mistakes in it."""

from __future__ import annotations

import ast
import datetime
import inspect
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ..checks import did_you_mean
from ..errors import UsageError
from ..files import atomic_write
from ..networks import networks
from ..ppgan_compat import REGISTRIES, import_ppgan, registry_table
from .config_files import find_config
from .options import check_argument, check_values, is_text

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    from ppgan.utils.config import AttrDict
else:
    AttrDict = import_ppgan("ppgan.utils.config").AttrDict

#: Options of our Trainer, at the top of the yaml.
DEFAULTS: dict[str, Any] = {
    "seed": 0,  # of weights, data order and augmentation
    "accumulate": 1,  # slices of a batch that pass through the network one by one
    "total_batch_size": None,  # pictures per update, of all processes and slices together
    "clip_grad_norm": None,  # largest norm of the gradient
    "ema_decay": None,  # of the averaged weights, which are evaluated and released
    "mixup": None,  # {alpha: 0.6, start_iter: 1, probability: 1.0, per_pair: true} blends pairs
    "amp": False,  # mixed precision on GPUs
    "amp_level": "O1",
    "amp_dtype": "bfloat16",
}

# What PaddleGAN's yaml may hold besides; sections map to the keys that are optional in them.
_PADDLEGAN: dict[str, tuple[str, ...]] = {
    "epochs": (),
    "total_iters": (),
    "output_dir": (),
    "enable_visualdl": (),
    "find_unused_parameters": (),
    "min_max": (),
    "image_num": (),
    "export_model": (),
    "model": (),
    "dataset": (),
    "lr_scheduler": (),
    "optimizer": ("net_names",),
    "validate": ("interval", "save_img", "save_panels", "memory", "metrics"),
    "log_config": ("interval", "visiual_interval"),
    "snapshot_config": ("interval", "keep"),
}
# Sections that configure no class.
_PLAIN = ("validate", "log_config", "snapshot_config")
_LOADING = ("batch_size", "num_workers", "use_shared_memory", "progressive")
# Sections whose keys are more than the arguments of a class.
_PARTS = {
    "dataset": ("train", "test"),
    **dict.fromkeys(("generator", "char_criterion", "psnr_criterion", "edge_criterion"), ("name",)),
}
_MIXUP = ("alpha", "start_iter", "probability", "per_pair")
# Options of one start of a run, which may differ when it is resumed.
_OF_A_START = ("output_dir", "is_train", "profiler_options")
# Section → the registry of PaddleGAN that holds the classes that it may name.
_REGISTRIES = {
    "model": "MODELS",
    "model.generator": "GENERATORS",
    "model.*criterion": "CRITERIONS",
    "dataset*": "DATASETS",
    "validate.metrics*": "METRICS",
    "lr_scheduler": "LRSCHEDULERS",
    "optimizer": "OPTIMIZERS",
}
# Arguments that are dicts of their own; the class that takes them checks them.
_UNCHECKED = ("img_options", "metrics")


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> AttrDict:
    """Read a yaml and change it from the command line.

    Args:
        path: the yaml file.
        overrides: ``"model.generator.n_feat=40"``. A value is a Python literal, or else
            the string as it stands; it is never run as code.

    Returns:
        The configuration, with :data:`DEFAULTS` filled in.

    Raises:
        UsageError: the file cannot be read or is no configuration, an override has an
            unknown key, or an option a value that it cannot have.
    """
    config = read_config(path)
    for where in ((), *((section,) for section in _PLAIN if config.get(section))):
        node = config[where[0]] if where else config
        known = _known_keys(where, {})
        for key in set(node) - known:
            logger.warning("%s: nothing reads the option %r%s", path, key, _hint(key, known))
    for override in overrides:
        _override(config, override)
    check_values(config)
    for section in ("model", "dataset", "lr_scheduler", "optimizer", "validate", "mixup"):
        _check((section,), config.get(section))
    _check_channels(config)
    return config


def read_config(path: str | Path) -> AttrDict:
    """A yaml with :data:`DEFAULTS` filled in, as it stands.

    Raises:
        UsageError: the file cannot be read or is no configuration.
    """
    path = find_config(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"The configuration {path} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not a yaml file: {' '.join(str(error).split())}.") from None
    if not isinstance(content, dict) or "model" not in content:
        raise UsageError(f"{path} is not a training configuration: it has no section 'model'.")
    return _attributes({**DEFAULTS, **content})


def differences(old: dict, new: dict) -> list[str]:
    """What changes between two configurations of one run, such as ``"seed: 0 -> 1"``."""
    before, after = dict(_flat(_plain(old))), dict(_flat(_plain(new)))
    return [
        f"{key}: {before.get(key)} -> {after.get(key)}"
        for key in {**before, **after}
        if before.get(key) != after.get(key) and key not in _OF_A_START
    ]


def _flat(node: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(node, dict):
        yield where, node
        return
    for key, item in node.items():
        yield from _flat(item, f"{where}.{key}" if where else key)


def save_config(config: AttrDict, path: Path) -> None:
    """Write a configuration so that it can be run again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(yaml.safe_dump(_plain(config), sort_keys=False).encode())


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


def literal(text: str) -> Any:
    """The Python literal or yaml scalar that ``text`` spells, or else ``text`` itself."""
    for parse, errors in (
        (ast.literal_eval, (ValueError, SyntaxError, MemoryError, RecursionError)),
        (yaml.safe_load, (yaml.YAMLError,)),  # true, null
    ):
        try:
            value = parse(text)
        except errors:
            continue
        return text if isinstance(value, datetime.date) else value
    return text


def _attributes(value: Any, path: str = "") -> Any:
    if isinstance(value, dict):
        inside = f"{path}." if path else ""
        return AttrDict({key: _attributes(item, f"{inside}{key}") for key, item in value.items()})
    if isinstance(value, str) and not is_text(path):
        # "1e-8" is a string to yaml, and a number to PaddleGAN.
        number = literal(value)
        return number if isinstance(number, (int, float)) else value
    return value


def _override(config: AttrDict, override: str) -> None:
    path, equals, value = override.partition("=")
    if not equals:
        raise UsageError(f"{override!r} changes no option: write key=value, such as seed=1.")
    node: Any = config
    keys = path.split(".")
    key: Any
    for depth, key in enumerate(keys):
        last = depth == len(keys) - 1
        if isinstance(node, list):
            if not (key.isdigit() and int(key) < len(node)):
                raise UsageError(f"{override}: {'.'.join(keys[:depth])} has no item {key}.")
            key = int(key)
        elif isinstance(node, dict):
            known = _known_keys(tuple(keys[:depth]), node)
            unchecked = depth > 0 and keys[depth - 1] in _UNCHECKED
            if key not in known and not unchecked:
                raise UsageError(f"{override}: there is no option {key!r}{_hint(key, known)}")
        else:
            raise UsageError(f"{override}: {'.'.join(keys[:depth])} has no parts.")
        if last:
            node[key] = value if is_text(path) else _attributes(literal(value), path)
            return
        if isinstance(node, dict) and node.get(key) is None:
            node[key] = AttrDict()  # known, but not given until now
        node = node[key]


def _check(path: tuple[str, ...], node: Any) -> None:
    """Compare a section that configures a class, and all below it, with what the class takes."""
    if not isinstance(node, dict) or path[-1] == "img_options":
        return
    where = ".".join(path)
    if path == ("mixup",):
        for key in set(node) - set(_MIXUP):
            raise UsageError(f"{where} has no option {key!r}{_hint(key, _MIXUP)}")
    if "name" in node:
        classes = _classes(path)
        if node["name"] not in classes and node["name"] != "RepeatDataset":
            hint = _hint(str(node["name"]), set(classes))
            raise UsageError(f"{where}.name: there is no {node['name']!r}{hint}")
        known = _known_keys(path, {"name": node["name"]})
        for key in node:
            if key not in known and "**" not in known:
                raise UsageError(
                    f"{where}: {node['name']} has no option {key!r}{_hint(key, known)}"
                )
        if path[-1] == "generator":
            arguments = {item.name: item for item in _parameters(path, node["name"])}
            for key in arguments.keys() & node.keys():
                node[key] = check_argument(f"{where}.{key}", node[key], arguments[key])
    for key, item in node.items():
        _check((*path, key), item)


def _check_channels(config: AttrDict) -> None:
    """Compare what our networks take with what the data sets give: one view or two."""
    taken = _channels_taken(config.model.get("generator") or {})
    if taken is None:
        return
    for name, section in (config.get("dataset") or {}).items():
        section = section or {}  # one that is not in use
        options = (section.get("dataset") or section).get("img_options") or {}
        given = 6 if options.get("dual_pixel") else 3
        if given != taken:
            raise UsageError(
                f"model.generator takes {taken} channels and dataset.{name} gives {given}: "
                "dual_pixel in its img_options goes with networks for 6."
            )


def _channels_taken(generator: Mapping[str, Any]) -> int | None:
    """Channels of the picture that one of our networks takes; None for networks of others."""
    by_name = {spec.plugin_names.get("generator"): spec for spec in networks()}
    spec = by_name.get(generator.get("name"))
    return None if spec is None else spec.input_channels(generator)


def _known_keys(path: tuple[str, ...], node: dict) -> set[str]:
    """What may stand in a section: what does, what PaddleGAN knows, what its class takes."""
    known = set(node)
    if not path:
        return known | set(DEFAULTS) | set(_PADDLEGAN)
    known.update(_PADDLEGAN.get(path[0], ()) if len(path) == 1 else ())
    known.update(_MIXUP if path == ("mixup",) else ())
    known.update(_LOADING if path[0] == "dataset" and len(path) == 2 else ())
    known.update(_PARTS.get(path[-1], ()))
    if "name" in node:
        known.update(_argument_names(_parameters(path, node["name"])))
        if node["name"] == "RepeatDataset":
            known.update(("dataset", "times"))
    return known


def constructor_arguments(name: str) -> Iterator[str]:
    """What the data set class of that name takes, with ``"**"`` if it takes anything."""
    return _argument_names(_parameters(("dataset",), name))


def _argument_names(parameters: Iterable[inspect.Parameter]) -> Iterator[str]:
    for parameter in parameters:
        yield "**" if parameter.kind is parameter.VAR_KEYWORD else parameter.name


def _parameters(path: tuple[str, ...], name: str) -> Iterable[inspect.Parameter]:
    """The arguments of the class that a section of the configuration names."""
    found = _classes(path).get(name)
    return () if found is None else inspect.signature(found).parameters.values()


def _classes(path: tuple[str, ...]) -> dict[str, type]:
    """Name → class of all that a section may name."""
    section = ".".join(path)
    for pattern, registry in _REGISTRIES.items():
        if fnmatchcase(section, pattern):
            return registry_table(registry)
    return {name: item for key in REGISTRIES for name, item in registry_table(key).items()}


def _hint(key: str, known: Iterable[str]) -> str:
    """``: did you mean X?`` for the nearest option, or the list of them all."""
    others = sorted(set(known) - {key, "**"})
    return f": {did_you_mean(key, others)}" if others else "."
