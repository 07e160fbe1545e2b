"""Refusals of the API: an HTTP status, a code for programs, a sentence for people."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse


class Refusal(HTTPException):
    """A request that cannot be met.

    Args:
        status: of HTTP.
        code: a word that programs and translations go by.
        message: one sentence that says what is wrong and what to do.
        headers: of the answer.
    """

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None):
        super().__init__(status, message, headers)
        self.code = code


def answer(error: HTTPException) -> JSONResponse:
    """The JSON form of a refusal, or of what Starlette itself refuses."""
    code = error.code if isinstance(error, Refusal) else "http"
    content = {"error": {"code": code, "message": error.detail}}
    return JSONResponse(content, error.status_code, error.headers)


async def refuse(request: Request, error: Exception) -> JSONResponse:
    """Starlette's handler of HTTPException."""
    assert isinstance(error, HTTPException)
    if isinstance(error, Refusal):
        request.app.state.jobs.totals.rejected[error.code] += 1
    return answer(error)
