"""Makes a worker that another tool of Dask starts one that does steps: `dask worker ADDRESS --preload MODULE`.

`MODULE` is the name of this module, `harness.cluster.preload`. The worker has the default settings of
`harness cluster worker`, and all GPUs of its machine.
"""

import logging

from distributed import Worker

from harness.cluster import machine, worker
from harness.cluster.machine import Machine
from harness.core.settings import FetchSettings, ReleaseSettings
from harness.host import devices
from harness.iree.release_sources import ReleaseSource
from harness.iree.releases import ReleaseWheels
from harness.pipeline.environment import InstalledRelease


async def dask_setup(dask_worker: Worker) -> None:
    """Called by Dask before the worker registers."""
    fetch = FetchSettings()
    here = Machine(
        name=str(dask_worker.name),
        gpus=devices.gpus(),
        compiles=machine.compiles_at_once(),
        fetch=fetch,
        provider=lambda release: InstalledRelease(install=_source(fetch, release).install),
        notice=logging.getLogger("distributed.worker").info,  # the log of the worker
    )
    await worker.furnish(dask_worker, here.offer(), here.node)


def _source(fetch: FetchSettings, release: ReleaseWheels) -> ReleaseSource:
    return ReleaseSource(settings=ReleaseSettings(), fetch=fetch, found=release)
