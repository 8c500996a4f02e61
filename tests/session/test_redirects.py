"""Redirects that are followed: how far, and where the way ends."""

import pytest

from audio_enhance import ProtocolError
from audio_enhance._session.addresses import Reach
from audio_enhance._session.redirects import followed

REACH = Reach.of("https://api.example/v1")


class Way:
    """Places that redirect to the next one.

    Attributes:
        asked: Who was asked, in order.
    """

    def __init__(self, *locations: str | None) -> None:
        self._locations = iter(locations)
        self.asked: list[str] = []

    async def hop(self, url: str) -> str | None:
        self.asked.append(url)
        return next(self._locations)

    async def go(self) -> str:
        return await followed("https://api.example/v1/download", self.hop, REACH)


async def test_without_one_it_ends_where_it_began() -> None:
    way = Way(None)
    assert await way.go() == "https://api.example/v1/download"
    assert way.asked == ["https://api.example/v1/download"]


async def test_each_is_relative_to_the_one_before() -> None:
    way = Way("https://store.example/a/b?sig=%2F", "../c?sig=%2f", None)
    assert await way.go() == "https://store.example/c?sig=%2f"
    assert way.asked[1] == "https://store.example/a/b?sig=%2F"


async def test_five_are_followed_and_no_sixth() -> None:
    way = Way(*[f"/{n}" for n in range(5)], None)
    assert await way.go() == "https://api.example/4"
    endless = Way(*["/again"] * 10)
    with pytest.raises(ProtocolError, match="more than 5"):
        await endless.go()
    assert len(endless.asked) == 6


@pytest.mark.parametrize("location", ["", "http://store.example/k", "https://127.0.0.1/k"])
async def test_where_it_must_not_lead_nobody_is_asked(location: str) -> None:
    way = Way(location, None)
    with pytest.raises(ProtocolError):
        await way.go()
    assert len(way.asked) == 1
