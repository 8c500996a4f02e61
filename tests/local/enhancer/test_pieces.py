"""Where a long recording is cut."""

import pytest

from audio_enhance.local.enhancer.pieces import Piece, cut
from audio_enhance.local.enhancer.samples import RATE, window_length

MINUTE = 60 * RATE


@pytest.mark.parametrize("length", [0, 1, RATE, 10 * MINUTE])
def test_what_is_short_stays_in_one_piece(length: int) -> None:
    (piece,) = cut(length, 1)
    assert (piece.start, piece.run_up, piece.last) == (0, 0, True)


@pytest.mark.parametrize("channels", range(1, 9))
@pytest.mark.parametrize("length", [10 * MINUTE + 1, 21 * MINUTE, 60 * MINUTE, 61 * MINUTE + 7])
def test_pieces_lie_side_by_side_and_each_has_its_run_up(length: int, channels: int) -> None:
    window = window_length(channels)
    pieces = cut(length, channels)
    assert pieces[0].first == 0
    assert [piece.first for piece in pieces[1:]] == [piece.stop for piece in pieces[:-1]]
    assert (pieces[-1].stop - 1) * window < length <= pieces[-1].stop * window
    assert [piece.last for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert all(piece.run_up * window == MINUTE for piece in pieces[1:])
    assert all(piece.count * window < 10 * MINUTE + window for piece in pieces)
    assert min(piece.count for piece in pieces) > pieces[0].count // 2


def test_a_piece_knows_what_is_heard() -> None:
    piece = Piece(first=30, count=10, run_up=3, last=False)
    assert (piece.start, piece.stop) == (27, 40)
