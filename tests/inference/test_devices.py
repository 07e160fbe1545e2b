"""Devices as described by a simulated CUDA driver."""

import pytest

from ppgan_mpr.errors import UsageError
from ppgan_mpr.inference.devices import Device, choose_devices, find_gpus

GIB = 1 << 30
TURING, HOPPER = (7, 5), (9, 0)


class Driver:
    """Simulates libcuda, for cards given as (name, bytes, compute capability)."""

    def __init__(self, *cards, status=0):
        self.cards, self.status = cards, status

    def cuInit(self, flags):
        return self.status

    def cuDeviceGetCount(self, count):
        count._obj.value = len(self.cards)
        return 0

    def cuDeviceGet(self, device, ordinal):
        device._obj.value = 40 + ordinal  # handles need not be ordinals
        return 0

    def cuDeviceGetName(self, text, length, device):
        text.value = self.cards[device - 40][0].encode()
        return 0

    def cuDeviceTotalMem_v2(self, total, device):
        total._obj.value = self.cards[device - 40][1]
        return 0

    def cuDeviceGetAttribute(self, value, attribute, device):
        value._obj.value = self.cards[device - 40][2][attribute - 75]
        return 0

    def cuDeviceGetPCIBusId(self, text, length, device):
        text.value = b"0000:%02X:00.0" % (device - 40)
        return 0


class Management:
    """Simulates NVML: 5 GB are free on the first card, 6 GB on the second, and so on."""

    def nvmlInit_v2(self):
        return 0

    def nvmlDeviceGetHandleByPciBusId_v2(self, bus_id, handle):
        handle._obj.value = int(bus_id[5:7], 16) + 5
        return 0

    def nvmlDeviceGetMemoryInfo(self, handle, memory):
        memory._obj.free = handle.value * GIB
        return 0


def installed(driver=None, management=None):
    def load(name):
        library = management if "ml" in name else driver
        if library is None:
            raise OSError(name)
        return library

    return load


def test_cards_are_described_in_cudas_order():
    driver = Driver(("NVIDIA H200", 139 * GIB, HOPPER), ("Tesla T4", 15 * GIB, TURING))
    assert find_gpus(installed(driver, Management())) == (
        Device("gpu", 0, "NVIDIA H200", 139 * GIB, 5 * GIB, f16=True, bf16=True),
        Device("gpu", 1, "Tesla T4", 15 * GIB, 6 * GIB, f16=True, bf16=False),
    )


def test_free_memory_is_unknown_without_nvml():
    driver = Driver(("Tesla P4", 8 * GIB, (6, 1)))
    assert find_gpus(installed(driver)) == (Device("gpu", 0, "Tesla P4", 8 * GIB, None),)


def test_a_machine_without_cards_has_none():
    assert find_gpus(installed(Driver(status=100))) == ()


@pytest.mark.parametrize(
    ("load", "message"),
    [
        (installed(), r"No NVIDIA driver is installed \(.*choose device='cpu'\."),
        (installed(Driver(status=803)), r"does not work \(cuInit returned 803\).*device='cpu'\."),
    ],
    ids=["missing", "broken"],
)
def test_missing_or_broken_driver_is_explained_in_one_sentence(load, message):
    with pytest.raises(UsageError, match=message):
        find_gpus(load)


CARDS = tuple(Device("gpu", index, f"card {index}", 24 * GIB) for index in range(3))


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ("cpu", ["cpu"]),
        ("gpu", ["gpu:0"]),
        ("gpu:2", ["gpu:2"]),
        ("gpu:2,0,2", ["gpu:2", "gpu:0"]),
        ("all", ["gpu:0", "gpu:1", "gpu:2"]),
    ],
)
def test_devices_are_chosen_by_name(wanted, chosen):
    assert [str(device) for device in choose_devices(wanted, lambda: CARDS)] == chosen


def test_choosing_the_cpu_does_not_query_the_driver():
    def fail():
        raise AssertionError

    assert str(*choose_devices("cpu", fail)) == "cpu"


@pytest.mark.parametrize(
    ("wanted", "cards", "message"),
    [
        ("gpu:3", CARDS, r"no device gpu:3: this process sees gpu:0 \(card 0, 24 GB\) and gpu:1"),
        ("gpu", (), "sees no NVIDIA GPU: check nvidia-smi"),
    ],
)
def test_missing_card_is_explained_in_one_sentence(wanted, cards, message):
    with pytest.raises(UsageError, match=message):
        choose_devices(wanted, lambda: cards)
