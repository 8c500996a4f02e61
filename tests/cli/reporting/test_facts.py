from audio_enhance.cli.reporting import facts

from .support import failed


def test_an_error_is_taken_apart() -> None:
    for source, error, told in (
        ("/a/b.wav", "b.wav: Bad. [phase upload, asset 1] Mend it.", ("Bad.", "Mend it.")),
        ("/a/b.wav", "./a/b.wav: Bad: it is.", ("Bad: it is.", "")),
        ("/a/b.wav", "Not started: no.", ("Not started: no.", "")),
        ("/a/b.wav", "Bad [1, 2]. [request r] x", ("Bad [1, 2].", "x")),
        ("/a/b.wav", "", ("No reason was recorded.", "")),
    ):
        row = failed(source, error)
        assert (facts.reason(row), facts.hint(row)) == told
    row = failed("b.wav", "b.wav: Bad. Mend it.", hint="Mend it.")
    assert (facts.reason(row), facts.hint(row)) == ("Bad.", "Mend it.")
