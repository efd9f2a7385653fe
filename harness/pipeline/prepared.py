"""What a run leaves behind while its environment is still open, so that more can be done with its modules."""

from collections.abc import Mapping

from harness.core.values import frozen
from harness.pipeline.capacity import DevicePool
from harness.pipeline.environment import Python
from harness.pipeline.options import Options
from harness.pipeline.step_results import Results
from harness.pipeline.step_runner import StepRunner, ToolStepRunner
from harness.pipeline.steps import Plan


@frozen
class Prepared:
    """The steps of a run that are done, and what does more of them.

    Attributes:
        plans: by case id, the plan of each case.
        results: what the steps left.
        runner: does steps in the environment of the run.
        pool: the devices of the run.
        steps: what does steps in any environment.
        python: the Python of the environment.
        options: settings for all cases, such as what emulates their devices.
    """

    plans: Mapping[str, Plan]
    results: Results
    runner: StepRunner
    pool: DevicePool
    steps: ToolStepRunner
    python: Python
    options: Options
