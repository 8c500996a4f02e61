"""Any S3 endpoint as the object store, instead of the built-in one."""

# botocore has no types.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false

import asyncio
import base64
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import botocore.session
from aiohttp import hdrs
from botocore.config import Config
from botocore.exceptions import ClientError, NoCredentialsError
from yarl import URL

from audio_enhance.local.conditions.conditions import Conditions
from audio_enhance.local.serving.threads import in_thread

from .presigned import A_WEEK, presign
from .protocol import Errand, ObjectInfo, Upload

_REGION: Final = "us-east-1"
_CHUNK: Final = 1 << 20
# An upload that began while its URL was good may take so many seconds more.
_LONGEST_PUT: Final = 3600.0


class S3Store:
    """A bucket at an S3 endpoint, addressed by path.

    The credentials come from where botocore finds them: ``AWS_ACCESS_KEY_ID`` and
    ``AWS_SECRET_ACCESS_KEY``, ``AWS_PROFILE``, the instance. The endpoint checks signatures,
    digests and lifetimes; the service learns of an upload by asking for it.

    Args:
        endpoint_url: The endpoint, such as ``https://s3.eu-central-1.amazonaws.com``.
        bucket: A bucket that is there and may be written to.
    """

    def __init__(self, endpoint_url: str, bucket: str) -> None:
        self._endpoint = endpoint_url.rstrip("/")
        self._bucket = bucket
        self._first_seen: dict[str, float] = {}
        self._may_come_until: dict[str, float] = {}  # by key; whose URL was signed
        self._late: set[asyncio.Task[None]] = set()
        self._session = botocore.session.get_session()
        self._region: str = self._session.get_config_variable("region") or _REGION
        self._client: Any = None
        self._conditions: Conditions | None = None
        self._directory = Path()

    @property
    def url(self) -> str:
        """The origin of the endpoint."""
        return str(URL(self._endpoint).origin())

    async def start(self, directory: Path, conditions: Conditions) -> None:
        """Connect, and make sure that the bucket is there.

        Raises:
            botocore.exceptions.NoCredentialsError: If no credentials are found.
            botocore.exceptions.ClientError: If the bucket is not there, or not for us.
        """
        self._directory, self._conditions = directory, conditions
        await in_thread(directory.mkdir, parents=True, exist_ok=True)
        # At DEBUG botocore writes whole signed requests into the log.
        logger = logging.getLogger("botocore")
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.INFO)
        self._client = await in_thread(self._connect)

    async def stop(self) -> None:
        """Close the connections to the endpoint. The objects stay, but for what came too late."""
        for late in self._late:
            late.cancel()  # they remove at once what has come by now
        await asyncio.gather(*self._late, return_exceptions=True)
        if self._client is not None:
            self._client.close()

    def upload_url(self, upload: Upload, *, hostname: str) -> str:  # noqa: ARG002
        """Return a URL for exactly this upload; the endpoint itself minds its lifetime."""
        headers: dict[str, str] = {
            hdrs.CONTENT_LENGTH: str(upload.size),
            hdrs.CONTENT_TYPE: upload.content_type,
        }
        if upload.md5 is not None:
            headers[hdrs.CONTENT_MD5] = upload.md5
        lifetime = self._running.behaviour.upload_url_seconds
        self._may_come(upload.key, lifetime)
        return self._presign(hdrs.METH_PUT, upload.key, lifetime=lifetime, headers=headers)

    def download_url(
        self,
        key: str,
        *,
        disposition: str,
        content_type: str,
        hostname: str,  # noqa: ARG002
    ) -> str:
        """Return a URL for a download under this ``Content-Disposition``."""
        query = {
            "response-content-disposition": disposition,
            "response-content-type": content_type,
        }
        lifetime = self._running.behaviour.download_url_seconds
        return self._presign(hdrs.METH_GET, key, lifetime=lifetime, query=query)

    def errand(
        self,
        source: str,
        result: str,
        *,
        content_type: str,
        seconds: float,
        hostname: str,  # noqa: ARG002
    ) -> Errand:
        """Return URLs to fetch one object and to store another; the endpoint minds their lives."""
        self._may_come(result, seconds)
        headers: dict[str, str] = {hdrs.CONTENT_TYPE: content_type}
        get = self._presign(hdrs.METH_GET, source, lifetime=seconds)
        put = self._presign(hdrs.METH_PUT, result, lifetime=seconds, headers=headers)
        return Errand(get, put, content_type)

    async def info(self, key: str) -> ObjectInfo | None:
        """Ask the endpoint for the object, None while it is not there."""
        head = await in_thread(self._head, key)
        if head is None:
            return None
        etag = str(head["ETag"]).strip('"')
        # Of a simple upload without KMS the MD5; otherwise an opaque string.
        try:
            md5 = base64.b64encode(bytes.fromhex(etag)).decode() if len(etag) == 32 else None
        except ValueError:
            md5 = None
        seen = self._first_seen.setdefault(key, self._running.clock.seconds())
        return ObjectInfo(int(head["ContentLength"]), md5, seen)

    @property
    def stored_bytes(self) -> int:
        """Nothing: the objects are at the endpoint."""
        return 0

    async def delete(self, key: str) -> None:
        """Have the endpoint remove the object, and what an upload brings that ends later."""
        self._first_seen.pop(key, None)
        await self._delete(key)
        seconds = self._may_come_until.pop(key, 0.0) - self._running.clock.seconds()
        if seconds > 0:
            late = asyncio.create_task(self._delete_late(key, seconds))
            self._late.add(late)
            late.add_done_callback(self._late.discard)

    def _may_come(self, key: str, lifetime: float) -> None:
        """Take note that a URL for an upload was signed, which lives for so many seconds."""
        self._may_come_until[key] = self._running.clock.seconds() + lifetime + _LONGEST_PUT

    async def _delete_late(self, key: str, seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
        finally:
            await self._delete(key)

    async def _delete(self, key: str) -> None:
        await in_thread(self._client.delete_object, Bucket=self._bucket, Key=key)

    @asynccontextmanager
    async def source(self, key: str) -> AsyncGenerator[Path]:
        """Fetch the object into a temporary file."""
        path = self._directory / uuid4().hex
        try:
            await in_thread(self._fetch, key, path)
            yield path
        finally:
            path.unlink(missing_ok=True)

    async def save(self, key: str, path: Path, content_type: str) -> None:
        """Send a file to the endpoint and remove it here."""
        await in_thread(self._send, key, path, content_type)
        await in_thread(path.unlink)

    @property
    def _running(self) -> Conditions:
        assert self._conditions is not None, "the service has not been started"
        return self._conditions

    def _connect(self) -> Any:
        if self._session.get_credentials() is None:
            raise NoCredentialsError
        client: Any = self._session.create_client(
            "s3",
            endpoint_url=self._endpoint,
            region_name=self._region,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                # botocore's newer checksums are trailers that other S3 servers do not know.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
        client.head_bucket(Bucket=self._bucket)
        return client

    def _presign(
        self,
        method: str,
        key: str,
        *,
        lifetime: float,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
    ) -> str:
        # Frozen, since keys that are renewed must not change between two of their parts.
        credentials = self._session.get_credentials().get_frozen_credentials()
        return presign(
            method,
            f"{self._endpoint}/{self._bucket}/{key}",
            credentials=credentials,
            region=self._region,
            # Not the service's clock: the endpoint goes by the time of day.
            date=datetime.now(UTC),
            expires=min(ceil(lifetime), A_WEEK),
            headers=headers,
            query=query,
        )

    def _head(self, key: str) -> dict[str, Any] | None:
        try:
            head: dict[str, Any] = self._client.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise
        return head

    def _fetch(self, key: str, path: Path) -> None:
        body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
        with body, path.open("xb") as file:
            for chunk in body.iter_chunks(_CHUNK):
                file.write(chunk)

    def _send(self, key: str, path: Path, content_type: str) -> None:
        with path.open("rb") as file:
            self._client.put_object(
                Bucket=self._bucket, Key=key, Body=file, ContentType=content_type
            )
