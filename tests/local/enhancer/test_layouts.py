"""Every channel stays in its place, whatever the layout is called."""

from pathlib import Path

import av
import numpy as np
import pytest

from audio_enhance.local.enhancer.decode import Recording

from .support import RATE, Samples, copied, heard_in_turn, noise, read, turns, write

# Where Vorbis and Opus have FFmpeg's channels (Vorbis I specification, 4.3.9).
VORBIS = {
    3: [0, 2, 1],
    4: [0, 1, 2, 3],
    5: [0, 2, 1, 3, 4],
    6: [0, 2, 1, 4, 5, 3],
    7: [0, 2, 1, 5, 6, 4, 3],
    8: [0, 2, 1, 6, 7, 4, 5, 3],
}


def decoded(path: Path) -> tuple[str, Samples]:
    with Recording(path) as recording:
        return recording.format.layout, np.concatenate(list(recording.blocks()), axis=1)


@pytest.mark.parametrize("channels", VORBIS)
@pytest.mark.parametrize("kind", ["VORBIS", "OPUS"])
def test_every_layout_of_ogg_is_in_order(kind: str, channels: int, tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")  # knows nothing of FFmpeg's order
    sound = turns(channels)[VORBIS[channels]].T
    soundfile.write(tmp_path / "source", sound, RATE, format="OGG", subtype=kind)
    assert heard_in_turn(decoded(tmp_path / "source")[1]) == list(range(channels))
    copied(tmp_path / "source", tmp_path / "result")
    result = soundfile.read(tmp_path / "result")[0].T
    assert heard_in_turn(result) == [VORBIS[channels].index(n) for n in range(channels)]


@pytest.mark.parametrize(
    ("container", "codec", "layout"),
    [
        ("aiff", "pcm_s16be", "7.1"),  # an order of its own
        ("mov", "pcm_s16le", "6.1"),
        ("mov", "pcm_s16le", "7.1"),
        ("wav", "pcm_s16le", "7.1"),
        ("flac", "flac", "6.1"),
        ("ipod", "aac", "5.1"),
    ],
)
def test_channels_are_where_their_names_say(
    container: str, codec: str, layout: str, tmp_path: Path
) -> None:
    channels = av.AudioLayout(layout).nb_channels
    source = write(
        tmp_path / "source", turns(channels), container=container, codec=codec, layout=layout
    )
    before, sound = decoded(source)
    copied(source, tmp_path / "result")
    after, heard = decoded(tmp_path / "result")
    assert before == after == layout
    assert heard_in_turn(heard) == heard_in_turn(sound)


def test_an_order_of_its_own_survives_being_read_again_and_again(tmp_path: Path) -> None:
    # What PyAV frees twice shows with luck only; so it is given some chances.
    source = write(tmp_path / "source", turns(8), container="aiff", codec="pcm_s16be", layout="7.1")
    for _ in range(10):
        assert decoded(source)[1].shape == (8, 2 * RATE)


@pytest.mark.parametrize("channels", [3, 4, 5, 6, 7, 8])
def test_channels_without_a_name_get_none(channels: int, tmp_path: Path) -> None:
    layout = f"{channels} channels"  # a recorder of the film set, with a microphone in each
    source = write(tmp_path / "source", turns(channels), codec="pcm_s16le", layout=layout)
    copied(source, tmp_path / "result")
    with av.open(str(tmp_path / "result")) as result:
        assert result.streams.audio[0].layout.name == layout
    assert heard_in_turn(read(tmp_path / "result").samples) == list(range(channels))


@pytest.mark.parametrize("layout", ["4.1", "5.0(side)", "6.0", "7.0", "octagonal"])
def test_no_voice_in_aac_becomes_a_subwoofer(layout: str, tmp_path: Path) -> None:
    channels = av.AudioLayout(layout).nb_channels
    hums = [noise("pink", RATE // 2, seed) / 10 for seed in range(channels)]
    source = write(
        tmp_path / "source",
        np.stack(hums),
        container="ipod",
        codec="aac",
        layout=layout,
        options={"b": str(128_000 * channels)},
    )
    copied(source, tmp_path / "result")
    before, after = read(source).samples, read(tmp_path / "result").samples
    length = min(before.shape[1], after.shape[1])
    for channel in range(channels):
        pair = before[channel, :length], after[channel, :length]
        assert np.corrcoef(*pair)[0, 1] > 0.8
        loss = 20 * np.log10(np.std(pair[0]) / np.std(pair[1]))
        assert abs(loss) < 0.5


@pytest.mark.parametrize("layout", ["FL+FR+FC+TC", "FC+LFE", "2.1", "5 channels"])
def test_rare_positions_are_kept_in_wav(layout: str, tmp_path: Path) -> None:
    channels = av.AudioLayout(layout).nb_channels
    source = write(tmp_path / "source", turns(channels), codec="pcm_s16le", layout=layout)
    copied(source, tmp_path / "result")
    with av.open(str(tmp_path / "result")) as result:
        found = result.streams.audio[0].layout
        assert found == av.AudioLayout(layout)
    assert heard_in_turn(read(tmp_path / "result").samples) == list(range(channels))


def test_a_mono_piece_behind_a_stereo_one_is_as_loud(tmp_path: Path) -> None:
    tone = 0.3 * np.sin(2 * np.pi * 440 / RATE * np.arange(2 * RATE))
    data = b""
    for sound in (np.stack([tone, tone]), tone):
        piece = write(
            tmp_path / "piece", sound, container="mp3", codec="libmp3lame",
            options={"b": "320000", "compression_level": "7"},
        )  # fmt: skip
        data += piece.read_bytes()
    (tmp_path / "source").write_bytes(data)
    layout, sound = decoded(tmp_path / "source")
    assert layout == "stereo"
    first, second = sound[:, RATE // 2 : RATE], sound[:, 3 * RATE : 7 * RATE // 2]
    assert np.std(second[0]) == pytest.approx(np.std(first[0]), rel=0.1)
    np.testing.assert_array_equal(second[0], second[1])
