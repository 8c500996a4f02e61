"""Lifetimes at their ends."""

from typing import Any

import pytest

from audio_enhance.local import Behaviour
from tests.local.conftest import Serve
from tests.local.support import FakeClock

WEEK = 604_800


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["token_seconds", "upload_url_seconds", "download_url_seconds"])
def test_a_lifetime_is_finite_and_longer_than_nothing(name: str, value: float) -> None:
    arguments: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=name):
        Behaviour(**arguments)


async def test_urls_live_as_long_as_they_are_told_to_but_no_more_than_a_week(
    serve: Serve, clock: FakeClock
) -> None:
    forever = Behaviour(upload_url_seconds=1e9, download_url_seconds=1e9, token_seconds=1e9)
    caller = await serve(clock=clock, behaviour=forever)
    asset, url = await caller.create(), await caller.result_url()
    clock.now += WEEK - 1
    assert (await caller.put(asset)).status == 200
    assert (await caller.fetch(url)).status == 200
    clock.now += 2
    assert (await caller.put(asset)).code == "AccessDenied"
    assert (await caller.fetch(url)).code == "AccessDenied"
