"""From a posted form to a job: the options it names and the files it brings."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from ..checks import did_you_mean
from ..errors import ImageError, RestorationError, UsageError
from ..file_names import is_invisible
from ..imaging.formats import RAW_SUFFIXES, SUFFIXES
from ..imaging.header import read_header
from ..inference import InferenceOptions
from ..networks import find_task
from ..weights import find_record
from .errors import Refusal
from .jobs import Job, Jobs
from .limits import Limits

#: Options of restoration that a visitor may choose; the others are the server's.
CHOSEN_OPTIONS = (
    "network", "model", "scale", "strength", "max_size", "suffix", "quality", "local", "ensemble",
)  # fmt: skip
#: Names of the form's files.
FILES = ("image", "right")
_FLAGS = {"true": True, "false": False}


async def read_job(request: Request, jobs: Jobs, defaults: InferenceOptions) -> Job:
    """Read a posted form into a job whose files lie in a folder of its own.

    Args:
        request: a multipart form with a picture ``image``, a ``task`` and options.
        jobs: where the job will wait.
        defaults: the server's options.

    Raises:
        Refusal: an option makes no sense, or a file is no picture that is accepted here.
    """
    async with request.form(max_files=2, max_fields=len(CHOSEN_OPTIONS) + 1) as form:
        task, options = _settings(form, defaults)
        image = _file(form, "image")
        if image is None:
            raise Refusal(422, "no_picture", "There is no picture: send one as the file 'image'.")
        right = _file(form, "right")
        views = find_task(task).views
        if (right is None) != (views == 1):
            raise Refusal(422, "views", f"{task} takes {views} view(s) of a picture: right=.")
        folder = jobs.new_folder()
        try:
            name = safe_name(image.filename or "")
            upload = await run_in_threadpool(_store, image, folder, "image", name, jobs.limits)
            other = None
            if right is not None:
                named = safe_name(right.filename or "")
                other = await run_in_threadpool(_store, right, folder, "right", named, jobs.limits)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return Job(folder.name, name, task, options, folder, upload, other)


def safe_name(written: str) -> str:
    """The last part of a file name from anywhere, without characters that any system reserves."""
    last = re.split(r"[/\\]", written)[-1]
    name = last.encode("utf-8", "replace").decode("utf-8")
    name = re.sub(r'[<>:"|*?]', "_", name)
    name = "".join("_" if is_invisible(sign) else sign for sign in name).strip(" .")
    path = Path(name or "picture")
    return path.stem[:100] + path.suffix[:20]


def _settings(form: FormData, defaults: InferenceOptions) -> tuple[str, InferenceOptions]:
    texts = {name: value for name, value in form.items() if isinstance(value, str)}
    try:
        if not texts.get("task"):
            raise UsageError("Say what to restore: task=.")
        task = find_task(texts.pop("task")).name
        options = defaults.replace(**_options(texts))
        find_record(options.model, task, options.network, options.scale)
    except RestorationError as error:
        raise Refusal(422, "option", str(error)) from None
    return task, options


def _options(texts: Mapping[str, str]) -> dict[str, object]:
    """The options that a form names, in their types; an empty text is the default."""
    kinds = {option.name: option.metadata for option in InferenceOptions.documented()}
    values: dict[str, object] = {}
    for name, text in texts.items():
        if name not in CHOSEN_OPTIONS:
            raise UsageError(f"There is no option {name!r}: {did_you_mean(name, CHOSEN_OPTIONS)}")
        number = {"N": int, "S": float}.get(kinds[name].get("metavar", ""))
        flag = name in ("local", "ensemble")
        if not text:
            continue
        try:
            values[name] = number(text) if number else _FLAGS.get(text, text) if flag else text
        except ValueError:
            raise UsageError(f"{name}={text!r}: give a number.") from None
    return values


def _file(form: FormData, name: str) -> UploadFile | None:
    file = form.get(name)
    return file if isinstance(file, UploadFile) and file.size else None


def _store(file: UploadFile, folder: Path, stem: str, name: str, limits: Limits) -> Path:
    # The suffix decides the format of the result, as on the command line; the rest of the
    # visitor's name never reaches the disk.
    suffix = Path(name).suffix
    known = suffix.lower() in SUFFIXES | RAW_SUFFIXES
    path = folder / f"{stem}{suffix if known else ''}"
    with path.open("xb") as stored:
        shutil.copyfileobj(file.file, stored, 1 << 20)
    try:
        header = read_header(path)
    except ImageError as error:
        message = str(error).replace(str(path), name)
        raise Refusal(415, "not_a_picture", message) from None
    except RestorationError as error:  # such as a reader that is not installed
        raise Refusal(415, "not_readable", str(error)) from None
    if header.height * header.width > limits.pixels:
        raise Refusal(
            413, "too_many_pixels",
            f"{name} has {header.width} x {header.height} pixels, more than the "
            f"{limits.pixels / 1e6:g} million allowed here.",
        )  # fmt: skip
    return path
