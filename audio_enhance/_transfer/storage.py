"""What every transfer to and from the object store works with."""

from typing import NamedTuple

from audio_enhance._core.clock import Clock
from audio_enhance._session.addresses import Reach
from audio_enhance._session.sessions import Timeouts, Transport

from .pacing import Pacing


class Storage(NamedTuple):
    """The object store, as the transfers of one client reach it.

    Attributes:
        transport: Its bare session is used, which has no credentials.
        pacing: Whose turn it is, where several transfers move at once.
        clock: Tells what a `retry-after` that is a date means.
        reach: Which addresses the API may send us to.
        max_result_bytes: The longest result that is taken; by the source's length where not given.
    """

    transport: Transport
    pacing: Pacing
    clock: Clock
    reach: Reach
    max_result_bytes: int | None = None

    @property
    def timeouts(self) -> Timeouts:
        """How long to wait for what."""
        return self.transport.timeouts
