import ntpath
import sys
import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from audio_enhance._recording import filenames
from audio_enhance._recording.filenames import (
    bare_name,
    name_from_header,
    recording_name,
    result_name,
    safe_name,
)


def is_reserved(name: str) -> bool:
    """Whether Windows keeps a name for a device."""
    if sys.version_info >= (3, 13):
        return ntpath.isreserved(name)
    return PureWindowsPath(name).is_reserved()


def is_one_safe_component(name: str) -> bool:
    """Whether a name can be created on Linux, macOS and Windows, inside any folder."""
    return (
        0 < len(name.encode()) <= 255
        and name not in (".", "..")
        and not set(name) & set('/\\<>:"|?*')
        and not any(
            unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in "\u200c\u200d"
            for c in name
        )
        and not name.endswith((".", " "))
        and not is_reserved(name)
        and PurePosixPath("out", name).parent == PurePosixPath("out")
        and PureWindowsPath("out", name).parent == PureWindowsPath("out")
    )


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
    monkeypatch.delattr(filenames, "parse_content_disposition")
    assert known is not None
    assert name_from_header(header) == known


@given(st.text())
def test_no_header_is_too_strange(header: str) -> None:
    for value in (header, f"attachment; filename*=UTF-8''{header}", f'a; filename="{header}"'):
        name = name_from_header(value)
        assert name is None or is_one_safe_component(name)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("/etc/passwd", "passwd"),
        ("C:\\temp\\talk.mp3", "talk.mp3"),
        ("C:talk.mp3", "C_talk.mp3"),
        ("talk.mp3/", ""),
        ("..", ""),
        (".", ""),
        ("...", ""),
        ("", ""),
        ("   ", ""),
        (" talk.mp3 ", "talk.mp3"),
        ("talk.mp3. . ", "talk.mp3"),
        ("ta\x00lk\r\n.mp3", "talk.mp3"),
        ("ta\x1b[31mlk.mp3", "ta[31mlk.mp3"),
        ("talk\u2028.mp3", "talk.mp3"),
        # RIGHT-TO-LEFT OVERRIDE: shown as "talkexe.mp3"
        ("talk\u202e3pm.exe", "talk3pm.exe"),
        ("a\u200bb\ufeff.mp3", "ab.mp3"),
        ("👩\u200d🎤.mp3", "👩\u200d🎤.mp3"),
        ("می\u200cخوریم.mp3", "می\u200cخوریم.mp3"),
        ("side a\\b.mp3", "side a_b.mp3"),
        ("\\\\server\\share\\talk.mp3", "talk.mp3"),
        (".\\talk.mp3", "talk.mp3"),
        ("C:\\a\\take 1/b.mp3", "b.mp3"),
        ('a<b>c:d"e|f?g*h.mp3', "a_b_c_d_e_f_g_h.mp3"),
        ("con", "_con"),
        ("CON.mp3", "_CON.mp3"),
        ("nul.tar.gz", "_nul.tar.gz"),
        ("com1 .mp3", "_com1 .mp3"),
        ("LPT9.wav", "_LPT9.wav"),
        ("COM¹.wav", "_COM¹.wav"),
        ("CONOUT$", "_CONOUT$"),
        ("console.mp3", "console.mp3"),
        ("com10.mp3", "com10.mp3"),
        (".hidden.mp3", ".hidden.mp3"),
        ("名前.mp3", "名前.mp3"),
        ("a\ud800b.mp3", "ab.mp3"),
    ],
)
def test_safe_names(given: str, name: str) -> None:
    assert safe_name(given) == name
    assert not name or is_one_safe_component(name)


@given(st.text(alphabet=st.characters(exclude_categories=())))
@example("a" * 254 + "." + "b" * 30)
@example("con" + " " * 300 + "x")
@example("con." + "a" * 300)
@example("é" * 200 + ".mp3")
@example("\udcff" * 200 + ".mp3")
@example("." * 300 + "mp3")
def test_every_name_becomes_one_safe_component(name: str) -> None:
    safe = safe_name(name)
    assert safe == "" or is_one_safe_component(safe)
    assert safe_name(safe) == safe


@pytest.mark.parametrize("letter", ["a", "é", "名", "🎤"])
def test_long_names_are_cut_between_letters_and_keep_their_ending(letter: str) -> None:
    name = safe_name(letter * 300 + ".mp3")
    assert name.endswith(letter + ".mp3")
    assert 255 - 3 <= len(name.encode()) <= 255
    assert set(name[:-4]) == {letter}


def test_names_of_255_bytes_are_not_cut() -> None:
    name = "a" * 251 + ".mp3"
    assert safe_name(name) == name


def test_what_looks_like_an_ending_but_is_not_can_be_cut() -> None:
    assert safe_name("a." + "b" * 300) == "a." + "b" * 253


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("earhart-aviation.mp3", "earhart-aviation-enhanced-93p.mp3"),
        ("a.b.wav", "a.b-enhanced-93p.wav"),
        ("noending", "noending-enhanced-93p"),
        (".mp3", ".mp3-enhanced-93p"),
        ("dir/talk.mp3", "talk-enhanced-93p.mp3"),
        ("C:\\talk.mp3", "talk-enhanced-93p.mp3"),
        ("", "-enhanced-93p"),
    ],
)
def test_results_are_named_as_in_the_guide(filename: str, name: str) -> None:
    assert result_name(filename, 93) == name


def test_strengths_of_one_recording_never_share_a_name() -> None:
    filename = "ä" * 200 + ".flac"
    names = {result_name(filename, strength) for strength in range(101)}
    assert len(names) == 101
    assert all(name.endswith("p.flac") and is_one_safe_component(name) for name in names)


@given(st.text(alphabet=st.characters(exclude_categories=())), st.integers(0, 100))
def test_every_recording_has_a_result_name(filename: str, strength: int) -> None:
    assert is_one_safe_component(result_name(filename, strength))


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("a/b.mp3", "b.mp3"),
        ("a\\b.mp3", "a_b.mp3"),
        ("a/b\\c.mp3", "b_c.mp3"),
        ("..\\b.mp3", "b.mp3"),
        ("b.mp3", "b.mp3"),
        ("a/", ""),
        ("", ""),
        ("caf\udce9.mp3", "café.mp3"),
        ("caf\udcc3\udca9.mp3", "café.mp3"),
    ],
)
def test_bare_names(name: str, bare: str) -> None:
    assert bare_name(name) == bare
