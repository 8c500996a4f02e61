"""Names that are claimed without hard links: by whom, for how long, and who may take over."""

from pathlib import Path

import pytest

from audio_enhance._recording.claims import claim_path, is_taken, remove_part, take_over

PART, OTHER = ".audio-enhance-0123abcd.part", ".audio-enhance-4567cdef.part"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "talk-enhanced-93p.mp3"


def claimed(target: Path, part: str = PART) -> Path:
    """Lay down what a download leaves that dies between its claim and its name."""
    claim = claim_path(target.with_name(part), target)
    claim.write_bytes(b"ID3 whole")
    target.touch()
    return claim


def test_a_claim_is_a_part_file_that_says_which_name_it_is_about(target: Path) -> None:
    claim = claim_path(target.with_name(PART), target)
    assert claim.parent == target.parent
    assert claim.name.startswith(PART.removesuffix("part"))
    assert claim.suffix == ".part"
    assert claim_path(target.with_name(PART), target.with_name("other.mp3")) != claim


@pytest.mark.parametrize(("one", "same"), [("TALK.mp3", "talk.mp3"), ("é.mp3", "e\u0301.mp3")])
def test_spellings_that_some_disk_takes_for_the_same_are_one_claim(
    one: str, same: str, tmp_path: Path
) -> None:
    part = tmp_path / PART
    assert claim_path(part, tmp_path / one) == claim_path(part, tmp_path / same)


class TestTaken:
    def test_by_any_file(self, target: Path) -> None:
        assert not is_taken(target)
        target.write_bytes(b"x")
        assert is_taken(target)

    def test_by_an_empty_file_of_somebodys(self, target: Path) -> None:
        target.touch()
        assert is_taken(target)

    def test_by_a_link_to_nowhere(self, target: Path) -> None:
        target.symlink_to("nowhere")
        assert is_taken(target)

    def test_not_by_a_claim_whose_owner_died(self, target: Path) -> None:
        claimed(target)
        assert not is_taken(target)

    def test_by_a_whole_file_whatever_claims_it(self, target: Path) -> None:
        claimed(target)
        target.write_bytes(b"whole")
        assert is_taken(target)


class TestTakingOver:
    def test_the_dead_ones_part_goes_and_the_own_stays(self, target: Path) -> None:
        dead = claimed(target)
        own = claimed(target, OTHER)
        assert take_over(target, own)
        assert not dead.exists()
        assert own.exists()

    def test_nothing_to_take_where_nobody_else_claims(self, target: Path) -> None:
        own = claimed(target)
        assert not take_over(target, own)
        assert own.exists()

    def test_a_file_that_became_whole_is_nobodys_to_take(self, target: Path) -> None:
        dead, own = claimed(target), claimed(target, OTHER)
        target.write_bytes(b"whole")
        assert not take_over(target, own)
        assert dead.exists()


class TestRemoving:
    def test_the_part_and_the_name_that_it_claimed(self, target: Path) -> None:
        claimed(target)
        part = target.with_name(PART)
        part.touch()
        assert remove_part(part)
        assert list(target.parent.iterdir()) == []
        assert not remove_part(part)

    def test_not_what_has_become_whole(self, target: Path) -> None:
        claim = claimed(target)
        target.write_bytes(b"whole")
        assert remove_part(target.with_name(PART))
        assert target.read_bytes() == b"whole"
        assert not claim.exists()

    def test_not_what_another_one_claims(self, target: Path) -> None:
        other = claimed(target, OTHER)
        assert not remove_part(target.with_name(PART))
        assert other.exists()
        assert target.exists()
