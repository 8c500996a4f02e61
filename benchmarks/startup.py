"""What importing costs, next to `import aiohttp`; and what is not imported.

Run it with `python benchmarks/startup.py`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from statistics import median

from _report import Report

_BASE = "import aiohttp"
_STATEMENTS = (
    "import audio_enhance",
    "from audio_enhance import EnhanceClient",
)
# Of the command line, the local service, the journal, and of what only they need.
_NOT_NEEDED = {
    "av", "botocore", "click", "numpy", "opentelemetry", "pytest", "rich", "sqlite3",
}  # fmt: skip
_NOT_OURS = ("cli", "integrations", "local", "otel", "pytest_plugin", "web")
_TIMED = """
import json, sys, time
began = time.process_time()
{statement}
took = time.process_time() - began
print(json.dumps([took, sorted(sys.modules)]))
"""


def timed(statement: str, environment: Mapping[str, str]) -> tuple[float, set[str]]:
    """Return the CPU seconds of a statement in a new interpreter, and the modules loaded then."""
    code = _TIMED.format(statement=statement)
    finished = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    took, modules = json.loads(finished.stdout)
    return took, set(modules)


def needless(modules: set[str]) -> list[str]:
    """Return what was loaded although nobody who uses the library needs it."""
    ours = tuple(f"audio_enhance.{name}" for name in _NOT_OURS)
    return sorted(
        name for name in modules if name.split(".")[0] in _NOT_NEEDED or name.startswith(ours)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    rounds = 7 if options.quick else 21
    report = Report("startup", {"rounds": rounds})
    report.notes.append("CPU time of the statement in a new interpreter; medians")
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for statement in (_BASE, *_STATEMENTS):
            timed(statement, environment)  # compiles what is not compiled yet
        taken: dict[str, list[float]] = {statement: [] for statement in (_BASE, *_STATEMENTS)}
        loaded: set[str] = set()
        for _ in range(rounds):
            for statement, seconds in taken.items():
                took, modules = timed(statement, environment)
                seconds.append(took)
                loaded |= modules
    for statement, seconds in taken.items():
        pairs = zip(seconds, taken[_BASE], strict=True)
        ratio = median(took / base for took, base in pairs)
        report.add(
            "imports",
            {"statement": statement, "CPU ms": median(seconds) * 1000, f"/ {_BASE}": ratio},
        )
        if statement != _BASE:
            report.aim(f"{statement} / {_BASE}", ratio, 1.1)
    found = needless(loaded)
    report.aim("modules that a user of the library does not need", len(found), 0)
    if found:
        report.notes.append(f"imported without need: {', '.join(found)}")
    report.finish()


if __name__ == "__main__":
    main()
