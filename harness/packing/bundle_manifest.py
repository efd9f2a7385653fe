"""What a bundle says about itself: files, entries of the store, an image, and how its cases are run (no I/O)."""

from collections.abc import Iterator
from dataclasses import field, replace
from pathlib import Path

from harness.core.cases import Backend
from harness.core.history import HistorySettings
from harness.core.settings import CaseSettings, ContainerSettings, ReleaseSettings, Settings, TargetSettings
from harness.core.values import frozen
from harness.report import again

SCHEMA = 1
WHEELS = "wheels"
LOCAL = "local"


@frozen
class PackedFile:
    """A file: the digest and the size of its content, and whether it is a program."""

    sha256: str
    bytes: int
    is_program: bool = False


@frozen
class PackedEntry:
    """An entry of the store, with its files by their paths in it."""

    kind: str
    key: str
    files: dict[str, PackedFile]


@frozen
class PackedImage:
    """An image of a container engine.

    Attributes:
        name: its name in images.toml, such as `cpu`.
        reference: its name in the engine, `localhost/iree-quality:TAG`.
        config: its config, whose digest is the id of the image.
        layers: its layers, the lowest first.
    """

    name: str
    reference: str
    config: PackedFile
    layers: tuple[PackedFile, ...]


@frozen
class Manifest:
    """What a bundle has, and how its cases are run.

    Attributes:
        schema: version of this form.
        release: the IREE release.
        specs: folder of the specs.
        configs: the configs of a suite.
        backend: what the cases run on.
        chips: likewise the chips.
        compile_chips: chips for which the cases are only compiled.
        compile_only: whether nothing is run.
        sku: product whose tuning specs are used.
        files: the files to write, by path.
        entries: the entries of the store.
        image: the image in which the cases run; None if they run on the machine itself.
    """

    schema: int
    release: str
    specs: str
    configs: tuple[str, ...] = ()
    backend: Backend | None = None
    chips: tuple[str, ...] = ()
    compile_chips: tuple[str, ...] = ()
    compile_only: bool = False
    sku: str | None = None
    files: dict[str, PackedFile] = field(default_factory=dict)
    entries: tuple[PackedEntry, ...] = ()
    image: PackedImage | None = None

    @property
    def packed(self) -> Iterator[PackedFile]:
        """All files, also those of entries and of the image."""
        yield from self.files.values()
        for each in self.entries:
            yield from each.files.values()
        if self.image:
            yield from (self.image.config, *self.image.layers)

    @property
    def contents(self) -> dict[str, int]:
        """The size of each content by its digest, in the order in which the bundle has them."""
        return {each.sha256: each.bytes for each in sorted(self.packed, key=lambda each: each.sha256)}

    def settings(self, folder: Path, store: Path, container: ContainerSettings) -> Settings:
        """Return the settings that run the cases without a network, from what was written into a folder."""
        has_wheels = any(name.startswith(f"{WHEELS}/") for name in self.files)
        image = self.image.name if self.image and container.engine != LOCAL else None
        settings = Settings(
            cases=CaseSettings(
                selectors=(),
                specs=folder / self.specs,
                suite_configs=tuple(folder / each for each in self.configs),
            ),
            target=TargetSettings(
                backend=self.backend,
                chips=self.chips,
                compile_chips=self.compile_chips,
                compile_only=self.compile_only,
                sku=self.sku,
            ),
            release=ReleaseSettings(name=self.release, wheels=(folder / WHEELS,) if has_wheels else ()),
            container=replace(container, image=image),
            history=HistorySettings(path=None),
        )
        return replace(settings, fetch=replace(settings.fetch, offline=True, store=store))

    def command(self, folder: Path, store: Path, engine: str = LOCAL) -> str:
        """Return the command that does so with an engine."""
        settings = self.settings(folder, store, ContainerSettings(engine=engine))
        return again.exact_command(settings).removesuffix(" --no-history")
