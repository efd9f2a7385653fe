"""IREE releases: their wheels, installed toolchains and command-line flags."""
