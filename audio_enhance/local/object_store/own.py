"""The built-in object store: files, presigned URLs for them, and a server at its own origin."""

import base64
import errno
import os
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web
from attrs import frozen
from botocore.credentials import ReadOnlyCredentials

from audio_enhance.local.conditions.conditions import Conditions
from audio_enhance.local.conditions.ledger import Ledger
from audio_enhance.local.serving.listener import Listener
from audio_enhance.local.serving.log import one_line

from .files import ObjectFiles
from .http import ObjectHttp
from .presigned import A_WEEK, SigningKey, presign
from .protocol import Errand, ObjectInfo, Upload
from .server import ObjectServer
from .session_token import Lives, session_token

_REGION: Final = "us-east-1"
# What the upload URLs of the guide say, although they are "only valid for a few minutes".
_UPLOAD_EXPIRES: Final = 43_200


@frozen
class _Running:
    conditions: Conditions
    files: ObjectFiles
    listener: Listener


class OwnStore:
    """The object store that needs nothing else. Its URLs are signed and checked for real."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        access_key = "ASIA" + base64.b32encode(secrets.token_bytes(10)).decode()
        self._key = SigningKey(access_key, secrets.token_urlsafe(30), _REGION)
        self._host = host
        self._port = port
        self._running: _Running | None = None

    @property
    def url(self) -> str:
        """The origin of the object store."""
        return self._started.listener.url()

    async def start(self, directory: Path, conditions: Conditions) -> None:
        """Open the port; objects go to ``directory``."""
        ledger = conditions.ledger
        files = ObjectFiles(directory, conditions.clock, ledger)
        await files.restore()
        self._key = _kept_key(ledger) or self._key
        server = ObjectServer(conditions, files, self._key)
        # Bodies are what was signed, byte for byte: no unpacking of a Content-Encoding.
        handler = ObjectHttp(
            server.handle,
            access_log=None,
            logger=one_line(),
            lingering_time=0,
            auto_decompress=False,
        )
        runner = web.ServerRunner(handler, shutdown_timeout=Listener.GRACE)
        listener = await Listener.open(runner, self._host, *ledger.ports("s3_port", self._port))
        self._running = _Running(conditions, files, listener)
        ledger.keep_fact("s3_port", str(listener.port))
        ledger.keep_fact("access_key", self._key.access_key)
        ledger.keep_fact("secret_key", self._key.secret_key)

    async def stop(self) -> None:
        """Close the port and every connection. The files stay."""
        if self._running is not None:
            await self._running.listener.close()

    def upload_url(self, upload: Upload, *, hostname: str) -> str:
        """Return a URL for exactly this upload, of the lifetime that the behaviour sets."""
        headers: dict[str, str] = {
            hdrs.CONTENT_LENGTH: str(upload.size),
            hdrs.CONTENT_TYPE: upload.content_type,
        }
        if upload.md5 is not None:
            headers[hdrs.CONTENT_MD5] = upload.md5
        lifetime = self._started.conditions.behaviour.upload_url_seconds
        return self._presign(
            hdrs.METH_PUT,
            upload.key,
            hostname,
            lifetime=lifetime,
            expires=max(_UPLOAD_EXPIRES, int(lifetime) + 1),
            headers=headers,
        )

    def download_url(self, key: str, *, disposition: str, content_type: str, hostname: str) -> str:
        """Return a URL for a download, of the lifetime that the behaviour sets."""
        lifetime = self._started.conditions.behaviour.download_url_seconds
        return self._presign(
            hdrs.METH_GET,
            key,
            hostname,
            lifetime=lifetime,
            # The date of a URL has whole seconds: the true end is in the session's token.
            expires=int(lifetime) + 1,
            query={
                "response-content-disposition": disposition,
                "response-content-type": content_type,
            },
        )

    def errand(
        self, source: str, result: str, *, content_type: str, seconds: float, hostname: str
    ) -> Errand:
        """Return URLs to fetch one object and to store another, good for so many seconds."""

        def url(method: str, key: str, headers: dict[str, str] | None = None) -> str:
            return self._presign(
                method,
                key,
                hostname,
                lifetime=seconds,
                expires=int(seconds) + 1,
                headers=headers,
                session=seconds,
            )

        put = url(hdrs.METH_PUT, result, {hdrs.CONTENT_TYPE: content_type})
        return Errand(url(hdrs.METH_GET, source), put, content_type)

    async def info(self, key: str) -> ObjectInfo | None:
        """Return what is known of the object, None while it is not there."""
        stored = self._started.files.get(key)
        return stored.info if stored else None

    @property
    def stored_bytes(self) -> int:
        """The bytes of all objects, without those that are still arriving."""
        return self._started.files.stored_bytes

    async def delete(self, key: str) -> None:
        """Remove an object; downloads of it that are under way get to their end."""
        await self._started.files.delete(key)

    @asynccontextmanager
    async def source(self, key: str) -> AsyncGenerator[Path]:
        """Return the object's own file."""
        stored = self._started.files.get(key)
        if stored is None:  # it had landed, but somebody has removed it between two lives
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), key)
        yield stored.path

    async def save(self, key: str, path: Path, content_type: str) -> None:
        """Move a file into the store."""
        await self._started.files.adopt(key, content_type, path)

    @property
    def _started(self) -> "_Running":
        if self._running is None:
            raise RuntimeError("the service has not been started")
        return self._running

    def _presign(
        self,
        method: str,
        key: str,
        hostname: str,
        *,
        lifetime: float,
        expires: int,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        session: float | None = None,
    ) -> str:
        clock = self._started.conditions.clock
        if session is None:
            session = self._started.conditions.behaviour.session_seconds
        token = session_token(
            Lives(url=clock.since_epoch() + lifetime, session=clock.since_epoch() + session)
        )
        return presign(
            method,
            f"{self._started.listener.url(hostname)}/{key}",
            credentials=ReadOnlyCredentials(self._key.access_key, self._key.secret_key, token),
            region=self._key.region,
            date=clock.date(),
            expires=min(expires, A_WEEK),
            headers=headers,
            query=query,
        )


def _kept_key(ledger: Ledger) -> SigningKey | None:
    access_key, secret_key = ledger.fact("access_key"), ledger.fact("secret_key")
    if access_key is None or secret_key is None:
        return None
    return SigningKey(access_key, secret_key, _REGION)
