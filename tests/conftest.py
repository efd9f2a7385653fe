"""How tests are spread over processes: those of one container engine stay together, and share it and its images."""

import re

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

_WITH_ENGINES = re.compile(r"tests/integration/test_(container|image|passthrough)")
_ENGINE = re.compile(r"\[(?:.*-)?(docker|podman|rootless)\b")


class _ByEngine(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    def _split_scope(self, nodeid: str) -> str:
        if not _WITH_ENGINES.match(nodeid):
            return nodeid
        return found[1] if (found := _ENGINE.search(nodeid)) else "docker"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Schedule by engine: `--dist loadgroup` of xdist 3.8 has no effect with pytest 9.2."""
    return _ByEngine(config, log)
