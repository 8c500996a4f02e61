"""Pieces that are cleaned side by side: in order, in bounds, and gone when it is over."""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from audio_enhance.local.enhancer import chain, enhance_file, side_by_side
from audio_enhance.local.enhancer import pieces as cuts
from audio_enhance.local.enhancer.pieces import Piece
from audio_enhance.local.enhancer.samples import Samples
from audio_enhance.local.enhancer.side_by_side import Cleaned, SideBySide

from .support import RATE, at_snr, noise, read, speech, write
from .test_denoiser import Late

SHORT = 1000  # samples of a window here
PIECES = [
    Piece(first=first, count=4, run_up=min(first, 2), last=first == 16) for first in range(0, 20, 4)
]
ROW = np.arange(20 * SHORT, dtype=np.float32)[None]


def windows(blocks: Iterable[Samples], *, first_window: int) -> Iterator[Cleaned]:
    samples = np.concatenate(list(blocks), axis=1)
    assert samples[0, 0] == first_window * SHORT  # that is where it begins
    for start in range(0, samples.shape[1], SHORT):
        yield samples[:, start : start + SHORT], np.zeros(0)


def short(_: int) -> int:
    return SHORT


class Side:
    """A `SideBySide` of `PIECES`, and what it opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        monkeypatch.setattr(side_by_side, "window_length", short)
        self.folder = folder
        self.opened = self.closed = 0

    @contextmanager
    def recording(self) -> Generator[Iterable[Samples]]:
        self.opened += 1
        yield iter(np.array_split(ROW, 77, axis=1))
        self.closed += 1

    def of(
        self,
        workers: Callable[[], int],
        clean: side_by_side.Clean = windows,
        pieces: Iterable[Piece] = PIECES,
    ) -> SideBySide:
        return SideBySide(pieces, self.recording, clean, 1, workers, self.folder)


@pytest.fixture
def side(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Side:
    return Side(monkeypatch, tmp_path)


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_pieces_are_joined_in_order_and_nothing_is_left_behind(side: Side, workers: int) -> None:
    told: list[float] = []
    with side.of(lambda: workers) as pieces:
        parts = list(pieces.joined(told.append))
    np.testing.assert_array_equal(np.concatenate([part for part, _ in parts], axis=1), ROW)
    assert [part.shape[1] for part, _ in parts] == [SHORT] * 20
    assert told == sorted(told)
    assert set(told) <= {number / 20 for number in range(21)}
    assert side.opened == side.closed <= workers
    assert not list(side.folder.iterdir())
    assert not [one for one in threading.enumerate() if "piece" in one.name]


@pytest.mark.parametrize("workers", [1, 3])
def test_as_many_are_in_work_as_there_are_workers(side: Side, workers: int) -> None:
    inside: list[int] = []
    most = 0
    together = threading.Barrier(workers, timeout=10)

    def counted(blocks: Iterable[Samples], *, first_window: int) -> Iterator[Cleaned]:
        nonlocal most
        inside.append(first_window)
        most = max(most, len(inside))
        if first_window < 10:  # the first three pieces
            together.wait()
        try:
            yield from windows(blocks, first_window=first_window)
        finally:
            inside.remove(first_window)

    with side.of(lambda: workers, counted) as pieces:
        list(pieces.joined(lambda _: None))
    assert most == workers


def test_a_worker_more_is_made_use_of_at_once(side: Side) -> None:
    workers = 1
    together = threading.Barrier(2, timeout=10)

    def meeting(blocks: Iterable[Samples], *, first_window: int) -> Iterator[Cleaned]:
        for number, part in enumerate(windows(blocks, first_window=first_window)):
            if (first_window, number) in {(0, 2), (2, 0)}:
                together.wait()  # each needs the other
            yield part

    def tell(_: float) -> None:
        nonlocal workers
        workers = 2

    with side.of(lambda: workers, meeting) as pieces:
        assert len(list(pieces.joined(tell))) == 20


def test_what_goes_wrong_in_a_piece_is_told_and_ends_the_others(side: Side) -> None:
    def broken(blocks: Iterable[Samples], *, first_window: int) -> Iterator[Cleaned]:
        yield from windows(blocks, first_window=first_window)
        if first_window:
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space"), side.of(lambda: 2, broken) as pieces:
        list(pieces.joined(lambda _: None))
    assert not list(side.folder.iterdir())


def test_whoever_stops_half_way_waits_for_nothing_but_windows(side: Side) -> None:
    def endless(blocks: Iterable[Samples], *, first_window: int) -> Iterator[Cleaned]:
        (part, *_) = windows(blocks, first_window=first_window)
        while True:
            yield part

    pieces = [PIECES[0], Piece(first=4, count=10**9, run_up=2, last=False)]
    with pytest.raises(KeyboardInterrupt), side.of(lambda: 2, endless, pieces) as several:
        for _ in several.joined(lambda _: None):
            raise KeyboardInterrupt
    assert not list(side.folder.iterdir())


class Stub(Late):
    """A network that does nothing."""

    def __init__(self, channels: int) -> None:
        super().__init__(480, 1440)
        self._inside = np.zeros((channels, 1440), np.float32)


def passed(blocks: Iterable[Samples]) -> Iterable[Samples]:
    return blocks


def in_pieces(source: Path, longest: int, workers: int, patch: pytest.MonkeyPatch) -> Samples:
    """What comes of a recording whose pieces are no longer than so many seconds."""
    patch.setattr(cuts, "_LONGEST", longest)
    shares: list[float] = []
    result = source.with_name("result")
    enhance_file(source, result, strength=100, workers=workers, progress=shares.append)
    assert shares == sorted(set(shares))
    assert shares[-1] == 1.0
    return read(result).samples


@pytest.mark.parametrize("channels", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_around_the_network_there_is_no_seam(
    channels: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(chain, "DeepFilterNet3", Stub)
    monkeypatch.setattr(cuts, "_RUN_UP", 10)
    if channels == 1:  # it takes most of the time, and has a test of its own
        monkeypatch.setattr(chain, "dereverberated", passed)
    length = 30 * 8_000 + 77  # there is nothing above 4 kHz: noise is put there, and taken away
    fading = noise("pink", length) * np.linspace(0.001, 0.1, length)
    rows = [fading * share for share in (1, 0.5)[:channels]]
    source = write(tmp_path / "source", np.stack(rows), rate=8_000)
    whole = in_pieces(source, 1000, 1, monkeypatch)
    assert whole.shape == (channels, length)
    joined = in_pieces(source, 12, 2, monkeypatch)
    np.testing.assert_array_equal(joined, in_pieces(source, 12, 1, monkeypatch))
    np.testing.assert_allclose(joined, whole, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_the_network_hears_no_seam_either(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Half of the run-up is enough here, and takes half of the time.
    monkeypatch.setattr(cuts, "_RUN_UP", cuts._RUN_UP // 2)
    voice = np.resize(speech("slt"), 66 * RATE)
    source = write(tmp_path / "source", at_snr(voice, noise("pink", len(voice)), 15))
    whole = in_pieces(source, 1000, 1, monkeypatch)[0]
    joined = in_pieces(source, 35, 2, monkeypatch)[0]
    assert np.any(joined != whole)
    assert np.mean((joined - whole) ** 2) < np.mean(whole**2) * 1e-6  # -60 dB
