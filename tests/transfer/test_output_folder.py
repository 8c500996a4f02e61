"""Where results go: their names, their folders, and never one in the place of another."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_enhance import OutputError, OutputExistsError, Source
from audio_enhance._transfer.output_folder import OutputFolder

OUT = Path("/out")


def planned(*paths: str, root: str | None = None) -> tuple[OutputFolder, list[Source]]:
    folder = OutputFolder.for_batch(
        OUT, map(Path, paths), overwrite=False, root=None if root is None else Path(root)
    )
    return folder, [Source.from_path(path) for path in paths]


def placed(folder: OutputFolder, sources: list[Source], strength: int = 93) -> list[str]:
    found: list[str] = []
    for source in sources:
        path = folder.expected(source, strength)
        folder.claim(path)
        found.append(str(path.relative_to(OUT)))
    return found


def test_names_that_differ_go_into_the_folder_whatever_folders_they_come_from() -> None:
    folder, sources = planned("/in/a/talk.mp3", "/in/b/speech.mp3", "/elsewhere/c.wav")
    assert placed(folder, sources) == [
        "talk-enhanced-93p.mp3",
        "speech-enhanced-93p.mp3",
        "c-enhanced-93p.wav",
    ]


def test_twins_in_name_keep_their_folders_below_what_they_have_in_common() -> None:
    folder, sources = planned(
        "/in/2023/may/talk.mp3", "/in/2024/may/talk.mp3", "/in/2024/june/other.mp3", "/in/talk.mp3"
    )
    assert placed(folder, sources) == [
        "2023/may/talk-enhanced-93p.mp3",
        "2024/may/talk-enhanced-93p.mp3",
        "other-enhanced-93p.mp3",
        "talk-enhanced-93p.mp3",
    ]


def test_a_root_that_is_given_counts_for_twins_and_those_outside_it_keep_one_folder() -> None:
    folder, sources = planned(
        "/in/x/a/talk.mp3", "/in/x/b/talk.mp3", "/other/c/talk.mp3", root="/in"
    )
    assert placed(folder, sources) == [
        "x/a/talk-enhanced-93p.mp3",
        "x/b/talk-enhanced-93p.mp3",
        "c/talk-enhanced-93p.mp3",
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/in/a/Talk.mp3", "/in/b/talk.mp3"),
        ("/in/a/TALK.MP3", "/in/b/talk.mp3"),
        ("/in/a/stra\N{LATIN SMALL LETTER SHARP S}e.mp3", "/in/b/strasse.mp3"),
        (
            "/in/a/" + unicodedata.normalize("NFC", "caf\N{LATIN SMALL LETTER E WITH ACUTE}.mp3"),
            "/in/b/" + unicodedata.normalize("NFD", "caf\N{LATIN SMALL LETTER E WITH ACUTE}.mp3"),
        ),
    ],
)
def test_twins_are_names_that_some_file_system_takes_for_the_same(one: str, other: str) -> None:
    folder, sources = planned(one, other)
    assert [path.split("/")[0] for path in placed(folder, sources)] == ["a", "b"]


def test_the_same_file_twice_has_no_twin_in_name_and_two_results() -> None:
    folder, sources = planned("/in/talk.mp3", "/in/x/../talk.mp3")
    assert placed(folder, sources) == ["talk-enhanced-93p.mp3", "in/talk-enhanced-93p.mp3"]


def test_clashes_that_nobody_could_know_of_get_a_folder_then_numbers() -> None:
    folder = OutputFolder(OUT)
    sources = [Source.from_path(f"/in/{name}/talk.mp3") for name in ("a", "b", "b/../b", "b")]
    assert placed(folder, sources) == [
        "talk-enhanced-93p.mp3",
        "b/talk-enhanced-93p.mp3",
        "b/talk-enhanced-93p-2.mp3",
        "b/talk-enhanced-93p-3.mp3",
    ]


def test_sources_without_a_path_get_numbers() -> None:
    folder = OutputFolder(OUT)
    sources = [Source.from_bytes(bytes([n]), "talk.mp3") for n in range(3)]
    assert placed(folder, sources) == [
        "talk-enhanced-93p.mp3",
        "talk-enhanced-93p-1.mp3",
        "talk-enhanced-93p-2.mp3",
    ]


def test_a_source_called_like_the_result_of_another_is_no_clash_or_is_seen() -> None:
    folder, sources = planned("/in/talk.mp3", "/in/talk-enhanced-93p.mp3")
    assert placed(folder, sources) == [
        "talk-enhanced-93p.mp3",
        "talk-enhanced-93p-enhanced-93p.mp3",
    ]


def test_what_is_there_from_an_earlier_run_keeps_its_place() -> None:
    folder = OutputFolder(OUT)
    folder.keep(OUT / "talk-enhanced-93p.mp3")
    source = Source.from_path("/in/a/talk.mp3")
    assert placed(folder, [source]) == ["a/talk-enhanced-93p.mp3"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "B", "a/b", "."]),
            st.sampled_from(["talk.mp3", "Talk.mp3", "talk.wav", "talk-1.mp3", "other.mp3"]),
        ),
        max_size=12,
    ),
    st.booleans(),
    st.sets(st.sampled_from([0, 50, 100]), min_size=1),
)
def test_no_two_results_ever_share_a_path(
    files: list[tuple[str, str]], known: bool, strengths: set[int]
) -> None:
    paths = [f"/in/{folder}/{name}" for folder, name in files]
    folder, sources = planned(*paths) if known else (OutputFolder(OUT), [])
    sources = sources or [Source.from_path(path) for path in paths]
    found = [path for strength in strengths for path in placed(folder, sources, strength)]
    assert len({path.casefold() for path in found}) == len(found)
    assert all(".." not in Path(path).parts for path in found)


def test_a_relative_root_is_one_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder, sources = planned("in/x/a/talk.mp3", "in/y/a/talk.mp3", root="in")
    assert placed(folder, sources) == ["x/a/talk-enhanced-93p.mp3", "y/a/talk-enhanced-93p.mp3"]


def test_a_root_counts_for_sources_that_are_not_known_beforehand() -> None:
    folder = OutputFolder.for_batch(OUT, (), overwrite=False, root=Path("/in"))
    sources = [Source.from_path(f"/in/{name}/a/talk.mp3") for name in ("x", "y", "z")]
    sources.append(Source.from_path("/in/talk.mp3"))
    assert placed(folder, sources) == [
        "talk-enhanced-93p.mp3",
        "y/a/talk-enhanced-93p.mp3",
        "z/a/talk-enhanced-93p.mp3",
        "talk-enhanced-93p-1.mp3",
    ]


def test_a_rule_decides_alone_and_gives_no_place_twice() -> None:
    folder, sources = planned("/in/a/talk.mp3", "/in/b/talk.mp3", "/in/c.mp3")
    folder.rule = lambda source, strength: f"all/{source.filename}"
    assert placed(folder, [sources[0], sources[2]]) == ["all/talk.mp3", "all/c.mp3"]
    with pytest.raises(OutputExistsError, match="Another result of this run goes to"):
        folder.expected(sources[1], 93)


def test_a_claim_ends_and_a_result_that_is_there_stays() -> None:
    folder, [source] = planned("/in/talk.mp3")
    path = folder.expected(source, 93)
    folder.claim(path)
    assert folder.has(path)
    folder.release(path)
    assert not folder.has(path)
    folder.claim(path)
    folder.keep(path)
    folder.release(path)
    assert folder.has(path)


def test_a_folder_is_not_overwritten(tmp_path: Path) -> None:
    target, link, file = tmp_path / "a.mp3", tmp_path / "b.mp3", tmp_path / "c.mp3"
    target.mkdir()
    link.symlink_to(target)
    file.touch()
    folder = OutputFolder(tmp_path, overwrite=True)
    with pytest.raises(OutputError, match="would replace a folder"):
        folder.check(target)
    assert folder.check(link)
    assert folder.check(file)
    assert OutputFolder(tmp_path).check(target)  # it exists already, whatever it is
