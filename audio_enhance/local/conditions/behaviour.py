"""How the service behaves when nothing goes wrong."""

from math import inf
from typing import Literal

from attrs import field, frozen, validators

# Far more than can be asked in a minute.
_UNREACHED = 1_000_000

Revision = Literal["2024-04", "later"]


def _lifetime(default: float) -> float:
    return field(default=default, validator=[validators.gt(0.0), validators.lt(inf)])


@frozen(kw_only=True)
class Behaviour:
    """The limits and lifetimes of the service.

    The defaults are the published ones; how long the real one's URLs work is not published.

    Attributes:
        creations_per_minute: How many ``POST assets`` and ``POST speech_enhancements`` together
            an organization may make in any 60 seconds.
        others_per_minute: The same for all other API calls. The token endpoint and the object
            store are not counted.
        token_seconds: How long an access token lives, in seconds.
        upload_url_seconds: For how many seconds an ``upload_url`` works. The URL says
            ``X-Amz-Expires=43200`` all the same, as the guide's URLs do, which are "only valid
            for a few minutes".
        download_url_seconds: Seconds for which a presigned URL for a result works; like an
            upload's, a week at most.
        session_seconds: Seconds until the session that signed a URL ends. From then on the store
            answers ``400 ExpiredToken``, however long the URL itself is valid.
        lenient_queries: Whether a presigned query passes if it means the same but is escaped in
            another way, as at S3. By default it has to be the same bytes.
        ready_lag: Seconds between the end of an upload and ``ready_for_processing``.
        visible_lag: Seconds after its creation for which an asset or a speech enhancement is
            not found.
        enhanceable_lag: For how many seconds the service still refuses an asset as not uploaded
            after it says ``ready_for_processing``.
        result_lag: Seconds between ``succeeded`` and the URL of the result.
        refuse_repeats: Whether the service refuses a second speech enhancement of an asset at the
            same strength, and another one of an asset that could not be enhanced. If None, v2
            refuses them, as its description says, and v1 does not.
        most_stored_bytes: How many bytes of recordings and results are kept on this machine's disk.
            If a new one would be too much, the service deletes the oldest that are not in use. If
            there are none, it refuses the new one with 507. None for no limit.
        kept_seconds: For how many seconds a recording and its results are kept after they were
            last used. Then they are deleted, with their asset. None for no limit.
        revision: ``"2024-04"`` for the guide's own shapes; ``"later"`` for those of its public
            revision: ``checksum`` is null until the upload has landed, ``Content-MD5`` is not
            signed, and ``download_url`` is itself a presigned URL that each GET renews. The
            second generation has no revisions.
    """

    creations_per_minute: int = field(default=100, validator=validators.gt(0))
    others_per_minute: int = field(default=500, validator=validators.gt(0))
    token_seconds: float = _lifetime(86399.0)
    upload_url_seconds: float = _lifetime(300.0)
    download_url_seconds: float = _lifetime(60.0)
    session_seconds: float = _lifetime(3600.0)
    lenient_queries: bool = False
    ready_lag: float = field(default=0.0, validator=validators.ge(0.0))
    visible_lag: float = field(default=0.0, validator=validators.ge(0.0))
    enhanceable_lag: float = field(default=0.0, validator=validators.ge(0.0))
    result_lag: float = field(default=0.0, validator=validators.ge(0.0))
    refuse_repeats: bool | None = None
    most_stored_bytes: int | None = field(
        default=None, validator=validators.optional(validators.gt(0))
    )
    kept_seconds: float | None = field(
        default=None, validator=validators.optional([validators.gt(0.0), validators.lt(inf)])
    )
    revision: Revision = field(default="2024-04", validator=validators.in_(("2024-04", "later")))

    @classmethod
    def unlimited(cls) -> "Behaviour":
        """Return the defaults without the published rate limits, which are the real API's."""
        return cls(creations_per_minute=_UNREACHED, others_per_minute=_UNREACHED)
