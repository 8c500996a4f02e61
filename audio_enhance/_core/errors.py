"""What can go wrong, as one tree.

AudioEnhanceError
├── InvalidInputError            bad input, found before anything was sent (also a ValueError)
│   ├── InvalidSourceError       no such file, a folder, empty, unreadable, unacceptable
│   │   └── SourceTooLargeError  … because it is longer than `max_bytes`
│   ├── UnsupportedMediaTypeError
│   ├── InvalidStrengthError
│   └── ConfigurationError       credentials or addresses missing or malformed
├── SourceChangedError           the file is not what was hashed any more
├── OutputError                  the result cannot be written
│   └── OutputExistsError        … because a file is there already
├── JournalError                 the journal cannot be read or written, or is not one
│   └── JournalLockedError       … because another run is at work on it: `pid` says which
├── ConnectionFailedError        no answer: DNS, TLS, refused, reset, cut
├── RequestTimeoutError          no answer in time
│   └── TransferStalledError     no byte moved for too long
├── WaitTimeoutError             processing takes longer than you allow
├── ProtocolError                an answer that the API should not give
│   └── CorruptTransferError     a transfer that arrived, but not whole or not the same
├── ApiError                     the server refused (status, code, the server's message)
│   ├── AuthenticationError      401, 403, and a token endpoint that refuses
│   ├── NotFoundError            404
│   ├── ValidationError          422: `fields` names what was wrong
│   ├── RateLimitError           429
│   ├── ServerError              408, 500, 502, 503, 504, and S3's `SlowDown`
│   └── StorageError             S3's own refusals
├── EnhancementFailedError       the server finished with `failed`
├── TooManyWaitingError          too many jobs wait already
├── ClientClosedError            the client was closed, or is open in another event loop
├── JobCancelledError            a job that was cancelled before it had a result
└── MissingExtraError            an optional part is not installed (also an ImportError)
"""

from copy import copy
from typing import Self, TypeVar, Unpack

from .installation import install_command
from .phase import Phase, Said
from .redaction import redact

_Error = TypeVar("_Error", bound="AudioEnhanceError")


class AudioEnhanceError(Exception):
    """The base of every error that this library raises on purpose.

    Attributes:
        message: What was wrong, in one sentence, without secrets.
        hint: What you can do about it, if there is something.
        phase: The step in which it happened.
        source: The name of the recording it happened to.
        asset_id: The asset, if there was one already.
        enhancement_id: The speech enhancement, if there was one already.
        request_id: The server's id of the request, which its support team asks for.
        retryable: Whether the same call can succeed if you make it again later.
        retry_after: How many seconds the server asked to wait, if it did.
        outcome_unknown: Whether the server may have done what it was asked although the
            answer says otherwise or never came.
        attempts: How often the client tried before it gave up; 0 if nobody counted.
        held_back: Whether the request was not made at all, because an earlier one was told to wait.
    """

    retryable = False
    outcome_unknown = False
    attempts = 0
    held_back = False
    _default_hint: str | None = None

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        phase: Phase | None = None,
        source: str | None = None,
        asset_id: str | None = None,
        enhancement_id: str | None = None,
        request_id: str | None = None,
        retryable: bool | None = None,
        outcome_unknown: bool | None = None,
    ) -> None:
        self.message = redact(message)
        self.hint = hint or self._default_hint
        self.phase = phase
        self.source = source
        self.asset_id = asset_id
        self.enhancement_id = enhancement_id
        self.request_id = request_id
        self.retry_after: float | None = None
        if retryable is not None:
            self.retryable = retryable
        if outcome_unknown is not None:
            self.outcome_unknown = outcome_unknown
        super().__init__(self.message)

    def __str__(self) -> str:
        known = {
            "phase": self.phase and self.phase.value,
            "asset": self.asset_id,
            "enhancement": self.enhancement_id,
            "request": self.request_id,
        }
        # The name of a file may hold line breaks, and what a terminal would obey.
        parts = [f"{redact(self.source)}: {self.message}" if self.source else self.message]
        if any(known.values()):
            parts.append(
                f"[{', '.join(f'{name} {value}' for name, value in known.items() if value)}]"
            )
        if self.hint:
            parts.append(self.hint)
        return " ".join(parts)

    def held_back_for(self, seconds: float) -> Self:
        """Return it as it is told of a request that was not made, and may be made later.

        Args:
            seconds: From now until it may be made.
        """
        told = copy(self)
        told.retry_after, told.held_back, told.outcome_unknown = seconds, True, False
        told.attempts, told.request_id = 0, None
        return told

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions are rebuilt from their args by default, which loses keyword arguments.
        return (_rebuild, (type(self), self.args, self.__dict__))


def _rebuild(kind: type[_Error], args: tuple[object, ...], state: dict[str, object]) -> _Error:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class InvalidInputError(AudioEnhanceError, ValueError):
    """Bad input, found before anything was sent."""


class InvalidSourceError(InvalidInputError):
    """A source that cannot be read, is empty, or that the server does not accept."""


class SourceTooLargeError(InvalidSourceError):
    """An upload that is longer than `max_bytes`, of which no more was read."""


class UnsupportedMediaTypeError(InvalidInputError):
    """A content type that the API does not take, or a name that does not tell one."""


class InvalidStrengthError(InvalidInputError):
    """A strength that is not a whole number from 0 to 100."""


class ConfigurationError(InvalidInputError):
    """Credentials or addresses that are missing or malformed."""


class SourceChangedError(AudioEnhanceError):
    """A file that changed between being hashed and being sent."""

    _default_hint = "Try again when nothing writes to the file any more."


class OutputError(AudioEnhanceError):
    """A result that could not be written where it belongs."""


class OutputExistsError(OutputError):
    """A file that exists already, and that you did not ask to overwrite."""

    _default_hint = "Move it away, choose another output folder, or allow overwriting."


class JournalError(AudioEnhanceError):
    """A journal that cannot be read or written, or a file that is no journal."""


class JournalLockedError(JournalError):
    """A journal that another run is at work on.

    Attributes:
        pid: The process id of that run, if it could be read.
    """

    _default_hint = "Wait for it to end, stop it, or use another journal."

    def __init__(self, journal: str, pid: int | None) -> None:
        who = f"process {pid}" if pid is not None else "another process"
        super().__init__(f"The journal {journal} is in use by {who}.")
        self.pid = pid


class ConnectionFailedError(AudioEnhanceError):
    """A request that got no answer, because the connection could not be made or was lost."""

    retryable = True
    _default_hint = "Check the network and the address, then try again."

    def __init__(
        self,
        message: str,
        *,
        connected: bool,
        request_id: str | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(
            message, request_id=request_id, retryable=retryable, outcome_unknown=connected
        )


class RequestTimeoutError(AudioEnhanceError):
    """A request that got no answer in time."""

    retryable = True
    outcome_unknown = True


class TransferStalledError(RequestTimeoutError):
    """An upload or download in which no byte moved for too long."""

    _default_hint = "Check the network, then try again."


class WaitTimeoutError(AudioEnhanceError):
    """An asset or enhancement that was not finished within the time given; it goes on there."""

    retryable = True


class ProtocolError(AudioEnhanceError):
    """An answer that does not fit the API's description."""


class CorruptTransferError(ProtocolError):
    """A transfer whose length or checksum is not what was announced."""

    retryable = True


class ApiError(AudioEnhanceError):
    """A request that the server refused.

    Attributes:
        status: The HTTP status.
        code: The server's own code, such as `401013` or S3's `SignatureDoesNotMatch`.
        expired: Whether the token or the presigned URL that was sent has expired, and the next
            try has a new one.
    """

    expired: bool = False

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, request_id=request_id, hint=hint)
        self.status = status
        self.code = code
        self.retry_after = retry_after


class AuthenticationError(ApiError):
    """Credentials that the server does not accept.

    Attributes:
        client_id: The API client whose credentials they are, where that is known.
    """

    _default_hint = "Check the client id, the client secret or the access token."
    client_id: str | None = None

    def __init__(self, message: str, *, expired: bool = False, **said: Unpack[Said]) -> None:
        super().__init__(message, **said)
        self.expired = expired


class NotFoundError(ApiError):
    """An asset or enhancement that this API client does not have, or not yet."""

    def __init__(self, message: str, *, early: bool = False, **said: Unpack[Said]) -> None:
        super().__init__(message, **said)
        self.retryable = early


class ValidationError(ApiError):
    """A request that the server finds invalid.

    Attributes:
        fields: The names of the fields it complained about, as far as it named them.
    """

    def __init__(self, message: str, *, fields: tuple[str, ...] = (), **said: Unpack[Said]) -> None:
        super().__init__(message, **said)
        self.fields = fields
        # The upload is there, and the server does not see it yet.
        self.retryable = "not been uploaded" in message.lower()

    @property
    def asset_spent(self) -> bool:
        """Whether only another asset of the same content can be enhanced like this.

        The server has such an enhancement already, whose id nobody was told, or it failed at the
        asset for good.
        """
        said = self.message.lower()
        return "already exists" in said or "not enhanceable" in said


class RateLimitError(ApiError):
    """More requests than the organization is allowed; `retry_after` says how long to wait."""

    retryable = True
    _default_hint = "Try again later. Others in your organization may use the same limits."

    def __init__(self, message: str, **said: Unpack[Said]) -> None:
        super().__init__(message, **said)
        if self.retry_after and not said.get("hint"):
            self.hint = _again_in(self.retry_after)

    def held_back_for(self, seconds: float) -> Self:
        """Return it with a hint of its own, as of now."""
        told = super().held_back_for(seconds)
        told.hint = _again_in(seconds)
        return told


def _again_in(seconds: float) -> str:
    return f"Try again in {seconds:.0f} s. Others in your organization may use the same limits."


class ServerError(ApiError):
    """A failure of the server's own, which usually passes."""

    retryable = True
    outcome_unknown = True


# A presigned URL ends with the session that signed it, whatever its own time (S3, Error Responses).
_ENDED = ("ExpiredToken", "InvalidToken", "TokenRefreshRequired")


class StorageError(ApiError):
    """A refusal by the object store; `code` is S3's."""

    def __init__(self, message: str, **said: Unpack[Said]) -> None:
        super().__init__(message, **said)
        self.expired = self.status == 403 or self.code in _ENDED


class EnhancementFailedError(AudioEnhanceError):
    """An enhancement that the server finished with the status `failed`."""

    retryable = True  # as another enhancement of the same asset
    _default_hint = (
        "Check that the file plays as audio; if it does, try again: the guide calls this rare."
    )


class TooManyWaitingError(AudioEnhanceError):
    """A job that was not taken because too many wait; `retry_after` says when to come again."""

    retryable = True

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message, hint=f"Try again in {retry_after:.0f} s.")
        self.retry_after = retry_after


LaneFullError = TooManyWaitingError  # the name that it had before


class ClientClosedError(AudioEnhanceError):
    """A client that was closed, or that is open in another event loop."""

    _default_hint = "Use the client inside `async with`, in the event loop that runs."


class JobCancelledError(AudioEnhanceError):
    """A job that was cancelled before it had a result."""


class MissingExtraError(AudioEnhanceError, ImportError):
    """An optional part of the package that is not installed.

    Attributes:
        command: What to type to install it.
    """

    def __init__(self, extra: str | None, module: str) -> None:
        self.command = install_command(extra) if extra else f"pip install {module}"
        super().__init__(
            f"This needs the package {module}, which is not installed.",
            hint=f"Install it with: {self.command}",
        )
