"""A file in a bucket or on a web server, through fsspec. All of it may block.

What goes wrong is raised as `OSError`, as for a file on a disk, with a text that holds no secrets.
"""

import contextlib
import errno
import hashlib
import logging
import re
from collections.abc import Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from hashlib import file_digest
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from operator import itemgetter
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

import aiohttp
import attrs

from audio_enhance._core.errors import InvalidInputError, MissingExtraError
from audio_enhance._core.redaction import redact

from .seen import Seen

_PIECE_BYTES = 1 << 20
# What is asked for at once: a request takes a moment, whatever it asks for.
_BLOCK_BYTES = 8 << 20
_FOLDERS_AHEAD = 8
_WEB = ("http", "https")
_LOCAL = ("file", "local")
# What tells one state of a file from the next, by the names that file systems have for it.
_VERSIONS = ("etag", "generation", "last-modified", "lastmodified", "last_modified", "mtime")
_CREATED = ("updated", "created")
# Of a presigned URL: it is another one every time, and a secret.
_SIGNING = re.compile(
    r"(?i:x-(amz|goog)-.*|signature|expires|awsaccesskeyid|googleaccessid|key-pair-id|policy"
    r"|s(ig|e|p|v|r|t|pr|koid|ktid|kt|ke|ks|kv)|(access_)?token)"
)
_NAMED_ERRNO = {
    FileNotFoundError: (errno.ENOENT, "There is nothing of that name"),
    PermissionError: (errno.EACCES, "Access is denied"),
    FileExistsError: (errno.EEXIST, "It exists already"),
}
_NETWORK = (aiohttp.ClientError, ConnectionError, TimeoutError)
# By their names: none of the packages that raise them need be installed.
_NO_CREDENTIALS = ("NoCredentialsError", "RefreshError", "ClientAuthenticationError")
# Google's and Azure's file systems say of what is in no bucket only that it is not there.
_UNSAID = ("gs", "gcs", "az", "abfs", "abfss")


def check_installed() -> None:
    """Raise `MissingExtraError` where the extra `remote` is not installed."""
    if find_spec("fsspec") is None:
        raise MissingExtraError("remote", "fsspec")


@attrs.frozen(eq=False)
class RemoteFile:
    """A file elsewhere, which is looked at only when it is used.

    Attributes:
        name: Its URL without secrets: what journals and messages call it.
        filename: The last part of its name.
    """

    name: str
    filename: str
    _url: str = attrs.field(repr=False)
    _options: Mapping[str, Any] = attrs.field(repr=False, factory=dict[str, Any])

    @classmethod
    def at(cls, url: str, options: Mapping[str, Any] | None = None) -> "RemoteFile":
        """Return the file at a URL.

        Args:
            url: `s3://bucket/talk.wav` for example.
            options: What fsspec's file system is made with, beside what it finds by itself.

        Raises:
            InvalidInputError: It is no URL of such a file, or holds a password.
            MissingExtraError: The extra `remote` is not installed.
        """
        scheme, _, rest = url.partition("://")
        scheme = scheme.lower()
        if not rest.strip("/") or scheme in _LOCAL:
            raise InvalidInputError(f"This is not the URL of a file elsewhere: {_bare(url)}.")
        if ":" in rest.partition("/")[0].rpartition("@")[0]:
            raise InvalidInputError(
                "The URL holds a password.",
                hint="Give it in the environment, or as storage_options.",
            )
        check_installed()
        if scheme not in _WEB:
            name = f"{scheme}://{rest}"
            return cls(name, rest.rpartition("/")[2], name, options or {})
        path = unquote(urlsplit(url).path)
        return cls(_web_name(url), path.rpartition("/")[2], url, options or {})

    def look(self) -> Seen | None:
        """Return what is there now, `None` if nothing is; raises `OSError`."""
        with self._translated():
            system, path = self._system()
            system.invalidate_cache(path)  # what was listed a while ago may have changed
            try:
                info = system.info(path)
            except FileNotFoundError as error:
                if isinstance(error.__cause__, Exception):  # a web server may say why
                    raise error.__cause__ from None
                self._check_bucket(system, path)
                return None
        if info.get("type") == "directory":
            return None
        return Seen(info.get("size"), _version_in(info))

    def pieces(self) -> Generator[bytes]:
        """Yield its content from the start, with constant memory; raises `OSError`."""
        with self._translated():
            system, path = self._system()
            system.invalidate_cache(path)
            # A web server may know no ranges: one request, for all of it.
            block = 0 if self._scheme in _WEB else _BLOCK_BYTES
            file = system.open(path, "rb", block_size=block, cache_type="readahead")
        with contextlib.closing(file):
            while True:
                with self._translated():
                    piece = file.read(_PIECE_BYTES)
                if not piece:
                    return
                yield bytes(piece)

    def listed(self) -> Generator[tuple[str, int]]:
        """Yield the URL and the length of the file, or of all files below, folder by folder.

        Folders come after the files beside them, each in the order of names, as they are asked
        for; the next few are read meanwhile, and no more are in memory. Nothing is yielded where
        there is nothing. Raises `OSError`.
        """
        with self._translated():
            system, top = self._system()
        top = top.rstrip("/")  # some file systems leave it there
        left, ahead = [top], dict[str, Future[list[tuple[str, int | None]]]]()
        # Others may have one connection, with one answer at a time.
        at_once = _FOLDERS_AHEAD if getattr(system, "async_impl", False) else 1
        pool = ThreadPoolExecutor(at_once, thread_name_prefix="listing")
        try:
            while left:
                for folder in reversed(left[-at_once:]):
                    if folder not in ahead:
                        ahead[folder] = pool.submit(_entries, system, folder)
                with self._translated():
                    found = ahead.pop(left.pop()).result()
                    if not found:
                        self._check_bucket(system, top)
                below: list[str] = []
                for name, size in found:
                    if size is None:
                        below.append(name)
                    else:
                        yield self.name.rstrip("/") + name[len(top) :], size
                left += reversed(below)
        finally:
            pool.shutdown(cancel_futures=True)

    def put(self, part: Path, *, overwrite: bool) -> None:
        """Store a whole file there, in one step; raises `OSError`.

        Raises:
            FileExistsError: Something else is there, and it is not to be overwritten.
        """
        try:
            with self._translated():
                system, path = self._system()
                system.put_file(str(part), path, **self._how(system, overwrite=overwrite))
        except FileExistsError:
            # A store that has it may have been asked once more, since its answer was lost.
            if not self.holds(part.stat().st_size, _md5_of(part)):
                raise

    def _how(self, system: Any, *, overwrite: bool) -> dict[str, Any]:
        """Return what tells a file system to replace nothing, by the name that it has for it."""
        takes = signature(getattr(system, "_put_file", system.put_file)).parameters
        if "mode" in takes:
            return {"mode": "overwrite" if overwrite else "create"}
        if not overwrite and self.look() is not None:
            raise FileExistsError
        return {"overwrite": overwrite} if "overwrite" in takes else {}

    def holds(self, size: int, md5: str) -> bool:
        """Whether what is there has a length and an MD5 (hexadecimal); raises `OSError`."""
        with self._translated():
            system, path = self._system()
            system.invalidate_cache(path)
            try:
                info = system.info(path)
            except FileNotFoundError:
                return False
        if info.get("size") not in (None, size):
            return False
        # In one piece and not encrypted by another key, S3's ETag is the MD5; no other looks so.
        if str(info.get("ETag", "")).strip('"') == md5:
            return True
        digest = hashlib.md5(usedforsecurity=False)
        for piece in self.pieces():
            digest.update(piece)
        return digest.hexdigest() == md5

    def _check_bucket(self, system: Any, path: str) -> None:
        if self._scheme in _UNSAID:
            _check_bucket(system, path.partition("/")[0])

    @property
    def _scheme(self) -> str:
        return self._url.partition("://")[0].lower()

    def _system(self) -> tuple[Any, str]:
        system = _file_system(self._scheme, self._options)
        _check_credentials(system)
        return system, system._strip_protocol(self._url)  # noqa: SLF001  fsspec's way for all

    @contextlib.contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001  every file system has errors of its own
            raise _as_os_error(error, self.name) from None


class _NoBucketError(Exception):
    pass


@lru_cache(maxsize=64)
def _check_credentials(system: Any) -> None:
    """Ask for a token where Azure's file system would: without one it tries for 90 seconds."""
    if (credentials := getattr(system, "sync_credential", None)) is not None:
        credentials.get_token("https://storage.azure.com/.default")


@lru_cache(maxsize=64)  # one that was there is not asked about for every result
def _check_bucket(system: Any, bucket: str) -> None:
    try:
        system.info(bucket)
    except FileNotFoundError:
        raise _NoBucketError from None
    except Exception:  # noqa: BLE001, S110  who may not ask about it may still use what is in it
        pass


def _entries(system: Any, folder: str) -> list[tuple[str, int | None]]:
    """Return the names in a folder, or of the file that it is, with lengths; `None` of folders.

    An empty object whose name is the folder's and a slash stands for an empty folder.
    """
    system.invalidate_cache(folder)
    try:
        found: list[dict[str, Any]] = system.ls(folder, detail=True)
    except FileNotFoundError as error:
        if _code_of(error.__cause__) == "NoSuchBucket":
            raise
        return []
    system.invalidate_cache(folder)  # which may be long, and is kept otherwise
    entries: list[tuple[str, int | None]] = []
    for info in found:
        name, size = str(info["name"]), info.get("size") or 0
        is_folder = info["type"] == "directory"
        if name.rstrip("/") == folder and (is_folder or not size):
            continue
        entries.append((name.rstrip("/"), None if is_folder else size))
    return sorted(entries, key=itemgetter(0))


def _web_name(url: str) -> str:
    """Return a URL without user, signature and fragment; what else asks for is told by a digest."""
    query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    asked = [pair for pair in query if not _SIGNING.fullmatch(pair[0])]
    mark = hashlib.sha256(repr(asked).encode()).hexdigest()[:12]
    return f"{_bare(url)}?{mark}" if asked else _bare(url)


def _bare(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _version_in(info: Mapping[str, Any]) -> int | None:
    known = {name.lower(): value for name, value in info.items() if value}
    told = [f"{name}={known[name]}" for name in _VERSIONS if name in known][:1]
    told = told or [f"{name}={known[name]}" for name in _CREATED if name in known][:1]
    if not told:
        return None
    # As long as a time of modification, whose place it takes in a journal.
    return int.from_bytes(hashlib.sha256(told[0].encode()).digest()[:8], "big") >> 1


def _as_os_error(error: Exception, name: str) -> OSError:
    """Return what went wrong as an error with a number and a text without secrets."""
    if isinstance(error, MissingExtraError | InvalidInputError):
        raise error from None
    code = _code_of(error) or _code_of(error.__cause__)
    if code == "NoSuchBucket" or isinstance(error, _NoBucketError):
        return FileNotFoundError(errno.ENOENT, "There is no such bucket", name)
    if code == "PreconditionFailed":
        error = FileExistsError()
    if code in (404, 410):
        error = FileNotFoundError()
    elif code in (401, 403) or type(error).__name__ in _NO_CREDENTIALS:
        error = PermissionError()
    for kind, (number, text) in _NAMED_ERRNO.items():
        if isinstance(error, kind):
            return kind(number, text, name)
    said = redact(str(error)) or type(error).__name__
    # Azure's errors tell it by what they come from.
    network = any(isinstance(one, _NETWORK) for one in (error, error.__cause__))
    if network or "Connect" in type(error).__name__:
        return ConnectionError(errno.ECONNABORTED, said)
    return OSError(getattr(error, "errno", None) or errno.EIO, said)


def _md5_of(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "md5").hexdigest()


def _code_of(error: BaseException | None) -> object:
    """Return the code of an answer that says no: HTTP's status, or S3's own name."""
    said = getattr(error, "response", None)
    if isinstance(said, dict):  # botocore's ClientError
        return cast("dict[str, Any]", said).get("Error", {}).get("Code")
    names = ("status", "status_code", "code")
    return next((code for name in names if (code := getattr(error, name, None))), None)


def _file_system(scheme: str, options: Mapping[str, Any]) -> Any:
    """Return the file system for a scheme; fsspec keeps it, for each thread if need be."""
    check_installed()
    fsspec = import_module("fsspec")
    if scheme in _WEB:
        # A file may take longer than the five minutes that aiohttp gives all of a request.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=60, sock_read=60)
        options = {"client_kwargs": {"timeout": timeout}, **options}
        logging.getLogger("fsspec.http").addFilter(_redacted)
    try:
        return fsspec.filesystem(scheme, **options)
    except ImportError as error:
        raise MissingExtraError(None, _package_of(scheme, error)) from None
    except ValueError as error:
        if scheme not in fsspec.available_protocols():
            raise InvalidInputError(f"URLs that begin with {scheme}:// cannot be read.") from error
        raise InvalidInputError(
            f"URLs that begin with {scheme}:// need more: {redact(str(error))}",
            hint="Set the credentials in the environment, or give storage_options.",
        ) from None


def _redacted(record: logging.LogRecord) -> bool:
    """Take secrets out of what fsspec logs of web servers: whole URLs, which may be signed."""
    said = record.getMessage()
    if record.exc_info:
        said = f"{said} {record.exc_info[1]!r}"
    record.msg, record.args, record.exc_info = redact(said), None, None
    return True


def _package_of(scheme: str, error: ImportError) -> str:
    registry = import_module("fsspec.registry")
    named = registry.known_implementations.get(scheme, {}).get("class", "").partition(".")[0]
    return named if named and named != "fsspec" else error.name or scheme
