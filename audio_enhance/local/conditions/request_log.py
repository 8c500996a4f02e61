"""A line for each request, for those who switch on the log of that name."""

import logging
from typing import Final

from .clock import Clock
from .records import RequestRecord

# Off by default: nothing is logged below WARNING unless somebody asks for it.
NAME: Final = "audio_enhance.local.requests"
_log = logging.getLogger(NAME)


def log(record: RequestRecord, clock: Clock) -> None:
    """Log a request that is over. Nothing in it is secret: no header, no query, no body."""
    if _log.isEnabledFor(logging.INFO):
        _log.info("%s", line(record, clock))


def line(record: RequestRecord, clock: Clock) -> str:
    """Return the line: what it was, what was answered, how long that took, and whose it was."""
    status = "-" if record.status is None else str(record.status)
    milliseconds = 1000 * (clock.seconds() - record.time)
    known = {
        "client": record.client_id,
        "asset": record.asset_id,
        "enhancement": record.enhancement_id,
        "request": record.request_id,
        "fault": record.fault.value if record.fault else None,
    }
    parts = [
        f"{clock.timestamp(record.time)} {record.origin} {record.route} {status}",
        f"{milliseconds:.0f}ms in={record.bytes_in} out={record.bytes_out}",
        *(f"{name}={value}" for name, value in known.items() if value is not None),
    ]
    return " ".join(parts)
