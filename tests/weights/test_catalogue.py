import dataclasses
import re

import pytest

from ppgan_mpr.errors import UsageError
from ppgan_mpr.metrics import PROTOCOLS
from ppgan_mpr.networks import find_network, weights_records
from ppgan_mpr.weights import MODELS, find_record, stronger_than
from ppgan_mpr.weights.catalogue import git_blob_of, record_of_name


def test_every_loadable_name_finds_its_record():
    for record in weights_records():
        if record.model in MODELS:
            assert record_of_name(record.name) == record
            assert record_of_name(record.name.upper()) == record


@pytest.mark.parametrize("name", ["authors:Deblurring", "Authors:mirnet:lowlight"])
def test_weights_without_a_download_are_refused_by_name(name):
    with pytest.raises(UsageError, match=r"authors:.* cannot be downloaded: .* give its path"):
        record_of_name(name)


def test_path_with_a_drive_is_not_a_name():
    assert record_of_name("C:/weights.pth") is None


def test_measured_scores_are_in_the_documentation(root):
    text = (root / "docs" / "weights.md").read_text(encoding="utf-8")
    measured = [s for r in weights_records() for s in r.scores if s.source == "measured"]
    assert measured
    for score in measured:
        assert f" {score.psnr:.2f} " in text, score


def test_records_are_consistent():
    for record in weights_records():
        assert record.task in find_network(record.network).task_names
        assert all(score.protocol in PROTOCOLS for score in record.scores)
        assert record.git_blob is None or re.fullmatch("[0-9a-f]{40}", record.git_blob)
        assert record.licence and record.origin and "arXiv" in record.paper
    assert len({record.url for record in weights_records() if record.url}) == 11


@pytest.mark.parametrize(
    ("task", "scale", "file", "blob"),
    [
        ("RealDenoising", 1, "real_denoising", "e9c402fcebc3c69f4e24f523341fc5c18d2a8b6f"),
        ("LowLight", 1, "enhancement_lol", "6c8cc088f24c37ac8244c009a737cf101fec85a9"),
        ("Retouching", 1, "enhancement_fivek", "1bec817bf2bf68dca0cdabdfcecd14c24a451380"),
        ("SuperResolution", 2, "sr_x2", None),
        ("SuperResolution", 3, "sr_x3", None),
        ("SuperResolution", 4, "sr_x4", "94a26166dce9636b1999ba1be460fa1599b753f7"),
        ("DualPixelDeblurring", 1, "dual_pixel_defocus_deblurring", None),
    ],
)
def test_records_of_mirnetv2_name_their_files(task, scale, file, blob):
    record = find_record("published", task, scale=scale)
    release = "https://github.com/swz30/MIRNetv2/releases/download/v1.0.0/"
    assert (record.network, record.url, record.git_blob) == (
        "MIRNetv2",
        f"{release}{file}.pth",
        blob,
    )
    assert "academic" in record.licence


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"model": "huge", "task": "Deblurring"}, "no model 'huge': choose one of published, lite"),
        ({"model": "lite", "task": "LowLight"},
         "no lite weights for LowLight .*: give a file by weight_path=, or use model='published'"),
        ({"model": "published", "task": "Deraining", "scale": 4},
         "scale=4, but Deraining does not enlarge"),
        ({"model": "published", "task": "SuperResolution"},
         "SuperResolution enlarge 2, 3, 4 times: choose one by scale="),
        ({"model": "published", "task": "SuperResolution", "scale": 8},
         "enlarge 2, 3, 4 times: scale=8 is not one of them"),
        ({"model": "published", "task": "LowLight", "network": "MIRNet"},
         "no published MIRNet weights for LowLight .*: get a file .the authors' .*weight_path="),
        ({"model": "published", "task": "Deblurring", "network": "nafnet"},
         "no published NAFNet weights .*: get .* on Google Drive. and give it by weight_path=.$"),
    ],
)  # fmt: skip
def test_error_for_weights_that_cannot_be_found_suggests_others(wanted, message):
    with pytest.raises(UsageError, match=message):
        find_record(**wanted)


@pytest.mark.parametrize("record", weights_records(), ids=lambda record: record.name)
def test_each_listed_name_is_known_in_any_case(record):
    for name in (record.name, record.name.lower()):
        if record.model == "authors":
            with pytest.raises(UsageError, match=f"{record.name} cannot be downloaded: get the f"):
                record_of_name(name)
        else:
            assert record_of_name(name) == record


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("published:Denoising:x2",
         "no weights named published:Denoising:x2: those for Denoising are published:Den"),
        ("published:SuperResolution", "are published:SuperResolution:x2, published:Super.*:x4"),
        ("lite:LowLight", "those for LowLight are published:LowLight"),
        ("published:nafnet:Deblurring", "are .*authors:nafnet:Deblurring:reds-width64"),
        ("authors:nafnet:Deblurring", "are authors:nafnet:Deblurring:gopro-width32, "),
        ("published:nefnet:Deblurring", "did you mean NAFNet"),
        ("published:Debluring", "did you mean Deblurring"),
        ("published:", "choose one of Deblurring"),
    ],
)  # fmt: skip
def test_error_for_unknown_names_lists_the_known_ones(name, message):
    with pytest.raises(UsageError, match=message) as caught:
        record_of_name(name)
    assert "=" not in str(caught.value).replace("task=", "").replace("network=", "")


def test_weights_of_mirnet_are_known_but_not_downloaded():
    record = find_record("authors", "RealDenoising", network="MIRNet")
    assert record.url is None and record.parameters == 31_787_419


def test_stronger_weights_are_for_the_same_task_and_can_be_loaded():
    stronger = stronger_than(find_record("lite", "Deblurring"))
    assert stronger == find_record("published", "Deblurring")


def test_weak_weights_are_not_suggested(known_weights):
    lite = find_record("lite", "Deblurring")
    weak = dataclasses.replace(find_record("published", "Deblurring"), weakness="do not help")
    known_weights("MPRNet", lite, weak)
    assert stronger_than(lite) is None


def test_git_blob_is_the_id_that_git_computes(tmp_path):
    (tmp_path / "hello").write_bytes(b"hello\n")
    assert git_blob_of(tmp_path / "hello") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_default_networks_are_stable_and_nafnet_can_be_chosen():
    assert find_record("published", "Denoising").network == "MPRNet"
    assert find_record("published", "Deblurring").network == "MPRNet"
    record = find_record("published", "Denoising", network="nafnet")
    assert record == record_of_name("published:nafnet:Denoising")
    assert record.url.endswith("/NAFNet_Denoising.pdparams")


def test_authors_test_deblurring_with_tlc_and_denoising_without():
    records = [r for r in find_network("NAFNet").weights if r.model == "authors"]
    assert len({record.name for record in records}) == 5
    assert all(r.local == (r.task == "Deblurring") == r.scores[0].local for r in records)


@pytest.mark.parametrize("record", weights_records(), ids=lambda record: record.name)
def test_parameter_counts_are_the_published_ones(record):
    paddle = pytest.importorskip("paddle")
    with paddle.LazyGuard():  # only shapes
        network = find_network(record.network).build(record.hyperparameters)
    assert sum(int(parameter.size) for parameter in network.parameters()) == record.parameters


def test_catalogue_states_the_numbers_of_parameters():
    counts = {record.name: record.parameters for record in weights_records()}
    assert counts["published:Deblurring"] == 20_127_073
    assert counts["published:Denoising"] == 15_741_025
    assert counts["published:Deraining"] == 3_637_249
    assert counts["lite:Deraining"] == 887_217
