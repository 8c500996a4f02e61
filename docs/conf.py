"""How Sphinx makes the site, whose root is the repository: its links work in both."""

import shutil
from pathlib import Path

from sphinx.application import Sphinx

from audio_enhance import __version__

project = "audio-enhance"
author = "The audio-enhance developers"
release = version = __version__
html_title = f"audio-enhance {release}"
root_doc = "docs/index"
include_patterns = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/**", "examples/*.md"]
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

html_theme = "furo"
# Nothing is fetched from elsewhere, also when the site is read from a disk.
html_show_sphinx = False

myst_heading_anchors = 4
# Shells, logs and tables of text have no lexer of their own.
highlight_language = "none"

# Of `nox -s links`: examples, and an API that answers nobody without credentials.
linkcheck_ignore = [
    r"https?://(127\.0\.0\.1|localhost|host|s3\.eu-central-1\.)",
    r"https?://\S*(example|adobe\.io|…)",
]
linkcheck_timeout = 20

# Single backquotes are code, as they are in the sources.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
autoclass_content = "class"
napoleon_numpy_docstring = False
napoleon_use_ivar = True

_PICTURES = Path(__file__).with_name("pictures")


def setup(app: Sphinx) -> None:
    """Have the pictures that pages show in light or in dark put where those look for them."""
    app.connect("build-finished", _copy_pictures)


def _copy_pictures(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        folder = Path(app.outdir) / "docs" / _PICTURES.name
        folder.mkdir(exist_ok=True)
        for picture in _PICTURES.glob("*.png"):
            shutil.copy(picture, folder)
