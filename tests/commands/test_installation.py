"""Facts about the environment that the tests run in."""

from __future__ import annotations

import pytest

from ppgan_mpr.commands.installation import (
    Facts,
    collect,
)
from ppgan_mpr.inference.options import BACKENDS, PRECISIONS


@pytest.fixture(scope="module")
def facts(tmp_path_factory) -> Facts:
    """Facts about this environment, with an empty cache and one damaged download."""
    from ppgan_mpr.networks import weights_records
    from ppgan_mpr.weights.download import cached_path

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PPGAN_MPR_HOME", str(tmp_path_factory.mktemp("home")))
        known = next(record for record in weights_records() if record.url and record.git_blob)
        unknown = next(
            record
            for record in weights_records()
            if record.url and not (record.git_blob or record.sha256)
        )
        for record in (known, unknown):
            cached_path(record).parent.mkdir(exist_ok=True)
            cached_path(record).write_bytes(b"not weights")
        found = collect()
    states = {file.name: file.state for file in found.weights}
    assert states[known.name] == "damaged"
    assert states[unknown.name] == "no digest published"
    return found


def test_this_environment_restores(facts):
    pytest.importorskip("paddle")
    assert facts.trial.error is None
    assert facts.trial.backend in BACKENDS
    assert facts.trial.precision in PRECISIONS
    assert "paddle" not in facts.broken
    assert facts.unknown == ()


def test_embedded_weights_are_verified(facts):
    embedded = [file for file in facts.weights if file.embedded]
    assert embedded
    assert {file.state for file in embedded} == {"verified"}


def test_cache_is_measured(facts):
    assert facts.cache.error is None
    assert facts.cache.weights_bytes == 2 * len(b"not weights")
    assert facts.cache.networks_bytes == 0  # the trial uses a cache of its own
