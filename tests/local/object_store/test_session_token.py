"""Security tokens: what is written in them, and what every client has to get right."""

from urllib.parse import quote

import pytest

from audio_enhance.local.object_store.errors import S3Error
from audio_enhance.local.object_store.session_token import Lives, lives, session_token


def test_it_tells_when_it_ends_and_no_two_are_the_same() -> None:
    written = Lives(url=12.5, session=3600.0)
    tokens = {session_token(written) for _ in range(5)}
    assert len(tokens) == 5
    assert {lives(token) for token in tokens} == {written}


def test_every_one_holds_what_a_second_quoting_would_change() -> None:
    quoted = quote(session_token(Lives(0.0, 0.0)), safe="")
    assert "%2F" in quoted
    assert "%2B" in quoted


@pytest.mark.parametrize("change", ["", "?", "AAAA", None])
def test_any_other_text_is_none(change: str | None) -> None:
    token = session_token(Lives(1.0, 2.0))
    other = token[:-4] if change is None else change + token[4:] if change else ""
    with pytest.raises(S3Error) as caught:
        lives(other)
    assert caught.value.status == 400
