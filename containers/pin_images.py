"""Update the pins of what images and importers are made from: images.toml, its lock files and requirements.

Run by `nox -s pins`, or by `nox -s pins -- NAME...` for some images. A pin that cannot be updated is kept, with a
message; if its image was named, the exit code is 1.
"""

import argparse
import contextlib
import datetime as dt
import functools
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import uv

from harness.containers import debian, definitions, image_wheels, sockets
from harness.containers.debian import changes
from harness.containers.definitions import Bootstrapped, Image, Pulled
from harness.containers.dependencies import REQUIREMENTS_NAME
from harness.containers.engine import Engine
from harness.core.errors import EngineError, HarnessError
from harness.host.disk import write_atomically

CONTAINERS = Path(__file__).parent
PROJECT = CONTAINERS.parent / "pyproject.toml"
IMPORTERS = CONTAINERS.parent / "harness" / "importers" / "locks"
OLDEST_PYTHON = "3.11"
# A package in a lock file, with its hashes.
_PINNED = re.compile(r"^([\w.-]+)==([^\s;]+)((?:\s*\\\n *--hash=\S+)+)", re.MULTILINE)
_HASH = re.compile(r"sha256:([0-9a-f]{64})")

Say = Callable[[str], None]


class PinError(Exception):
    """The current value of a pin could not be determined."""


def main(arguments: Sequence[str]) -> int:
    """Update pins, print what changed, and return the exit code."""
    parser = argparse.ArgumentParser(prog="nox -s pins --", description="Update the pins of what images are made from.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="an image in images.toml (default: all images, and requirements.txt)"
    )
    parser.add_argument(
        "--debian-mirror", metavar="URL", help="archive of Debian packages to pin, instead of mmdebstrap's choice"
    )
    parser.add_argument(
        "--wheel-index", metavar="URL", help="package index to pin wheels of, instead of that in images.toml"
    )
    parsed = parser.parse_args(arguments)
    known = definitions.load(CONTAINERS)
    if unknown := [name for name in parsed.names if name not in known]:
        parser.error(f"{unknown[0]}: no such image; images.toml has {', '.join(known)}")
    failed = [
        name
        for name in parsed.names or known
        if not all((_is_pinned(name, parsed.debian_mirror, _say), _has_wheels(name, parsed.wheel_index, _say)))
    ]
    if not parsed.names and not _is_locked(_say):
        return 1
    return 1 if parsed.names and failed else 0


def pin(containers: Path, name: str, *, mirror: str | None = None) -> Iterator[str]:
    """Update the pin of an image in a folder with images.toml, and yield what changed.

    Raises:
        PinError: no engine or registry knows the digest of the tag.
        HarnessError: the base image cannot be bootstrapped.
    """
    subject = definitions.load(containers)[name]
    match subject.base:
        case Pulled() as base:
            yield from _pin_pulled(containers, subject, base)
        case Bootstrapped() as base:
            yield from _pin_bootstrapped(containers, subject, base, mirror)


def pin_wheels(containers: Path, name: str, *, index: str | None = None) -> Iterator[str]:
    """Update the pins of the wheels of an image, if it has some, and yield what changed.

    Nothing is installed; wheels of which an index does not say the hash, as AMD's, are downloaded for it.

    Raises:
        PinError: the package index does not have them.
    """
    subject = definitions.load(containers)[name]
    if (wheels := subject.wheels) is None:
        return
    python = ["--python-version", subject.python_version, "--python-platform", image_wheels.PLATFORM]
    found = _compiled(
        *("--generate-hashes", "--no-header", "--no-annotate", "--only-binary", ":all:", *python),
        *("--default-index", index or wheels.index, "-"),
        stdin="\n".join(wheels.wanted),
    )
    locked = {
        package: {"version": version, "sha256": sorted(_HASH.findall(hashes))}
        for package, version, hashes in _PINNED.findall(found)
    }
    path = containers / definitions.WHEELS_NAME
    every = json.loads(path.read_text(encoding="utf-8")) | {name: locked}
    write_atomically(path, json.dumps(every, indent=1, sort_keys=True) + "\n")
    old = {each.package: each.version for each in wheels.locked}
    yield from changes(old, _locked_versions(found))


def lock(project: Path, requirements: Path) -> Iterator[str]:
    """Lock the newest versions of a project's dependencies, and yield what changed."""
    old = _locked_versions(requirements.read_text(encoding="utf-8")) if requirements.exists() else {}
    wanted = ["--universal", "--python-version", OLDEST_PYTHON, "--generate-hashes", "--no-header", "--no-annotate"]
    found = _compiled(*wanted, str(project))
    write_atomically(requirements, found)
    yield from changes(old, _locked_versions(found))


def _compiled(*words: str, stdin: str = "") -> str:
    """Return the lock file that uv makes."""
    argv = [uv.find_uv_bin(), "pip", "compile", "--quiet", *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, input=stdin)
    if done.returncode:
        raise PinError(" ".join(done.stderr.split())[-600:])
    return done.stdout


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _is_pinned(name: str, mirror: str | None, say: Say) -> bool:
    """Update the pin of an image and report it. Return False if the pin is kept because of an error."""
    return _is_done(name, lambda: pin(CONTAINERS, name, mirror=mirror), say)


def _has_wheels(name: str, index: str | None, say: Say) -> bool:
    """Update the pins of the wheels of an image, as `_is_pinned` does that of its base."""
    if definitions.load(CONTAINERS)[name].wheels is None:
        return True
    return _is_done(f"wheels of {name}", lambda: pin_wheels(CONTAINERS, name, index=index), say)


def _is_locked(say: Say) -> bool:
    """Update the locks of the harness's own dependencies and of the importers', and report it."""
    locks = {CONTAINERS / REQUIREMENTS_NAME: PROJECT} | {
        path.with_suffix(".txt"): path for path in IMPORTERS.glob("*.in")
    }
    done = [_is_done(name.name, functools.partial(lock, wanted, name), say) for name, wanted in locks.items()]
    return all(done)


def _is_done(subject: str, do: Callable[[], Iterator[str]], say: Say) -> bool:
    try:
        lines = list(do())
    except (HarnessError, PinError) as error:
        say(f"{subject}: pin kept: {error}")
        return False
    for line in lines or ["unchanged"]:
        say(f"{subject}: {line}")
    return True


def _pin_bootstrapped(containers: Path, subject: Image, base: Bootstrapped, mirror: str | None) -> Iterator[str]:
    debian.check(subject.name, mirror)
    with tempfile.TemporaryDirectory() as folder:
        tree = debian.bootstrap(base, Path(folder), mirror=mirror)
    if tree.sha256 == base.sha256 and tree.versions == base.versions:
        return
    # The packages come first: if this stops between the two files, the pin is refused, and not wrong.
    lock_path = containers / definitions.PACKAGES_NAME
    locked = json.loads(lock_path.read_text(encoding="utf-8")) | {subject.name: tree.versions}
    write_atomically(lock_path, json.dumps(locked, indent=1, sort_keys=True) + "\n")
    today = dt.datetime.now(dt.UTC).date().isoformat()
    _rewrite(containers, subject.name, {"sha256": tree.sha256, "pinned": today})
    yield from changes(base.versions, tree.versions)
    yield f"sha256 {base.sha256} -> {tree.sha256}"


def _pin_pulled(containers: Path, subject: Image, base: Pulled) -> Iterator[str]:
    tagged = base.reference.partition("@")[0]
    if ":" not in tagged.rpartition("/")[2]:
        raise PinError(f"{base.reference} has no tag to look up; expected NAME:TAG@DIGEST.")
    digest = _digest(*tagged.rsplit(":", 1))
    if digest == base.digest and not base.attested:
        return
    _rewrite(containers, subject.name, {"base": f"{tagged}@{digest}"}, dropped="attested")
    if digest != base.digest:
        yield f"{tagged} {base.digest} -> {digest}"
    if base.attested:
        yield f"no longer attested: the registry reports {digest}"


def _digest(repository: str, tag: str) -> str:
    """Return the digest of a tag in its registry, from the first engine that can look it up."""
    problems = []
    for _, address in sockets.addresses("", os.environ):
        try:
            with contextlib.closing(Engine(address.removeprefix("unix://"))) as engine:
                return engine.registry_digest(repository, tag)
        except EngineError as error:
            problems.append(str(error))
    raise PinError(" ".join(problems) or "No container engine found; start Docker, or set DOCKER_HOST.")


def _rewrite(containers: Path, name: str, values: Mapping[str, str], *, dropped: str = "") -> None:
    """Replace values in the table of an image and drop a key; keep all other lines and comments."""
    path = containers / definitions.IMAGES_NAME
    text = path.read_text(encoding="utf-8")
    head, heading, rest = re.split(rf"^(\[{re.escape(name)}\][^\n]*\n)", text, maxsplit=1, flags=re.MULTILINE)
    table, following = _divided(rest)
    for key, value in values.items():
        table = re.sub(rf'^({key}\s*=\s*)"[^"]*"', rf'\g<1>"{value}"', table, count=1, flags=re.MULTILINE)
    if dropped:
        table = re.sub(rf"^{dropped}\s*=[^\n]*\n", "", table, count=1, flags=re.MULTILINE)
    write_atomically(path, head + heading + table + following)


def _divided(text: str) -> tuple[str, str]:
    """Return the text of a table, and the text after it."""
    following = re.search(r"^\[", text, flags=re.MULTILINE)
    end = following.start() if following else len(text)
    return text[:end], text[end:]


def _locked_versions(requirements: str) -> dict[str, str]:
    """Return the versions in a lock file, by name; two if they depend on the version of Python."""
    versions: dict[str, str] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", requirements, flags=re.MULTILINE):
        versions[name] = f"{versions[name]} and {version}" if name in versions else version
    return versions


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
