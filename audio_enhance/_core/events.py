"""What a job tells about itself while it is under way."""

from datetime import datetime

import attrs

from .errors import AudioEnhanceError
from .models import EnhancementStatus


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Event:
    """Something that happened to one job.

    Attributes:
        job_id: The job's own id, unique in this process.
        source: What the recording is called: its path, or else its name.
        strength: The strength of the job.
        asset_id: The asset, as soon as there is one.
        enhancement_id: The speech enhancement, as soon as there is one.
        client_id: The API client in whose queue the job is; `None` before it has one.
    """

    job_id: str
    source: str
    strength: int
    asset_id: str | None = None
    enhancement_id: str | None = None
    client_id: str | None = None

    # Written once: attrs would make them for each kind, which takes a thirtieth of the import of
    # the whole package.

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return attrs.astuple(self, recurse=False) == attrs.astuple(other, recurse=False)

    def __hash__(self) -> int:
        return hash((type(self), attrs.astuple(self, recurse=False)))

    def __repr__(self) -> str:
        told = attrs.asdict(self, recurse=False).items()
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in told)})"


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Queued(Event):
    """The client accepted the job, which waits for its turn."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Hashing(Event):
    """The file's MD5 is being computed."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Waiting(Event):
    """The job waits for its turn: after its file was read, and again after it was uploaded.

    Attributes:
        byte_size: The length of the recording.
    """

    byte_size: int


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Uploading(Event):
    """The client is sending bytes to the object store.

    Attributes:
        sent: How many were sent so far.
        total: How many there are.
    """

    sent: int
    total: int


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Submitted(Event):
    """The server has the enhancement in its queue.

    Attributes:
        position: Its place among those of this client; 0 is the head.
    """

    position: int


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Processing(Event):
    """The client polled the server, or expects it to work on this.

    Attributes:
        status: What the API said last.
        finished: Whether the server is done with it, with success or without.
        expected_end: When it is expected to be finished (UTC); `None` when nothing is known, as of
            one that is far larger than any before it.
    """

    status: EnhancementStatus
    finished: bool = False
    expected_end: datetime | None = None


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Downloading(Event):
    """Bytes of the result arrived.

    Attributes:
        received: How many arrived so far.
        total: How many there are; `None` if the object store does not say.
    """

    received: int
    total: int | None


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Retrying(Event):
    """A request failed and will be made again.

    Attributes:
        error: Why.
        wait: The seconds until then.
    """

    error: AudioEnhanceError
    wait: float


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Finished(Event):
    """The job is over.

    Attributes:
        path: Where the result is: an absolute path, or a URL; `None` if it was not saved.
        error: Why there is no result; `None` if there is one.
    """

    path: str | None = None
    error: AudioEnhanceError | None = None
