"""What a benchmark says in the end: the machine, the versions, a table, and a file of JSON."""

import json
import os
import platform
import re
import ssl
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import attrs

RESULTS = Path(__file__).parent / "results"
_PACKAGES = (
    "audio-enhance", "aiohttp", "aiofiles", "httpx", "requests", "boto3", "s3transfer", "uvloop",
)  # fmt: skip

Row = Mapping[str, Any]


def machine() -> dict[str, Any]:
    """Describe what the figures were measured on."""
    model = platform.processor() or platform.machine()
    memory = None
    if Path("/proc/cpuinfo").exists():
        info = Path("/proc/cpuinfo").read_text()
        if found := re.search(r"model name\s*: (.+)", info):
            model = found[1]
        if found := re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text()):
            memory = round(int(found[1]) / (1 << 20), 1)
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": memory,
        "system": f"{platform.system()} {platform.release()}",
        # What else is going on here makes every figure worse; one core busy is 1.
        "load_before": round(os.getloadavg()[0], 2),
    }


def versions() -> dict[str, str]:
    """Name the versions of everything that is compared."""
    found = {
        "python": platform.python_version(),
        "openssl (python)": ssl.OPENSSL_VERSION.split()[1],
        "curl": _first_line("curl", "--version", pattern=r"curl (\S+)"),
        "openssl": _first_line("openssl", "version", pattern=r"OpenSSL (\S+)"),
    }
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _first_line(*command: str, pattern: str) -> str:
    try:
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "missing"
    found = re.search(pattern, output)
    return found[1] if found else "unknown"


@attrs.frozen
class Aim:
    """Something that a figure is held against.

    Attributes:
        what: What is measured.
        reached: The figure.
        most: What it should be at most.
    """

    what: str
    reached: float
    most: float

    @property
    def holds(self) -> bool:
        """Whether it does."""
        return self.reached <= self.most


@attrs.define
class Report:
    """Collects tables and aims of one benchmark.

    Attributes:
        name: The benchmark.
        settings: Sizes and rounds.
        notes: What a reader has to know to read the figures right.
    """

    name: str
    settings: dict[str, Any]
    notes: list[str] = attrs.field(factory=list[str])
    _tables: dict[str, list[Row]] = attrs.field(factory=dict[str, list[Row]])
    _aims: list[Aim] = attrs.field(factory=list[Aim])
    _machine: dict[str, Any] = attrs.field(factory=machine)

    def add(self, table: str, row: Row) -> None:
        """Add a row to a table."""
        self._tables.setdefault(table, []).append(row)

    def aim(self, what: str, reached: float, most: float) -> None:
        """Hold a figure against what it should be at most."""
        self._aims.append(Aim(what, reached, most))

    def finish(self) -> None:
        """Print everything, and write it to a file."""
        found = versions()
        print(f"\n{self.name}")
        print("machine: " + _listed(self._machine))
        print("versions: " + _listed(found))
        print("settings: " + _listed(self.settings))
        for title, rows in self._tables.items():
            print(f"\n{title}")
            print_table(rows)
        for note in self.notes:
            print(f"note: {note}")
        if self._aims:
            print("\naims")
            print_table(
                [
                    {
                        "what": aim.what,
                        "reached": aim.reached,
                        "at most": aim.most,
                        "": "holds" if aim.holds else "DOES NOT HOLD",
                    }
                    for aim in self._aims
                ]
            )
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.name}.json"
        path.write_text(
            json.dumps(
                {
                    "benchmark": self.name,
                    "machine": self._machine,
                    "versions": found,
                    "settings": self.settings,
                    "tables": self._tables,
                    "notes": self.notes,
                    "aims": [{**attrs.asdict(aim), "holds": aim.holds} for aim in self._aims],
                },
                indent=2,
            )
        )
        print(f"\nwritten to {path}")


def _listed(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())


def print_table(rows: Sequence[Row]) -> None:
    """Print rows under the names of their fields, numbers to the right."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([_cell(row.get(name)) for name in names] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(names))]
    right = [all(not isinstance(row.get(name), str) for row in rows) for name in names]
    for row in cells:
        print(
            "  "
            + "  ".join(
                cell.rjust(width) if number else cell.ljust(width)
                for cell, width, number in zip(row, widths, right, strict=True)
            ).rstrip()
        )


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
