"""Error answers of the API: an HTTP status, a code for programs and a sentence for people."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from .messages import Message


class Refusal(HTTPException):
    """A refused request.

    Args:
        status: HTTP status.
        code: a word that identifies the error for programs and translations.
        message: one sentence that says what is wrong and what to do.
        headers: headers of the answer.
        **parameters: the values inside the sentence by name, in the types of JSON.
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
        """Make a refusal with this message."""
        return cls(status, message.code, message.text, **message.parameters)


def answer(error: HTTPException) -> JSONResponse:
    """The JSON answer for a refusal or for an error of Starlette."""
    if isinstance(error, Refusal):
        message = Message(error.code, error.detail, error.parameters)
    else:
        message = Message("http", error.detail, {"status": error.status_code})
    return JSONResponse({"error": message.to_dict()}, error.status_code, error.headers)


async def refuse(request: Request, error: Exception) -> JSONResponse:
    """Handle HTTPException for Starlette, and count refusals."""
    assert isinstance(error, HTTPException)
    if isinstance(error, Refusal):
        request.app.state.jobs.totals.rejected[error.code] += 1
    return answer(error)
