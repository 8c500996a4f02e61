"""What the transfers of one client share."""

from audio_enhance import Timeouts
from audio_enhance._session.addresses import Reach
from audio_enhance._session.sessions import Transport
from audio_enhance._transfer.pacing import Pacing
from audio_enhance._transfer.storage import Storage
from tests.support.clock import ManualClock


async def test_it_waits_as_long_as_the_clients_connections_do(clock: ManualClock) -> None:
    timeouts = Timeouts(stall=7.0)
    transport = Transport(None, timeouts, trust_env=False)
    reach = Reach.of("https://api.example")
    storage = Storage(transport, Pacing(), clock, reach)
    assert storage.timeouts is timeouts
    assert storage.max_result_bytes is None  # by the length of the source
    await transport.aclose()
