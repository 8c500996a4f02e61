"""Two HTTP sessions, one with credentials and one without, and what their failures mean."""

import logging
from collections.abc import AsyncIterable, Awaitable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

import aiohttp
import attrs
from aiohttp.http_exceptions import HttpProcessingError

from audio_enhance._core.errors import (
    AudioEnhanceError,
    ConfigurationError,
    ConnectionFailedError,
    CorruptTransferError,
    ProtocolError,
    RequestTimeoutError,
)
from audio_enhance._core.redaction import redact
from audio_enhance._version import __version__

from .addresses import on_the_wire
from .answers import Answer, request_id
from .proxies import Proxies

_T = TypeVar("_T")
_log = logging.getLogger("audio_enhance")
USER_AGENT = f"audio-enhance/{__version__}"
# More than any answer of the API; a body that should not be there is not read into memory.
_LONGEST_ANSWER = 1 << 20
# What aiohttp lets wait to be read, where nobody says otherwise.
_READ_BUFFER_BYTES = 1 << 16


@attrs.frozen(kw_only=True)
class Timeouts:
    """How long to wait for what, in seconds.

    Attributes:
        connect: For a connection, name look-up and TLS included.
        request: For the whole answer to one API call.
        stall: For the next byte of an upload or download, in either direction, and for the
            object store's answer once everything was sent.
        ready: For an asset to become `ready_for_processing` after its upload.
        processing: For one enhancement to finish. A job counts from when the server probably
            began it, `wait_until_finished` from when you called it. With `None`, that call waits
            forever, and a job gives up after twenty times its estimate, at least half an hour and
            at most a day.
    """

    connect: float = attrs.field(default=15.0, validator=attrs.validators.gt(0))
    request: float = attrs.field(default=60.0, validator=attrs.validators.gt(0))
    stall: float = attrs.field(default=60.0, validator=attrs.validators.gt(0))
    ready: float = attrs.field(default=120.0, validator=attrs.validators.gt(0))
    processing: float | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.gt(0))
    )


async def whole_answer(response: aiohttp.ClientResponse) -> Answer:
    """Read an answer that should be small; of one that is not, only its beginning."""
    content = response.content
    body = await content.readany()  # usually all of it
    while len(body) < _LONGEST_ANSWER and not content.at_eof():
        body += await content.readany()
    return Answer(response.status, response.headers, body)


def log_answer(method: str, url: str, answer: Answer | aiohttp.ClientResponse) -> None:
    """Tell of one request and its answer, for whoever wants to know every single one."""
    if _log.isEnabledFor(logging.DEBUG):
        told = (method, redact(url), answer.status, request_id(answer.headers))
        _log.debug("%s %s: %d, request %s", *told)


class _ConnectionDropped(aiohttp.ClientError):
    """A lost connection, in a shape that aiohttp does not answer by sending again."""


class _OneTry:
    """What is done around every request: exactly one credential or none, and no second try.

    aiohttp takes an `Authorization` of its own from a netrc file (`trust_env`) or a session's
    `auth`. It refuses to send another instead, and S3 refuses any beside a presigned query.

    Its silent second try of GET and PUT on a lost connection would not be counted against the
    rate limits, and a PUT would send its body again.
    """

    __slots__ = ("_authorization",)

    def __init__(self, authorization: str | None) -> None:
        self._authorization = authorization

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        request.headers.popall("Authorization", None)
        if self._authorization is not None:
            request.headers["Authorization"] = self._authorization
        try:
            return await handler(request)
        except aiohttp.ClientConnectorError:
            raise  # no connection was made; aiohttp does not try these again
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            dropped = _ConnectionDropped(str(error) or type(error).__name__)
        raise dropped


_ANONYMOUS = (_OneTry(None),)


def failure_of(error: Exception, timeouts: Timeouts) -> AudioEnhanceError:
    """Return what an exception of aiohttp or the operating system means to the caller.

    aiohttp's texts quote whole URLs, signatures included, and its exceptions hold the request's
    headers: only the redacted text goes along, never the exception.
    """
    told = " ".join(redact(str(error)).split()) or type(error).__name__
    match error:
        case AudioEnhanceError():
            return error
        case aiohttp.ConnectionTimeoutError():
            return ConnectionFailedError(
                f"No connection within {timeouts.connect:g} s.", connected=False
            )
        case TimeoutError():
            return RequestTimeoutError(f"No answer within {timeouts.request:g} s.")
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
            return ConnectionFailedError(
                f"No secure connection: {told}.",
                connected=False,
                retryable=not isinstance(error, aiohttp.ClientConnectorCertificateError),
            )
        case aiohttp.ClientConnectorError() | aiohttp.ClientProxyConnectionError():
            return ConnectionFailedError(f"No connection: {told}.", connected=False)
        case aiohttp.ClientHttpProxyError():
            return ConnectionFailedError(
                f"The proxy answered {error.status}: {redact(error.message)}.",
                connected=False,
                retryable=error.status >= 500,
            )
        case aiohttp.ClientPayloadError() | HttpProcessingError():
            return CorruptTransferError(
                f"The answer was cut short or garbled: {told}.",
                outcome_unknown=True,  # whoever answers has acted
            )
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return ProtocolError("The address cannot be used.")
        case aiohttp.ClientResponseError():
            said = " ".join(redact(error.message).split())
            return ProtocolError(f"The answer is not HTTP as it should be: {said}.")
        case aiohttp.ClientError() | OSError():
            return ConnectionFailedError(f"The connection was lost: {told}.", connected=True)
        case _:
            # A closed session, for example: a mistake of the program, not of the network.
            raise error


# What aiohttp and the operating system raise; anything else is a mistake of the program.
_FAILURES = (aiohttp.ClientError, HttpProcessingError, TimeoutError, OSError)


async def translated(awaitable: Awaitable[_T], timeouts: Timeouts) -> _T:
    """Await something that does HTTP; its failures become errors of ours, without their cause."""
    try:
        return await awaitable
    except _FAILURES as error:
        failure = failure_of(error, timeouts)
    # Raised outside the handler, so that aiohttp's exception does not hang on as its context.
    raise failure


class Transport:
    """The API's session, with whatever its owner set up, and a bare one for the object store.

    Both share one connector. Headers, cookies and credentials of the first never reach the
    second: session headers go to every host, and aiohttp keeps `x-api-key` across redirects.

    Attributes:
        timeouts: How long to wait for what.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession | None,
        timeouts: Timeouts,
        *,
        trust_env: bool = False,
    ) -> None:
        if session is not None and session.closed:
            raise ConfigurationError("The session is closed.", hint="Give one that is open.")
        trusted = trust_env if session is None else session.trust_env
        self._proxies = Proxies.from_environment() if trusted else Proxies()
        self.timeouts = timeouts
        self._own = session is None
        self._api = session or aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=15),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": USER_AGENT},
        )
        self._storage = aiohttp.ClientSession(
            connector=self._api.connector,
            connector_owner=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": USER_AGENT},
            auto_decompress=False,
            requote_redirect_url=False,
        )
        # What traces every session, OpenTelemetry's instrumentation for example, would keep whole
        # URLs, which are signed here. The spans of a job tell of its transfers.
        self._storage.trace_configs.clear()

        # aiohttp's `connect` counts waiting for a place in the pool too, which in a session
        # that others share says nothing about the network.
        connect = timeouts.connect if self._own else None
        self._transfer_timeout = aiohttp.ClientTimeout(
            connect=connect, sock_connect=timeouts.connect
        )
        self._call_timeout = aiohttp.ClientTimeout(
            total=timeouts.request, connect=connect, sock_connect=timeouts.connect
        )

    async def aclose(self) -> None:
        """Close what this object opened; a session that came from outside stays open."""
        await self._storage.close()
        if self._own:
            await self._api.close()

    def proxy_of(self, url: str) -> str | None:
        """Return the proxy that leads to a URL, without its user and password."""
        proxy = self._proxies.of(on_the_wire(url))
        return None if proxy is None else str(proxy.with_user(None).origin())

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        json: Any = None,
        form: Mapping[str, str] | None = None,
        authorization: str | None = None,
    ) -> Answer:
        """Make one request with a small answer, follow nothing, and read the answer whole.

        Args:
            method: The HTTP method.
            url: An absolute URL, sent byte for byte.
            headers: Headers of this request only.
            json: A body to send as JSON.
            form: A body to send as a form.
            authorization: The header for the API, whose session is used; the bare one otherwise.

        Raises:
            ConnectionFailedError, RequestTimeoutError, ProtocolError: No usable answer came.
        """
        if json is not None:  # or a session's own type would be sent
            headers = {**headers, "Content-Type": "application/json"}
        session = self._storage if authorization is None else self._api
        wire = on_the_wire(url)
        # A session of the caller's asks the environment itself, or does not.
        proxy = self._proxies.of(wire) if session is self._storage or self._own else None
        request = session.request(
            method,
            wire,
            proxy=proxy,
            headers=headers,
            json=json,
            data=form,
            allow_redirects=False,
            auto_decompress=True,
            raise_for_status=False,
            timeout=self._call_timeout,
            middlewares=_ANONYMOUS if authorization is None else (_OneTry(authorization),),
        )
        try:
            async with request as response:
                answer = await whole_answer(response)
        except _FAILURES as error:
            failure = failure_of(error, self.timeouts)
        else:
            log_answer(method, url, answer)
            return answer
        raise failure  # outside the handler, as in `translated`

    def put(
        self,
        url: str,
        headers: Mapping[str, str],
        body: memoryview | AsyncIterable[Any],
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Begin an upload to the object store with exactly these headers."""
        wire = on_the_wire(url)
        return self._storage.put(
            wire,
            proxy=self._proxies.of(wire),
            headers=headers,
            # Said here what it is: aiohttp would look through all that it could be.
            data=body if isinstance(body, memoryview) else aiohttp.AsyncIterablePayload(body),
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type"),
            allow_redirects=False,
            timeout=self._transfer_timeout,
            middlewares=_ANONYMOUS,
        )

    def get(
        self, url: str, headers: Mapping[str, str], *, read_bufsize: int = _READ_BUFFER_BYTES
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Begin a download from the object store, its bytes as they are on the wire.

        Args:
            url: Sent byte for byte.
            headers: Beside those that every download has.
            read_bufsize: The bytes that may wait to be read before the connection pauses.
        """
        wire = on_the_wire(url)
        return self._storage.get(
            wire,
            proxy=self._proxies.of(wire),
            # Counting bytes needs them uncompressed (a truncated gzip decodes without an error).
            headers={**headers, "Accept-Encoding": "identity"},
            read_bufsize=read_bufsize,
            allow_redirects=False,
            timeout=self._transfer_timeout,
            middlewares=_ANONYMOUS,
        )
