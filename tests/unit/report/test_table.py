from harness.report import table


def test_columns_are_as_wide_as_they_need_to_be() -> None:
    rows = [("a", "1", ""), ("long name", "22", "")]
    assert table.lines(("name", "number", "empty"), rows, right={1}) == [
        "name       number",
        "a               1",
        "long name      22",
    ]


def test_a_table_without_rows_has_no_columns() -> None:
    assert table.lines(("name",), []) == [""]
