"""Simulated GPUs: the process sees CUDA cards, but ONNX Runtime computes on the CPU."""

from ppgan_mpr.inference import backends, devices
from ppgan_mpr.inference.devices import Device

GIB = 1 << 30
CUDA = "CUDAExecutionProvider"


def card(index=0, memory=24 * GIB, **facts):
    """A card of a recent generation, unless facts say otherwise."""
    return Device("gpu", index, "Simulated", memory, None, **{"f16": True, "bf16": True, **facts})


def simulate(monkeypatch, *cards, packages=("onnxruntime-gpu",), loads=True):
    """Let the process see cards and an ONNX Runtime that computes on them.

    Args:
        monkeypatch: pytest's fixture.
        cards: see :func:`card`.
        packages: the packages for GPUs that count as installed.
        loads: whether the CUDA provider can be loaded.

    Returns:
        A list to which each new session adds the options of its CUDA provider.
    """
    import onnxruntime

    real, sessions = onnxruntime.InferenceSession, []

    class Session:
        def __init__(self, graph, options, providers):
            self._session = real(graph, options, providers=["CPUExecutionProvider"])
            self._providers = [name if isinstance(name, str) else name[0] for name in providers]
            sessions.extend(given[1] for given in providers if given[0] == CUDA)

        def get_providers(self):
            return self._providers if loads else ["CPUExecutionProvider"]

        def run(self, names, inputs, options=None):
            return self._session.run(names, inputs)

    monkeypatch.setattr(devices, "find_gpus", lambda: cards)
    monkeypatch.setattr(
        backends, "installed_version", lambda package: "1.0" if package in packages else None
    )
    if "onnxruntime-gpu" in packages:
        providers = [CUDA, "CPUExecutionProvider"]
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: providers)
        monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    return sessions
