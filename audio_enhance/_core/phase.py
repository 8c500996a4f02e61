"""The part of the work in which something went wrong, and what it was about."""

from enum import StrEnum
from typing import Required, TypedDict


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
    client_id: str | None


class Said(TypedDict, total=False):
    """What every answer that says no can say."""

    status: Required[int]
    code: str | None
    request_id: str | None
    retry_after: float | None
    hint: str | None
