"""Refusals of the API: an HTTP status, a code for programs, a sentence for people."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from .messages import Message


class Refusal(HTTPException):
    """A request that cannot be met.

    Args:
        status: of HTTP.
        code: a word that programs and translations go by.
        message: one sentence that says what is wrong and what to do.
        headers: of the answer.
        **parameters: name → value of what varies in the sentence, in JSON's types.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: dict[str, str] | None = None,
        **parameters: Any,
    ):
        super().__init__(status, message, headers)
        self.code, self.parameters = code, parameters

    @classmethod
    def of(cls, status: int, message: Message) -> Refusal:
        """A refusal that says this."""
        return cls(status, message.code, message.text, **message.parameters)


def answer(error: HTTPException) -> JSONResponse:
    """The JSON form of a refusal, or of what Starlette itself refuses."""
    if isinstance(error, Refusal):
        message = Message(error.code, error.detail, error.parameters)
    else:
        message = Message("http", error.detail, {"status": error.status_code})
    return JSONResponse({"error": message.to_dict()}, error.status_code, error.headers)


async def refuse(request: Request, error: Exception) -> JSONResponse:
    """Starlette's handler of HTTPException."""
    assert isinstance(error, HTTPException)
    if isinstance(error, Refusal):
        request.app.state.jobs.totals.rejected[error.code] += 1
    return answer(error)
