"""Writes the folder of a case: all that another machine needs to repeat it, and how it ended here."""

import contextlib
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from harness.core.blobs import Blob, FetchedBlob
from harness.core.callbacks import Notice
from harness.core.cases import Case
from harness.core.errors import UsageError
from harness.core.history import HistorySettings
from harness.core.outcomes import Outcome, Report
from harness.core.settings import ReleaseSettings, Settings, TargetSettings, default_store
from harness.core.text import command
from harness.core.urls import redacted
from harness.core.values import frozen
from harness.fetch import provision
from harness.fetch.fetcher import Fetcher
from harness.host import files
from harness.host.beneath import Folder
from harness.host.cancel import CancelToken
from harness.host.disk import disk_errors
from harness.iree import release_sources, releases, toolchain
from harness.iree.release_sources import ReleaseSource
from harness.iree.toolchain import Toolchain
from harness.packing import reproducer, script, store_copy
from harness.packing.plain_names import plain
from harness.packing.private_text import without_folders
from harness.packing.script import Packed
from harness.packing.spec_tree import SpecTree
from harness.pipeline import internal, planner
from harness.pipeline.options import Options
from harness.pipeline.steps import ORACLE, Compile
from harness.report import again, results
from harness.store.store import Store

STORE, OUT, WHEELS = "store", "out", "wheels"
_LOGS, _LOG_BYTES = "logs", 64 << 20
_QUOTED = ("engine", "image", "container_engine", "iree", "host", "harness")


@frozen
class CaseRequest:
    """A case of a run, and where it goes.

    Attributes:
        settings: how it was run.
        case: the case, as its spec says it now.
        outcome: how it ended.
        report: the results that it is of.
        results: their folder.
        folder: the folder to write, which does not exist or is empty.
        with_blobs: whether the blobs and the release are copied, so that no network is needed.
        allowed: folders and files of this machine that may be copied.
    """

    settings: Settings
    case: Case
    outcome: Outcome
    report: Report
    results: Path
    folder: Path
    with_blobs: bool
    allowed: tuple[Path, ...]


def write(request: CaseRequest, notice: Notice) -> Packed:
    """Write the folder of a case, and return what it has. What was written is removed if that fails.

    Raises:
        UsageError: the folder is in use, the case has changed since, or a file must not be copied.
        FetchError: a blob or a wheel cannot be downloaded.
        DiskError: no space is left, or a file cannot be written.
    """
    check_new(request.folder)
    to = Folder(request.folder.absolute())
    with disk_errors(request.folder), Store(request.settings.fetch.store.absolute()) as store:
        try:
            to.make(to.path)
            with provision.fetcher(request.settings.fetch, store, notice) as fetcher:
                return _Writer(request, to, store, fetcher, notice).write()
        except BaseException:
            for path, _ in to.content(to.path):
                to.remove(path)
            raise


def check_new(folder: Path) -> None:
    """Raise UsageError unless a folder can be made, or is empty."""
    path = folder.absolute()  # `.` has no name of its own
    here = Folder(path.parent)
    state = here.state(path) if path.name and here.path.is_dir() else None
    if state and (not stat.S_ISDIR(state.st_mode) or Folder(path).content(path)):
        raise UsageError(f"{folder}: exists and is no empty folder; name a new one with -o.")


class _Writer:
    """Writes the parts of a folder."""

    def __init__(self, request: CaseRequest, to: Folder, store: Store, fetcher: Fetcher, notice: Notice) -> None:
        self._request, self._to, self._store, self._fetcher, self._notice = request, to, store, fetcher, notice
        settings = request.settings
        self._release = release_sources.pinned(
            release_sources.chosen(settings.release, settings.fetch, store, notice), fetcher
        )
        options = Options.of(settings)
        with_tools = releases.of_build(request.outcome.release or "") if settings.run.tools else None
        (self._plan,) = internal.plans([request.case], with_tools or self._release.release, options)
        self._fetched: dict[str, FetchedBlob] = {redacted(each.url): each for each in request.outcome.blobs}

    def write(self) -> Packed:
        request = self._request
        self._check_commands()
        for blob in planner.blobs([self._plan]):
            self._check_content(blob)
        tree = SpecTree(self._to, may_copy=self._may_copy, content=self._content, fetched=self._fetched)
        tree.add(request.case, request.settings.cases)
        tree.write_lock()
        is_offline = request.with_blobs and self._copy_store()
        settings = self._settings(tree, is_offline=is_offline)
        with self._toolchain_of_crash() as tools:
            has_reproducer = tools is not None and reproducer.written(
                self._plan, tools, self._fetcher.fetch, self._to.path, timeout_s=settings.run.timeout_s
            )
        packed = Packed(
            outcome=self._outcome(tree),
            report=request.report,
            command=again.exact_command(settings),
            is_offline=is_offline,
            has_reproducer=has_reproducer,
            image=settings.container.image or "",
            notes=tuple(self._notes()),
        )
        self._write_texts(packed)
        return packed

    def _check_commands(self) -> None:
        """Compare the command lines of the compilations with those of the results."""
        steps = (each for each in self._plan.steps if isinstance(each, Compile))
        planned = {f"{ORACLE}_{each.label}" if each.oracle_of else each.label: each.argv for each in steps}
        for label, argv in self._request.outcome.commands.items():
            if label in planned and tuple(argv) != planned[label]:
                self._refuse(str(self._request.case.spec.path))

    def _check_content(self, blob: Blob) -> None:
        """Compare a local file with what the case read; the content of URLs is locked."""
        known = self._fetched.get(redacted(blob.url))
        if blob.is_remote:
            if self._request.with_blobs:
                now = self._fetcher.fetch(blob).blob
                if known and known.sha256 != now.sha256:
                    self._refuse(redacted(blob.url))
                self._fetched.setdefault(redacted(blob.url), now)
        elif known and blob.local_path.is_file():
            self._may_copy(blob.local_path)
            if self._store.digest(blob.local_path) != known.sha256:
                self._refuse(str(blob.local_path))

    def _refuse(self, subject: str) -> None:
        raise UsageError(f"{subject}: has changed since the results were written; run the case again, and pack that.")

    def _may_copy(self, path: Path) -> None:
        real = path.resolve()
        if not any(real.is_relative_to(each.resolve()) for each in self._request.allowed):
            raise UsageError(
                f"{path}: is outside of this folder, and results may come from anywhere; if the file may be copied, "
                f"add --allow-path {command([str(path)])}."
            )

    def _content(self, blob: Blob) -> Path | None:
        return self._fetcher.fetch(blob).path if self._request.with_blobs else None

    def _copy_store(self) -> bool:
        """Copy the blobs and the release; return whether nothing else is needed to run without a network."""
        with Store(self._to.path / STORE) as target:
            for blob in planner.blobs([self._plan]):
                if blob.is_remote:
                    store_copy.copy("blobs", self._fetcher.fetch(blob).blob.sha256, self._store, target)
            if self._is_installed_here:
                self._toolchain()
                store_copy.copy(toolchain.KIND, toolchain.key(self._release), self._store, target)
        for name in ("locks", "pins", "tmp"):
            self._to.remove(self._to.path / STORE / name)
        return self._is_installed_here or self._request.settings.run.tools is not None

    @property
    def _is_installed_here(self) -> bool:
        """Whether the case runs with a release of the harness on the machine itself."""
        settings = self._request.settings
        return settings.run.tools is None and settings.container.engine == "local"

    def _toolchain(self) -> Toolchain:
        settings = self._request.settings
        source = ReleaseSource(settings=settings.release, fetch=settings.fetch, found=self._release)
        return source.install(self._store, CancelToken(), self._notice)

    @contextlib.contextmanager
    def _toolchain_of_crash(self) -> Iterator[Toolchain | None]:
        """Yield the release if it crashed while it compiled on the machine itself."""
        wanted = reproducer.is_wanted(self._request.outcome) and self._is_installed_here and not self._plan.blocked
        yield self._toolchain() if wanted else None

    def _settings(self, tree: SpecTree, *, is_offline: bool) -> Settings:
        """Return the settings with which the case runs in its folder."""
        settings = self._request.settings
        fetch = replace(
            settings.fetch,
            store=Path(STORE) if self._request.with_blobs else default_store(),
            offline=is_offline,
            mirrors=() if is_offline else settings.fetch.mirrors,
        )
        return Settings(
            cases=replace(tree.settings, selectors=(self._request.case.spec.name,)),
            target=self._target(),
            fetch=fetch,
            release=self._release_settings(),
            container=settings.container,
            run=replace(settings.run, out=Path(OUT)),
            history=HistorySettings(path=None),
            command=("harness", "run" if settings.run.tools else "quality"),
        )

    def _target(self) -> TargetSettings:
        """Return the target of this case alone."""
        target, asked = self._request.case.target, self._request.settings.target
        chips = (target.chip,) if target.chip else ()
        is_compiled = target.chip in asked.compile_chips and target.chip not in asked.chips
        return TargetSettings(
            backend=None if target.config else target.backend,
            chips=() if is_compiled or target.config else chips,
            compile_chips=chips if is_compiled else (),
            compile_only=asked.compile_only,
            sku=target.sku if asked.sku else None,
        )

    def _release_settings(self) -> ReleaseSettings:
        """Return the release; wheels that are nowhere else are copied."""
        asked = self._request.settings.release
        elsewhere = [each for each in self._release.wheels if each.url]
        is_copied = self._request.with_blobs or any((each.url or "").startswith("file:") for each in elsewhere)
        if elsewhere and is_copied:
            for each in elsewhere:
                blob = Blob(url=each.url or "", sha256=each.sha256[0])
                self._copy_wheel(blob)
            return ReleaseSettings(name=self._release.release.name, wheels=(Path(WHEELS),))
        return replace(asked, name=self._release.release.name)

    def _copy_wheel(self, blob: Blob) -> None:
        path, folder = self._fetcher.fetch(blob).path, self._to.path / WHEELS
        self._to.make(folder)
        with files.opened(path) as source, self._to.new(folder / plain(unquote(blob.name))) as copy:
            shutil.copyfileobj(source, copy, 1 << 20)

    def _notes(self) -> Iterator[str]:
        settings = self._request.settings
        if settings.run.tools:
            yield (
                "It ran with IREE tools that were installed already, which are not here: put them on `PATH`, or add "
                "`--toolchain DIR` to `sh run.sh`."
            )
        elif not self._is_installed_here:
            yield "It ran in a container, so Docker or Podman must be running; the image is found, pulled or built."

    def _outcome(self, tree: SpecTree) -> Outcome:
        """Return the outcome as it is written: with paths of this folder, and without those of this machine."""
        outcome, case = self._request.outcome, self._request.case
        path = self._to.path / (tree.settings.specs or "")
        config = next(iter(tree.settings.suite_configs), "") if case.target.config else ""
        return replace(
            outcome,
            path=str(path.relative_to(self._to.path)),
            config=str(config),
            blobs=tuple(replace(each, source=None) for each in outcome.blobs),
            logs=self._copied_logs(),
            kept="",
            work="",
            tools=(),
        )

    def _copied_logs(self) -> Mapping[str, str]:
        """Copy the logs, without what is private, and return their paths."""
        source, copied = Folder(self._request.results.absolute()), {}
        for label, name in self._request.outcome.logs.items():
            to = f"{_LOGS}/{plain(label)}.log"
            with contextlib.suppress(OSError, ValueError):  # they may be gone; the end of one is in the results
                text = source.read(source.path / name, _LOG_BYTES).decode(errors="replace")
                self._to.make(self._to.path / _LOGS)
                self._to.write(self._to.path / to, self._clean(text).encode())
                copied[plain(label)] = to
        return copied

    def _write_texts(self, packed: Packed) -> None:
        environment = {name: packed.report.environment.get(name) for name in _QUOTED}
        report = replace(packed.report, environment=environment, cases=(packed.outcome,))
        texts = {
            results.NAME: results.render(report),
            "run.sh": script.script(packed),
            "README.md": script.readme(packed),
        }
        for name, text in texts.items():
            self._to.write(self._to.path / name, self._clean(text).encode())
        if packed.has_reproducer:
            self._clean_file(script.REPRODUCER_LOG)

    def _clean_file(self, name: str) -> None:
        path = self._to.path / name
        text = self._to.read(path, _LOG_BYTES).decode(errors="replace")
        self._to.write(path, self._clean(text).encode())

    def _clean(self, text: str) -> str:
        where = self._request.settings.cases
        folders: dict[Path, str] = {Path.home(): "~", self._store.root: "store", Path.cwd(): "."}
        if where.specs:
            folders[where.specs.resolve()] = "specs"
        return without_folders(text, folders)
