"""What all tests may use."""

import os

from hypothesis import settings

pytest_plugins = ["tests.databases", "tests.talk"]

# No deadline: a timing is never asserted in a unit test. In CI the same examples every time: there a red test
# must be about the change; new examples are what everybody's own runs and the full counts are for.
settings.register_profile("quick", max_examples=40, deadline=None, derandomize="CI" in os.environ)
settings.register_profile("full", max_examples=1000, deadline=None)
settings.load_profile("full" if "MUSTER_FULL" in os.environ else "quick")
