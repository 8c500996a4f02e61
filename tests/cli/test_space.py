"""How much room there is, also where a folder is still to be made."""

from pathlib import Path

from audio_enhance.cli.space import free_in


def test_a_folder_that_is_not_there_yet_has_the_room_above_it(tmp_path: Path) -> None:
    free = free_in(tmp_path / "not" / "there" / "yet")
    assert free is not None
    assert free > 0
