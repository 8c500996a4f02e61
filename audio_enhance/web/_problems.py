"""What goes wrong, as an answer that the page can show to a person (RFC 9457)."""

import math

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from audio_enhance import (
    AudioEnhanceError,
    ConnectionFailedError,
    EnhancementFailedError,
    InvalidInputError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    TooManyWaitingError,
    UnsupportedMediaTypeError,
)

# Of a lane that is full for longer, a person wants to hear again before that.
_LONGEST_WAIT = 30.0
_SERVICE_AWAY = 5.0


class Problem(Exception):  # noqa: N818  the name that RFC 9457 gives it
    """A request that cannot be answered as it was meant.

    Attributes:
        status: The HTTP status.
        code: A word that the page decides by.
        message: What was wrong, for the person.
        hint: What to do about it.
        retry_after: The seconds after which the same request can succeed.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        hint: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.hint = hint
        self.retry_after = retry_after

    @classmethod
    def of(cls, error: AudioEnhanceError) -> "Problem":
        """Return what a failure of the library means to whoever sent the request."""
        status, code, wait = 502, "failed", error.retry_after
        match error:
            case EnhancementFailedError():
                return cls(
                    502,
                    "failed",
                    "The service could not enhance it.",
                    hint="Check that it plays as audio; if it does, try again.",
                )
            case UnsupportedMediaTypeError():
                status, code = 415, "type"
            case InvalidInputError():
                status, code = 422, "invalid"
            case TooManyWaitingError():
                status, code = 503, "busy"
            case ServerError() | RateLimitError() | ConnectionFailedError() | RequestTimeoutError():
                status, code = 503, "away"
                wait = _SERVICE_AWAY if wait is None else wait
            case _:
                pass
        return cls(status, code, error.message, hint=error.hint, retry_after=wait)

    def document(self) -> dict[str, object]:
        """Return what the page shows, as JSON."""
        return {
            "title": self.message,
            "status": self.status,
            "code": self.code,
            "detail": self.hint,
        }

    def response(self) -> Response:
        """Return the answer that says it."""
        headers = {"Cache-Control": "no-store"}
        if self.retry_after is not None:
            # Whole seconds (RFC 9110 §10.2.3), and never 0: that would be at once.
            wait = min(self.retry_after, _LONGEST_WAIT)
            headers["Retry-After"] = str(max(1, math.ceil(wait)))
        return JSONResponse(
            self.document(),
            status_code=self.status,
            headers=headers,
            media_type="application/problem+json",
        )


async def on_error(request: Request, error: Exception) -> Response:
    """Answer for anything that a handler raised on purpose."""
    del request
    match error:
        case Problem():
            return error.response()
        case AudioEnhanceError():
            return Problem.of(error).response()
        case HTTPException():
            return Problem(error.status_code, "http", error.detail).response()
        case _:
            raise error


def not_found() -> Problem:
    """Return the same answer for what does not exist and for what belongs to somebody else."""
    return Problem(404, "gone", "There is no such recording in this session.")


def left() -> Problem:
    """Return why what was still waiting is not enhanced once its page is closed."""
    return Problem(
        410,
        "left",
        "The page was closed before its turn came.",
        hint="Enhance it again if you still need it.",
    )
