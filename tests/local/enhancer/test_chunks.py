"""What recorders write beside the sound of WAV and AIFF is in the result, byte for byte."""

import struct
from pathlib import Path

import av
import numpy as np
import pytest

from audio_enhance.local.enhancer.chunks import Chunks, copy_chunks, seconds_cut_off

from .support import RATE, copied, noise, read, write

BEXT = b"Scene 12".ljust(256, b"\0") + bytes(82) + (172_800_000).to_bytes(8, "little") + bytes(256)
BESIDE = [
    (b"bext", BEXT),
    (b"iXML", b"<BWFXML><SCENE>12</SCENE></BWFXML>"),
    (b"cue ", struct.pack("<II4sIIII", 1, 1, b"data", 0, 0, 0, 24_000)[:28]),
    (b"LIST", b"adtllabl\x08\x00\x00\x00\x01\x00\x00\x00pop\x00"),
    (b"odd ", b"123"),
]


def with_chunks(path: Path, chunks: list[tuple[bytes, bytes]], order: str) -> Path:
    """Put chunks before the sound and behind it."""
    little = order == "<"
    file = write(
        path,
        noise("pink", RATE // 2) / 10,
        container="wav" if little else "aiff",
        codec="pcm_s16le" if little else "pcm_s16be",
    )
    packed = [
        name + struct.pack(f"{order}I", len(data)) + data + bytes(len(data) % 2)
        for name, data in chunks
    ]
    content = file.read_bytes()
    content = content[:12] + b"".join(packed[:2]) + content[12:] + b"".join(packed[2:])
    path.write_bytes(content[:4] + struct.pack(f"{order}I", len(content) - 8) + content[8:])
    return path


def chunks_of(path: Path) -> list[tuple[bytes, bytes]]:
    with path.open("rb") as file:
        found = []
        for chunk in Chunks(file):
            file.seek(chunk.start)
            found.append((chunk.name, file.read(chunk.size)))
        return found


@pytest.mark.parametrize("order", ["<", ">"], ids=["wav", "aiff"])
def test_what_says_nothing_of_the_encoding_is_kept(order: str, tmp_path: Path) -> None:
    beside = BESIDE if order == "<" else [(b"MARK", b"\x00\x00"), (b"NAME", b"pier"), *BESIDE[4:]]
    source = with_chunks(tmp_path / "source", beside, order)
    copied(source, tmp_path / "result")
    after = chunks_of(tmp_path / "result")
    for chunk in beside:
        assert after.count(chunk) == 1
    data = (tmp_path / "result").read_bytes()
    assert struct.unpack(f"{order}I", data[4:8])[0] == len(data) - 8
    assert read(tmp_path / "result").samples.shape == read(source).samples.shape


def test_a_players_view_of_broadcast_wav_is_the_same(tmp_path: Path) -> None:
    import av

    source = with_chunks(tmp_path / "source", BESIDE, "<")
    copied(source, tmp_path / "result")
    for path in (source, tmp_path / "result"):
        with av.open(str(path)) as file:
            assert file.metadata["time_reference"] == "172800000"


def test_a_wav_without_them_gets_none(tmp_path: Path) -> None:
    source = with_chunks(tmp_path / "source", [], "<")
    copied(source, tmp_path / "result")
    before, after = chunks_of(source), chunks_of(tmp_path / "result")
    assert {name for name, _ in after} - {b"JUNK"} == {name for name, _ in before}


def test_24_bits_in_32_are_read(tmp_path: Path) -> None:
    sound = (np.random.default_rng(1).integers(-(2**23), 2**23, 2 * RATE) << 8).astype("<i4")
    form = struct.pack("<HHIIHHHHI", 0xFFFE, 2, RATE, 8 * RATE, 8, 32, 22, 24, 3)
    form += bytes.fromhex("0100000000001000800000aa00389b71")
    data = b"WAVEfmt " + struct.pack("<I", 40) + form + b"data" + struct.pack("<I", 4 * len(sound))
    (tmp_path / "source").write_bytes(
        b"RIFF" + struct.pack("<I", len(data) + 4 * len(sound)) + data + sound.tobytes()
    )
    assert copied(tmp_path / "source", tmp_path / "result") == []
    result = read(tmp_path / "result")
    assert (result.codec, result.rate, result.channels) == ("pcm_s32le", RATE, 2)
    np.testing.assert_array_equal(result.samples.T.ravel(), sound.astype(np.float32) / 2**31)


def test_a_wav_that_was_cut_off_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "file", noise("pink", 2 * RATE) / 10, codec="pcm_s16le")
    assert seconds_cut_off(path) == 0
    path.write_bytes(path.read_bytes()[:-RATE])
    assert seconds_cut_off(path) == pytest.approx(0.5)
    assert copied(path, tmp_path / "result") == [
        "It was cut off: 0.50 seconds are missing at its end."
    ]


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_wav_that_was_streamed_does_not_say_its_size(size: int, tmp_path: Path) -> None:
    path = write(tmp_path / "file", noise("pink", RATE) / 10, codec="pcm_s16le")
    data = bytearray(path.read_bytes())
    place = data.index(b"data") + 4
    data[place : place + 4] = data[4:8] = size.to_bytes(4, "little")
    path.write_bytes(data)
    assert seconds_cut_off(path) == 0


def test_other_files_have_no_chunks(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"OggS" + bytes(100))
    assert seconds_cut_off(path) == 0
    assert chunks_of(path) == []


def test_chunks_that_end_beyond_4_gib_make_a_wav_rf64(tmp_path: Path) -> None:
    # The file is sparse: nothing of its sound is on the disk.
    sound = (1 << 32) - 200
    result, source = tmp_path / "result", tmp_path / "source"
    form = struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)
    head = b"WAVEJUNK" + struct.pack("<I", 28) + bytes(28)
    head += b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", sound)
    with result.open("wb") as file:
        file.write(b"RIFF" + struct.pack("<I", len(head) + sound) + head)
        file.truncate(8 + len(head) + sound)
    source.write_bytes(b"RIFF\x00\x00\x00\x00WAVEbext" + struct.pack("<I", len(BEXT)) + BEXT)
    copy_chunks(source, result)
    with result.open("rb") as file:
        assert file.read(4) == b"RF64"
        chunks = Chunks(file)
        assert chunks.is_rf64
        assert [(each.name, each.size) for each in chunks][1:] == [
            *((b"fmt ", 16), (b"data", sound), (b"bext", len(BEXT))),
        ]
        file.seek(12)
        name, _, size, data, samples = struct.unpack("<4sIQQQ", file.read(32))
    assert (name, data, samples) == (b"ds64", sound, sound // 2)
    assert size == result.stat().st_size - 8
    with av.open(str(result)) as opened:
        assert opened.streams.audio[0].duration == sound // 2
