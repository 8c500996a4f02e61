"""Everything public of the local service, by name."""

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
