"""How many pages are listened to, and whose makes room."""

from typing import Any, cast

import pytest

from audio_enhance.web._problems import Problem
from audio_enhance.web._session import Session
from audio_enhance.web._streams import Streams


def busy() -> Session:
    """A session with a recording, whatever that is."""
    session = Session()
    session.recordings["a"] = cast("Any", object())
    return session


def test_the_oldest_page_without_recordings_makes_room() -> None:
    streams = Streams(3, 2)
    working, first, second = (streams.join(each) for each in (busy(), Session(), Session()))
    third = streams.join(Session())
    assert [each.over for each in (working, first, second, third)] == [False, True, False, False]
    streams.leave(first)
    assert first.session.streams == 0
    streams.join(busy())
    streams.join(busy())
    assert (second.over, third.over) == (True, True)
    with pytest.raises(Problem) as caught:
        streams.join(Session())
    assert caught.value.status == 503


def test_one_session_has_its_own_bound() -> None:
    streams, session = Streams(9, 2), Session()
    listening = [streams.join(session) for _ in range(2)]
    with pytest.raises(Problem) as caught:
        streams.join(session)
    assert caught.value.status == 429
    streams.leave(listening[0])
    streams.join(session)
