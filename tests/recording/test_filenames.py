import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from audio_enhance._recording.filenames import (
    bare_name,
    result_name,
    safe_name,
    same_name,
    split_ending,
)
from tests.support.names import is_one_safe_component


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


@pytest.mark.parametrize(
    ("name", "stem", "ending"),
    [
        ("talk.mp3", "talk", ".mp3"),
        ("talk.tar.MP3", "talk.tar", ".MP3"),
        ("talk", "talk", ""),
        (".mp3", ".mp3", ""),
        ("talk.", "talk.", ""),
    ],
)
def test_endings(name: str, stem: str, ending: str) -> None:
    assert split_ending(name) == (stem, ending)


def test_names_that_some_file_system_takes_for_one() -> None:
    assert same_name("TALK.mp3") == same_name("talk.MP3")
    assert same_name("caf\u00e9") == same_name("cafe\u0301")
    assert same_name("talk") != same_name("talks")
