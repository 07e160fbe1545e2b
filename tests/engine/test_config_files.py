"""Names, paths and inheritance of configurations."""

from __future__ import annotations

import pytest

from ppgan_mpr.engine.config_files import find_config, packaged_configs, read_yaml
from ppgan_mpr.errors import UsageError

NAME = "mprnet_deblurring"


@pytest.mark.parametrize("path", [NAME, f"{NAME}.yaml", f"configs/{NAME}.yaml"])
def test_packaged_file_is_found_by_name_and_by_path(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    assert find_config(path) == packaged_configs()[NAME]
    assert find_config(tmp_path / path) == packaged_configs()[NAME]


@pytest.mark.parametrize("path", [NAME, f"{NAME}.yaml", f"configs/{NAME}.yaml"])
def test_file_on_disk_is_preferred_to_the_packaged_one(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    (tmp_path / path).touch()
    assert (tmp_path / find_config(path)).samefile(tmp_path / path)


def test_folder_of_the_same_name_does_not_hide_the_packaged_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME).mkdir()
    assert find_config(NAME) == packaged_configs()[NAME]


def test_folder_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="is a folder: name a yaml file in it"):
        find_config(tmp_path)


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(UsageError, match=f"did you mean {NAME}?"):
        find_config("mprnet_deblur.yaml")


def test_unreadable_path_is_an_error():
    with pytest.raises(UsageError, match="cannot be read: File name too long"):
        find_config("a" * 300)


@pytest.fixture
def write(tmp_path):
    """A function that writes a yaml: name, text → path."""

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


def test_file_inherits_the_options_that_it_lacks(write):
    write("bases/data.yaml", "dataset: {train: {batch_size: 4, rgb_dir: here}}\nseed: 1\n")
    write("bases/run.yaml", "total_iters: 5\nseed: 2\n")
    path = write(
        "heir.yaml",
        "_base_: [bases/data.yaml, bases/run.yaml]\ndataset: {train: {batch_size: 8}}\n",
    )
    assert read_yaml(path) == {
        "dataset": {"train": {"batch_size": 8, "rgb_dir": "here"}},
        "seed": 1,  # from the first base
        "total_iters": 5,
    }


def test_copy_of_a_packaged_file_inherits_from_the_packaged_bases(write):
    copy = write("mine.yaml", packaged_configs()[NAME].read_text())
    assert read_yaml(copy) == read_yaml(NAME)
    assert read_yaml(copy)["optimizer"]["name"] == "Adam"


def test_section_may_inherit_nothing(write):
    write("base.yaml", "optimizer: {name: Adam, beta1: 0.9}\nseed: 1\n")
    text = "_base_: base.yaml\noptimizer: {_inherited_: False, name: SGD}\n"
    assert read_yaml(write("heir.yaml", text)) == {"optimizer": {"name": "SGD"}, "seed": 1}


def test_bases_have_bases_and_may_be_packaged(write):
    write("middle.yaml", f"_base_: {NAME}\ntotal_iters: 7\n")
    content = read_yaml(write("heir.yaml", "_base_: middle.yaml\nseed: 3\n"))
    assert (content["total_iters"], content["seed"]) == (7, 3)
    assert content["optimizer"] == read_yaml(NAME)["optimizer"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("_base_: absent.yaml\n", "There is no configuration .*absent.yaml"),
        ("_base_: heir.yaml\n", "heir.yaml, which inherits from this file"),
        ("_base_: 3\n", "give the path of a yaml, or a list"),
        ("_base_: [{a: 1}]\n", "give the path of a yaml, or a list"),
    ],
)
def test_base_that_cannot_be_read_is_an_error(write, text, message):
    with pytest.raises(UsageError, match=message):
        read_yaml(write("heir.yaml", text))


DEEP = "a: " + "[" * 3000 + "]" * 3000
BOMB = "l0: &l0 [1, 1]\n" + "\n".join(
    f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 8)}]" for i in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (DEEP, "nested too deeply"),
        ("a: &a [*a]", "one contains itself"),
        ("model: &m {generator: *m}", "one contains itself"),
        (BOMB, "too many values"),
        (f"seed: {'9' * 5000}", "a number that is too long"),
        (f"seed: 0x{'f' * 5000}", "a number that is too long"),
        ("seed: 2020-99-99", "an impossible date"),
        ("seed: 1\nmodel: !mine [1]", "line 2: tags of this kind are not allowed"),
    ],
    ids=["deep", "itself", "section", "bomb", "digits", "hexadecimal", "date", "tag"],
)
def test_unusable_yaml_gives_a_short_one_line_error(write, text, message):
    path = write("run.yaml", text)
    with pytest.raises(UsageError, match=rf"run\.yaml is not a yaml file .*{message}") as caught:
        read_yaml(path)
    assert len(str(caught.value)) < len(str(path)) + 120
