"""The menu: each session installs the project and calls one command.

python3 noxfile.py -s SESSION does what nox -s SESSION does, on a machine that has only Python; uvx nox, where uv is.

nox -s quality -- sd3/clip --backend rocm --chip gfx942     what `harness quality` does with these
nox -s bisect -- sd3/clip --good 3.6.0 --bad 3.13.0         which release broke it
nox -s matrix -- tiny --iree 3.0.0..3.13.0                  the same models with many releases
nox -s bench -- tiny/clip --iree 3.9.0 --against 3.13.0     which of two releases is faster
nox -s image -- build rocm --iree 3.9.0                     the pinned images
nox -s harness -- fetch sd3                                 any other command of `harness`
nox -s tests                                                all tests
nox -s coverage                                             all tests, and what they leave out
nox -s fuzz -- --examples 20000 --seed 1                    odd specs, locks, results and cache entries, for long
nox -s lint                                                 style, types, spelling, specs and workflows
nox -s audit                                                known vulnerabilities of the dependencies
nox -s docs                                                 the website, in site/
nox -s pins                                                 new IREE releases, bases and wheels into the locks
"""

import hashlib
import os
import re
import subprocess
import sys
import venv
from pathlib import Path


def start() -> None:
    """Go on with nox, installed below .nox the first time: `python3 noxfile.py ...` needs nothing but Python."""
    folder = Path(__file__).parent / ".nox" / "start"
    program = folder / "bin" / "nox"
    if not program.exists():
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", "nox", "uv"], check=True)
    os.environ["PATH"] = f"{program.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    os.execv(program, [str(program), "--noxfile", __file__, *sys.argv[1:]])


if __name__ == "__main__":
    start()

import nox  # noqa: E402 - only nox itself gets here
from nox.command import CommandFailed  # noqa: E402

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["quality"]
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.error_on_external_run = True

PYPROJECT = Path(__file__).parent / "pyproject.toml"
FORMS = ".github/ISSUE_TEMPLATE"
# Files by the schema that they must follow, as check-jsonschema takes it.
SCHEMAS = {
    "--schemafile=harness/specs/spec.schema.json": [
        f"{folder}/**/*_{backend}.json"
        for folder in ("harness", "quality_tests")
        for backend in ("cpu", "cuda", "rocm", "vulkan")
    ],
    "--builtin-schema=vendor.dependabot": [".github/dependabot.yml"],
    "--builtin-schema=vendor.github-issue-config": [f"{FORMS}/config.yml"],
    "--builtin-schema=vendor.github-issue-forms": [
        f"{FORMS}/bug.yml",
        f"{FORMS}/model.yml",
        f"{FORMS}/wrong-result.yml",
    ],
}


def install(session: nox.Session, *wanted: str) -> None:
    """Install the project and more, unless the session's environment has just that already.

    Installing is skipped, not only quick: a second run must work without a network.
    """
    key = hashlib.sha256(f"{PYPROJECT.read_text()} {wanted}".encode()).hexdigest()
    stamp = Path(session.virtualenv.location) / "installed"
    if stamp.exists() and stamp.read_text() == key:
        return
    session.install(*wanted)
    stamp.write_text(key)


def call(session: nox.Session, *command: str) -> None:
    """Run a command of the harness as its user would: in the same folder, its exit code passed on.

    nox itself ends with 1 whatever a command ended with, and after ^C gives it only 0.3 s to end.
    """
    install(session, "-e", str(PYPROJECT.parent))
    session.chdir(session.invoked_from)
    try:
        environment = {"HARNESS_COMMAND": "nox -s quality --"}  # what commands to copy begin with
        session.run("harness", *command, *session.posargs, env=environment, interrupt_timeout=60.0)
    except CommandFailed as failed:
        code = re.search(r"\d+$", failed.reason or "")
        raise SystemExit(int(code[0]) if code else 1) from None


@nox.session
def quality(session: nox.Session) -> None:
    """Check models: nox -s quality -- SELECTOR... OPTION..."""
    call(session, "quality")


@nox.session
def bench(session: nox.Session) -> None:
    """Time models, and compare releases, chips or flags: nox -s bench -- CASE --iree RELEASE --against RELEASE."""
    call(session, "bench")


@nox.session
def bisect(session: nox.Session) -> None:
    """Find the release that broke a case: nox -s bisect -- CASE --good RELEASE --bad RELEASE."""
    call(session, "bisect")


@nox.session
def matrix(session: nox.Session) -> None:
    """Check models with many releases: nox -s matrix -- SELECTOR... --iree 3.0.0..3.13.0."""
    call(session, "matrix")


@nox.session
def doctor(session: nox.Session) -> None:
    """Check this machine and suggest fixes."""
    call(session, "doctor")


@nox.session
def image(session: nox.Session) -> None:
    """Build, push, list and remove container images: nox -s image -- tag|build|push|list|prune."""
    call(session, "image")


@nox.session
def harness(session: nox.Session) -> None:
    """Run any command: nox -s harness -- COMMAND OPTION..., such as `fetch`, `new` or `store du`."""
    call(session)


def run_tests(session: nox.Session, *runner: str) -> None:
    """Run pytest on all tests, or as it is told, on more processes than cores: many tests wait."""
    install(session, "-e", f"{PYPROJECT.parent}[pytest]", "--group", "test")
    workers = min(8, 2 * (os.cpu_count() or 1) + 1)
    session.run(*runner, "pytest", "-n", str(workers), *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests; arguments go to pytest."""
    run_tests(session, "python", "-m")


@nox.session
def coverage(session: nox.Session) -> None:
    """Run all tests, and measure the branches that they take: half as long again.

    The coverage that pyproject.toml asks for is asked for where nothing is left out: in CI.
    """
    install(session, "-e", f"{PYPROJECT.parent}[pytest]", "--group", "test")
    session.run("coverage", "erase")
    run_tests(session, "coverage", "run", "-m")
    session.run("coverage", "combine", "--quiet")
    is_whole = os.environ.get("CI") and not session.posargs
    session.run("coverage", "report", *([] if is_whole else ["--fail-under=0"]))


@nox.session
def fuzz(session: nox.Session) -> None:
    """Let readers and commands read odd contents, for as long as you like; `nox -s tests` does a little of it."""
    install(session, "-e", f"{PYPROJECT.parent}[pytest]", "--group", "test")
    session.run("python", "-m", "tests.fuzz", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, types, spelling, specs and the files of GitHub."""
    install(session, "-e", f"{PYPROJECT.parent}[pytest]", "--group", "test", "--group", "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("actionlint")
    session.run("zizmor", "--offline", "--persona=auditor", "--quiet", ".github")
    session.run("codespell")
    for schema, patterns in SCHEMAS.items():
        files = sorted(str(path) for pattern in patterns for path in Path().glob(pattern))
        session.run("check-jsonschema", "--quiet", schema, *files)


@nox.session
def audit(session: nox.Session) -> None:
    """Look up the newest dependencies, and those of images and importers, in PyPI's database of vulnerabilities."""
    install(session, "--group", "audit")
    newest = Path(session.create_tmp()) / "requirements.txt"
    session.run(
        "uv",
        "pip",
        "compile",
        "--quiet",
        "--all-extras",
        "--generate-hashes",
        "--output-file",
        str(newest),
        str(PYPROJECT),
    )
    importers = sorted(PYPROJECT.parent.glob("harness/importers/locks/*.txt"))
    for locked in (newest, PYPROJECT.parent / "containers/requirements.txt", *importers):
        # Strict: a package that PyPI does not know, or does not answer about, is no package without vulnerabilities.
        session.run("pip-audit", "--strict", "--disable-pip", "--require-hashes", "--requirement", str(locked))


@nox.session
def docs(session: nox.Session) -> None:
    """Build the website in site/ from docs/ and docstrings; every warning is an error."""
    install(session, "-e", str(PYPROJECT.parent), "--group", "docs")
    session.run("sphinx-build", "--fresh-env", "--fail-on-warning", "--keep-going", "--quiet", "docs", "site")


@nox.session
def pins(session: nox.Session) -> None:
    """Bring the locks up to date, and say what changed: nox -s pins -- IMAGE... for the bases of some images only."""
    install(session, "-e", str(PYPROJECT.parent))
    if not session.posargs:
        session.run("python", "containers/pin_releases.py")
        session.run("python", "containers/list_flags.py")
    session.run("python", "containers/pin_images.py", *session.posargs)
