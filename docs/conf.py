"""How Sphinx makes the site, whose root is the repository: its links work in both."""

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

# Single backquotes are code, as they are in the sources.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
autoclass_content = "class"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
