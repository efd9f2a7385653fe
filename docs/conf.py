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
smartquotes_action = "D"  # dashes only: quotes stay as they are in code
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints_format = "short"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_maximum_signature_line_length = 100
add_module_names = False
python_use_unqualified_type_names = True

# The pages by part of the website. docs/index.md says the same in a table, which GitHub shows too.
PARTS = {
    "Use it": (
        "add-a-model",
        "from-onnx",
        "from-jax",
        "from-pytorch",
        "spec",
        "goldens",
        "suites",
        "results",
        "history",
        "repro",
        "blobs",
        "store",
        "bisect",
        "localize",
        "benchmarks",
        "devices",
        "emulators",
        "containers",
        "containment",
        "cluster",
        "ci",
        "api",
    ),
    "Look things up": ("releases", "performance"),
    "Change it": ("architecture", "decisions"),
}
_SETTINGS = re.compile(r"(\w+Settings)\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)")  # with its arguments
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
    """Return a signature that Sphinx can parse, with `...` for defaults that are functions or long."""
    if signature is None:
        return None, returns
    return _SETTINGS.sub(r"\1(...)", re.sub(r"<[^<>]*(<[^<>]*>)?>", "...", signature)), returns


def _with_literal_blocks(
    _app: "Sphinx", _what: str, _name: str, _of: object, _options: object, lines: list[str]
) -> None:
    """Mark indented blocks as what they are in Markdown: Sphinx has `::` for that, which the code does without."""
    for index in range(len(lines) - 2, 0, -1):
        before, here, after = lines[index - 1 : index + 2]
        if before and not here and not before.startswith(" ") and after.startswith("    "):
            lines[index:index] = ["", "::"]


def setup(app: "Sphinx") -> None:
    """Register what Sphinx calls for each page, signature and docstring."""
    app.connect("source-read", _prepared)
    app.connect("autodoc-process-signature", _signed)
    app.connect("autodoc-process-docstring", _with_literal_blocks, priority=400)  # before napoleon
