"""Faults on demand: at random by probability, or scripted for exactly the next request."""

from collections import Counter
from datetime import datetime
from email.utils import format_datetime
from enum import Enum
from random import Random
from typing import Final, Literal

from attrs import define, field, frozen, validators

from audio_enhance.local.conditions import routes


class Fault(Enum):
    """A kind of fault. Its value is the name of its probability in `Faults`."""

    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"
    SERVER_ERROR = "server_error"
    TOO_MANY_REQUESTS = "too_many_requests"
    SLOW_ANSWER = "slow_answer"
    GARBLED_ANSWER = "garbled_answer"
    EXPIRED_URL = "expired_url"
    EXPIRED_TOKEN = "expired_token"  # noqa: S105 - the name of a fault
    TRUNCATED_DOWNLOAD = "truncated_download"
    SLOW_DOWNLOAD = "slow_download"
    CUT_UPLOAD = "cut_upload"
    INVALID_UPLOAD = "invalid_upload"
    FAILED_ENHANCEMENT = "failed_enhancement"
    READY_LAG = "ready_lag"


_ANYWHERE = (Fault.RESET_BEFORE, Fault.RESET_AFTER, Fault.SERVER_ERROR, Fault.SLOW_ANSWER)
_API = (*_ANYWHERE, Fault.TOO_MANY_REQUESTS, Fault.GARBLED_ANSWER)
_S3 = (*_ANYWHERE, Fault.EXPIRED_URL, Fault.EXPIRED_TOKEN)

# Which kinds can strike where. The order is the order of the draws: a request gets one fault.
_KINDS: Final[dict[str, tuple[Fault, ...]]] = {
    routes.TOKEN: _API,
    routes.CREATE_ASSET: _API,
    routes.GET_ASSET: _API,
    routes.DELETE_ASSET: _API,
    routes.CREATE_ENHANCEMENT: _API,
    routes.GET_ENHANCEMENT: _API,
    routes.DOWNLOAD: _API,
    routes.PUT_OBJECT: (*_S3, Fault.CUT_UPLOAD),
    routes.GET_OBJECT: (
        *_S3,
        Fault.TRUNCATED_DOWNLOAD,
        Fault.SLOW_DOWNLOAD,
        Fault.GARBLED_ANSWER,
    ),
    routes.HEAD_OBJECT: _S3,
}
# Speech enhancements fail by their place in the queue, and uploads are found unacceptable when
# they are looked at: neither by a request.
_PROCESSING: Final = (Fault.FAILED_ENHANCEMENT,)
_UPLOADS: Final = (Fault.INVALID_UPLOAD,)

_API_ERRORS: Final = (500, 502, 503, 504)
_S3_ERRORS: Final = (500, 503)
# Seen more rarely, so only where a script names them: a conflict, and what proxies say.
_RARE_API_ERRORS: Final = (409, 501, 520, 521, 522, 523, 524)
_RARE_S3_ERRORS: Final = (400, 409)
_S3_ROUTES: Final = frozenset({routes.PUT_OBJECT, routes.GET_OBJECT, routes.HEAD_OBJECT})

Garble = Literal["cut", "page", "empty", "packed"]
_GARBLES: Final[tuple[Garble, ...]] = ("cut", "page", "empty", "packed")
# Of a result a cut one is a kind of its own, and nothing that is packed is expected.
_GARBLED_RESULTS: Final[tuple[Garble, ...]] = ("page", "empty")
# And a deletion is answered with nothing at all.
_GARBLED_DELETIONS: Final[tuple[Garble, ...]] = ("page",)


def _server_errors(route: str | None) -> tuple[int, ...]:
    return _S3_ERRORS if route in _S3_ROUTES else _API_ERRORS


def _rare_errors(route: str | None) -> tuple[int, ...]:
    return _RARE_S3_ERRORS if route in _S3_ROUTES else _RARE_API_ERRORS


def _garbles(route: str | None) -> tuple[Garble, ...]:
    if route == routes.DELETE_ASSET:
        return _GARBLED_DELETIONS
    return _GARBLED_RESULTS if route == routes.GET_OBJECT else _GARBLES


def _probability() -> float:
    between = validators.and_(validators.ge(0.0), validators.le(1.0))
    return field(default=0.0, validator=between)


@frozen
class Strike:
    """A fault that was drawn.

    Attributes:
        fault: Its kind.
        status: The status that it answers if it is a server error.
        garble: What becomes of the answer's body if it is garbled.
    """

    fault: Fault
    status: int
    garble: Garble


@define
class _Script:
    fault: Fault
    route: str | None
    skip: int
    times: int
    status: int | None
    garble: Garble | None


@define(kw_only=True)
class Faults:
    """What goes wrong, and how often; every attribute may be changed while the service runs.

    Attributes:
        seed: Where the random draws start, so that a run can be repeated.
        reset_before: Probability (0 to 1, as all up to `failed_enhancement`) that the
            connection is reset before the server acted.
        reset_after: That it is reset after the server acted, instead of an answer.
        server_error: That the answer is a 5xx. From the API 500 and 503 come before the server
            acted, and 502 and 504, the errors of a gateway in front of it, after it did. From
            the object store 503 ``SlowDown`` or 500 ``InternalError``, before it acted.
        too_many_requests: That the answer is 429 although the limit is not reached (API only).
        slow_answer: That the answer comes ``slow_seconds`` after the server acted.
        garbled_answer: That the server acted, and that its answer of success has a body that
            is not what was asked for. From the API it is cut off, a proxy's page, nothing, or
            packed and cut off; of a result it is a page or nothing.
        expired_url: That a presigned URL is refused as expired, now and from then on.
        expired_token: The same, with S3's answer when the session that signed the URL has ended.
        truncated_download: That a download ends half-way.
        slow_download: That a download is spread over ``slow_seconds``.
        cut_upload: That the connection is reset half-way through an upload.
        invalid_upload: That an upload is found unacceptable once it has landed.
        failed_enhancement: That a speech enhancement ends with the status ``failed``.
        ready_lag: Seconds added to `Behaviour.ready_lag`, not a probability.
        slow_seconds: How slow the slow ones are, in seconds.
        retry_after: The seconds that an injected 429 names.
        retry_after_as_date: Whether it names them as an HTTP date (RFC 9110 §10.2.3 allows both).
        injected: How many of each kind have struck.
    """

    seed: int = 0
    reset_before: float = _probability()
    reset_after: float = _probability()
    server_error: float = _probability()
    too_many_requests: float = _probability()
    slow_answer: float = _probability()
    garbled_answer: float = _probability()
    expired_url: float = _probability()
    expired_token: float = _probability()
    truncated_download: float = _probability()
    slow_download: float = _probability()
    cut_upload: float = _probability()
    invalid_upload: float = _probability()
    failed_enhancement: float = _probability()
    ready_lag: float = field(default=0.0, validator=validators.ge(0.0))
    slow_seconds: float = field(default=1.0, validator=validators.ge(0.0))
    retry_after: int = field(default=1, validator=validators.ge(0))
    retry_after_as_date: bool = False
    injected: Counter[Fault] = field(factory=Counter[Fault], init=False)
    _random: Random = field(init=False, repr=False)
    _scripts: list[_Script] = field(factory=list[_Script], init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._random = Random(self.seed)  # noqa: S311 - repeatable on purpose

    def script(
        self,
        fault: Fault,
        *,
        route: str | None = None,
        times: int = 1,
        skip: int = 0,
        status: int | None = None,
        garble: Garble | None = None,
    ) -> None:
        """Make the next matching requests fail in exactly this way.

        Scripts come before the random draws, in the order in which you wrote them.

        Args:
            fault: What is to happen.
            route: A route as in `RequestRecord.route`; without one, every request that this
                kind of fault can strike. `Fault.FAILED_ENHANCEMENT` takes none: it strikes the
                next speech enhancement whose turn it is; nor does `Fault.INVALID_UPLOAD`, which
                strikes the next upload that is looked at.
            times: How many matching requests get the fault.
            skip: How many matching requests are let through first.
            status: What a `Fault.SERVER_ERROR` answers, instead of a 5xx at random. Only a
                script can make it 409, 501 or 520 to 524, and from the object store 400
                ``IncompleteBody`` or 409 ``OperationAborted``.
            garble: What becomes of the body of a `Fault.GARBLED_ANSWER`, instead of one
                of these in turn: ``"cut"``, ``"page"``, ``"empty"``, ``"packed"``.

        Raises:
            ValueError: If such a fault can never strike there.
        """
        if fault is Fault.READY_LAG:
            raise ValueError("a lag is seconds, not an event: set Faults.ready_lag")
        if route is not None and fault not in _KINDS.get(route, ()):
            raise ValueError(f"{fault.value} cannot happen at {route!r}")
        if status is not None and (
            fault is not Fault.SERVER_ERROR
            or status not in _server_errors(route) + _rare_errors(route)
        ):
            raise ValueError(f"{fault.value} cannot answer {status}")
        if garble is not None and (
            fault is not Fault.GARBLED_ANSWER or garble not in _garbles(route)
        ):
            raise ValueError(f"{fault.value} cannot be {garble!r} there")
        self._scripts.append(_Script(fault, route, skip, times, status, garble))

    def strike(self, route: str) -> Strike | None:
        """Decide whether a request to this route is hit, and count it if it is."""
        return self._draw(route, _KINDS.get(route, ()))

    def strike_processing(self) -> Strike | None:
        """Decide whether a speech enhancement fails, and count it if it does."""
        return self._draw(None, _PROCESSING)

    def strike_upload(self) -> Strike | None:
        """Decide whether an upload that has landed is unacceptable, and count it if it is."""
        return self._draw(None, _UPLOADS)

    def lag(self) -> float:
        """Return the extra seconds until an upload that just landed is ready, and count it."""
        if self.ready_lag > 0:
            self.injected[Fault.READY_LAG] += 1
        return self.ready_lag

    def retry_after_header(self, now: datetime) -> str:
        """Return what an injected 429 says in ``retry-after``."""
        if self.retry_after_as_date:
            ends = datetime.fromtimestamp(now.timestamp() + self.retry_after, now.tzinfo)
            return format_datetime(ends, usegmt=True)
        return str(self.retry_after)

    def _draw(self, route: str | None, kinds: tuple[Fault, ...]) -> Strike | None:
        script = self._next_script(route, kinds)
        fault = script.fault if script else self._random_fault(kinds)
        if fault is None:
            return None
        self.injected[fault] += 1
        return Strike(
            fault,
            (script and script.status) or self._random.choice(_server_errors(route)),
            (script and script.garble) or self._garble(fault, route),
        )

    def _garble(self, fault: Fault, route: str | None) -> Garble:
        # In turn, not at random, so that it does not reshuffle the other draws.
        garbles = _garbles(route)
        return garbles[self.injected[fault] % len(garbles)]

    def _next_script(self, route: str | None, kinds: tuple[Fault, ...]) -> _Script | None:
        for script in self._scripts:
            if script.fault not in kinds or script.route not in (None, route):
                continue
            if script.skip > 0:
                script.skip -= 1
                continue
            script.times -= 1
            if script.times == 0:
                self._scripts.remove(script)
            return script
        return None

    def _random_fault(self, kinds: tuple[Fault, ...]) -> Fault | None:
        for fault in kinds:
            probability: float = getattr(self, fault.value)
            # No draw at 0, so that switching one kind on does not reshuffle the others.
            if probability > 0 and self._random.random() < probability:
                return fault
        return None
