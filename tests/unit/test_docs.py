"""The pages lead where they say, the index page leads to each, and the commands that they show are commands."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import api
from tests.unit.command_lines import parsed

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.glob("*.md")), *sorted((ROOT / ".github").rglob("*.md"))]


def links(page: Path) -> Iterator[tuple[str, str]]:
    """Yield the path and the anchor of each link to a file of the project."""
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        yield path, anchor


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the arguments of `harness` in each indented line that calls it, itself or by nox; `#` begins a comment."""
    sessions = "quality|bisect|matrix|image|doctor"
    called = rf"^ {{4,}}(?:\$ )?(?:harness |nox -s (?={sessions}))((?:.*\\\n)*.*)$"
    for line in re.findall(called, page.read_text(), re.MULTILINE):
        yield [word for word in shlex.split(line.replace("\\\n", ""), comments=True) if word != "--"]


def anchors(page: Path) -> set[str]:
    """Return the anchors of headings, as GitHub and MyST make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for path, anchor in links(page):
        target = page.parent / path if path else page
        assert target.exists(), f"{path} does not exist"
        assert not anchor or anchor in anchors(target), f"{target.name} has no heading #{anchor}"


def test_the_index_page_leads_to_every_page() -> None:
    listed = {path for path, _ in links(DOCS / "index.md") if "/" not in path}
    assert listed == {page.name for page in DOCS.glob("*.md")} - {"index.md"}


def test_the_page_of_the_python_api_has_all_that_it_exports() -> None:
    documented = set(re.findall(r"^\.\. auto(?:class|function):: (\w+)$", (DOCS / "api.md").read_text(), re.MULTILINE))
    assert set(api.__all__) == documented | {"HarnessError"}  # which is below, with all errors


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_are_commands(page: Path) -> None:
    for argv in commands(page):
        parsed(*argv)
