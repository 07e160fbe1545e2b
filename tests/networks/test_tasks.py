import pytest

from ppgan_mpr.errors import UsageError
from ppgan_mpr.networks.tasks import ALL_TASKS, normalise_task


def test_any_case_is_understood():
    assert normalise_task("DEBLURRING") == "Deblurring"
    assert normalise_task("dualpixeldeblurring", ALL_TASKS) == "DualPixelDeblurring"


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("Derain", "did you mean Deraining"),
        ("LowLight", "choose one of Deblurring, Denoising, Der"),
    ],
)
def test_only_mprnets_tasks_unless_others_are_offered(task, message):
    with pytest.raises(UsageError, match=message):
        normalise_task(task)


def test_nearest_of_all_tasks():
    with pytest.raises(UsageError, match="did you mean SuperResolution"):
        normalise_task("super_resolution", ALL_TASKS)
