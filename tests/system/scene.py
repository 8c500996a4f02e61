"""What a job meets on its way, what became of it, and the words that say so in rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import attrs
import pytest

from audio_enhance import ApiVersion, EnhanceResult
from audio_enhance.local import Fault
from tests.support.interposed import Change, Instead, Interposed

from .conftest import Staged

TOKEN = "POST /ims/token/v3"
CREATE_ASSET, GET_ASSET = "POST /assets", "GET /assets/:id"
CREATE, POLL = "POST /speech_enhancements", "GET /speech_enhancements/:id"
LOCATE = "GET /speech_enhancements/:id/download"
PUT, GET = "PUT /object", "GET /object"
API = (CREATE_ASSET, GET_ASSET, CREATE, POLL)
BOTH: tuple[ApiVersion, ...] = get_args(ApiVersion)
FIRST_ONLY = BOTH[:1]


@attrs.define
class Scene:
    """What a job meets, and what became of it."""

    world: Staged
    says: Interposed
    patch: pytest.MonkeyPatch
    recording: Path
    version: ApiVersion
    result: EnhanceResult | None = None
    waited: float = 0.0

    def count(self, route: str, status: int | None = None) -> int:
        return self.world.service.count(route, status)

    def times(self, route: str) -> list[float]:
        return [record.time for record in self.world.service.record if record.route == route]


Step = Callable[[Scene], None]


@attrs.frozen
class Row:
    """One kind of answer, as one of those that belong to it."""

    name: str
    arrange: Step
    check: Step = lambda _: None
    versions: tuple[ApiVersion, ...] = BOTH
    differs: bool = False
    behaviour: dict[str, Any] = attrs.field(factory=dict[str, Any])
    client: dict[str, Any] = attrs.field(factory=dict[str, Any])


def changed(route: str, change: Change, times: int = 1) -> Step:
    return lambda scene: scene.says.change(route, change, times=times)


def instead(route: str, answer: Instead, times: int = 1) -> Step:
    return lambda scene: scene.says.instead(route, answer, times=times)


def skipped(route: str, answer: Instead, skip: int) -> Step:
    return lambda scene: scene.says.instead(route, answer, skip=skip)


def struck(fault: Fault, route: str | None, times: int = 1, **how: Any) -> Step:
    return lambda scene: scene.world.service.faults.script(fault, route=route, times=times, **how)


def extra(count: int) -> Step:
    def check(scene: Scene) -> None:
        assert scene.result is not None
        assert scene.result.extra_enhancements == count

    return check


def seen(route: str, count: int) -> Step:
    def check(scene: Scene) -> None:
        assert scene.count(route) == count

    return check


def all_of(*steps: Step) -> Step:
    def take(scene: Scene) -> None:
        for step in steps:
            step(scene)

    return take
