import pytest

from ppgan_mpr.errors import UsageError
from ppgan_mpr.networks import find_task, networks, tasks


def test_a_task_is_found_in_any_case():
    assert find_task("DEBLURRING").name == "Deblurring"
    assert find_task("dualpixeldeblurring").views == 2


def test_error_for_an_unknown_task_suggests_the_nearest():
    with pytest.raises(UsageError, match="did you mean Deraining"):
        find_task("Derain")
    with pytest.raises(UsageError, match="did you mean SuperResolution"):
        find_task("super_resolution")


def test_every_task_belongs_to_a_network_and_says_what_it_is_for():
    for task in tasks().values():
        assert any(task in spec.tasks for spec in networks())
        assert task.purpose
