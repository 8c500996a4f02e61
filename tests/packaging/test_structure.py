"""The house: folders that import downwards only, and no circle."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

import audio_enhance

pytestmark = pytest.mark.once

PACKAGE = Path(audio_enhance.__file__).parent
# From the bottom up; what stands on one floor does not see its neighbours.
FLOORS = (
    {"_version", "_core"},
    {"_video"},
    {"_recording", "_session", "_scheduler"},
    {"_settings", "_transfer", "_journal"},
    {"_jobs"},
    {"_client"},
    {"__init__"},
    {"integrations", "local", "otel"},
    {"dask"},
    {"pytest_plugin", "web"},
    {"cli"},
    {"__main__"},
)
# The folders of the command line, in the same order.
CLI_FLOORS = (
    {"threads", "interrupt", "space", "journals"},
    {"pacing"},
    {"display"},
    {"input"},
    {"reporting"},
    {"execution"},
    {"commands"},
    {"main"},
)
CLI_FLOOR_OF = {room: number for number, rooms in enumerate(CLI_FLOORS) for room in rooms}
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
MODULES = {
    ".".join(("audio_enhance", *path.relative_to(PACKAGE).with_suffix("").parts)): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


def room_of(module: str) -> str:
    """Return the folder or file that a module of the package belongs to."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


@cache
def imported(module: str) -> frozenset[str]:
    """Return the modules of this package that one imports, wherever in its code it does."""
    return _named_in(module, ast.walk(ast.parse(MODULES[module].read_text())))


@cache
def imported_at_once(module: str) -> frozenset[str]:
    """Return those that it imports by itself, or for its types: not those of its functions."""

    def statements(body: Iterable[ast.stmt]) -> Iterator[ast.AST]:
        for statement in body:
            yield statement
            if isinstance(statement, ast.If):
                yield from statements([*statement.body, *statement.orelse])

    return _named_in(module, statements(ast.parse(MODULES[module].read_text()).body))


def _named_in(module: str, nodes: Iterable[ast.AST]) -> frozenset[str]:
    package = module.split(".")[:-1]
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names = {f"{base}.{alias.name}" for alias in node.names}
            found |= {name for name in names if name in MODULES} or {base}
    inits = {f"{name}.__init__" for name in found}
    return frozenset((found | inits) & set(MODULES))


@pytest.mark.parametrize("module", [name for name in MODULES if ".cli." in name])
def test_imports_of_the_command_line_go_down(module: str) -> None:
    at = module.split(".")[2]
    for other in imported(module):
        _, room, below, *_ = (*other.split("."), "__init__")
        if room == "cli" and below not in (at, "__init__"):
            assert at != "__init__", f"{module} imports {other}"
            assert CLI_FLOOR_OF[below] < CLI_FLOOR_OF[at], f"{module} imports {other}"


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down(module: str) -> None:
    room = room_of(module)
    for other in imported(module):
        below = room_of(other)
        assert below == room or FLOOR_OF[below] < FLOOR_OF[room], f"{module} imports {other}"


@pytest.mark.parametrize(
    "module", [m for m in MODULES if FLOOR_OF[room_of(m)] > FLOOR_OF["__init__"]]
)
def test_what_builds_on_the_library_uses_its_public_names(module: str) -> None:
    for other in imported(module):
        private = [part for part in other.split(".") if re.match("_(?!_)", part)]
        assert room_of(other) == room_of(module) or not private, f"{module} imports {other}"


def test_every_room_has_its_floor() -> None:
    assert {room_of(module) for module in MODULES} == set(FLOOR_OF)
    assert FLOOR_OF["__init__"] < 10


def test_no_module_is_its_own_ancestor() -> None:
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " → ".join((*way, module))
        if module not in done:
            for other in imported(module):
                visit(other, (*way, module))
            done.add(module)

    for module in MODULES:
        visit(module, ())


def test_the_way_down_is_short() -> None:
    """From the public names to the lowest module, types included."""
    chains: dict[str, tuple[str, ...]] = {}

    def chain(module: str) -> tuple[str, ...]:
        """Return the longest chain of imports that begins with a module."""
        if module not in chains:
            below = [chain(other) for other in imported_at_once(module)]
            chains[module] = (module, *max(below, key=len, default=()))
        return chains[module]

    longest = chain("audio_enhance.__init__")
    assert len(longest) == 11, " → ".join(longest)


def test_decisions_neither_wait_nor_look_at_a_clock() -> None:
    """Nor does what they are made of."""
    left, seen = {module for module in MODULES if room_of(module) == "_scheduler"}, set[str]()
    assert left
    while left:
        seen.add(module := left.pop())
        left |= imported(module) - seen
        for node in ast.walk(ast.parse(MODULES[module].read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not {"asyncio", "threading", "time"} & {*names}, module
            assert not isinstance(node, ast.Attribute) or node.attr not in {"now", "today"}, module
    assert "audio_enhance._core.clock" not in seen


OF_THE_EXTRA_VIDEO = {
    f"audio_enhance._video.{name}"
    for name in ("decoding", "new_track", "opening", "putting_back", "taking_out")
}


def test_what_needs_an_extra_is_imported_when_it_is_needed() -> None:
    """By functions, not by modules."""
    for module, path in MODULES.items():
        if module not in OF_THE_EXTRA_VIDEO:
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.ImportFrom):
                    assert node.module not in OF_THE_EXTRA_VIDEO, module


def test_the_core_imports_nothing_optional() -> None:
    optional = {"av", "botocore", "click", "numpy", "opentelemetry", "pytest", "redis", "rich"}
    optional |= {"fsspec", "s3fs", "starlette"}
    for module, path in MODULES.items():
        if FLOOR_OF[room_of(module)] > FLOOR_OF["__init__"] or module in OF_THE_EXTRA_VIDEO:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            assert not {name.split(".")[0] for name in names} & optional, module


# Each module has the test module of its name, in the folder of its name. Of these no test is
# asked: `__init__` and modules that hold declarations only (classes with fields, constants,
# names), since neither has a rule of its own, and those below, which others test as a whole.
TESTS = Path(__file__).parents[1]
TESTED_AS_A_WHOLE = {
    "__main__.py": "cli/test_main.py",
    "cli/input/options.py": "cli/commands/test_enhance.py",
    "cli/display/outcome.py": "cli/execution/test_batch.py",
    "cli/execution/service.py": "cli/commands/test_enhance.py",
    "cli/input/settings.py": "cli/test_main.py",
    "cli/execution/unfinished.py": "cli/commands/test_enhance.py",
    "dask/_order.py": "dask/test_enhancer.py",
    "dask/_roster.py": "dask/test_enhancer.py",
    "dask/_worker.py": "dask/test_enhancer.py",
    "integrations/_disconnect.py": "integrations/test_backends.py",
    "integrations/_journals.py": "integrations/test_kept.py",
    "integrations/_life.py": "integrations/test_examples.py",
    "integrations/_results.py": "integrations/test_kept.py",
    "integrations/aiohttp.py": "integrations/test_backends.py",
    "integrations/asgi.py": "integrations/test_backends.py",
    "local/api/backend.py": "local/api/test_endpoints.py",
    "local/api/garbled.py": "session/test_garbled.py",
    "local/api/http.py": "local/api/test_endpoints.py",
    "local/api/state.py": "local/api/test_endpoints.py",
    "local/api/v1.py": "local/api/test_endpoints.py",
    "local/api/validation.py": "local/api/test_endpoints.py",
    "local/enhancer/__main__.py": "local/enhancer/test_init.py",
    "local/enhancer/demo.py": "cli/commands/test_demo.py",
    "local/enhancer/corrected.py": "local/enhancer/test_chunks.py",
    "local/enhancer/encode.py": "local/enhancer/test_formats.py",
    "local/enhancer/encoder.py": "local/enhancer/test_formats.py",
    "local/enhancer/extra.py": "local/enhancer/test_init.py",
    "local/enhancer/findings.py": "local/enhancer/test_timeline.py",
    "local/enhancer/frames.py": "local/enhancer/test_pipeline.py",
    "local/enhancer/resampling.py": "local/enhancer/test_layouts.py",
    "local/measuring/__main__.py": "local/measuring/test_measurer.py",
    "local/measuring/alignment.py": "local/measuring/test_surveying.py",
    "local/measuring/drawing.py": "local/measuring/test_surveying.py",
    "local/measuring/peaks.py": "local/measuring/test_surveying.py",
    "local/measuring/spectrum.py": "local/measuring/test_surveying.py",
    "local/object_store/files.py": "local/object_store/test_server.py",
    "local/object_store/http.py": "local/object_store/test_server.py",
    "local/object_store/own.py": "local/object_store/test_server.py",
    "local/object_store/ranges.py": "local/object_store/test_server.py",
    "_video/decoding.py": "video/test_taking_out.py",
    "_video/new_track.py": "video/test_putting_back.py",
    "_video/opening.py": "video/test_taking_out.py",
    "web/_admission.py": "web/test_receiving.py",
    "web/_archive.py": "web/test_restart.py",
    "web/_backend.py": "web/test_application.py",
    "web/_copies.py": "web/test_measured.py",
    "web/_connection.py": "web/test_receiving.py",
    "web/_kept.py": "web/test_recording.py",
    "web/_measuring.py": "web/test_measured.py",
    "web/_memory.py": "web/test_restart.py",
    "web/_pictures.py": "web/test_measured.py",
    "web/_results.py": "web/test_restart.py",
    "web/_shelf.py": "web/test_restart.py",
    "web/_handlers.py": "web/test_application.py",
    "web/_problems.py": "web/test_application.py",
    "web/_serving.py": "web/test_session.py",
    "web/_studio.py": "web/test_receiving.py",
}


def has_rules(path: Path) -> bool:
    """Whether there is a function in a module that does something."""
    functions = (
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    )
    return any(
        isinstance(function, ast.Lambda)
        or not all(
            isinstance(step, ast.Pass)
            or (isinstance(step, ast.Expr) and isinstance(step.value, ast.Constant))
            for step in function.body
        )
        for function in functions
    )


def place_of_test(path: Path) -> Path:
    """Return where the test of a module belongs."""
    *folders, name = path.relative_to(PACKAGE).with_suffix("").parts
    return TESTS.joinpath(*(folder.strip("_") for folder in folders), f"test_{name.strip('_')}.py")


def test_the_test_of_every_module_is_where_its_name_says() -> None:
    modules = [path for path in MODULES.values() if path.name != "__init__.py" and has_rules(path)]
    lacking = {str(p.relative_to(PACKAGE)) for p in modules if not place_of_test(p).exists()}
    assert lacking == set(TESTED_AS_A_WHOLE)
    for test in TESTED_AS_A_WHOLE.values():
        assert (TESTS / test).exists()
