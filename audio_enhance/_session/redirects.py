"""Redirects, followed by our own hand: aiohttp's would take credentials along and quote anew."""

from collections.abc import Awaitable, Callable

from audio_enhance._core.errors import ProtocolError

from .addresses import Reach

_MOST = 5


async def followed(url: str, hop: Callable[[str], Awaitable[str | None]], reach: Reach) -> str:
    """Go to an address and on to wherever it redirects; return the last one.

    Args:
        url: Where to begin.
        hop: Makes the request; returns the `Location`, an empty one if there was none, and
            `None` where the way ends.
        reach: Where it may lead.

    Raises:
        ProtocolError: It leads nowhere, somewhere it must not, or does not end.
    """
    for _ in range(_MOST + 1):
        location = await hop(url)
        if location is None:
            return url
        url = reach.next_hop(url, location)
    raise ProtocolError(f"The result redirects more than {_MOST} times.")
