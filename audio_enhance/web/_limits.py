"""How much the application takes."""

import attrs


@attrs.frozen(kw_only=True)
class Limits:
    """What bounds the memory, the disk and the patience of the application.

    Attributes:
        max_bytes: The longest recording, in bytes.
        max_seconds: How long a recording may play that a local service of the application's own
            enhances, in seconds.
        uploads: How many recordings may arrive at once.
        waiting: How many recordings may wait until the API is asked to enhance them.
        recordings: How many recordings one session may have at a time.
        pages: How many pages of one session may listen at a time; those of one browser share.
        kept_bytes: The disk space that the recordings of all sessions may take, in bytes; with
            what a local service of the application's own keeps of them and their results.
        keep_seconds: The seconds for which a recording is kept after its end.
        arrival_seconds: The seconds that an announced recording's first byte, or its next, may
            take.
        leave_seconds: The seconds after which the waiting recordings of a session are given up
            when its last page was closed.
    """

    max_bytes: int = attrs.field(default=1_000_000_000, validator=attrs.validators.gt(0))
    max_seconds: float = attrs.field(default=14_400.0, validator=attrs.validators.gt(0))
    uploads: int = attrs.field(default=8, validator=attrs.validators.gt(0))
    waiting: int = attrs.field(default=64, validator=attrs.validators.gt(0))
    recordings: int = attrs.field(default=200, validator=attrs.validators.gt(0))
    pages: int = attrs.field(default=16, validator=attrs.validators.gt(0))
    kept_bytes: int = attrs.field(default=8_000_000_000, validator=attrs.validators.gt(0))
    keep_seconds: float = attrs.field(default=604_800.0, validator=attrs.validators.gt(0))
    arrival_seconds: float = attrs.field(default=30.0, validator=attrs.validators.gt(0))
    leave_seconds: float = attrs.field(default=120.0, validator=attrs.validators.gt(0))
