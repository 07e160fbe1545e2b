"""Checks whether weights fit a network: its kind, its size, and all its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import WeightsError
from ..networks import WeightsRecord, spec_of, weights_records
from ..networks.recognition import recognise
from ..networks.spec import Hyperparameters, NetworkSpec, Shapes


def set_weights(layer: Any, tensors: Mapping[str, Any], source: str) -> None:
    """Load weights into a ``paddle.nn.Layer``, either completely or not at all.

    Args:
        layer: the network.
        tensors: parameter name → array or tensor.
        source: the weights' origin, for messages.

    Raises:
        WeightsError: the layer has other parameters or shapes.
    """
    expected = {name: tuple(value.shape) for name, value in layer.state_dict().items()}
    spec = spec_of(layer)
    if spec is not None:
        _check_network(tensors, spec, source)
        _check_size(tensors, expected, spec, source)
    check_tensors(tensors, expected, source, type(layer).__name__)
    layer.set_state_dict(dict(tensors))


def check_record_fits(record: WeightsRecord, layer: Any) -> None:
    """Compare a catalogue record with a network, before its weights are downloaded.

    Args:
        record: the record of the weights.
        layer: a ``paddle.nn.Layer``; one without a :class:`NetworkSpec` is not checked.

    Raises:
        WeightsError: the record is for another network, or for another size of this one.
    """
    spec = spec_of(layer)
    if spec is None:
        return
    if record.network != spec.name:
        advice = f"use the configuration {record.config}" if record.config else "use that network"
        raise WeightsError(
            f"{record.name} holds weights of {record.network}, and this network is {spec.name}: "
            f"{advice}, or other weights."
        )
    wanted = spec.deduce({key: tuple(value.shape) for key, value in layer.state_dict().items()})
    found = {key: value for key, value in record.hyperparameters.items() if key in wanted}
    _compare_sizes(found, wanted, spec, record.name)


def check_tensors(tensors: Mapping[str, Any], expected: Shapes, name: str, network: str) -> None:
    """Compare tensors with a network's names and shapes.

    Args:
        tensors: parameter name → array or tensor.
        expected: parameter name → shape.
        name: name of the weights, for messages.
        network: name of the network, for messages.

    Raises:
        WeightsError: the names or shapes differ from the expected ones.
    """
    missing = [key for key in expected if key not in tensors]
    extra = [key for key in tensors if key not in expected]
    if missing or extra:
        found = [f"{len(missing)} missing ({missing[0]}, …)"] if missing else []
        found += [f"{len(extra)} unknown ({extra[0]}, …)"] if extra else []
        raise WeightsError(
            f"{name} does not fit {network}, which has {len(expected)} tensors: "
            f"{' and '.join(found)}."
        )
    for key, shape in expected.items():
        if tuple(tensors[key].shape) != tuple(shape):
            raise WeightsError(
                f"{name} does not fit {network}: {key} has shape {list(tensors[key].shape)}, "
                f"expected {list(shape)}."
            )


def _check_network(tensors: Mapping[str, Any], spec: NetworkSpec, source: str) -> None:
    """Raise WeightsError if the weights are for another known network."""
    try:
        found = recognise(tensors, source, preferred=(spec,))
    except WeightsError:  # for no known network; ``check_tensors`` reports that
        return
    if found.differences or found.spec.name == spec.name:
        return
    size = found.spec.describe(found.hyperparameters)
    advice = _advice(found.hyperparameters, found.spec, source)
    advice = advice or f"use a configuration of {found.spec.name}"
    raise WeightsError(
        f"{source} holds weights of {found.spec.name}{f' with {size}' if size else ''}, and this "
        f"network is {spec.name}: {advice}, or other weights."
    )


def _check_size(
    tensors: Mapping[str, Any], expected: Shapes, spec: NetworkSpec, source: str
) -> None:
    """Raise WeightsError if the weights are for another size of the network."""
    try:
        found = spec.deduce({key: tuple(value.shape) for key, value in tensors.items()})
    except Exception:  # another network's weights; ``check_tensors`` reports that
        return
    _compare_sizes(found, spec.deduce(expected), spec, source)


def _compare_sizes(
    found: Hyperparameters, wanted: Hyperparameters, spec: NetworkSpec, source: str
) -> None:
    """Raise WeightsError unless the weights have the hyperparameters of the network."""
    changed = {key: value for key, value in found.items() if wanted.get(key) != value}
    if not changed:
        return
    there = ", ".join(f"{key} {value}" for key, value in changed.items())
    here = ", ".join(f"{key} {wanted.get(key)}" for key in changed)
    raise WeightsError(
        f"{source} holds {spec.name} with {there}, and this network has {here}: "
        f"{_advice(found, spec, source) or 'use the values of the weights, or other weights'}."
    )


def _advice(found: Hyperparameters, spec: NetworkSpec, source: str) -> str:
    """Which configuration to use for weights with these hyperparameters, or an empty text."""
    configs = {
        record.name: record.config
        for record in weights_records()
        if record.config
        and record.network == spec.name
        and all(found.get(key, value) == value for key, value in record.hyperparameters.items())
    }
    names = sorted({configs[source]} if source in configs else set(configs.values()))
    if not names:
        return ""
    return (
        "use one of the configurations " if names[1:] else "use the configuration "
    ) + ", ".join(names)
