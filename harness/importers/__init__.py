"""Imports models of other frameworks: each in an environment of its own, with inputs and expected outputs."""
