"""The settings of Sphinx: `nox -s docs` makes a website of these pages and of the docstrings of the Python API."""

import re
from typing import TYPE_CHECKING

import harness

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "IREE quality harness"
version = release = harness.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = project
html_theme_options = {
    "source_repository": "https://github.com/iree-quality/harness/",
    "source_branch": "main",
    "source_directory": "docs/",
}
default_role = "code"  # as in Markdown
highlight_language = "text"
smartquotes = False  # they turn the dashes of options into a dash
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints_format = "short"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_maximum_signature_line_length = 100
python_use_unqualified_type_names = True

# The pages by part of the website. docs/index.md says the same in a table, which GitHub shows too.
PARTS = {
    "Use it": ("add-a-model", "spec", "blobs", "bisect", "ci", "api"),
    "Look things up": ("releases", "performance"),
    "Change it": ("architecture", "decisions"),
}
_TREE = """
```{{toctree}}
:caption: {caption}
:hidden:

{pages}
```
"""


def _prepared(_: "Sphinx", page: str, source: list[str]) -> None:
    """Let links out of docs/, such as ../CHANGELOG.md, lead to the repository; add the menu to the index page."""
    source[0] = re.sub(r"\]\(\.\./", f"]({html_theme_options['source_repository']}blob/main/", source[0])
    if page == "index":
        source[0] += "".join(_TREE.format(caption=part, pages="\n".join(PARTS[part])) for part in PARTS)


def _signed(
    _app: "Sphinx", _what: str, _name: str, _of: object, _options: object, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Return a signature that Sphinx can read: it has no syntax for the default that a factory makes."""
    return signature and signature.replace("<factory>", "..."), returns


def setup(app: "Sphinx") -> None:
    """Register what Sphinx calls for each page and for each signature."""
    app.connect("source-read", _prepared)
    app.connect("autodoc-process-signature", _signed)
