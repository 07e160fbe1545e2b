"""The web application and its routes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Collection, Iterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ..errors import ImageError
from ..inference import InferenceOptions
from ..version import __version__
from . import monitoring
from .choices import choices
from .errors import Refusal, refuse
from .guard import Guard
from .job import DONE, FINISHED, UNDECIDED, Job
from .jobs import Jobs, QueueFullError
from .limits import Limits
from .openapi import description
from .requests import read_choice, read_job
from .status import status
from .views import view

PAGE = Path(__file__).resolve().parent / "page"


def create_app(
    options: InferenceOptions | None = None,
    limits: Limits | None = None,
    names: Collection[str] = (),
) -> Starlette:
    """Create the application for any ASGI server.

    It must run in a single process, as the queue is in the memory of that process.

    Args:
        options: default options of all pictures; visitors may change those in
            :data:`~ppgan_mpr.web.messages.FIELDS`.
        limits: see :class:`Limits`.
        names: host names of this server, besides ``localhost`` and IP addresses.
    """
    defaults = (options or InferenceOptions()).replace(progress=False)
    jobs = Jobs(limits)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with jobs:
            yield

    routes = [
        Route("/", _page),
        Route("/restore", _restore, methods=["POST"]),
        Route("/jobs/{id}", _status),
        Route("/jobs/{id}", _forget, methods=["DELETE"]),
        Route("/jobs/{id}/cancel", _cancel, methods=["POST"]),
        Route("/jobs/{id}/restore", _decide, methods=["POST"]),
        Route("/jobs/{id}/result", _result),
        Route("/jobs/{id}/{side:str}.view", _view),
        Route("/choices", _choices),
        Route("/health", _health),
        Route("/metrics", _metrics),
        Route("/openapi.json", _openapi),
        Mount("/page", StaticFiles(directory=PAGE)),
    ]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(Guard, names=names, most=jobs.limits.upload)],
        exception_handlers={HTTPException: refuse},
    )
    app.state.jobs, app.state.defaults = jobs, defaults
    return app


async def _page(_: Request) -> Response:
    return FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})


async def _restore(request: Request) -> Response:
    jobs = _jobs(request)
    with _place(jobs):
        job = await read_job(request, jobs, request.app.state.defaults)
        jobs.submit(job)
    return _accepted(request, job)


async def _decide(request: Request) -> Response:
    jobs, job = _jobs(request), _job(request)
    if job.state != UNDECIDED:
        raise _decided(job)
    with _place(jobs):
        task, options = await read_choice(request, job)
        if not jobs.decide(job, task, options):
            raise _decided(job)
    return _accepted(request, job)


async def _status(request: Request) -> Response:
    return JSONResponse(_answer(request, _job(request)))


async def _cancel(request: Request) -> Response:
    job = _job(request)
    _jobs(request).cancel(job)
    return JSONResponse(_answer(request, job))


async def _forget(request: Request) -> Response:
    _jobs(request).forget(_job(request))
    return Response(status_code=204)


async def _result(request: Request) -> Response:
    job = _done(request)
    assert job.result is not None and job.result.output is not None
    return FileResponse(job.result.output, filename=job.download_name)


async def _view(request: Request) -> Response:
    job, side = _done(request), request.path_params["side"]
    if side not in ("before", "after"):
        raise Refusal(404, "not_found", "There is no such view: ask for 'before' or 'after'.")
    try:
        path, media_type = await run_in_threadpool(view, job, side)
    except (ImageError, OSError):
        raise _unknown() from None  # expired meanwhile
    # Browsers may cache it: its address is secret and its content never changes.
    return FileResponse(path, media_type=media_type, headers={"Cache-Control": "private"})


async def _choices(request: Request) -> Response:
    return JSONResponse(choices(_jobs(request).limits))


async def _health(request: Request) -> Response:
    jobs = _jobs(request)
    content: dict[str, Any] = {
        "status": "ok" if jobs.alive else "failed",
        "version": __version__,
        "waiting": jobs.waiting,
        "running": jobs.running,
    }
    return JSONResponse(content, 200 if jobs.alive else 503)


async def _metrics(request: Request) -> Response:
    return PlainTextResponse(
        monitoring.metrics(_jobs(request)), headers={"Content-Type": monitoring.MEDIA_TYPE}
    )


async def _openapi(_: Request) -> Response:
    return JSONResponse(description())


def _jobs(request: Request) -> Jobs:
    jobs: Jobs = request.app.state.jobs
    return jobs


def _job(request: Request) -> Job:
    job = _jobs(request).get(request.path_params["id"])
    if job is None:
        raise _unknown()
    return job


def _done(request: Request) -> Job:
    job = _job(request)
    if job.state != DONE:
        if job.state in FINISHED:
            message = f"The picture has no result: its state is {job.state!r}."
        else:
            message = f"The picture has no result yet: its state is {job.state!r}. Ask again later."
        raise Refusal(409, "not_done", message, state=job.state)
    return job


@contextlib.contextmanager
def _place(jobs: Jobs) -> Iterator[None]:
    """Hold a place in the queue, or refuse the request if the queue is full."""
    try:
        with jobs.place():
            yield
    except QueueFullError:
        raise Refusal(
            503, "queue_full", "Too many pictures are waiting: try again in a moment.",
            {"Retry-After": "5"},
        ) from None  # fmt: skip


def _decided(job: Job) -> Refusal:
    return Refusal(
        409, "not_undecided",
        f"There is nothing to choose: the picture's state is {job.state!r}.",
        state=job.state,
    )  # fmt: skip


def _accepted(request: Request, job: Job) -> Response:
    return JSONResponse(_answer(request, job), 202, headers={"Location": f"/jobs/{job.id}"})


def _unknown() -> Refusal:
    return Refusal(404, "unknown_job", "There is no such picture, or it has expired.")


def _answer(request: Request, job: Job) -> dict[str, Any]:
    return status(job, _jobs(request).position(job))
