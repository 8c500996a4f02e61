from fractions import Fraction

import pytest

from audio_enhance._video.clock import Clock, opus_seconds

FRAME = Fraction(1024, 48_000)


def test_rounded_times_are_counted_exactly() -> None:
    clock = Clock()
    for number in range(1000):
        told = Fraction(round(number * FRAME * 1000), 1000)
        assert clock.place(told, Fraction(21, 1000), FRAME) == (number * FRAME, FRAME)


def test_what_does_not_follow_is_seen() -> None:
    clock = Clock()
    assert clock.place(Fraction(2), FRAME, FRAME) == (Fraction(2), FRAME)
    assert clock.place(Fraction(3), FRAME, FRAME) is None
    assert clock.place(Fraction(2), FRAME, FRAME) is None
    assert clock.place(None, FRAME, FRAME) == (2 + FRAME, FRAME)


def test_a_last_packet_that_the_container_cuts_short() -> None:
    assert Clock().place(Fraction(0), Fraction(1, 100), FRAME) == (Fraction(0), Fraction(1, 100))


def test_without_a_length_of_its_own_the_container_is_right() -> None:
    clock, tick = Clock(), Fraction(1, 1000)
    clock.place(Fraction(0), 3 * tick, None)
    assert clock.place(4 * tick, 3 * tick, None) == (4 * tick, 3 * tick)


@pytest.mark.parametrize(
    ("packet", "milliseconds"),
    [
        (bytes([0x00]), 10),
        (bytes([0x18]), 60),  # SILK, 60 ms
        (bytes([0x79]), 40),  # hybrid, 20 ms, two frames
        (bytes([0x80]), Fraction(5, 2)),
        (bytes([0xFB, 3]), 60),  # CELT, 20 ms, three frames
        (bytes([0xFB]), 0),
    ],
)
def test_packets_of_opus_say_how_long_they_last(packet: bytes, milliseconds: Fraction) -> None:
    assert opus_seconds(packet) == Fraction(milliseconds) / 1000
