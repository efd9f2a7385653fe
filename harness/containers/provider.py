"""Chooses where models run: on this machine or in a container."""

from harness.containers import sockets
from harness.core.errors import UsageError
from harness.core.settings import Settings
from harness.iree import release_sources
from harness.iree.release_sources import ReleaseSource
from harness.iree.releases import ReleaseWheels
from harness.pipeline.environment import EnvironmentProvider, FoundTools, InstalledRelease


def provider(settings: Settings, release: ReleaseWheels | None = None) -> EnvironmentProvider:
    """Return the provider of the environment that the settings select.

    Args:
        settings: where to run, and with which release.
        release: the release, if it is known; None to find that of the settings when it is needed.

    Raises:
        UsageError: the release, the image or the address of the engine is invalid.
    """
    if settings.run.tools:
        return FoundTools(tools=settings.run.tools)
    if release is None:
        release_sources.check(settings.release)
    source, asked = ReleaseSource(settings=settings.release, fetch=settings.fetch, found=release), settings.container
    if asked.engine == "local" and asked.image:
        raise UsageError("--image cannot be combined with --engine local; remove one of them.")
    engine = sockets.connected(asked.engine, asked.variables) if asked.engine != "local" else None
    if engine is None and not asked.image and asked.engine in {"auto", "local"}:
        return InstalledRelease(install=source.install)
    from harness.containers import container_provider  # noqa: PLC0415 - the SDK takes 0.2 s to load

    return container_provider.of(settings, source, engine)
