import copy
import inspect
import pickle
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import aiohttp
import aiohttp.http_exceptions
import pytest
from aiohttp.client_exceptions import UnixClientConnectorError
from aiohttp.client_reqrep import ConnectionKey
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from audio_enhance._core import errors
from audio_enhance._core.errors import (
    ApiError,
    AudioEnhanceError,
    ConnectionFailedError,
    CorruptTransferError,
    InvalidInputError,
    JournalLockedError,
    LaneFullError,
    MissingExtraError,
    ProtocolError,
    RateLimitError,
    RequestTimeoutError,
    SourceChangedError,
    StorageError,
    ValidationError,
)
from audio_enhance._core.installation import install_command
from audio_enhance._core.phase import Phase
from audio_enhance._session.sessions import Timeouts, _ConnectionDropped, failure_of, translated

SIGNED = "https://bucket.s3.amazonaws.com/key?X-Amz-Signature=45bad70aa97e&X-Amz-Credential=ASIA"
SECRETS = ("45bad70aa97e", "ASIA", "eyJtoken")


def every(root: type[Any]) -> Iterator[type[Any]]:
    yield root
    for child in root.__subclasses__():
        yield from every(child)


def made(kind: type[AudioEnhanceError]) -> AudioEnhanceError:
    """An example of an error class, with everything in it that its constructor takes."""
    if issubclass(kind, JournalLockedError):
        return kind("batch.sqlite", 4711)
    if issubclass(kind, MissingExtraError):
        return kind("local", "botocore")
    if issubclass(kind, ConnectionFailedError):
        return kind("No connection.", connected=True, request_id="r-1")
    if issubclass(kind, ApiError):
        return kind("No.", status=422, code="c", request_id="r-1", retry_after=2.5, hint="h")
    if issubclass(kind, LaneFullError):
        return kind("Full.", retry_after=30)
    return kind("No.", hint="h", phase=Phase.UPLOAD, asset_id="a", request_id="r-1")


# Those of optional parts are described where they are.
KINDS = sorted(
    {kind for kind in every(AudioEnhanceError) if kind.__module__ == AudioEnhanceError.__module__},
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", KINDS)
def test_pickling_and_copying_keep_everything(kind: type[AudioEnhanceError]) -> None:
    error = made(kind)
    error.source, error.enhancement_id = "talk.mp3", "e"
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(again) is kind
        assert again.args == error.args
        assert vars(again) == vars(error)
        assert str(again) == str(error)


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_that_was_not_made_has_an_error_of_its_own(
    kind: type[AudioEnhanceError],
) -> None:
    error = made(kind)
    error.attempts, error.request_id, error.outcome_unknown = 8, "r-1", True
    before = dict(vars(error))
    told = error.held_back_for(7)
    assert vars(error) == before
    assert type(told) is kind
    assert (told.retry_after, told.held_back, told.outcome_unknown) == (7, True, False)
    assert (told.attempts, told.request_id) == (0, None)
    if kind is RateLimitError:
        assert told.hint is not None
        assert "in 7 s" in told.hint
    else:
        assert told.hint == error.hint


@pytest.mark.parametrize("kind", KINDS)
def test_the_tree_in_the_docstring_is_the_tree(kind: type[AudioEnhanceError]) -> None:
    document = inspect.getdoc(errors)
    assert document is not None
    lines = [line for line in document.splitlines() if kind.__name__ in line.split()]
    assert len(lines) == 1, f"{kind.__name__} is not, or not once, in the tree"
    depth = lines[0].index(kind.__name__) // 4
    parents = [base for base in kind.__mro__[1:] if issubclass(base, AudioEnhanceError)]
    assert depth == len(parents)
    assert document.count(kind.__name__) == 1
    assert kind.__doc__


def test_the_text_says_what_where_and_what_to_do() -> None:
    error = AudioEnhanceError(
        "It broke.",
        hint="Mend it.",
        phase=Phase.UPLOAD,
        source="a.mp3",
        asset_id="a-1",
        enhancement_id="e-1",
        request_id="r-1",
    )
    assert str(error) == (
        "a.mp3: It broke. [phase upload, asset a-1, enhancement e-1, request r-1] Mend it."
    )
    assert str(AudioEnhanceError("It broke.")) == "It broke."


def test_the_name_of_a_file_begins_no_line_and_moves_no_cursor() -> None:
    error = AudioEnhanceError("It failed.", source="a\x1b[2J\nForged.mp3")
    assert str(error) == "a\\x1b[2J Forged.mp3: It failed."
    assert error.source == "a\x1b[2J\nForged.mp3"


def test_messages_are_redacted_and_so_are_args() -> None:
    error = AudioEnhanceError(f"No route to {SIGNED}, Bearer eyJtoken")
    for text in (str(error), repr(error), repr(error.args), error.message):
        assert not any(secret in text for secret in SECRETS)


def test_input_errors_are_value_errors_and_missing_extras_import_errors() -> None:
    for kind in every(InvalidInputError):
        assert issubclass(kind, ValueError)
    assert issubclass(MissingExtraError, ImportError)
    assert install_command("local") in str(MissingExtraError("local", "botocore"))
    assert "pip install uvloop" in str(MissingExtraError(None, "uvloop"))


def test_a_locked_journal_names_the_process() -> None:
    assert "process 4711" in str(JournalLockedError("b.sqlite", 4711))
    assert "another process" in str(JournalLockedError("b.sqlite", None))


@pytest.mark.parametrize(
    ("message", "spent", "passes"),
    [
        (
            "Speech enhancement already exists for specified asset, model and strength",
            True,
            False,
        ),
        ("Asset is not enhanceable", True, False),
        ("Asset has not been uploaded yet", False, True),
        ("Strength is invalid", False, False),
    ],
)
def test_what_a_422_means_for_the_asset(message: str, spent: bool, passes: bool) -> None:
    error = ValidationError(message, status=422)
    assert (error.asset_spent, error.retryable) == (spent, passes)


@pytest.mark.parametrize(
    ("status", "code", "expired"),
    [
        (403, None, True),
        (400, "ExpiredToken", True),
        (400, "InvalidToken", True),
        (400, "TokenRefreshRequired", True),
        (400, "InvalidArgument", False),
        (404, "NoSuchKey", False),
    ],
)
def test_when_another_url_helps(status: int, code: str | None, expired: bool) -> None:
    assert StorageError("No.", status=status, code=code).expired is expired


# Every exception of the layer below has a meaning of ours.


def _request_info() -> aiohttp.RequestInfo:
    headers = CIMultiDictProxy(CIMultiDict({"Authorization": "Bearer eyJtoken"}))
    return aiohttp.RequestInfo(URL(SIGNED, encoded=True), "PUT", headers, URL(SIGNED))


def _key() -> ConnectionKey:
    return ConnectionKey("bucket.s3.amazonaws.com", 443, True, True, None, None, None)


def lower(kind: type[Exception]) -> Exception:
    """An example of an exception of aiohttp or the operating system, secrets and all."""
    if issubclass(kind, UnixClientConnectorError):
        return kind("/run/proxy", _key(), OSError(111, f"refused {SIGNED}"))
    if issubclass(kind, aiohttp.ClientHttpProxyError):
        return kind(_request_info(), (), status=502, message=f"Bad {SIGNED}")
    if issubclass(kind, aiohttp.ClientConnectorCertificateError):
        return kind(_key(), ValueError(SIGNED))
    if issubclass(kind, aiohttp.ClientConnectorError):
        return kind(_key(), OSError(111, f"refused {SIGNED}"))
    if issubclass(kind, aiohttp.ServerFingerprintMismatch):
        return kind(b"a", b"b", "host", 443)
    if issubclass(kind, aiohttp.ClientResponseError):
        return kind(_request_info(), (), status=400, message=f"Bad {SIGNED}")
    if issubclass(kind, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return kind(SIGNED)
    if issubclass(kind, OSError):
        return kind(104, f"lost {SIGNED}")
    if issubclass(kind, UnicodeError):
        return kind("idna", "x", 0, 1, "label too long")
    return kind(f"lost {SIGNED} Bearer eyJtoken")


AIOHTTP = sorted(
    {kind for kind in every(aiohttp.ClientError) if kind.__module__.startswith("aiohttp")}
    | {_ConnectionDropped},
    key=lambda kind: kind.__name__,
)
SYSTEM = sorted(
    {kind for kind in every(OSError) if kind.__module__ in ("builtins", "socket", "ssl")}
    | {socket.gaierror, ssl.SSLError},
    key=lambda kind: kind.__name__,
)
PARSER = sorted(
    set(every(aiohttp.http_exceptions.HttpProcessingError)), key=lambda kind: kind.__name__
)

# What can come out of a request, class by class: what it means, whether a further try can help,
# and whether the server may have acted. A class that a new aiohttp brings fails the test until
# somebody has thought about it.
LOST = (ConnectionFailedError, True, True)
UNREACHED = (ConnectionFailedError, True, False)
LATE = (RequestTimeoutError, True, True)
STRANGE = (ProtocolError, False, False)
MEANING: dict[str, tuple[type[AudioEnhanceError], bool, bool]] = {
    "ClientConnectionError": LOST,
    "ClientConnectionResetError": LOST,
    "ClientConnectorCertificateError": (ConnectionFailedError, False, False),
    "ClientConnectorDNSError": UNREACHED,
    "ClientConnectorError": UNREACHED,
    "ClientConnectorSSLError": UNREACHED,
    "ClientError": LOST,
    "ClientHttpProxyError": (ConnectionFailedError, True, False),
    "ClientOSError": LOST,
    "ClientPayloadError": (CorruptTransferError, True, True),
    "ClientProxyConnectionError": UNREACHED,
    "ClientResponseError": STRANGE,
    "ClientSSLError": UNREACHED,
    "ConnectionTimeoutError": UNREACHED,
    "ContentTypeError": STRANGE,
    "InvalidURL": STRANGE,
    "InvalidUrlClientError": STRANGE,
    "InvalidUrlRedirectClientError": STRANGE,
    "NonHttpUrlClientError": STRANGE,
    "NonHttpUrlRedirectClientError": STRANGE,
    "RedirectClientError": LOST,
    "ServerConnectionError": LOST,
    "ServerDisconnectedError": LOST,
    "ServerFingerprintMismatch": LOST,
    "ServerTimeoutError": LATE,
    "SocketTimeoutError": LATE,
    "TooManyRedirects": STRANGE,
    "UnixClientConnectorError": UNREACHED,
    "UploadAbortedError": LOST,
    "WSServerHandshakeError": STRANGE,
    "_ConnectionDropped": LOST,
}


@pytest.mark.parametrize("kind", AIOHTTP)
def test_every_exception_of_aiohttp_has_a_meaning(kind: type[Exception]) -> None:
    assert kind.__name__ in MEANING, "a class that aiohttp did not have before"
    expected, retryable, acted = MEANING[kind.__name__]
    error = failure_of(lower(kind), Timeouts())
    assert type(error) is expected
    assert error.retryable is retryable
    assert error.outcome_unknown is acted
    assert not any(secret in f"{error}{error!r}{vars(error)}" for secret in SECRETS)


@pytest.mark.parametrize("kind", SYSTEM)
def test_every_os_error_has_a_meaning(kind: type[OSError]) -> None:
    error = failure_of(lower(kind), Timeouts())
    assert isinstance(error, ConnectionFailedError | RequestTimeoutError)
    assert not any(secret in str(error) for secret in SECRETS)


@pytest.mark.parametrize("kind", PARSER)
async def test_garbage_that_the_parser_finds_is_translated(kind: type[Exception]) -> None:
    # aiohttp lets these out of a body that turns into garbage half-way.
    base = aiohttp.http_exceptions.HttpProcessingError
    garbage = kind(message=f"Bad {SIGNED}") if kind is base else kind(f"Bad {SIGNED}")

    async def read() -> None:
        raise garbage

    with pytest.raises(AudioEnhanceError) as caught:
        await translated(read(), Timeouts())
    assert caught.value.retryable
    assert not any(secret in str(caught.value) for secret in SECRETS)


def test_errors_of_ours_pass_unchanged() -> None:
    error = ProtocolError("No.")
    assert failure_of(error, Timeouts()) is error


def test_a_mistake_of_the_program_is_no_network_error() -> None:
    with pytest.raises(RuntimeError, match="Session is closed"):
        failure_of(RuntimeError("Session is closed"), Timeouts())


@pytest.mark.parametrize("kind", AIOHTTP)
async def test_translated_errors_carry_nothing_of_aiohttp(kind: type[Exception]) -> None:
    async def fail() -> None:
        raise lower(kind)

    with pytest.raises(AudioEnhanceError) as caught:
        await translated(fail(), Timeouts())
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_timeouts_say_how_long_was_waited() -> None:
    timeouts = Timeouts(connect=3, request=7)
    assert "3 s" in str(failure_of(aiohttp.ConnectionTimeoutError(), timeouts))
    assert "7 s" in str(failure_of(TimeoutError(), timeouts))


def test_what_says_to_try_again_can_be_retried() -> None:
    for kind in every(AudioEnhanceError):
        # A file that somebody writes to is not the same call, before it is done.
        if "ry again" in (kind._default_hint or "") and kind is not SourceChangedError:
            assert kind.retryable, kind
