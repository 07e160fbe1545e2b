"""Every command of the documentation runs here or in .ci/run, or is marked as not run."""

from __future__ import annotations

import importlib
import re
import shutil
from pathlib import Path

import pytest
from command_runner import Runner, programs
from documented_commands import COMMANDS, OTHERS, Command, blocks, commands, pages

ROOT = Path(__file__).resolve().parent.parent
CHINESE = [page.relative_to(ROOT).as_posix() for page in ROOT.glob("docs/zh/**/*.md")]
_COMMAND = re.compile(r"^\s*(?:mprnet|pip |python |curl )", re.M)
CI_RUN = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
SLOW = ("mprnet-doctor",)  # .ci/run runs these, and not this test
# Modules that the commands of a page need. Without them its test is skipped.
MODULES = {
    "README.md": ("av", "onnx", "pyarrow", "rawpy", "ray", "starlette"),
    "docs/bulk.md": ("pyarrow", "ray"),
    "docs/datasets.md": ("scipy",),
    "docs/formats.md": ("rawpy",),
    "docs/server.md": ("starlette",),
    "docs/training.md": ("ppgan",),
    "docs/tutorials/mprnet.md": ("ppgan", "yaml"),
    "docs/tutorials/nafnet.md": ("ppgan", "yaml"),
    "docs/video.md": ("av",),
}


def run_by_ci() -> list[str]:
    """Beginnings of the README's blocks that .ci/run runs unchanged."""
    return re.findall(r'readme_block "(.+?)"\)', CI_RUN)


def to_run(page: str) -> list[Command]:
    """The commands of a page that are not marked, without those that .ci/run runs."""
    return [
        command
        for block in blocks(ROOT / page)
        if page != "README.md" or not block.text.startswith(tuple(run_by_ci()))
        for command in block.commands
        if command.reason is None and command.text not in SLOW
    ]


@pytest.fixture(scope="module")
def already_run():
    """The commands that have run on other pages."""
    return set()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with the files that the commands name."""
    for module in ("paddle", "httpx", "uvicorn"):
        pytest.importorskip(module)
    from documented_files import write_files

    folder = tmp_path_factory.mktemp("files")
    write_files(ROOT, folder)
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache folder for all pages."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def runner(files, cache, already_run, tmp_path, monkeypatch, changed_network, fixtures_dir):
    """Runs commands in a folder with these files, with small networks for the published ones."""
    from documented_files import expect_small_downloads
    from small_published_weights import Mirror

    work = tmp_path / "work"
    shutil.copytree(files, work, symlinks=True)
    monkeypatch.chdir(work)
    mirror = Mirror(tmp_path, fixtures_dir, changed_network)
    monkeypatch.setenv("PPGAN_MPR_HOME", str(cache))
    monkeypatch.setenv("PPGAN_MPR_MIRROR", mirror.address)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(mirror.authority))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    expect_small_downloads(monkeypatch)
    runner = Runner(ROOT, already_run)
    yield runner
    runner.close()
    mirror.close()


@pytest.mark.parametrize("page", list(filter(to_run, pages(ROOT))))
def test_commands_of_a_page_run(page, runner):
    for module in MODULES.get(page, ()):
        pytest.importorskip(module, exc_type=ImportError)  # pyarrow may be too new for NumPy 1
    if page == "docs/server.md":  # there, a visitor chooses a task for it
        shutil.copyfile("doubtful.png", "photo.jpg")
    for command in to_run(page):
        runner.run(command)


@pytest.mark.parametrize("page", ["README_cn.md", *pages(ROOT), *CHINESE])
def test_blocks_state_whether_they_hold_commands(page):
    for block in blocks(ROOT / page):
        known = block.language in (*COMMANDS, *OTHERS) or block.language.startswith("{")
        assert known, f"{block.place}: begin the block with ``` and one of {COMMANDS + OTHERS}"
        if block.language not in COMMANDS:
            assert not _COMMAND.search(block.text), f"{block.place}: give commands a block of bash"


def test_ci_runs_what_this_test_leaves_to_it():
    assert all(f'"$1/{command}"\n' in CI_RUN for command in SLOW)
    texts = [block.text for block in blocks(ROOT / "README.md") if block.language == "bash"]
    assert run_by_ci()
    for beginning in run_by_ci():
        assert sum(text.startswith(beginning) for text in texts) == 1, beginning


def test_marked_commands_name_existing_programs_options_and_extras(capsys):
    modules, helps = programs(ROOT), {}

    def options(program):
        if program not in helps:
            with pytest.raises(SystemExit):
                importlib.import_module(modules[program]).main(["--help"])
            printed = capsys.readouterr().out
            helps[program] = set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", printed))
        return helps[program]

    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = set(re.findall(r"^(\w+) = \[", text, re.M))
    configs = {path.stem for path in ROOT.glob("ppgan_mpr/configs/*.yaml")}
    for page in pages(ROOT):
        for command in commands(ROOT / page):
            if command.reason is None or command.language != "bash":
                continue
            for part in command.text.split("&&"):
                program, _, rest = part.strip().partition(" ")
                if program in modules:
                    for option in re.findall(r"(?<!\S)--?[a-zA-Z][\w-]*", rest):
                        assert option in options(program), command
                for extra in re.findall(r"\[([\w,]+)\]", part if "pip install" in part else ""):
                    assert extras.issuperset(extra.split(",")), command
                for script in re.findall(r"\b(?:tools|benchmarks)/\w+\.py", part):
                    assert (ROOT / script).is_file(), command
                for config in re.findall(r"(?:-c|--config-file) (?:configs/)?(\w{4,})", part):
                    assert config in configs, command
