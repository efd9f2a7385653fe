"""Renders a plan as a shell script (pure): the exact commands, shell-quoted, for an empty folder.

Credentials and queries in URLs are left out of it, as they are of all that is printed.
"""

import shlex
from collections.abc import Iterator

from harness.folders import local_path
from harness.model import Compare, Compile, Link, Plan, Run
from harness.urls import redacted


def render(plan: Plan) -> str:
    """Return a plan as a shell script that does it in an empty folder, but for the comparison."""
    lines = [_comment(plan.case.id), *map(_comment, (*plan.case.spec.comment, *plan.notes))]
    if plan.blocked:
        return "\n".join([*lines, _comment(f"{plan.blocked.status}: {plan.blocked.reason}")])
    linked: set[Link] = set()
    for step in plan.steps:
        if isinstance(step, Compile | Run):
            lines += [_link_line(link) for link in step.links if link not in linked]
            linked.update(step.links)
            lines.append(shlex.join(step.argv))
        elif isinstance(step, Compare):
            lines += _comparisons(step)
    return "\n".join(lines)


def _comment(text: str) -> str:
    """Return a comment of one line, whatever the text: what follows a line end would be a command."""
    return f"# {' '.join(text.split())}"


def _link_line(link: Link) -> str:
    if link.blob.url.startswith("file:"):
        return shlex.join(["ln", "-sf", str(local_path(link.blob)), link.name])
    return shlex.join(["curl", "--fail", "--location", "--output", link.name, redacted(link.blob.url)])


def _comparisons(step: Compare) -> Iterator[str]:
    for name, expected in zip(step.run.outputs, step.expected, strict=True):
        if expected:
            link, type_ = expected
            shown = f"{link.name} ({type_ or 'the type in its header'})"
            yield _comment(f"compare {name} with {shown}: {redacted(link.blob.url)}")
