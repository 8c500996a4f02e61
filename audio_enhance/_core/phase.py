"""The part of the work in which something went wrong, and what it was about."""

from enum import StrEnum
from typing import TypedDict


class Phase(StrEnum):
    """The part of the work in which an error happened, in the order of the guide's steps."""

    AUTHENTICATE = "authenticate"
    CREATE_ASSET = "create asset"
    UPLOAD = "upload"
    CONFIRM = "confirm upload"
    CREATE_ENHANCEMENT = "create speech enhancement"
    PROCESS = "process"
    DOWNLOAD = "download"
    DELETE = "delete"


class Where(TypedDict, total=False):
    """What a failure was about, as far as whoever asked knows it."""

    phase: Phase | None
    source: str | None
    asset_id: str | None
    enhancement_id: str | None
    request_id: str | None
