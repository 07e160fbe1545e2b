import errno
import re

import pytest

from ppgan_mpr.cluster.problems import named_in_errors, ray_reason, storage_reason
from ppgan_mpr.cluster.stores import Store
from ppgan_mpr.errors import UsageError

ADVICE = "To change retry attempts, configure `ray.data.DataContext.get_current()`."
TRACEBACK = f"""ray::MapBatches(Writer.__call__)() (pid=1)
  File "workers.py", line 1, in __call__
    write_part()
{{}}

The above exception was the direct cause of the following exception:

ray::MapBatches(Writer.__call__)() (pid=1)
ray.exceptions.UserCodeException: UDF failed to process a data block.
{ADVICE}"""


class RayError(Exception):
    """An error with a cause, as Ray raises it."""

    def __init__(self, text, cause=None):
        super().__init__(text)
        self.cause = cause


def test_reason_is_the_sentence_of_the_original_error():
    original = UsageError("out cannot be written: no room.")
    assert ray_reason(RayError(ADVICE, RayError(ADVICE, original))) == str(original)
    chained = RayError(ADVICE)
    chained.__cause__ = original
    assert ray_reason(chained) == str(original)
    text = TRACEBACK.format(f"ppgan_mpr.errors.UsageError: {original}")
    assert ray_reason(RayError(text, RayError(ADVICE))) == str(original)


def test_reason_is_never_the_advice_of_ray():
    reason = ray_reason(RayError(TRACEBACK.format("MemoryError: no memory")))
    assert reason == "A worker failed, or the cluster is lost: MemoryError: no memory"
    reason = ray_reason(RayError(f"The actor died.\nclass: Worker\n{ADVICE}"))
    assert reason.endswith("is lost: The actor died.")


def test_missing_bucket_is_named(tmp_path):
    text = (
        "When initiating multiple part upload for key 'r/a.png' in bucket 'none': AWS Error "
        "NO_SUCH_BUCKET during CreateMultipartUpload operation: The bucket does not exist."
    )
    assert storage_reason(OSError(text)) == "there is no bucket none"
    store = Store.at(str(tmp_path))
    with (
        pytest.raises(UsageError, match=r"written: there is no bucket none\.$"),
        named_in_errors(store),
    ):
        raise OSError(text)


def test_full_disk_is_reported_with_its_place(tmp_path):
    text = f"^{re.escape(str(tmp_path))} cannot be .*: No space left on device"
    with pytest.raises(UsageError, match=text), named_in_errors(Store.at(str(tmp_path))):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_error_that_names_its_file_is_passed_on(tmp_path):
    with pytest.raises(FileNotFoundError), named_in_errors(Store.at(str(tmp_path))):
        (tmp_path / "missing").read_bytes()
