"""A local service that speaks the Enhance Speech API, and as strictly as the real one.

It hands out tokens and presigned URLs, has a queue that works on one enhancement at a time, and
limits rates. It really removes noise; and it fails on demand, for tests. It comes with the
extra ``local``.
"""

try:
    import botocore as _botocore  # noqa: F401  # pyright: ignore[reportUnusedImport]
except ImportError as error:
    from audio_enhance import MissingExtraError

    raise MissingExtraError("local", "botocore") from error

from audio_enhance.local._service import LocalService
from audio_enhance.local.api.queue import QueueUsage
from audio_enhance.local.conditions.behaviour import Behaviour
from audio_enhance.local.conditions.faults import Fault, Faults
from audio_enhance.local.conditions.records import RequestRecord
from audio_enhance.local.object_store.own import OwnStore
from audio_enhance.local.object_store.protocol import ObjectInfo, ObjectStore, Upload
from audio_enhance.local.object_store.s3 import S3Store

__all__ = [
    "Behaviour",
    "Fault",
    "Faults",
    "LocalService",
    "ObjectInfo",
    "ObjectStore",
    "OwnStore",
    "QueueUsage",
    "RequestRecord",
    "S3Store",
    "Upload",
]
