"""The settings for all cases that their plans depend on."""

import datetime as dt
import uuid
from dataclasses import field
from typing import Self

from harness.core.cases import Release
from harness.core.references import Oracle
from harness.core.settings import Settings
from harness.core.timings import Timing
from harness.core.values import frozen
from harness.host import emulators
from harness.host.emulators import Emulator
from harness.iree import releases


@frozen
class Options:
    """Settings for all cases.

    Attributes:
        tool_verdict: let iree-run-module compare the outputs.
        run_wrapper: words before iree-run-module on its command line.
        emulator: what emulates GPUs; None for nothing.
        pin_defaults: compile with the defaults of this release where they changed between releases.
        timing: how to time the function of each case; None for not at all.
        measures_compiler: whether what the compilations of each case take is compared.
        oracle: where the outputs come from that cases without expected outputs are compared with.
        keeps_outputs: keep all outputs of every case, and compare nothing.
        today: the day on which expected failures may have ended.
        nonce: a text that no other run has.
    """

    tool_verdict: bool = False
    run_wrapper: tuple[str, ...] = ()
    emulator: Emulator | None = None
    pin_defaults: Release | None = None
    timing: Timing | None = None
    measures_compiler: bool = False
    oracle: Oracle | None = None
    keeps_outputs: bool = False
    today: dt.date = field(default_factory=dt.date.today)
    nonce: str = field(default_factory=lambda: uuid.uuid4().hex)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the settings for all cases. The emulator of a container is known when it runs.

        Raises:
            UsageError: `pin_defaults` is not a known release.
            DeviceError: this machine does not have the emulator.
        """
        run = settings.run
        return cls(
            tool_verdict=run.tool_verdict,
            run_wrapper=run.run_wrapper,
            emulator=emulators.found(str(run.emulator), run.emulator_root) if settings.emulates_here else None,
            oracle=run.oracle,
            pin_defaults=_pinned(run.pin_defaults) if run.pin_defaults else None,
            timing=run.timing,
            measures_compiler=run.measures_compiler,
        )


def _pinned(name: str) -> Release:
    """Return a release with its date, by which releases are ordered; it may be one that is not locked."""
    release = releases.of_build(name)
    return release if release.date else releases.find(name).release
