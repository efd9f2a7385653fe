"""Renders a report as console output, results.json, JUnit XML and Markdown."""
