"""What the unit tests share."""

from hypothesis import settings

# No example has a deadline: a busy machine is no bug. The number keeps the unit tests within ten seconds.
settings.register_profile("harness", max_examples=40, deadline=None)
settings.load_profile("harness")
