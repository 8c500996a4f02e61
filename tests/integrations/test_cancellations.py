"""Requests to cancel that workers leave each other."""

import os
from pathlib import Path

from audio_enhance.integrations._cancellations import Cancellations


async def test_what_one_asks_another_sees_until_it_is_settled(tmp_path: Path) -> None:
    one, other = Cancellations(tmp_path / "cancel"), Cancellations(tmp_path / "cancel")
    keys = ["order/4711", "..", "\udcff", "x" * 300]
    assert await other.asked(keys) == []
    await other.remove_stale()
    for key in keys[1:]:
        await one.ask(key)
        await one.ask(key)
    assert await other.asked(keys) == keys[1:]
    for key in keys:
        await other.settle(key)
    assert await one.asked(keys) == []


async def test_what_nobody_saw_for_an_hour_goes(tmp_path: Path) -> None:
    cancellations = Cancellations(tmp_path)
    await cancellations.ask("old")
    [old] = tmp_path.iterdir()
    os.utime(old, (0, 0))
    await cancellations.ask("new")
    await cancellations.remove_stale()
    assert await cancellations.asked(["old", "new"]) == ["new"]
