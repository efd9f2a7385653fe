"""`harness cluster`: the processes that a cluster is made of."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace

from harness.cli.settings import Invocation
from harness.cluster import machine, scheduler
from harness.cluster.security import security
from harness.cluster.worker import WorkerProcess
from harness.containers.auto_provider import Choice
from harness.containers.provider import provider
from harness.core.exit_codes import EXIT_NO_VERDICT, EXIT_OK
from harness.core.settings import ClusterSettings
from harness.pipeline import selection


def main(invocation: Invocation) -> int:
    """Be a scheduler or a worker until a signal stops this process."""
    return _COMMANDS[invocation.subcommand](invocation)


def _scheduler(invocation: Invocation) -> int:
    options, certificates = invocation.options, invocation.settings.cluster.certificates
    secured = security(options.listen, certificates)
    scheduler.run(options.listen, secured, frozen_s=options.frozen_s, notice=_say)
    return EXIT_OK


def _worker(invocation: Invocation) -> int:
    settings, options = invocation.settings, invocation.options
    address = str(settings.cluster.scheduler)
    own, choice = replace(settings, cluster=ClusterSettings()), Choice()
    here = machine.Machine(
        name=options.worker,
        gpus=selection.gpus(settings.target) if options.uses_gpus else (),
        compiles=settings.run.jobs or machine.compiles_at_once(),
        runs=options.runs,
        fetch=settings.fetch,
        container=settings.container,
        provider=lambda release: provider(own, release, choice),
        notice=_say,
    )
    process = WorkerProcess(
        scheduler=address,
        security=security(address, settings.cluster.certificates),
        offer=here.offer(),
        node=here.node,
        notice=_say,
    )
    if reason := process.run():
        sys.stderr.write(f"error: A command sent this worker away, for it failed where others did not: {reason}\n")
        return EXIT_NO_VERDICT
    return EXIT_OK


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


_COMMANDS: Mapping[str, Callable[[Invocation], int]] = {"scheduler": _scheduler, "worker": _worker}
