"""The only module that opens SQLite: the file of a history, its schema, and transactions that many processes make.

Readers and writers do not wait for each other (write-ahead log), and a writer waits for others at most `BUSY_S`. A
process that is killed leaves whole transactions only: https://sqlite.org/wal.html.
"""

import contextlib
import errno
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from harness.core.errors import DiskError
from harness.history.schema import APPLICATION_ID, MIGRATIONS
from harness.host.beneath import Folder
from harness.host.descriptors import IS_LINK
from harness.host.files import reason

BUSY_S = 10.0
_POLL_S = 0.01
_HINT = "Move the file away to begin a new history, or choose another with --history FILE"
_READ_ONLY = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_LEAST_VERSION = (3, 37)  # STRICT tables

T = TypeVar("T")
Connection = sqlite3.Connection
Act = Callable[[Connection], T]


class _OldSchemaError(Exception):
    """The file has an old schema."""


def transaction(path: Path, act: Act[T], *, busy_s: float = BUSY_S) -> T:
    """Do something with a history, all of it or nothing. The file is created, or brought to the newest schema.

    Args:
        path: the file.
        act: does it; called again if another process was faster.
        busy_s: how long to wait for other processes, in seconds.

    Raises:
        DiskError: the file cannot be written, or is no history.
    """
    with _told(path, "write"):
        if _state(path) is None:
            Folder(path.parent).make(path.parent)
        return _retried(lambda: _done(path, act, busy_s), busy_s)


def read(path: Path, act: Act[T]) -> T | None:
    """Return what `act` reads in a history, without changing it; None if there is no file.

    Raises:
        DiskError: the file cannot be read, or is no history.
    """
    with _told(path, "read"):
        if _state(path) is None:
            return None
        try:
            return _retried(lambda: _readable(path, act), BUSY_S)
        except _OldSchemaError:  # the newest one has columns that `act` asks for
            return transaction(path, act)


def compact(path: Path) -> None:
    """Give the space of removed rows back to the disk, unless another process uses the file."""
    with contextlib.suppress(sqlite3.OperationalError), _connection(str(path), 1.0) as connection:
        connection.execute("VACUUM")


def _done(path: Path, act: Act[T], busy_s: float) -> T:
    with _connection(str(path), busy_s) as connection:
        with _snapshot(connection):
            _version(connection)
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            connection.execute("PRAGMA journal_mode = WAL")  # a network file system may refuse it, and works without
        connection.execute("PRAGMA synchronous = NORMAL")
        with _atomic(connection):
            _migrate(connection)
            return act(connection)


def _readable(path: Path, act: Act[T]) -> T:
    """Return what is read, also in a folder where SQLite cannot write the index of its journal: it needs none there."""
    try:
        return _read(str(path), act)
    except sqlite3.OperationalError as error:
        if _code(error) not in _READ_ONLY:
            raise
    return _read(f"{path.absolute().as_uri()}?mode=ro&immutable=1", act)


def _read(name: str, act: Act[T]) -> T:
    with _connection(name, BUSY_S) as connection:
        connection.execute("PRAGMA query_only = ON")
        with _snapshot(connection):
            if _version(connection) < len(MIGRATIONS):
                raise _OldSchemaError
            return act(connection)


@contextlib.contextmanager
def _connection(name: str, busy_s: float) -> Iterator[sqlite3.Connection]:
    if sqlite3.sqlite_version_info < _LEAST_VERSION:
        raise sqlite3.NotSupportedError(f"SQLite {sqlite3.sqlite_version} is too old, expected 3.37 or newer")
    is_uri = name.startswith("file:///")
    connection = sqlite3.connect(name, timeout=busy_s, isolation_level=None, uri=is_uri)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def _snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Let all that is read be of one moment, whatever others write meanwhile."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.rollback()


@contextlib.contextmanager
def _atomic(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to the newest schema, within the transaction of the caller."""
    version = _version(connection)
    for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")
    if version == 0:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _version(connection: sqlite3.Connection) -> int:
    """Return the number of the schema, 0 for an empty file. Raise NotSupportedError for what we cannot use.

    It needs a transaction: another process may create the tables between two of its queries.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != APPLICATION_ID and (application, version, tables) != (0, 0, 0):
        raise sqlite3.NotSupportedError("it is the database of another program")
    if version > len(MIGRATIONS):
        raise sqlite3.NotSupportedError("a newer version of the harness wrote it")
    return int(version)


def _retried(act: Callable[[], T], busy_s: float) -> T:
    """Return what `act` returns; do it again while others are busy, for SQLite does not always wait for them itself."""
    end_s = time.monotonic() + busy_s
    while True:
        try:
            return act()
        except sqlite3.OperationalError as error:
            if _code(error) not in _BUSY or time.monotonic() >= end_s:
                raise
        time.sleep(_POLL_S)


def _code(error: sqlite3.Error) -> int:
    """Return the code of an error, without what is more exact in an extended one; 0 if SQLite itself had none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _state(path: Path) -> os.stat_result | None:
    """Return what stat(2) says of the file; None if it does not exist.

    SQLite itself follows no link to the journals beside it.
    """
    try:
        state = path.lstat()
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(state.st_mode):
        raise OSError(errno.ELOOP, IS_LINK, str(path))
    if not stat.S_ISREG(state.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return state


@contextlib.contextmanager
def _told(path: Path, verb: str) -> Iterator[None]:
    """Raise a DiskError that names the file."""
    try:
        yield
    except (OSError, sqlite3.Error, ValueError, OverflowError) as error:
        raise DiskError(f"Cannot {verb} the history {path}: {reason(error)}. {_HINT}.") from error
