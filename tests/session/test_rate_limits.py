import asyncio
import copy
import pickle
import sys
from functools import partial

import pytest

from audio_enhance import (
    AccessToken,
    ConfigurationError,
    EnhanceClient,
    MissingExtraError,
    RateLimits,
)


def test_the_published_limits() -> None:
    limits = RateLimits()
    assert (limits.creations.limit, limits.others.limit) == (100, 500)
    assert limits.creations.period == limits.others.period == 60
    assert "100" in repr(limits)
    assert "500" in repr(limits)


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_they_are_not_copied_for_each_copy_would_let_all_of_it_through(copied: object) -> None:
    assert callable(copied)
    with pytest.raises(TypeError, match=r"RateLimits\.shared"):
        copied(RateLimits())


def test_threads_do_not_share_them() -> None:
    limits = RateLimits()
    client = partial(EnhanceClient, AccessToken("t", client_id="c"), limits=limits)

    async def elsewhere() -> None:
        async with client():
            pass

    async def here() -> None:
        async with client():
            with pytest.raises(ConfigurationError, match="another thread"):
                await asyncio.to_thread(asyncio.run, elsewhere())
        await asyncio.to_thread(asyncio.run, elsewhere())  # one after the other

    asyncio.run(here())
    asyncio.run(here())


class TestShared:
    """Limits that meet in a Redis; nothing is sent before the first call."""

    def test_they_can_be_handed_to_another_process(self) -> None:
        limits = RateLimits.shared("redis://:password@host", name="studio", creations_per_minute=7)
        again = pickle.loads(pickle.dumps(limits))
        assert (again.creations.limit, again.others.limit) == (7, 500)
        assert again.assets is not again.creations
        assert "password" not in repr(limits)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"name": ""},
            {"share_if_lost": 0.0},
            {"share_if_lost": 1.5},
            {"creations_per_minute": 0},
            {"url": "http://host"},
        ],
    )
    def test_what_cannot_be_used_is_refused_at_once(self, wrong: dict[str, object]) -> None:
        arguments: dict[str, object] = {"url": "redis://host", "name": "studio"} | wrong
        with pytest.raises(ValueError):
            RateLimits.shared(**arguments)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  wrong on purpose

    def test_without_the_extra_it_is_told_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "redis.asyncio", None)
        with pytest.raises(MissingExtraError, match="redis"):
            RateLimits.shared("redis://host", name="studio")
