"""What becomes of the recording that the tests enhance."""

from pathlib import Path

from audio_enhance.local.enhancer import Rehearsal

NAME = "earhart-aviation-enhanced-93p.mp3"


def expected(recording: Path, strength: int = 93) -> bytes:
    return Rehearsal.expected(recording.read_bytes(), strength)
