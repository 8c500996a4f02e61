"""The names of results, and how they travel."""

from email.message import Message
from email.utils import collapse_rfc2231_value

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_enhance.local.api.disposition import attachment, output_name


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("earhart-aviation.mp3", "earhart-aviation-enhanced-93p.mp3"),
        ("my.first.talk.wav", "my.first.talk-enhanced-93p.wav"),
        ("talk", "talk-enhanced-93p"),
        (".mp3", ".mp3-enhanced-93p"),
        ("Vortrag über Öl.m4a", "Vortrag über Öl-enhanced-93p.m4a"),
        ("../../up.mp3", "../../up-enhanced-93p.mp3"),
    ],
)
def test_the_output_name_is_that_of_the_guide(filename: str, name: str) -> None:
    assert output_name(filename, 93) == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (
            "a-enhanced-1p.mp3",
            "attachment; filename=\"a-enhanced-1p.mp3\"; filename*=UTF-8''a-enhanced-1p.mp3",
        ),
        (
            'a "b" \\c-enhanced-1p.mp3',
            (
                'attachment; filename="a \\"b\\" \\\\c-enhanced-1p.mp3"; '
                "filename*=UTF-8''a%20%22b%22%20%5Cc-enhanced-1p.mp3"
            ),
        ),
        (
            "講演-enhanced-1p.mp3",
            (
                'attachment; filename="audio-enhanced-1p.mp3"; '
                "filename*=UTF-8''%E8%AC%9B%E6%BC%94-enhanced-1p.mp3"
            ),
        ),
    ],
)
def test_the_header_is_that_of_rfc_6266(name: str, value: str) -> None:
    assert attachment(name) == value


@given(
    stem=st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1
    )
)
def test_any_name_survives(stem: str) -> None:
    header = attachment(f"{stem}-enhanced-5p.wav")
    assert header.isascii()
    assert header.isprintable()
    message = Message()
    message["Content-Disposition"] = (
        header.partition("; filename=")[0] + ";" + header.rpartition(";")[2]
    )
    name = message.get_param("filename", header="Content-Disposition")
    assert isinstance(name, tuple)
    assert collapse_rfc2231_value(name) == f"{stem}-enhanced-5p.wav"
