"""The package as its users get it: a wheel, and environments with nothing else in them."""

import os
import subprocess
import sys
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[2]
UV = sys.executable, "-m", "uv"


def build(folder: Path) -> Path:
    """Build the wheel and return where it is."""
    subprocess.run([*UV, "build", "-q", "--wheel", "--out-dir", str(folder), str(ROOT)], check=True)
    [wheel] = folder.glob("*.whl")
    return wheel


@attrs.frozen
class Environment:
    """A virtual environment of its own, into which nothing of this one leaks."""

    folder: Path

    @classmethod
    def create(cls, folder: Path) -> "Environment":
        subprocess.run([*UV, "venv", "-q", "--python", sys.executable, str(folder)], check=True)
        return cls(folder)

    @property
    def python(self) -> Path:
        windows = sys.platform == "win32"
        return self.folder / ("Scripts/python.exe" if windows else "bin/python")

    def install(self, *requirements: str) -> None:
        """Install from the package index."""
        install = [*UV, "pip", "install", "-q", "--python", str(self.python)]
        subprocess.run([*install, *requirements], check=True)

    def run(self, *arguments: str, folder: Path) -> "subprocess.CompletedProcess[str]":
        """Run its Python in a folder; what it prints and how it ended."""
        variables = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "PYTEST", "COV"))
        }
        return subprocess.run(
            [str(self.python), *arguments],
            cwd=folder,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
