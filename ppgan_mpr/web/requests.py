"""Reads posted forms: the options and files of a new job, or the choice for an undecided one."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from ..apps.task_names import AUTO, JOINT, is_auto, steps_of
from ..checks import did_you_mean
from ..errors import ImageError, RestorationError, UsageError
from ..file_names import is_invisible
from ..imaging.formats import RAW_SUFFIXES, SUFFIXES
from ..imaging.header import read_header
from ..inference import InferenceOptions
from ..networks import find_network, tasks
from ..weights import find_record
from .errors import Refusal
from .job import Job
from .jobs import Jobs
from .limits import Limits
from .messages import FIELDS, Message, error_message, option_message, picture_message

#: Names of the form's files.
FILES = ("image", "right")
_FLAGS = {"true": True, "false": False}
#: Fields that are true or false.
FLAG_FIELDS = ("allow_loss", "local", "ensemble")


async def read_job(request: Request, jobs: Jobs, defaults: InferenceOptions) -> Job:
    """Read a posted form and store its files in a new folder.

    Args:
        request: a multipart form with a picture ``image``, one or more ``task`` and options.
        jobs: the queue that the job will join.
        defaults: the server's options.

    Raises:
        Refusal: an option is invalid, or a file is not an accepted picture.
    """
    async with request.form(max_files=len(FILES), max_fields=_most_fields()) as form:
        task, options = _settings(form, defaults)
        image = _file(form, "image")
        if image is None:
            raise Refusal(422, "no_picture", "There is no picture: send one as the file 'image'.")
        right = _file(form, "right")
        views = 1 if is_auto(task) else steps_of(task)[0].views
        if (right is None) != (views == 1):
            advice = "send the right view as the file 'right'" if views > 1 else "leave 'right' out"
            raise Refusal(
                422, "views", f"{task} needs {views} view{'s' * (views > 1)} of a picture: "
                f"{advice}.", task=task, views=views,
            )  # fmt: skip
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


async def read_choice(request: Request, job: Job) -> tuple[str, InferenceOptions]:
    """Read a posted form with the task that a visitor has chosen for an undecided job.

    Args:
        request: a form with one ``task``, and options that replace those of the job.
        job: the undecided job.

    Raises:
        Refusal: an option is invalid, or the task is not a single task for one picture.
    """
    async with request.form(max_files=0, max_fields=_most_fields()) as form:
        task, options = _settings(form, job.options)
    chosen = None if is_auto(task) else steps_of(task)
    if chosen is None or len(chosen) > 1 or chosen[0].views > 1:
        raise Refusal(
            422, "option", f"task={task} cannot be chosen here: name a single task that needs "
            "only one view of the picture.", field="task",
        )  # fmt: skip
    return task, options


def safe_name(written: str) -> str:
    """The last part of a path, without characters that some operating system reserves."""
    last = re.split(r"[/\\]", written)[-1]
    name = last.encode("utf-8", "replace").decode("utf-8")
    name = re.sub(r'[<>:"|*?]', "_", name)
    name = "".join("_" if is_invisible(sign) else sign for sign in name).strip(" .")
    path = Path(name or "picture")
    return path.stem[:100] + path.suffix[:20]


def _most_fields() -> int:
    return len(FIELDS) + len(tasks())  # each task once


def _settings(form: FormData, defaults: InferenceOptions) -> tuple[str, InferenceOptions]:
    named = [text.strip() for text in form.getlist("task") if isinstance(text, str)]
    texts = {name: text for name, text in form.items() if isinstance(text, str) and name != "task"}
    if not any(named):
        raise Refusal(
            422, "no_task", f"There is no task: name one, several in order, or {AUTO}.",
            field="task",
        )  # fmt: skip
    try:
        options = defaults.replace(**_options(texts))
        return _checked_task(",".join(named), options), options
    except RestorationError as error:
        raise Refusal.of(422, option_message(str(error))) from None


def _checked_task(written: str, options: InferenceOptions) -> str:
    """Check that a task has weights, and return its exact name; several are joined by ``+``."""
    if is_auto(written):
        if options.network is not None:
            find_network(options.network)
        if options.scale is not None:
            raise UsageError(f"scale={options.scale}, but task={AUTO} does not enlarge.")
        return AUTO
    steps = steps_of(written)
    for step in steps:
        find_record(options.model, step.name, options.network, options.scale)
    return JOINT.join(step.name for step in steps)


def _options(texts: Mapping[str, str]) -> dict[str, object]:
    """Convert the texts of a form to options of the right types; empty texts are left out."""
    kinds = {option.name: option.metadata for option in InferenceOptions.documented()}
    values: dict[str, object] = {}
    for name, text in texts.items():
        if name not in FIELDS:
            raise Refusal(
                422, "unknown_field", f"There is no field {name!r}: {did_you_mean(name, FIELDS)}",
                field=name,
            )  # fmt: skip
        if text:
            values[name] = _value(name, text, kinds[name].get("metavar", ""))
    return values


def _value(name: str, text: str, kind: str) -> object:
    if name in FLAG_FIELDS:
        if text not in _FLAGS:
            raise UsageError(f"{name}={text!r}: give true or false.")
        return _FLAGS[text]
    number = {"N": int, "S": float}.get(kind)
    try:
        return number(text) if number else text
    except ValueError:
        raise UsageError(f"{name}={text!r}: give a number.") from None


def _file(form: FormData, name: str) -> UploadFile | None:
    file = form.get(name)
    return file if isinstance(file, UploadFile) and file.size else None


def _store(file: UploadFile, folder: Path, stem: str, name: str, limits: Limits) -> Path:
    # Of the visitor's file name only the suffix is used: it decides the result's format.
    suffix = Path(name).suffix
    known = suffix.lower() in SUFFIXES | RAW_SUFFIXES
    path = folder / f"{stem}{suffix if known else ''}"
    with path.open("xb") as stored:
        shutil.copyfileobj(file.file, stored, 1 << 20)
    try:
        header = read_header(path)
    except ImageError as error:
        raise Refusal.of(415, _named(picture_message(str(error)), path, name)) from None
    except RestorationError as error:  # such as a reader that is not installed
        raise Refusal.of(415, _named(error_message(error), path, name)) from None
    if header.height * header.width > limits.pixels:
        most = round(limits.pixels / 1e6, 3)
        raise Refusal(
            413, "too_many_pixels",
            f"{name} has {header.width} x {header.height} pixels, more than the "
            f"{most:g} million allowed here.",
            name=name, width=header.width, height=header.height, millions=most,
        )  # fmt: skip
    return path


def _named(message: Message, path: Path, name: str) -> Message:
    """Replace the path in a message by the visitor's name of the picture."""
    text = message.text.replace(str(path), name)
    return Message(message.code, text, {**message.parameters, "name": name})
