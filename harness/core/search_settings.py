"""Settings of a search: what `bisect` and `matrix` are asked to find, beside the settings of a run."""

from pathlib import Path

from harness.core.values import frozen

OVER = ("releases", "images", "hip")


@frozen
class SearchSettings:
    """What to find among many releases.

    Attributes:
        good: a release that is good; None to look for one. Of images and HIP runtimes, one of them; None for an end.
        bad: a release that is bad; None for the newest. Likewise.
        fix: whether to find the first good release after the bad one.
        metric: condition that is bad in place of failing, such as `dispatches > 40`.
        any_failure: whether any failure counts, not only one of the phase and kind seen at the bad end.
        all_changes: whether to test every release and find every change.
        repeat: runs with each release; None for one, and many more of the releases beside the answer.
        at_least: how many of them have to agree; None for all.
        attribute: whether to find out if compiler or runtime carries the change.
        log: file for what was seen of each release, one line of JSON each.
        replay: such a file, whose releases are not tested again.
        releases: names and ranges such as `3.0.0..3.13.0` (matrix); empty for all.
        over: what to search, one of `OVER` (bisect); None for what `images` and `hips` say.
        images: images in their order, to test with one release; fewer than two for the releases.
        hips: HIP runtimes in their order, likewise.
        show: number to show in place of the status (matrix).
        jobs: releases tested at once.
    """

    good: str | None = None
    bad: str | None = None
    fix: bool = False
    metric: str | None = None
    any_failure: bool = False
    all_changes: bool = False
    repeat: int | None = None
    at_least: int | None = None
    attribute: bool = False
    log: Path | None = None
    replay: Path | None = None
    releases: tuple[str, ...] = ()
    over: str | None = None
    images: tuple[str, ...] = ()
    hips: tuple[Path, ...] = ()
    show: str | None = None
    jobs: int = 1

    @property
    def is_over_releases(self) -> bool:
        """Whether releases are searched: not HIP runtimes, nor images, of which one alone is where releases run."""
        return not self.hips and len(self.images) <= 1
