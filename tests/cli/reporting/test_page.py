import base64
import hashlib
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from audio_enhance.cli.reporting import page

from .support import failed, page_of, row, side


class Reader(HTMLParser):
    """Reads a page as browsers do: what is text, and what are elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())

    def all(self, tag: str) -> list[dict[str, Any]]:
        return [attributes for name, attributes in self.elements if name == tag]


def test_everything_is_told() -> None:
    page = Reader(
        page_of(
            [
                row("/rec/a.wav"),
                row("/rec/a.wav", strength=50, status="skipped", after=side(-60.0)),
                failed("/rec/sub/b.wav", "sub/b.wav: It is empty. [asset 1] Look at it."),
                failed("/rec/c.wav", None, status="unfinished"),
            ],
            journal=Path("/out/j.sqlite"),
        )
    )
    texts = list(filter(None, page.texts))
    totals = texts[texts.index("Recordings") :][:14]
    assert totals == [
        *("Recordings", "3", "Enhanced", "1", "Done before", "1", "Failed", "1"),
        *("Not finished", "1", "Audio", "2 min", "Time", "2 min"),
    ]
    assert texts[texts.index("Noise removed, median") + 1] == "25.0 dB"
    assert "audio-enhance resume /out/j.sqlite" in texts
    assert [text for text in texts if text.endswith(".wav")] == [
        *("a.wav", "a.wav", "sub/b.wav", "c.wav"),
    ]
    assert {"20.0 → 50.0 dB", "-23.0 → -23.0 LUFS", "-3.0 → -3.0 dBTP", "30.0 dB"} <= {*texts}
    assert {"It is empty.", "→ Look at it."} <= {*texts}
    assert len(page.all("img")) == len(page.all("path")) == 4
    assert len(page.all("details")) == 2


def test_names_and_messages_are_text_and_nothing_else() -> None:
    evil = "/rec/<script>alert(1)<img src=x>\"' onerror=x \udcff\u202e.wav"
    plain, hostile = page_of([row("/rec/a.wav")]), page_of([row(evil)])
    read = Reader(hostile)
    assert [tag for tag, _ in read.elements] == [tag for tag, _ in Reader(plain).elements]
    assert [set(a) for _, a in read.elements] == [set(a) for _, a in Reader(plain).elements]
    hostile.encode()
    shown = evil.removeprefix("/rec/").replace("\udcff", r"\xff").replace("\u202e", r"\u202e")
    assert "".join(read.texts).count(shown) == 2
    told = Reader(page_of([failed("a.wav", "<img src=x>", hint="<b>", note="<i>")]))
    assert not told.all("img")
    assert {"<img src=x>", "→ <b>", "<i>"} <= {*told.texts}


def test_nothing_but_what_is_in_it_can_run_or_be_fetched(tmp_path: Path) -> None:
    page = page_of([row(str(tmp_path / "a.wav"), path=str(tmp_path / "b.wav"))], tmp_path)
    read = Reader(page)
    [policy] = [meta["content"] for meta in read.all("meta") if "http-equiv" in meta]
    for tag in ("style", "script"):
        [text] = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none'; img-src data:; media-src 'self' file:;")
    addresses = [*_addresses(read)]
    assert [a for a in addresses if not a.startswith("data:")] == ["./a.wav", "./b.wav"]
    assert not re.findall(r"https?:", page)


def _addresses(page: Reader) -> Iterator[str]:
    for _, attributes in page.elements:
        yield from (attributes[name] or "" for name in ("src", "href") if name in attributes)


def test_players_are_for_what_lies_beside_the_page(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    rows = [
        row(str(tmp_path / "rec" / "a b#1?%.wav"), path=str(folder / "x:y.wav")),
        row("/elsewhere/c.wav", path=str(tmp_path / "out" / "sub" / "d\udcff.wav")),
        row(str(tmp_path / "e.wav"), before={"trouble": "The file is gone."}),
    ]
    players = [audio["src"] for audio in Reader(page_of(rows, folder)).all("audio")]
    assert players == ["./../rec/a%20b%231%3F%25.wav", "./x%3Ay.wav", "./sub/d%FF.wav"]
    # What goes down a pipe lies nowhere.
    assert not Reader(page_of(rows, None)).all("audio")


def test_what_is_gone_or_silent_is_told() -> None:
    gone = {"trouble": "The file is gone."}
    silent = side(-120.0, true_peak=None, highest=0.0)
    page = Reader(page_of([row("a.wav", before=gone), row("b.wav", before=silent)]))
    assert page.texts.count("The file is gone.") == 1
    assert [path["transform"] for path in page.all("path")] == [
        *("scale(1 1.000)", "scale(1 0.000)", "scale(1 1.000)"),
    ]


def test_a_dash_and_why_stand_where_there_is_no_figure() -> None:
    page = Reader(page_of([row("a.wav", before=side(-120.0, true_peak=None))]))
    texts = list(filter(None, page.texts))
    start = texts.index("Enhanced", texts.index("Recording"))
    assert texts[start + 1 : start + 7] == [
        *("1 min", "\N{EM DASH}", "\N{EM DASH}", "-23.0 → -23.0 LUFS", "\N{EM DASH}"),
        "There was no noise in the pauses.",
    ]
    sides = dict(zip(reversed(texts[:-1]), reversed(texts[1:]), strict=True))  # the first of each
    assert [sides[name] for name in ("noise in the pauses", "speech", "speech above noise")] == [
        *("\N{EM DASH}", "-20.0 dBFS", "\N{EM DASH}"),
    ]
    assert "Noise removed, median" not in texts


def test_what_is_in_a_bucket_keeps_its_url() -> None:
    far = {"trouble": "It is not on this machine, so it was not measured."}
    page = Reader(page_of([row("s3://b/x.wav", before=far), row("/rec/a.wav")], Path("/rec")))
    assert [text for text in page.texts if text.endswith(".wav")] == ["s3://b/x.wav", "a.wav"]


def test_of_many_results_the_pictures_are_closed() -> None:
    few, many = page_of([row("a.wav")] * 30), page_of([row("a.wav")] * 31)
    assert few.count("<details open>") == 30
    assert many.count("<details>") == 31


def test_rows_are_written_as_they_come() -> None:
    from audio_enhance.cli.reporting import page
    from audio_enhance.cli.reporting.head import Head
    from audio_enhance.cli.reporting.tally import Tally

    from .support import BEGAN, ENDED

    class Told:
        """A file that knows how many rows it was given."""

        bodies = 0

        def write(self, text: str) -> None:
            self.bodies += text.count("<tbody")

    file, ahead = Told(), list[int]()

    def rows() -> Iterator[dict[str, Any]]:
        for number in range(50):
            ahead.append(number - file.bodies)
            yield row(f"{number}.wav")

    page.write(file, Head(began=BEGAN, ended=ENDED, totals={}), Tally(), rows(), None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  as much of a file as it takes
    assert file.bodies == 50
    assert max(ahead) <= 1


def test_a_page_of_very_many_is_the_table_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MOST_PICTURED", 2)
    rows = [row("/rec/a.wav"), failed("/rec/b.wav", "Bad."), row("/rec/c.wav")]
    few, many = Reader(page_of(rows[:2])), Reader(page_of(rows))
    assert len(few.all("img")) == 2
    for tag in ("img", "svg", "audio", "details"):
        assert not many.all(tag)
    assert {"20.0 → 50.0 dB", "Bad."} <= {*many.texts}
    assert any(text.startswith("With more than 2 results") for text in many.texts)
    assert not any(text.startswith("With more than") for text in few.texts)
