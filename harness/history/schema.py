"""The schema of a history, as the steps that lead to it. A step that was released never changes; a new one is added."""

APPLICATION_ID = 0x49514831  # `IQH1`, by which a history is told from the database of another program

_SCHEMA_1 = (
    """
    CREATE TABLE runs (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        started TEXT NOT NULL,
        seconds REAL,
        exit_code INTEGER NOT NULL,
        command TEXT NOT NULL,
        engine TEXT,
        image TEXT,
        release TEXT,
        compiler_commit TEXT,
        machine TEXT,
        kernel TEXT,
        gpus TEXT,
        harness TEXT,
        branch TEXT,
        "commit" TEXT,
        project TEXT NOT NULL,
        folder TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE cases (
        run INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
        id TEXT NOT NULL,
        name TEXT NOT NULL,
        backend TEXT NOT NULL,
        chip TEXT,
        release TEXT NOT NULL,
        status TEXT NOT NULL,
        kind TEXT,
        reason TEXT NOT NULL,
        is_green INTEGER NOT NULL,
        device TEXT NOT NULL,
        module TEXT NOT NULL,
        inputs TEXT NOT NULL,
        limits TEXT NOT NULL,
        is_cached INTEGER NOT NULL,
        max_abs_error REAL,
        error_ratio REAL,
        compile_seconds REAL,
        module_bytes INTEGER,
        dispatches INTEGER,
        latency_ms REAL,
        peak_memory_bytes INTEGER,
        PRIMARY KEY (id, run, release)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX cases_of_run ON cases (run)",
    "CREATE INDEX runs_by_time ON runs (started)",
)

# Two GPUs of one product are two devices; a case in quarantine is told from one that is as expected; runs are pinned.
_SCHEMA_2 = (
    "ALTER TABLE cases ADD COLUMN device_uuid TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE cases ADD COLUMN quarantine TEXT",
    "ALTER TABLE runs ADD COLUMN is_pinned INTEGER NOT NULL DEFAULT 0",
)

# What a step takes says how many fit onto a machine, and which of them should begin first.
_SCHEMA_3 = (
    "ALTER TABLE cases ADD COLUMN compile_memory_bytes INTEGER",
    "ALTER TABLE cases ADD COLUMN run_seconds REAL",
)
# A result that was taken from an earlier run says nothing new of how steady a case is.
_SCHEMA_4 = ("ALTER TABLE cases ADD COLUMN is_reused INTEGER NOT NULL DEFAULT 0",)

MIGRATIONS = (_SCHEMA_1, _SCHEMA_2, _SCHEMA_3, _SCHEMA_4)
