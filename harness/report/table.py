"""Lays out a table as plain text."""

from collections.abc import Collection, Sequence

_GAP = "  "


def lines(head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[int] = ()) -> list[str]:
    """Return the lines of a table, without the columns that are empty in every row.

    Args:
        head: the names of the columns.
        rows: cells that are cleaned already.
        right: the columns whose cells end below each other, such as numbers.
    """
    used = [index for index in range(len(head)) if any(row[index] for row in rows)]
    widths = {index: max(len(row[index]) for row in (head, *rows)) for index in used}
    return [
        _GAP.join(
            row[index].rjust(widths[index]) if index in right else row[index].ljust(widths[index]) for index in used
        ).rstrip()
        for row in (head, *rows)
    ]
