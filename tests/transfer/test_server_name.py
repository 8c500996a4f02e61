import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_enhance._transfer import server_name
from audio_enhance._transfer.server_name import name_from_header, recording_name
from tests.support.names import is_one_safe_component


# RFC 6266 §5 and the test cases of §4; what other clients get wrong.
@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="talk-enhanced-93p.mp3"', "talk-enhanced-93p.mp3"),
        ("attachment; filename=talk.mp3", "talk.mp3"),
        ("ATTACHMENT; FILENAME=talk.mp3", "talk.mp3"),
        ('inline; filename="talk.mp3"', "talk.mp3"),
        ('attachment; filename="a \\"quoted\\" word.mp3"', "a _quoted_ word.mp3"),
        ('attachment; filename="semi;colon.mp3"', "semi;colon.mp3"),
        ("attachment; filename*=UTF-8''caf%c3%a9.mp3", "café.mp3"),
        ("attachment; filename*=utf-8'fr'caf%C3%A9.mp3", "café.mp3"),
        ("attachment; filename*=iso-8859-1''caf%e9.mp3", "café.mp3"),
        ("attachment; filename=cafe.mp3; filename*=UTF-8''caf%c3%a9.mp3", "café.mp3"),
        ("attachment; filename*=UTF-8''caf%c3%a9.mp3; filename=cafe.mp3", "café.mp3"),
        ("attachment; filename=plain.mp3; filename*=UTF-8''caf%e9.mp3", "plain.mp3"),
        ("attachment; filename*=UTF-8''%2e%2e%2fsecret.mp3", "secret.mp3"),
        ("attachment; filename*=UTF-8''a%00b%0a.mp3", "ab.mp3"),
        # Raw bytes, as aiohttp hands them over: UTF-8 as such, anything else byte by byte.
        ('attachment; filename="café.mp3"', "café.mp3"),
        ('attachment; filename="caf\udce9.mp3"', "café.mp3"),
    ],
)
def test_names_in_headers(header: str, name: str) -> None:
    assert name_from_header(header) == name


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment;filename="talk.mp3";', "talk.mp3"),
        ("attachment; filename=plain.mp3; filename*=bogus''caf%e9.mp3", "plain.mp3"),
    ],
)
def test_names_that_older_versions_of_aiohttp_do_not_find(header: str, name: str) -> None:
    assert name_from_header(header) in (name, None)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "attachment",
        "inline",
        "attachment; filename=",
        'attachment; filename=""',
        'attachment; filename=".."',
        'attachment; filename="/"',
        "attachment; filename*=UTF-8''%2e%2e%2f",
        "attachment; filename*=UTF-8''%ff",
        "attachment; size=17",
        'filename="talk.mp3"',
        'attachment; filename="a.mp3"; filename="b.mp3"',
        "\x00",
    ],
)
def test_headers_without_a_usable_name(header: str | None) -> None:
    assert name_from_header(header) is None


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("talk.mp3", "talk.mp3"),
        ("Talk.WAV", "Talk.WAV"),
        (".talk.mp3", "talk.mp3"),
        (".. .talk.mp3", "talk.mp3"),
        (".audio-enhance-1.part", None),
        (".bashrc", None),
        (".mp3", None),
        ("conftest.py", None),
        ("x.exe", None),
        ("talk.mp3.exe", None),
        ("batch.sqlite", None),
        ("autorun.inf", None),
        ("index.html", None),
        ("Makefile", None),
        ("", None),
    ],
)
def test_names_that_a_server_may_give_a_file(given: str, name: str | None) -> None:
    assert recording_name(given) == name
    for header in (f'attachment; filename="{given}"', f"attachment; filename*=UTF-8''{given}"):
        assert name_from_header(header) in (name, None)
    assert name_from_header(f'attachment; filename="{given}"') == name


@pytest.mark.parametrize(
    "header",
    [
        'attachment; filename="a talk (1)-enhanced-93p.mp3"',
        "attachment;filename=\"talk.mp3\"; filename*=UTF-8''talk.mp3",
    ],
)
def test_plain_headers_are_read_without_a_parser(
    header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = name_from_header(header.replace("attachment", "Attachment"))
    monkeypatch.delattr(server_name, "parse_content_disposition")
    assert known is not None
    assert name_from_header(header) == known


@given(st.text())
def test_no_header_is_too_strange(header: str) -> None:
    for value in (header, f"attachment; filename*=UTF-8''{header}", f'a; filename="{header}"'):
        name = name_from_header(value)
        assert name is None or is_one_safe_component(name)
