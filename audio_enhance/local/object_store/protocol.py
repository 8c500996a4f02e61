"""What the service needs of an object store."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from attrs import field, frozen

if TYPE_CHECKING:
    # A worker process knows this protocol, and needs nothing of that.
    from audio_enhance.local.conditions.conditions import Conditions


@frozen
class ObjectInfo:
    """An object that is there.

    Attributes:
        size: Its bytes.
        md5: The base64 MD5 of its content, None where the store does not say.
        landed_at: When it was there, or was first seen, in seconds of the service's clock.
    """

    size: int
    md5: str | None
    landed_at: float


@frozen
class Upload:
    """An upload that is to be allowed, with all that its presigned URL binds it to.

    Attributes:
        key: The object's key.
        size: Its exact length in bytes.
        content_type: Its content type.
        md5: The base64 MD5 of its content, None if that is not to be signed.
    """

    key: str
    size: int
    content_type: str
    md5: str | None


@frozen
class Errand:
    """A recording to fetch, and where its result goes: for whoever has no credentials.

    Attributes:
        source_url: The presigned URL to GET the recording from.
        result_url: The presigned URL to PUT the result to, whatever its length.
        content_type: The content type that has to be sent with it.
    """

    source_url: str = field(repr=False)
    result_url: str = field(repr=False)
    content_type: str


class ObjectStore(Protocol):
    """Where recordings and results lie, with URLs for those who have no credentials.

    Methods that presign take ``hostname``: the name by which the caller reached the service.
    """

    @property
    def url(self) -> str:
        """The origin that presigned URLs lead to."""
        ...

    async def start(self, directory: Path, conditions: "Conditions") -> None:
        """Make ready; ``directory`` is for the store to keep files in."""
        ...

    async def stop(self) -> None:
        """Let go of everything."""
        ...

    def upload_url(self, upload: Upload, *, hostname: str) -> str:
        """Return a presigned URL for exactly this upload."""
        ...

    def download_url(self, key: str, *, disposition: str, content_type: str, hostname: str) -> str:
        """Return a presigned URL for a download under this ``Content-Disposition``."""
        ...

    def errand(
        self, source: str, result: str, *, content_type: str, seconds: float, hostname: str
    ) -> Errand:
        """Return URLs to fetch one object and to store another, good for so many seconds."""
        ...

    async def info(self, key: str) -> ObjectInfo | None:
        """Return what is known of the object, None while it is not there."""
        ...

    @property
    def stored_bytes(self) -> int:
        """The bytes on this machine's disk that the objects take."""
        ...

    async def delete(self, key: str) -> None:
        """Remove the object, if it is there."""
        ...

    def source(self, key: str) -> AbstractAsyncContextManager[Path]:
        """Return the object as a file, for as long as the context lasts."""
        ...

    async def save(self, key: str, path: Path, content_type: str) -> None:
        """Move a file into the store; it is gone from ``path`` afterwards."""
        ...
