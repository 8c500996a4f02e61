"""The package as its users get it: a wheel, and environments with nothing else in them."""

import os
import subprocess
import sys
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[2]


def build(folder: Path) -> Path:
    """Build the wheel and return where it is."""
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps"]
    subprocess.run([*pip, "-w", str(folder), str(ROOT)], check=True)
    [wheel] = folder.glob("*.whl")
    return wheel


@attrs.frozen
class Environment:
    """A virtual environment of its own, into which nothing of this one leaks."""

    folder: Path

    @classmethod
    def create(cls, folder: Path) -> "Environment":
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        return cls(folder)

    @property
    def python(self) -> Path:
        windows = sys.platform == "win32"
        return self.folder / ("Scripts/python.exe" if windows else "bin/python")

    def install(self, *requirements: str) -> None:
        """Install from the package index, with the pip of this environment."""
        pip = [sys.executable, "-m", "pip", "--python", str(self.python), "install"]
        subprocess.run([*pip, "-q", "--no-compile", *requirements], check=True)

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
