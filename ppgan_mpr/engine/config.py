"""Configurations: reading yaml files, changing their options, and finding mistakes in them."""

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

#: Options at the top of the yaml that PaddleGAN's Trainer does not have.
DEFAULTS: dict[str, Any] = defaults(Configuration)
# Options that may differ in a resumed run without a warning.
_MAY_CHANGE = ("output_dir", "is_train", "profiler_options")
# An unknown option counts as misspelt if its similarity to a known one is at least this. Options
# that only PaddleGAN reads are less similar to ours.
_MISSPELT = 0.85
_REPEAT = "RepeatDataset"  # PaddleGAN builds it without a registry


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> AttrDict:
    """Read a yaml and change it from the command line.

    Args:
        path: the yaml file.
        overrides: changes such as ``"model.generator.n_feat=40"``. Unless the option takes a
            text, the value is parsed as a Python literal or else as yaml; it is never run as code.

    Returns:
        The configuration, with :data:`DEFAULTS` filled in.

    Raises:
        UsageError: the file cannot be read or is not a configuration, an override has an unknown
            key, or an option has an invalid value.
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
    """Yield (section, name, known names) of undeclared options in lenient sections."""
    for path, node in (("", config), *config.items()):
        schema = schema_at(path)
        if schema is not None and schema.lenient and isinstance(node, dict):
            known = option_names(schema)
            for name in sorted(set(node) - known, key=str):
                yield path, str(name), known


def _check_spelling(config: AttrDict) -> None:
    """Refuse unknown options that resemble known ones, as training would ignore them."""
    for path, name, known in _unknown_options(config):
        near = nearest(name, known, _MISSPELT)
        if near:
            where = path or "the configuration"
            raise UsageError(f"{where} has no option {name!r}: did you mean {near}?")


def check_config(config: AttrDict) -> None:
    """Check that all options exist and have valid values, and convert numbers to their types.

    Raises:
        UsageError: the first mistake that is found.
    """
    _check_spelling(config)
    check_values(config, Configuration)
    _check_classes(config, Configuration, "")
    _check_channels(config)
    _check_schedule(config)
    _check_clipping(config)
    _drop_null_batches(config)


def read_config(path: str | Path) -> AttrDict:
    """Read a yaml and fill in :data:`DEFAULTS`, without further checks.

    Raises:
        UsageError: the file cannot be read or is not a configuration.
    """
    content = read_yaml(path)
    if "model" not in content:
        raise UsageError(f"{path} is not a training configuration: it has no section 'model'.")
    return with_defaults(content)


def with_defaults(content: Mapping[str, Any]) -> AttrDict:
    """Fill in :data:`DEFAULTS`, and convert texts such as ``1e-8`` to numbers."""
    return _attributes({**DEFAULTS, **content})


def differences(old: dict, new: dict) -> list[str]:
    """List the changes between two configurations of a run, such as ``"seed: 0 -> 1"``."""
    before, after = dict(_flat(_plain(old))), dict(_flat(_plain(new)))
    return [
        f"{key}: {before.get(key)} -> {after.get(key)}"
        for key in {**before, **after}
        if before.get(key) != after.get(key) and key not in _MAY_CHANGE
    ]


def _flat(node: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(node, dict):
        yield where, node
        return
    for key, item in node.items():
        yield from _flat(item, f"{where}.{key}" if where else key)


def save_config(config: AttrDict, path: Path) -> None:
    """Write a configuration to a yaml from which it can be run again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(yaml.safe_dump(_plain(config), sort_keys=False).encode())


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


def literal(text: str) -> Any:
    """Parse a text as a Python literal or else as yaml.

    A text that is neither is returned unchanged, and so is a date.
    """
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

    A missing or null section is created.

    Raises:
        UsageError: there is no such option.
    """
    path, equals, value = override.partition("=")
    if not equals:
        raise UsageError(f"{override!r} is not an option: write key=value, such as seed=1.")
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
            raise UsageError(f"{override}: {'.'.join(keys[:depth])} is not a section.")
        if depth == len(keys) - 1:
            node[key] = value if is_text(path) else _attributes(literal(value), path)
            return
        if isinstance(node, dict) and node.get(key) is None:
            node[key] = AttrDict()  # a known section that the configuration lacks
        node = node[key]


def _check_classes(node: dict[str, Any], schema: type[Section], path: str) -> None:
    """Check that sections, with all below them, have only known options and classes."""
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
    """Whether PaddleGAN's registries have the classes of this package."""
    owner = getattr(registry_table("MODELS").get("MPRModel"), "__module__", "")
    return owner.partition(".")[0] == __name__.partition(".")[0]


def _our_names() -> set[str]:
    """Names of the classes that the plugin registers for the networks of this package."""
    return {name for spec in networks() for name in spec.plugin_names.values()}


def _check_channels(config: AttrDict) -> None:
    """Check that data sets give the channels (one or two views) that the network needs."""
    taken = _channels_taken(config.model.get("generator") or {})
    if taken is None:
        return
    for name, section in (config.get("dataset") or {}).items():
        section = section or {}  # an unused section is null
        options = (section.get("dataset") or section).get("img_options") or {}
        given = 6 if options.get("dual_pixel") else 3
        if given != taken:
            raise UsageError(
                f"model.generator takes {taken} channels and dataset.{name} gives {given}: set "
                "dual_pixel: true in its img_options for 6 channels, and leave it out for 3."
            )


def _check_schedule(config: AttrDict) -> None:
    """Check that ``eta_min`` does not exceed the learning rate; only ``eta_mins`` may exceed it."""
    schedule = config.get("lr_scheduler") or {}
    rate, last = schedule.get("learning_rate"), schedule.get("eta_min")
    if rate is not None and last is not None and last > rate:
        raise UsageError(
            f"lr_scheduler.eta_min is {last}, but the learning_rate {rate} cannot decay to a "
            "larger value: give a smaller eta_min."
        )


def _check_clipping(config: AttrDict) -> None:
    """Refuse the optimizer's ``grad_clip``, an object of Paddle that a yaml cannot contain."""
    clip = (config.get("optimizer") or {}).get("grad_clip")
    if clip is not None:
        raise UsageError(
            f"optimizer.grad_clip is {shortened(clip)}, but must be an object of Paddle: leave it "
            "out, and give the largest norm as clip_grad_norm at the top of the yaml."
        )


def _drop_null_batches(config: AttrDict) -> None:
    """Remove ``batch_size: null``, which cancels the batch size of a base file."""
    for section in (config.get("dataset") or {}).values():
        if section and section.get("batch_size", 1) is None:
            del section["batch_size"]


def _channels_taken(generator: Mapping[str, Any]) -> int | None:
    """Input channels of a network of this package; None for other networks."""
    by_name = {spec.plugin_names.get("generator"): spec for spec in networks()}
    spec = by_name.get(generator.get("name"))
    return None if spec is None else spec.input_channels(generator)


def _known_options(schema: type[Section], node: Mapping[str, Any]) -> set[str]:
    """All options that a section may have: its own, and the arguments of its class."""
    if schema.registry is None or "name" not in node:
        return option_names(schema)
    own = {"name"} | option_names(schema, own=True)
    if node["name"] == _REPEAT:
        return own | {"dataset", "times"}
    found = _classes(schema).get(node["name"])
    return own | set(() if found is None else _argument_names(found))


def constructor_arguments(name: str) -> Iterator[str]:
    """Argument names of a data set class, with ``"**"`` if it takes any keyword."""
    found = _classes(DataSet).get(name)
    return iter(()) if found is None else _argument_names(found)


def _argument_names(found: type) -> Iterator[str]:
    for parameter in _parameters(found):
        yield "**" if parameter.kind is parameter.VAR_KEYWORD else parameter.name


def _parameters(found: type) -> Iterable[inspect.Parameter]:
    return inspect.signature(found).parameters.values()


def _classes(schema: type[Section]) -> dict[str, type]:
    """Name → class for all classes that a section may name."""
    if schema is Criterion:
        return criterions()
    if schema.registry == "METRICS":
        return metrics()
    if schema.registry == "*":
        return {name: item for key in REGISTRIES for name, item in registry_table(key).items()}
    return registry_table(str(schema.registry))


def _hint(key: str, known: Iterable[str]) -> str:
    """``: did you mean X?`` for the nearest option, or a list of all options."""
    others = sorted(set(known) - {key, "**"})
    return f": {did_you_mean(key, others)}" if others else "."
