"""The page's files, and what is written about them."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import attrs
import pytest

from audio_enhance.local.enhancer import demo_recording, measure
from audio_enhance.web import Limits, create_app

from .support import Site, Visitor

pytestmark = pytest.mark.asyncio(loop_scope="module")
DOCUMENTATION = (Path(__file__).parents[2] / "docs" / "web-app.md").read_text()


async def test_files_have_their_types_and_are_fetched_once(visitor: Visitor) -> None:
    for path, kind in (
        ("", "text/html; charset=utf-8"),
        ("static/main.js", "text/javascript; charset=utf-8"),
        ("static/style.css", "text/css; charset=utf-8"),
        ("static/icon.svg", "image/svg+xml"),
    ):
        answer = await visitor.call("GET", path)
        assert (answer.status, answer.headers["Content-Type"]) == (200, kind)
        assert answer.headers["Cache-Control"] == "no-cache"
        again = await visitor.call("GET", path, headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("name", ["nothing.js", "../_page.py", "..%2f_page.py", "%2fetc%2fpasswd"])
async def test_other_files_are_not_there(visitor: Visitor, name: str) -> None:
    assert (await visitor.call("GET", f"static/{name}")).status == 404


def table(heading: str) -> list[list[str]]:
    """The rows of the first table under a heading, without backquotes."""
    rows = re.search(rf"^## {heading}\n(?:(?!#)[^|]*\n)*((?:\|.*\n)+)", DOCUMENTATION, re.MULTILINE)
    assert rows, heading
    return [line.replace("`", "").strip("| ").split(" | ") for line in rows[1].splitlines()[2:]]


async def test_the_documented_limits_are_the_real_ones() -> None:
    assert {row[0]: row[1] for row in table("Limits")} == {
        name: str(value) for name, value in attrs.asdict(Limits()).items()
    }


async def test_the_documented_addresses_are_the_real_ones() -> None:
    documented = {
        (method, "/" + re.sub(r":(\w+)", r"{\1}", path))
        for row in table("HTTP API")
        for method, path in re.findall(r"(GET|PUT|POST|DELETE) (\S+?)(?=,|$)", row[0])
    }
    routes: list[Any] = create_app().routes
    real = {(m, route.path) for route in routes for m in route.methods - {"HEAD"}}
    assert documented == {each for each in real if "static" not in each[1] and each[1] != "/"}


async def test_the_documented_program_works(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in site.service.environment.items():
        monkeypatch.setenv(name, value)
    [program] = re.findall(r"```python\n(.*?)```", DOCUMENTATION, re.DOTALL)
    names: dict[str, Any] = {"__name__": "program"}
    exec(program, names)
    app = names["app"]
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async with app.router.lifespan_context(app):
        scope = {"type": "http", "method": "GET", "path": "/enhance/", "query_string": b""}
        await app(scope | {"headers": [(b"host", b"tools.example:443")]}, receive, send)
    assert sent[0]["status"] == 200
    assert b"Audio Enhance" in sent[1]["body"]


async def test_what_is_said_of_the_sample_is_true() -> None:
    static = Path(str(files("audio_enhance.web").joinpath("static")))
    before, after = measure(demo_recording()), measure(static / "sample-after.mp3")
    noise = (before.noise_floor - before.loudness) - (after.noise_floor - after.loudness)
    assert f"{noise:.0f} dB less noise." in (static / "index.html").read_text()
    [level] = re.findall(r"before: 1, after: ([\d.]+)", (static / "hero.js").read_text())
    louder = after.loudness - before.loudness
    assert float(level) == pytest.approx(10 ** (-louder / 20), abs=0.005)
