"""The error answers of the API and of the gateway in front of it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any


class ProblemError(Exception):
    """An error answer: a status, a JSON body in the words of v1, and perhaps headers."""

    def __init__(
        self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(body.get("message"))
        self.status = status
        self.body = body
        self.headers = dict(headers or {})

    def body_of(self, version: str | None) -> Mapping[str, Any]:
        """Return the body as this generation of the API writes it; v2 knows one form only."""
        if version != "v2":
            return self.body
        return {"error_code": self.body.get("error_code"), "message": self.body["message"]}


def bad_request(message: str) -> ProblemError:
    """A request that cannot be read at all."""
    return ProblemError(400, {"message": message})


def invalid(errors: Mapping[str, str]) -> ProblemError:
    """Structurally or semantically invalid parameters (the Enhance Speech guide, step 1)."""
    return ProblemError(
        422,
        {
            "message": ", ".join(f"{name} {error}" for name, error in errors.items()),
            "errors": [{"field": name, "message": error} for name, error in errors.items()],
        },
    )


def refused(message: str) -> ProblemError:
    """A speech enhancement that cannot be created, although the request is a good one."""
    return ProblemError(422, {"message": message})


def not_found() -> ProblemError:
    """Something that is not there, or belongs to another API client: the answer is the same."""
    return ProblemError(404, {"message": "Not found"})


def bad_token() -> ProblemError:
    """The gateway's answer to a missing, unknown, revoked or expired token."""
    return ProblemError(401, {"error_code": "401013", "message": "Oauth token is not valid"})


def bad_key(sent: str | None) -> ProblemError:
    """The gateway's answer to a missing or unknown key, or one that the token is not for."""
    message = "Api Key is invalid" if sent else "Api Key is required"
    return ProblemError(403, {"error_code": "403000", "message": message})


def too_many(retry_after: str) -> ProblemError:
    """The gateway's answer beyond the rate limits."""
    return ProblemError(
        429,
        {"error_code": "429050", "message": "Too many requests"},
        {"retry-after": retry_after},
    )


def server_error(status: int) -> ProblemError:
    """A failure of the server (500, 503) or of a gateway before it (502, 504, 520 to 524)."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "The web server returned an unknown error"
    return ProblemError(status, {"message": phrase})
