"""Reads test suites of IREE's maintainers, unedited, into the same cases as specs."""
