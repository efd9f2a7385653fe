"""Recognises what the machine did to a program: it was killed, or a resource, a tool or a folder was missing.

None of this says anything about a model. The patterns are the words of the kernel, the C library, the shell, LLVM and
linkers; each is anchored to how such a program begins its line, since logs quote sources whose texts may be anything.
"""

import re
import signal

from harness.core.statuses import Kind, Status, Verdict
from harness.host.process import NO_SPACE, ProcessResult

_SHELL_SIGNAL = 128  # a shell ends with this plus the number of the signal that ended its command
_SENT = {  # signals that a user, a batch system or the kernel sends; a program that crashes raises others
    signal.SIGKILL: "probably out of memory; try --jobs 1, or a machine with more memory",
    signal.SIGTERM: "another process stopped it; run it again",
    signal.SIGINT: "another process stopped it; run it again",
    signal.SIGHUP: "another process stopped it; run it again",
    signal.SIGXCPU: "its limit of CPU time was reached; raise it with `ulimit -t`",
    signal.SIGXFSZ: "its limit of file size was reached; raise it with `ulimit -f`",
}
_MEMORY = "the machine ran out of memory; try --jobs 1, raise `ulimit -v`, or use a machine with more memory"
_THREADS = "no more threads or processes could be started; try --jobs 1, or raise `ulimit -u`"
# A line is looked at up to here: tools quote whole programs in one.
_LINE_CHARS = 1000


def is_crash(ended: ProcessResult) -> bool:
    """Return whether a signal ended a program that no other process sends."""
    return ended.signal is not None and ended.signal not in _SENT


def fault(program: str, ended: ProcessResult, log: str, *, option: str) -> Verdict | None:
    """Return what the machine did to a program, or None.

    Args:
        program: its name, for the message.
        ended: how it ended.
        log: what it printed, without colours.
        option: the option that chooses the folder that it writes to.
    """
    number = ended.signal or (ended.exit_code or 0) - _SHELL_SIGNAL
    if number in _SENT:
        kind = Kind.DISK if number == signal.SIGXFSZ else Kind.TOOL
        name = signal.Signals(number).name
        reason = f"{program} was killed by {name}, {_SENT[signal.Signals(number)]}"
        return _error(kind, reason, lacks_memory=number == signal.SIGKILL)
    for line in filter(_SUSPICIOUS.search, (each[:_LINE_CHARS] for each in log.splitlines())):
        for pattern, kind, reason in _PATTERNS:
            if re.search(pattern, line):
                told = f"{reason.format(option=option)}: {line.strip()}"
                return _error(kind, told, lacks_memory=reason == _MEMORY)
    return None


def _error(kind: Kind, reason: str, *, lacks_memory: bool) -> Verdict:
    return Verdict(status=Status.ERROR, kind=kind, reason=reason, lacks_memory=lacks_memory)


_LINKER = "the linker of the compiler could not do its work here"
_TOOL = r"^(?:LLVM ERROR: |\s*what\(\): +|.*: |fatal error: )?"
_NO_MEMORY = (
    r"(?:[Oo]ut of memory(?: allocating \d+ bytes.*)?|std::bad_alloc|[Cc]annot allocate memory|memory exhausted)"
)
# Compiled when they are first needed.
_PATTERNS = (
    (
        rf"^\S.*(?:{NO_SPACE}|Disk quota exceeded)$",
        Kind.DISK,
        "no space left; free disk space, or choose another folder with {option}",
    ),
    (rf"{_TOOL}File too large$", Kind.DISK, "a file became too large; raise `ulimit -f`"),
    (r"^\S+: error while loading shared libraries: ", Kind.TOOL, "a library could not be loaded"),
    (
        r"^\S+: (?:/\S+: version `[^']*' not found|symbol lookup error: )",
        Kind.TOOL,
        "the libraries of this system do not fit this release; use a container, or a newer system",
    ),
    (r"^failed to generate temporary file: ", Kind.DISK, "TMPDIR cannot be written"),
    (rf"{_TOOL}{_NO_MEMORY}$", Kind.TOOL, _MEMORY),
    (r"^\S*ld(?:\.\w+)?: .*(?:[Oo]ut of memory|memory exhausted|annot allocate memory)", Kind.TOOL, _MEMORY),
    (r"^(?:\S+: )?(?:\S*(?:ld|collect2|clang\S*|gcc): .*(?:signal 9|Killed).*|Killed)$", Kind.TOOL, _MEMORY),
    (r"^Linking failed; escaped command line returned exit code (?:9|35072):$", Kind.TOOL, _MEMORY),
    (rf"{_TOOL}Resource temporarily unavailable$", Kind.TOOL, _THREADS),
    (rf"{_TOOL}Too many open files$", Kind.TOOL, "too many files are open; raise `ulimit -n`"),
    (
        r"^No .*linker tool found in environment\.$",
        Kind.TOOL,
        f"{_LINKER}; install lld, or remove the flag that asks for it",
    ),
    (
        r"^(?:sh: (?:\d+|line \d+): |iree-lld: error: cannot open )",
        Kind.TOOL,
        f"{_LINKER}; is a disk full, or a limit such as `ulimit -f` reached?",
    ),
)
_SUSPICIOUS = re.compile(
    r"[Mm]emory|bad_alloc|version `|symbol lookup|space|quota|too large|temporary file|Killed|signal 9|exit code|"
    r"unavailable|open files|linker|^sh: |cannot open|shared libraries"
)
