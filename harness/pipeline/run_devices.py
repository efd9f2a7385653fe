"""The devices that the runs of a session may use."""

from harness.core.settings import TargetSettings
from harness.host import devices
from harness.host.devices import Gpu, Vendor
from harness.pipeline import selection, targets
from harness.pipeline.environment import Environment, EnvironmentRequest


def of(request: EnvironmentRequest, environment: Environment, settings: TargetSettings) -> tuple[Gpu, ...]:
    """Return the GPUs of this machine that may be used, and devices of Vulkan that the environment has."""
    found = [gpu for gpu in request.gpus if gpu.vendor is not Vendor.VULKAN]
    if selection.needs_vulkan(request.cases):
        listed = environment.lister(request.out_dir, request.cancel).vulkan(devices.gpus())
        found += targets.selected_vulkan(settings, listed)
    return tuple(found)
