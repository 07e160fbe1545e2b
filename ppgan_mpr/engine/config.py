"""Configurations: reading a yaml, changing options of it, and finding mistakes in it."""

from __future__ import annotations

import ast
import datetime
import inspect
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ..checks import did_you_mean, nearest, shortened
from ..errors import UsageError
from ..files import atomic_write
from ..networks import networks
from ..ppgan_compat import REGISTRIES, import_ppgan, registry_table
from .config_files import check_tree, parse_yaml, read_yaml
from .criterions import criterions
from .metrics import metrics
from .options import check_argument
from .schema import (
    Configuration,
    Criterion,
    DataSet,
    Generator,
    Section,
    check_values,
    defaults,
    is_text,
    option_names,
    schema_at,
    subsection,
)

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    from ppgan.utils.config import AttrDict
else:
    AttrDict = import_ppgan("ppgan.utils.config").AttrDict

#: Our own options at the top of the yaml, which PaddleGAN's Trainer does not have.
DEFAULTS: dict[str, Any] = defaults(Configuration)
# Options of one start of a run, which may differ when it is resumed.
_OF_A_START = ("output_dir", "is_train", "profiler_options")
# Similarity from which an unknown option counts as misspelt; PaddleGAN's own options are below.
_MISSPELT = 0.85
_REPEAT = "RepeatDataset"  # which PaddleGAN builds without a registry


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
    _check_spelling(config)
    for _, name, known in _unknown_options(config):
        logger.warning("%s: nothing reads the option %r%s", path, name, _hint(name, known))
    for override in overrides:
        override_option(config, override)
    check_config(config)
    return config


def _unknown_options(config: AttrDict) -> Iterator[tuple[str, str, set[str]]]:
    """(section, name, names known there) of options that the lenient sections do not declare."""
    for path, node in (("", config), *config.items()):
        schema = schema_at(path)
        if schema is not None and schema.lenient and isinstance(node, dict):
            known = option_names(schema)
            for name in sorted(set(node) - known, key=str):
                yield path, str(name), known


def _check_spelling(config: AttrDict) -> None:
    """Refuse unknown options that are nearly known ones: training would go on without them."""
    for path, name, known in _unknown_options(config):
        near = nearest(name, known, _MISSPELT)
        if near:
            where = path or "the configuration"
            raise UsageError(f"{where} has no option {name!r}: did you mean {near}?")


def check_config(config: AttrDict) -> None:
    """Find options that do not exist or cannot have their values; gives numbers their type.

    Raises:
        UsageError: the first one that is found.
    """
    _check_spelling(config)
    check_values(config, Configuration)
    _check_classes(config, Configuration, "")
    _check_channels(config)
    _check_schedule(config)
    _check_clipping(config)
    _drop_null_batches(config)


def read_config(path: str | Path) -> AttrDict:
    """A yaml with :data:`DEFAULTS` filled in, as it stands.

    Raises:
        UsageError: the file cannot be read or is no configuration.
    """
    content = read_yaml(path)
    if "model" not in content:
        raise UsageError(f"{path} is not a training configuration: it has no section 'model'.")
    return with_defaults(content)


def with_defaults(content: Mapping[str, Any]) -> AttrDict:
    """A configuration with :data:`DEFAULTS` filled in, and numbers in their type."""
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
    for parse in (ast.literal_eval, parse_yaml):  # yaml: true, null
        try:
            value = parse(text)
            check_tree(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
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


def override_option(config: AttrDict, override: str) -> None:
    """Change one option of a configuration, such as ``"model.generator.n_feat=40"``.

    A section that is not there, or null, is made.

    Raises:
        UsageError: there is no such option.
    """
    path, equals, value = override.partition("=")
    if not equals:
        raise UsageError(f"{override!r} changes no option: write key=value, such as seed=1.")
    node: Any = config
    schema: type[Section] | None = Configuration
    keys = path.split(".")
    key: Any
    for depth, key in enumerate(keys):
        if isinstance(node, list):
            if not (key.isdigit() and int(key) < len(node)):
                raise UsageError(f"{override}: {'.'.join(keys[:depth])} has no item {key}.")
            key = int(key)
        elif isinstance(node, dict):
            known = set(node) | (_known_options(schema, node) if schema else set())
            if key not in known and not (schema and schema.free):
                raise UsageError(f"{override}: there is no option {key!r}{_hint(key, known)}")
            schema = subsection(schema, key)
        else:
            raise UsageError(f"{override}: {'.'.join(keys[:depth])} has no parts.")
        if depth == len(keys) - 1:
            node[key] = value if is_text(path) else _attributes(literal(value), path)
            return
        if isinstance(node, dict) and node.get(key) is None:
            node[key] = AttrDict()  # known, but not given until now
        node = node[key]


def _check_classes(node: dict[str, Any], schema: type[Section], path: str) -> None:
    """Compare sections that configure a class, and all below, with what the class takes."""
    if schema.registry is not None:
        if "name" in node:
            _check_class(node, schema, path)
    elif not (schema.lenient or schema.free or schema.others):
        known = option_names(schema)
        for key in set(node) - known:
            raise UsageError(f"{path} has no option {key!r}{_hint(key, known)}")
    for key, item in node.items():
        below = subsection(schema, key)
        if below is not None and isinstance(item, dict):
            _check_classes(item, below, f"{path}.{key}" if path else key)


def _check_class(node: dict[str, Any], schema: type[Section], path: str) -> None:
    classes = _classes(schema)
    name = str(node["name"])
    known_name = name in classes or name == _REPEAT
    if not _is_registered() and (not known_name or name in _our_names()):
        found = "PaddleGAN has its own" if known_name else "PaddleGAN has no"
        raise UsageError(
            f"{path}.name: {found} {name!r}: import ppgan_mpr.plugin first, which registers the "
            "classes of ppgan_mpr."
        )
    if not known_name:
        raise UsageError(f"{path}.name: there is no {name!r}{_hint(name, classes)}")
    known = _known_options(schema, node)
    for key in node:
        if key not in known and "**" not in known:
            raise UsageError(f"{path}: {name} has no option {key!r}{_hint(key, known)}")
    if schema is Generator:
        arguments = {item.name: item for item in _parameters(classes[name])}
        for key in arguments.keys() & node.keys():
            node[key] = check_argument(f"{path}.{key}", node[key], arguments[key])


def _is_registered() -> bool:
    """Whether our classes are in PaddleGAN's registries."""
    owner = getattr(registry_table("MODELS").get("MPRModel"), "__module__", "")
    return owner.partition(".")[0] == __name__.partition(".")[0]


def _our_names() -> set[str]:
    """Names under which the plugin registers what belongs to our networks."""
    return {name for spec in networks() for name in spec.plugin_names.values()}


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


def _check_schedule(config: AttrDict) -> None:
    """``eta_min`` belongs to schedules that only decay; those that may rise have ``eta_mins``."""
    schedule = config.get("lr_scheduler") or {}
    rate, last = schedule.get("learning_rate"), schedule.get("eta_min")
    if rate is not None and last is not None and last > rate:
        raise UsageError(
            f"lr_scheduler.eta_min is {last}, above the learning_rate {rate} that decays to it: "
            "give a smaller one."
        )


def _check_clipping(config: AttrDict) -> None:
    """The optimizer's ``grad_clip`` is an object of Paddle, which no yaml can hold."""
    clip = (config.get("optimizer") or {}).get("grad_clip")
    if clip is not None:
        raise UsageError(
            f"optimizer.grad_clip is {shortened(clip)}, but takes an object of Paddle: leave it "
            "out, and give the largest norm as clip_grad_norm beside the sections."
        )


def _drop_null_batches(config: AttrDict) -> None:
    """Take out ``batch_size: null``, by which a yaml drops that of its base."""
    for section in (config.get("dataset") or {}).values():
        if section and section.get("batch_size", 1) is None:
            del section["batch_size"]


def _channels_taken(generator: Mapping[str, Any]) -> int | None:
    """Channels of the picture that one of our networks takes; None for networks of others."""
    by_name = {spec.plugin_names.get("generator"): spec for spec in networks()}
    spec = by_name.get(generator.get("name"))
    return None if spec is None else spec.input_channels(generator)


def _known_options(schema: type[Section], node: Mapping[str, Any]) -> set[str]:
    """What may stand in a section: its own options, and the arguments of its class."""
    if schema.registry is None or "name" not in node:
        return option_names(schema)
    own = {"name"} | option_names(schema, own=True)
    if node["name"] == _REPEAT:
        return own | {"dataset", "times"}
    found = _classes(schema).get(node["name"])
    return own | set(() if found is None else _argument_names(found))


def constructor_arguments(name: str) -> Iterator[str]:
    """What the data set class of that name takes, with ``"**"`` if it takes anything."""
    found = _classes(DataSet).get(name)
    return iter(()) if found is None else _argument_names(found)


def _argument_names(found: type) -> Iterator[str]:
    for parameter in _parameters(found):
        yield "**" if parameter.kind is parameter.VAR_KEYWORD else parameter.name


def _parameters(found: type) -> Iterable[inspect.Parameter]:
    return inspect.signature(found).parameters.values()


def _classes(schema: type[Section]) -> dict[str, type]:
    """Name → class of all that a section may name."""
    if schema is Criterion:
        return criterions()
    if schema.registry == "METRICS":
        return metrics()
    if schema.registry == "*":
        return {name: item for key in REGISTRIES for name, item in registry_table(key).items()}
    return registry_table(str(schema.registry))


def _hint(key: str, known: Iterable[str]) -> str:
    """``: did you mean X?`` for the nearest option, or the list of them all."""
    others = sorted(set(known) - {key, "**"})
    return f": {did_you_mean(key, others)}" if others else "."
