"""A context that is open on a thread of its own."""

import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from audio_enhance.local import LocalService
from audio_enhance.local.enhancer import Rehearsal
from audio_enhance.local.serving.own_thread import on_its_own_thread


def test_a_service_answers_programs_without_an_event_loop() -> None:
    with LocalService(enhancer=Rehearsal()).in_thread() as service:
        assert service.base_url.startswith("http://127.0.0.1:")
    assert not [one for one in threading.enumerate() if one.name.startswith("audio_enhance")]


def test_what_goes_wrong_is_raised_where_it_is_waited_for() -> None:
    @asynccontextmanager
    async def failing(*, late: bool) -> AsyncGenerator[None]:
        if not late:
            raise OSError("no port")
        yield
        raise OSError("no end")

    with pytest.raises(OSError, match="no port"), on_its_own_thread(failing(late=False)):
        raise AssertionError
    reached = False
    with pytest.raises(OSError, match="no end"), on_its_own_thread(failing(late=True)):
        reached = True
    assert reached
