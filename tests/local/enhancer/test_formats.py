"""Container, codec, channels, sample rate, bit depth and duration of the result."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from audio_enhance.local.enhancer import NotAudioError, enhance_file

from .support import RATE, VARIABLE, Samples, lag, noise, read, speech, write

ENGINE = "rnnoise"  # quick: formats are the same with any
LENGTH = 21_237  # samples: no multiple of any codec's frame


def tone(rate: int, channels: int = 1, length: int = LENGTH) -> Samples:
    """Noise from the first sample on, another in each channel, and none that resampling takes."""
    low_pass = np.hanning(max(10, rate // 2000))
    sounds = [np.convolve(noise("white", length, n), low_pass, "same") for n in range(channels)]
    return np.asarray(np.stack(sounds) / np.std(sounds) / 10)


LOSSLESS: list[Any] = [
    pytest.param(
        container, codec, rate, channels, form, id=f"{container}-{codec}-{rate}-{channels}"
    )
    for container, codec, rate, channels, form in [
        ("wav", "pcm_s16le", 48_000, 1, "s16"),
        ("wav", "pcm_s16le", 44_100, 2, "s16"),
        ("wav", "pcm_s24le", 96_000, 1, "s32"),
        ("wav", "pcm_s32le", 22_050, 1, "s32"),
        ("wav", "pcm_f32le", 16_000, 1, "flt"),
        ("wav", "pcm_f64le", 48_000, 1, "dbl"),
        ("wav", "pcm_u8", 8_000, 1, "u8"),
        ("wav", "pcm_mulaw", 8_000, 1, "s16"),
        ("wav", "pcm_s16le", 48_000, 6, "s16"),
        ("wav", "pcm_s16le", 48_000, 8, "s16"),
        ("aiff", "pcm_s16be", 44_100, 2, "s16"),
        ("aiff", "pcm_s24be", 48_000, 1, "s32"),
        ("aiff", "pcm_s16le", 48_000, 1, "s16"),
        ("flac", "flac", 44_100, 2, "s16"),
        ("flac", "flac", 48_000, 1, "s32"),
        ("flac", "flac", 192_000, 1, "s32"),
        ("ogg", "flac", 48_000, 2, "s16"),
        ("ipod", "alac", 44_100, 2, "s16p"),
        ("ipod", "alac", 48_000, 1, "s32p"),
        ("mov", "pcm_s24le", 48_000, 2, "s32"),
        ("mov", "pcm_s16be", 44_100, 1, "s16"),
        ("mov", "pcm_f32le", 96_000, 1, "flt"),
        ("mp4", "pcm_s16le", 48_000, 2, "s16"),
        ("mp4", "flac", 44_100, 2, "s16"),
        ("mp4", "flac", 96_000, 1, "s32"),
    ]
]
LOSSY: list[Any] = [
    pytest.param(container, codec, rate, channels, id=f"{container}-{codec}-{rate}-{channels}")
    for container, codec, rate, channels in [
        ("mp3", "libmp3lame", 44_100, 2),
        ("mp3", "libmp3lame", 16_000, 1),
        ("mp3", "libmp3lame", 8_000, 1),
        ("ipod", "aac", 44_100, 2),
        ("mp4", "aac", 48_000, 1),
        ("mp4", "aac", 48_000, 6),
        ("adts", "aac", 44_100, 2),
        ("adts", "aac", 16_000, 1),
        ("ogg", "libopus", 48_000, 1),
        ("opus", "libopus", 48_000, 2),
    ]
]


@pytest.mark.parametrize(("container", "codec", "rate", "channels", "form"), LOSSLESS)
def test_lossless_formats_are_kept_to_the_sample(
    container: str, codec: str, rate: int, channels: int, form: str, tmp_path: Path
) -> None:
    encoding = {"sample_format": form if codec in ("flac", "alac") else None}
    source = write(
        tmp_path / "source",
        tone(rate, channels),
        container=container,
        codec=codec,
        rate=rate,
        **encoding,  # type: ignore[arg-type]
    )
    enhance_file(source, tmp_path / "result", strength=1, engine=ENGINE)
    before, after = read(source), read(tmp_path / "result")

    assert (after.container, after.codec) == (before.container, before.codec)
    assert (after.rate, after.channels) == (rate, channels)
    assert after.sample_format == before.sample_format == form
    assert after.samples.shape == before.samples.shape == (channels, LENGTH)
    for channel in range(channels):
        assert lag(after.samples[channel], before.samples[channel]) == 0
        # One percent of it is enhanced; resampling there and back takes the highest tones.
        likeness = np.corrcoef(after.samples[channel], before.samples[channel])[0, 1]
        assert likeness > 0.99


@pytest.mark.parametrize(("container", "codec", "rate", "channels"), LOSSY)
def test_lossy_formats_are_kept(
    container: str, codec: str, rate: int, channels: int, tmp_path: Path
) -> None:
    source = write(
        tmp_path / "source", tone(rate, channels), container=container, codec=codec, rate=rate
    )
    enhance_file(source, tmp_path / "result", strength=1, engine=ENGINE)
    before, after = read(source), read(tmp_path / "result")

    assert (after.container, after.codec) == (before.container, before.codec)
    assert (after.rate, after.channels) == (before.rate, before.channels) == (rate, channels)
    # What is decoded is the same to the sample; for MP4 the container says where in the last
    # frame the recording ends, to the millisecond in a source that FFmpeg's defaults wrote.
    if container in ("ipod", "mp4"):
        assert before.duration is not None
        assert after.duration == pytest.approx(before.duration, abs=1 / rate)
        assert abs(after.samples.shape[1] - before.samples.shape[1]) <= 1024
    else:
        assert after.samples.shape == before.samples.shape
    length = min(after.samples.shape[1], before.samples.shape[1])
    for channel in range(channels):
        pair = after.samples[channel, :length], before.samples[channel, :length]
        assert lag(*pair) == 0
        assert np.corrcoef(*pair)[0, 1] > 0.9


def test_the_duration_of_an_mp4_is_kept_to_the_sample(tmp_path: Path) -> None:
    rate, length = 44_100, 21_237
    source = write(
        tmp_path / "source",
        tone(rate, 1, length),
        container="mp4",
        codec="aac",
        rate=rate,
        container_options={"movie_timescale": str(rate)},  # not FFmpeg's 1000 a second
    )
    enhance_file(source, tmp_path / "result", strength=50, engine=ENGINE)
    durations = [read(tmp_path / name).duration for name in ("source", "result")]
    assert durations == [length / rate] * 2


def test_an_mp3_with_a_variable_bit_rate_stays_one(tmp_path: Path) -> None:
    sound = tone(44_100, 2)
    kinds: list[bytes] = []
    for options in ({}, VARIABLE):
        source = write(
            tmp_path / "source",
            sound,
            container="mp3",
            codec="libmp3lame",
            rate=44_100,
            options=options,
        )
        enhance_file(source, tmp_path / "result", strength=1, engine=ENGINE)
        for path in (source, tmp_path / "result"):
            begin = path.read_bytes()[:4096]
            kinds.append(b"Xing" if b"Xing" in begin else b"Info")
            assert kinds[-1] in begin
    assert kinds == [b"Info", b"Info", b"Xing", b"Xing"]


@pytest.mark.parametrize(
    ("codec", "result"), [("adpcm_ima_wav", "pcm_s16le"), ("mp3", "pcm_s16le")]
)
def test_other_encodings_in_wav_become_pcm(codec: str, result: str, tmp_path: Path) -> None:
    source = write(tmp_path / "source", tone(RATE), codec=codec.replace("mp3", "libmp3lame"))
    enhance_file(source, tmp_path / "result", strength=1, engine=ENGINE)
    before, after = read(source), read(tmp_path / "result")
    assert before.codec == codec
    assert (after.container, after.codec) == ("wav", result)
    assert after.samples.shape == before.samples.shape


def test_the_brand_of_an_m4a_is_kept(tmp_path: Path) -> None:
    for container, brand in (("ipod", "M4A "), ("mp4", "isom"), ("mov", "qt  ")):
        source = write(tmp_path / "source", tone(RATE), container=container, codec="aac")
        enhance_file(source, tmp_path / "result", strength=1, engine=ENGINE)
        with av.open(str(tmp_path / "result")) as result:
            assert result.metadata["major_brand"] == brand


def test_a_lossy_result_has_at_least_the_bit_rate_of_the_recording(tmp_path: Path) -> None:
    source = tmp_path / "source"
    with av.open(str(source), "w", format="mp3") as file:
        stream = file.add_stream("libmp3lame", rate=RATE, layout="mono")
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = 192_000
        frame = av.AudioFrame.from_ndarray(tone(RATE).astype(np.float32), "flt", "mono")
        frame.sample_rate = RATE
        file.mux([*stream.encode(frame), *stream.encode(None)])
    enhance_file(source, tmp_path / "result", strength=50, engine=ENGINE)
    with av.open(str(tmp_path / "result")) as result:
        assert result.streams.audio[0].bit_rate == 192_000


def test_the_first_sound_of_an_adts_file_is_kept(tmp_path: Path) -> None:
    # The packet with the encoder's delay is dropped; what follows must not suffer from it.
    source = write(tmp_path / "source", tone(RATE), container="adts", codec="aac")
    enhance_file(source, tmp_path / "result", strength=1, engine=ENGINE)
    before, after = (read(tmp_path / name).samples[0] for name in ("source", "result"))
    power = np.mean(before[1024:2048] ** 2), np.mean(after[1024:2048] ** 2)
    assert power[1] == pytest.approx(power[0], rel=0.2)


def test_pieces_of_different_shape_in_one_mp3_are_joined(tmp_path: Path) -> None:
    source = tmp_path / "source"
    pieces = [(44_100, 2), (48_000, 1), (22_050, 2)]
    data = b""
    for rate, channels in pieces:
        write(source, tone(rate, channels, rate), container="mp3", codec="libmp3lame", rate=rate)
        data += source.read_bytes()
    source.write_bytes(data)
    enhance_file(source, tmp_path / "result", strength=50, engine=ENGINE)
    after = read(tmp_path / "result")
    # FFmpeg looks 5 s ahead, so that the rate of the first of these short pieces is not certain.
    assert after.rate in (44_100, 48_000)
    assert after.channels == 2
    assert after.samples.shape[1] / after.rate == pytest.approx(3, abs=0.2)


@pytest.mark.parametrize(
    ("rate", "nearest"), [(192_000, 96_000), (11_127, 12_000), (4_000, 7_350), (44_100, 44_100)]
)
def test_other_encodings_in_mp4_become_aac_at_a_rate_that_there_is(
    rate: int, nearest: int, tmp_path: Path
) -> None:
    source = write(
        tmp_path / "source", tone(rate), container="mov", codec="adpcm_ima_qt", rate=rate
    )
    enhance_file(source, tmp_path / "result", strength=100, engine=ENGINE)
    result = read(tmp_path / "result")
    assert (result.codec, result.rate) == ("aac", nearest)
    assert result.duration == pytest.approx(LENGTH / rate, abs=64 / rate)  # a block of ADPCM


def test_nine_channels_are_too_many(tmp_path: Path) -> None:
    header = (tmp_path / "eight", tmp_path / "nine")
    data = bytearray(write(header[0], tone(RATE, 8, 480), codec="pcm_s16le").read_bytes())
    fields = data.index(b"fmt ") + 8
    data[fields + 2] = 9
    data[fields + 12] = 18
    header[1].write_bytes(data)
    with pytest.raises(NotAudioError, match="9 channels"):
        enhance_file(header[1], tmp_path / "result", strength=50, engine=ENGINE)


def test_a_rate_that_nobody_records_at_is_refused(tmp_path: Path) -> None:
    # One second of a file at 1 Hz would become 48,000 samples for each of its own.
    source = write(tmp_path / "source", tone(RATE, 1, 480), codec="pcm_s16le")
    data = bytearray(source.read_bytes())
    rate = data.index(b"fmt ") + 12
    data[rate : rate + 4] = (1).to_bytes(4, "little")
    source.write_bytes(data)
    with pytest.raises(NotAudioError, match="sample rate of 1 Hz"):
        enhance_file(source, tmp_path / "result", strength=50, engine=ENGINE)


def test_speech_at_8_khz_is_enhanced_too(tmp_path: Path) -> None:
    clean = speech("slt")[: 5 * RATE : 6]
    noisy = clean + noise("white", len(clean)) * np.std(clean) / 3
    source = write(tmp_path / "source", noisy, rate=8_000)
    enhance_file(source, tmp_path / "result", strength=100, engine=ENGINE)
    result = read(tmp_path / "result").samples[0]
    assert np.corrcoef(result, clean)[0, 1] > np.corrcoef(noisy, clean)[0, 1] + 0.01
