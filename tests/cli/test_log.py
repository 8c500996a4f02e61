import logging

from audio_enhance.cli.log import logged

LOG = logging.getLogger("audio_enhance.something")


def lines(*, verbose: bool) -> list[str]:
    said: list[str] = []
    with logged(lambda text: said.append(text.plain), verbose=verbose):
        LOG.debug("asked")
        try:
            raise ValueError("two\nlines")
        except ValueError:
            LOG.exception("went \x1b[31mwrong")
    LOG.warning("nobody shows this")
    return [line[9:] if ":" in line[:3] else line for text in said for line in text.split("\n")]


def test_warnings_are_shown_in_one_line() -> None:
    assert lines(verbose=False) == [r"went \x1b[31mwrong"]


def test_everything_is_shown_on_demand() -> None:
    shown = lines(verbose=True)
    assert shown[:3] == ["asked", r"went \x1b[31mwrong", "Traceback (most recent call last):"]
    assert shown[-2:] == ["ValueError: two", "lines"]
