"""Files that are broken, or are no audio, and what is said about them."""

from pathlib import Path

import av
import numpy as np
import pytest

from audio_enhance.local.enhancer import NotAudioError
from audio_enhance.local.enhancer.decode import Recording

from .support import RATE, noise, read, write

SECONDS = 3


def decoded(path: Path) -> float:
    """How many seconds come out, by both counts."""
    with Recording(path) as recording:
        samples = sum(block.shape[1] for block in recording.blocks())
        assert recording.length / recording.rate == pytest.approx(samples / RATE, abs=1e-3)
        return float(samples / RATE)


def cut(path: Path, container: str, codec: str, share: float = 0.6) -> Path:
    """A file whose end is missing."""
    write(path, noise("pink", SECONDS * RATE) / 10, container=container, codec=codec)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "not audio", id="empty"),
        pytest.param(b"These are the minutes of a meeting.\n" * 100, "not audio", id="text"),
        pytest.param(np.random.default_rng(4).bytes(300_000), "not audio", id="noise"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(1000), "not audio", id="picture"),
        pytest.param(b"RIFF\x24\x00\x00\x00WAVE", "not audio", id="riff"),
    ],
)
def test_what_is_no_audio_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(NotAudioError, match=message):
        Recording(path)


def test_a_file_without_samples_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "file", noise("white", 480), codec="pcm_s16le")
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"data") + 8])
    with pytest.raises(NotAudioError, match="no audio in it"):
        Recording(path)


def test_a_video_without_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width = stream.height = 64
        picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
        container.mux([*stream.encode(picture), *stream.encode(None)])
    with pytest.raises(NotAudioError, match="no audio in it"):
        Recording(path)


@pytest.mark.parametrize(
    "listing",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{}'\n",
    ],
    ids=["m3u8", "ffconcat"],
)
def test_a_list_of_other_files_is_not_followed(listing: str, tmp_path: Path) -> None:
    secret = write(tmp_path / "secret.wav", noise("white", RATE))
    path = tmp_path / "file"
    path.write_text(listing.format(secret.as_uri()))
    with pytest.raises(NotAudioError):
        Recording(path)


def test_an_m4a_without_its_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotAudioError, match="cut off"):  # its index comes last
        Recording(cut(tmp_path / "file", "ipod", "aac"))


@pytest.mark.parametrize(
    ("container", "codec"),
    [
        ("wav", "pcm_s16le"),
        ("aiff", "pcm_s16be"),
        ("flac", "flac"),
        ("mp3", "libmp3lame"),
        ("adts", "aac"),
        ("ogg", "libopus"),
    ],
)
def test_others_without_their_end_are_what_is_there(
    container: str, codec: str, tmp_path: Path
) -> None:
    # Players play these, FFmpeg sees nothing wrong, and a recorder that lost power leaves them.
    # A page of Ogg is a second long.
    assert 0.9 < decoded(cut(tmp_path / "file", container, codec)) < 2.1


def test_rubbish_within_an_mp3_is_skipped(tmp_path: Path) -> None:
    path = write(
        tmp_path / "file", noise("pink", SECONDS * RATE) / 10, container="mp3", codec="libmp3lame"
    )
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(data[:middle] + b"TAG rubbish \xff\xfb" * 50 + data[middle:])
    with Recording(path) as recording:
        list(recording.blocks())
    assert recording.length == pytest.approx(SECONDS * RATE, abs=0.2 * RATE)
    [note] = recording.findings.notes()
    assert "may be shorter" in note


def test_damage_within_an_adts_file_is_skipped(tmp_path: Path) -> None:
    sound = noise("pink", SECONDS * RATE) / 10
    path = write(tmp_path / "file", sound, container="adts", codec="aac")
    data = bytearray(path.read_bytes())
    damaged = np.random.default_rng(4).integers(1_000, len(data), (2, 60))
    for place, value in damaged.T:
        data[place] = value % 256
    path.write_bytes(data)
    assert 0 < decoded(path) < SECONDS


def test_a_recording_of_aac_ends_where_its_container_says(tmp_path: Path) -> None:
    length = RATE + 100
    path = write(tmp_path / "file", noise("pink", length) / 10, container="ipod", codec="aac")
    with Recording(path) as recording:
        samples = sum(block.shape[1] for block in recording.blocks())
    declared = read(path).duration
    assert declared is not None
    assert recording.length == samples == round(declared * RATE)
    assert 0 <= length - samples < 48  # some versions of FFmpeg write whole milliseconds


def test_the_name_does_not_matter(tmp_path: Path) -> None:
    kinds = [("wav", "pcm_s16le"), ("flac", "flac"), ("mp3", "libmp3lame"), ("ogg", "libopus")]
    for name in (
        "file",
        "talk.wav",
        "talk.mp3",
        "talk.m4a",
        "talk.png",
        "concat:a|b",
        "http:",
        "-",
    ):
        for container, codec in kinds:
            path = write(tmp_path / name, noise("white", RATE), container=container, codec=codec)
            assert decoded(path) == 1


def test_a_relative_path_is_no_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert decoded(write(Path("data:audio"), noise("white", RATE))) == 1


def test_tags_in_a_legacy_encoding_do_no_harm(tmp_path: Path) -> None:
    path = write(tmp_path / "file", noise("white", RATE), codec="pcm_s16le")
    name = b"INFOINAM\x06\x00\x00\x00caf\xe9s\x00"
    data = path.read_bytes() + b"LIST" + len(name).to_bytes(4, "little") + name
    path.write_bytes(data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:])
    assert decoded(path) == 1


def test_a_missing_file_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Recording(tmp_path / "nothing")


def test_a_folder_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        Recording(tmp_path)


def test_xhe_aac_that_cannot_be_decoded_is_called_that(tmp_path: Path) -> None:
    source = write(tmp_path / "source", noise("pink", RATE) / 10, container="mp4", codec="aac")
    content = source.read_bytes()
    # The configuration of the decoder (ISO/IEC 14496-1, tag 5): type 42 instead of 2.
    place = content.index(b"\x05\x80\x80\x80") + 5
    source.write_bytes(content[:place] + b"\xf9\x48\x20\0\0" + content[place + 5 :])
    with pytest.raises(NotAudioError, match="xHE-AAC"), Recording(source) as recording:
        list(recording.blocks())
