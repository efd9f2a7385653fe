"""Chooses where models run: on this machine or in a container."""

from harness.containers import sockets
from harness.containers.auto_provider import AutoProvider, Choice, told
from harness.core.errors import UsageError
from harness.core.settings import ContainerSettings, Settings
from harness.iree import release_sources
from harness.iree.release_sources import ReleaseSource
from harness.iree.releases import ReleaseWheels
from harness.pipeline.environment import EnvironmentProvider, FoundTools, InstalledRelease


def provider(
    settings: Settings, release: ReleaseWheels | None = None, choice: Choice | None = None
) -> EnvironmentProvider:
    """Return the provider of the environment that the settings select.

    Args:
        settings: where to run, and with which release.
        release: the release, if it is known; None to find that of the settings when it is needed.
        choice: where models run if the engine is `auto`, for commands that ask for several releases.

    Raises:
        UsageError: the release, the image or the address of the engine is invalid, or options contradict each other.
    """
    if settings.run.tools:
        return FoundTools(tools=settings.run.tools)
    if release is None:
        release_sources.check(settings.release)
    source = ReleaseSource(settings=settings.release, fetch=settings.fetch, found=release)
    if settings.cluster.is_used:
        from harness.cluster import clusters  # noqa: PLC0415 - Dask takes 0.5 s to load

        return clusters.provider(settings, source)
    return _of_machine(settings, source, choice or Choice())


def _of_machine(settings: Settings, source: ReleaseSource, choice: Choice) -> EnvironmentProvider:
    """Return the provider of this machine, or of containers on it."""
    asked = settings.container
    needs = _needs_container(asked)
    if asked.engine == "local" or settings.emulates_here:
        if needs:
            raise UsageError(f"{needs} cannot be combined with --engine local; remove one of them.")
        return InstalledRelease(install=source.install)
    if asked.engine == "apptainer":
        from harness.containers import apptainer_provider  # noqa: PLC0415 - few runs need it

        return apptainer_provider.of(settings, source)
    engine = sockets.connected(asked.engine, asked.variables)
    is_auto = asked.engine == "auto" and not needs
    if is_auto and engine is None:
        problems = "; ".join(sockets.problems("auto", asked.variables))
        remark = told(problems) if problems and choice.decide("local") else ""
        return InstalledRelease(install=source.install, remark=remark)
    from harness.containers import container_provider  # noqa: PLC0415 - the SDK takes 0.2 s to load

    container = container_provider.of(settings, source, engine)
    if not is_auto:
        return container
    return AutoProvider(container=container, local=InstalledRelease(install=source.install), choice=choice)


def _needs_container(asked: ContainerSettings) -> str:
    """Return the option that is only for containers, or nothing."""
    given = {"--image": asked.image, "--cap": asked.capabilities, "--memory": asked.memory_bytes}
    return next((option for option, value in given.items() if value), "")
