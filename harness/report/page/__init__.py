"""Renders results as a page, `report.html`: one file that needs no other and opens no connection."""
