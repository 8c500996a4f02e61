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
        upload_url_seconds: Seconds for which an ``upload_url`` works. It says
            ``X-Amz-Expires=43200`` all the same: the guide's are "only valid for a few
            minutes" and say so, too.
        download_url_seconds: Seconds for which a presigned URL for a result works; like an
            upload's, a week at most.
        session_seconds: Seconds until the session ends that has signed a URL. From then on the
            URL is answered ``400 ExpiredToken``, however long it was to live.
        lenient_queries: Whether a presigned query that was escaped in another way passes if it
            says the same, as at S3. The default is stricter: it has to be the same bytes.
        ready_lag: Seconds between the end of an upload and ``ready_for_processing``.
        visible_lag: Seconds after its creation for which an asset or a speech enhancement is
            not found.
        enhanceable_lag: Seconds for which an asset that says ``ready_for_processing`` is still
            refused as not uploaded yet.
        result_lag: Seconds between ``succeeded`` and the URL of the result.
        refuse_repeats: Whether a second speech enhancement of an asset at the same strength is
            refused, and one of an asset that could not be enhanced. If None, the API's second
            generation does, whose description says so, and the first does not.
        most_stored_bytes: How many bytes of recordings and results are kept on this machine's disk.
            Where a new one would be too much, the oldest go that nothing is being done with, as if
            their time were up; if there are none, it is refused with 507. None for no bound.
        kept_seconds: For how many seconds a recording and its results are kept after the last that
            was done with it; then they are gone, with their asset. None for no bound.
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
        """Return the defaults without the published rate limits, which are another service's."""
        return cls(creations_per_minute=_UNREACHED, others_per_minute=_UNREACHED)
