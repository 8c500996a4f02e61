"""What jobs share of a source: its bytes are held for as long as one needs them."""

from pathlib import Path

from audio_enhance import Source
from audio_enhance._recording.content import BytesContent
from audio_enhance._recording.original import Original
from audio_enhance._recording.source import original_of


class Counted(BytesContent):
    """Counts how often it is let go of."""

    released = 0

    def release(self) -> None:
        type(self).released += 1


def test_it_is_let_go_of_with_the_last_job() -> None:
    content = Counted(b"ID3")
    original = Original(content)
    original.hold()
    original.hold()
    original.let_go()
    assert content.released == 0
    original.let_go()
    assert content.released == 1


async def test_what_is_forgotten_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "talk.mp3"
    path.write_bytes(b"ID3 one")
    source = Source.from_path(path)
    before = await source.fingerprint()
    assert await source.fingerprint() is before
    path.write_bytes(b"ID3 two, and longer")
    original_of(source).forget()
    assert (await source.fingerprint()).byte_size == 19
    assert await source.read(8, 3) == b" an"
