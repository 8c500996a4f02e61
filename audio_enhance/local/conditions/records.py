"""What the service remembers of the requests it has seen."""

from collections import deque
from typing import Literal

from attrs import define

from .faults import Fault

# As many requests as a batch of some 3,000 recordings makes; older ones are dropped. A service that
# runs for days holds so many: they take about 16 MB.
RECORD_LENGTH = 20_000


@define
class RequestRecord:
    """One request, as the service saw it.

    Attributes:
        time: When it arrived, in seconds of the service's clock (``time.monotonic`` unless
            another one was handed in).
        origin: ``"api"`` (the token endpoint too) or ``"s3"``.
        method: The HTTP method.
        route: The endpoint without its ids, such as ``"POST /assets"``,
            ``"GET /speech_enhancements/:id/download"`` or ``"PUT /object"``; of a request that
            no endpoint takes, the method and the path.
        api_version: The generation of the API, ``"v1"`` or ``"v2"``; None where there is none.
        request_id: What the answer's ``x-request-id`` or ``x-amz-request-id`` said.
        status: The status that was answered; None while there is no answer yet, and for good
            when the connection was dropped instead.
        client_id: The API client, once it is known. The object store never knows it.
        asset_id: The asset that the request named or created.
        enhancement_id: The speech enhancement that the request named or created.
        bytes_in: Bytes of the request's body that were read.
        bytes_out: Bytes of the answer's body that were written.
        fault: The fault that was injected, if one was.
    """

    time: float
    origin: Literal["api", "s3"]
    method: str
    route: str
    request_id: str
    api_version: Literal["v1", "v2"] | None = None
    status: int | None = None
    client_id: str | None = None
    asset_id: str | None = None
    enhancement_id: str | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    fault: Fault | None = None


Records = deque[RequestRecord]


def new_records() -> Records:
    """Return an empty record of bounded length."""
    return deque(maxlen=RECORD_LENGTH)
