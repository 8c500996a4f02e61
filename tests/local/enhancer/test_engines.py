"""Which engine is chosen, and what is said of those that are not."""

from collections.abc import Callable

import pytest

from audio_enhance.local.enhancer import ENGINES, EngineError, choose_engine, engines


def broken(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let these engines' libraries not load."""

    def fails() -> None:
        raise OSError("no such library")

    def loader(name: str, load: Callable[[], object]) -> Callable[[], object]:
        return fails if name in names else load

    changed = tuple((engine, loader(engine.name, load)) for engine, load in engines._LOADED)
    monkeypatch.setattr(engines, "_LOADED", changed)


def test_the_best_one_is_the_default() -> None:
    assert choose_engine().name == ENGINES[0] == "dfn3"
    assert choose_engine().passed_over == ()


@pytest.mark.parametrize("name", ENGINES)
def test_each_can_be_chosen(name: str) -> None:
    assert choose_engine(name).name == name
    assert choose_engine(name).passed_over == ()


def test_where_it_does_not_load_the_next_one_works_and_the_reason_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken(monkeypatch, "dfn3")
    chosen = choose_engine()
    assert chosen.name == "rnnoise"
    assert chosen.passed_over == ("DeepFilterNet3 does not work here: no such library.",)
    broken(monkeypatch, "dfn3", "rnnoise")
    chosen = choose_engine()
    assert chosen.name == "afftdn"
    assert [reason.split()[0] for reason in chosen.passed_over] == ["DeepFilterNet3", "RNNoise"]


def test_one_that_was_asked_for_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, "dfn3")
    with pytest.raises(EngineError, match="no such library") as caught:
        choose_engine("dfn3")
    assert "pip install" in str(caught.value.hint)


def test_there_are_no_others() -> None:
    with pytest.raises(EngineError, match="no engine 'magic'") as caught:
        choose_engine("magic")
    assert caught.value.hint == "Choose one of: dfn3, rnnoise, afftdn."
