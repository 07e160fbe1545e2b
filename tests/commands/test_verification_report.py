"""The report of mprnet-verify."""

import json
from types import SimpleNamespace

import pytest
from verification_samples import score

from ppgan_mpr.commands.verification import Comparison, Tolerance
from ppgan_mpr.commands.verification_report import (
    comparison_report,
    computer_report,
    conclude,
    pictures_report,
    render_table,
)
from ppgan_mpr.inference import InferenceOptions
from ppgan_mpr.metrics import ScoreTable, get_protocol
from ppgan_mpr.weights.digests import DigestCheck, FileDigest


def test_unknown_set_is_shown_beside_every_score(zoo, write_pairs, verify):
    zoo(score("One", 99), score("Another", 98))
    code, out, _, report = verify(write_pairs((40, 40)))
    assert code == 0
    assert "may hold a test set other than those in the table" in out
    assert "--dataset" in out
    assert [row["published"]["dataset"] for row in report["scores"]] == ["One", "Another"]
    assert verify(write_pairs((40, 40), name="one-again"))[0] == 1


def test_a_picture_in_tiles_is_mentioned(zoo, write_pairs, verify, monkeypatch):
    zoo(score("Anything (1)", 99))
    monkeypatch.setattr("ppgan_mpr.commands.verify.available", lambda: 5 << 20)
    _, out, _, report = verify(write_pairs((160, 200)))
    assert "1 of 1 pictures were restored in tiles" in out
    assert report["data"]["restored_in_tiles"] == ["0"]


@pytest.fixture
def measured():
    """Scores of three pictures, one of them equal to its target."""
    table = ScoreTable(get_protocol("rain-y"))
    for name, value in (("a", 30.0), ("b", 34.0), ("c", float("inf"))):
        table.add(name, {"psnr": value, "ssim": 0.9})
    return table


def test_table_shows_measured_beside_published(measured):
    comparisons = [
        Comparison(score("Rain100L", 32.04, 0.8996), measured),
        Comparison(score("Rain100H", 30), measured),
        Comparison(None, measured),
    ]
    head, agrees, differs, alone = render_table(comparisons, [True, False, None]).splitlines()
    assert head.split()[:2] == ["data", "set"]
    for words in ("Rain100L", "32.04 dB / 0.8996", "32.00 dB / 0.9000", "-0.04 dB / +0.0004"):
        assert words in agrees
    assert "agrees" in agrees and "DIFFERS" in differs and "not comparable" in alone
    assert "+2.00 dB" in differs
    assert "-0.00" not in render_table([Comparison(score("A", 32.001), measured)], [True])


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        ([], "No published score could be compared."),
        ([None], "No published score could be compared."),
        ([True, None, True], "All comparable scores (2) agree within 0.05 dB and 0.002."),
        ([True, False], "1 of 2 comparable scores differ by more than 0.05 dB and 0.002."),
    ],
)
def test_conclusion_counts_the_comparable_scores(verdicts, sentence):
    right, wrong = (
        DigestCheck(FileDigest(1, "0", "0"), status, "") for status in ("matches", "differs")
    )
    assert conclude(verdicts, right, Tolerance()) == sentence
    assert conclude(verdicts, wrong, Tolerance()).startswith(f"{sentence} The file is not")


def test_report_is_strict_json_although_a_score_is_infinite(measured):
    rows = [comparison_report(Comparison(score("A", 31), measured), True)]
    text = json.dumps([rows, pictures_report(measured)], allow_nan=False)
    ((row,), pictures) = json.loads(text)
    assert row["measured"]["identical"] == 1
    assert row["difference"]["psnr"] == pytest.approx(1)
    assert pictures[2] == {"name": "c", "psnr": None, "ssim": 0.9}


@pytest.mark.parametrize("package", ["opencv-python", "opencv-contrib-python-headless"])
def test_report_names_any_package_of_opencv(monkeypatch, package):
    def installed(name):
        return "4" if name == package else None

    monkeypatch.setattr("ppgan_mpr.versions.installed_version", installed)
    backend = SimpleNamespace(name="openvino", device="cpu", precision="f32", threads=1)
    report = computer_report(SimpleNamespace(backend=backend), InferenceOptions())
    assert report["versions"][package] == "4"
