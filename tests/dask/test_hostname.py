"""How workers reach this machine: by its own address on the way to the scheduler."""

import pytest

from audio_enhance.dask import store_for
from audio_enhance.dask._hostname import hostname_towards


@pytest.mark.parametrize(
    "address",
    ["tcp://127.0.0.1:8786", "127.0.0.1:8786", "tls://localhost:8786", "inproc://10.0.0.5/1/2"],
)
def test_what_is_on_this_machine_reaches_it_by_loopback(address: str) -> None:
    assert hostname_towards(address) == "127.0.0.1"


@pytest.mark.parametrize("address", ["tcp://no.such.host.invalid:8786", "tcp://:8786", "tcp://a:b"])
def test_what_leads_nowhere_is_told_by_the_connection(address: str) -> None:
    assert hostname_towards(address) == "127.0.0.1"


@pytest.mark.parametrize(
    ("hostname", "listens"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("::1", "127.0.0.1"),
        ("10.0.0.5", "0.0.0.0"),
        ("fd00::5", "::"),
        ("studio.example", "0.0.0.0"),
    ],
)
def test_the_store_listens_where_the_workers_come_from(hostname: str, listens: str) -> None:
    assert store_for(hostname)._host == listens
