"""Runs a program and prints what it cost: exit code, seconds, CPU seconds, peak memory in KiB.

    python -I -S measured.py PROGRAM ARGUMENT...

Linux includes the memory of the process that starts a program in the program's peak (`exec_mmap` in fs/exec.c keeps
the larger one). So this script imports next to nothing.
"""

import os
import sys
import time


def main() -> None:
    """Run the program."""
    if sys.argv[1:] in (["-h"], ["--help"]):
        print(__doc__)
        return
    started = time.monotonic()
    process = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
    _, status, usage = os.wait4(process, 0)
    seconds = time.monotonic() - started
    print(os.waitstatus_to_exitcode(status), seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)


if __name__ == "__main__":
    main()
