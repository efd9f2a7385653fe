"""Recognises what drivers of devices say: there is no device, it has too little memory, or it was lost.

None of this says anything about a model. The patterns are names of errors of HIP, CUDA and Vulkan, and words of IREE's
drivers, in the status that iree-run-module ends with; and the words of AMD's runtime before it ends a process itself.
"""

import re
from collections.abc import Sequence

from harness.core.statuses import Kind, Status, Verdict

_MEMORY = r"hipErrorOutOfMemory|CUDA_ERROR_OUT_OF_MEMORY|VK_ERROR_OUT_OF_DEVICE_MEMORY"
_LOST = r"hipError(ECCNotCorrectable|Deinitialized)|CUDA_ERROR_(ECC_UNCORRECTABLE|DEINITIALIZED)|VK_ERROR_DEVICE_LOST"
_ABSENT = (
    r"hipError(NoDevice|InvalidDevice|NotInitialized)"
    r"|CUDA_ERROR_(NO_DEVICE|INVALID_DEVICE|NOT_INITIALIZED|DEVICE_UNAVAILABLE)"
    r"|VK_ERROR_(INCOMPATIBLE_DRIVER|INITIALIZATION_FAILED)"
)
_UNUSABLE = (
    r"runtime library .* not available|driver library|loader library|no driver '|no compatible .* devices"
    r"|INCOMPATIBLE; HAL device|device .* not found|symbol '\w+' not found in library"
)
# ROCR-Runtime: VMFaultHandler, and the callback for errors of queues in clr.
_ABORTS = r"(?m)^(?:Memory access fault by GPU .*|.*HSA_STATUS_ERROR\w*: .*)$"
_ORDINAL = r"HAL device .* not found or unavailable: #hal\.device\.target<[^{]*\{ordinal = (\d+)"
_HINT = " (--compile-only needs none; `harness doctor` checks it)"


def fault(status: str, *, devices: Sequence[str], is_running: bool) -> Verdict | None:
    """Return what is wrong with the device, or None.

    Args:
        status: `STATUS; message; context` of iree-run-module.
        devices: those that the program was given.
        is_running: whether code of the model was running, so that there was a device.
    """
    if re.search(_MEMORY, status):
        return _error(f"the device ran out of memory: {status}")
    if re.search(_LOST, status) or (is_running and re.search(_ABSENT, status)):
        return _error(f"the device was lost: {status}")
    if re.search(_ABSENT, status) or re.search(_UNUSABLE, status):
        return _error(f"the device cannot be used: {status}{_too_few(status, devices) or _HINT}")
    return None


def _too_few(status: str, devices: Sequence[str]) -> str:
    """Return what helps if the program uses more devices than it was given; empty if it has enough."""
    ordinal = re.search(_ORDINAL, status)
    if not ordinal or int(ordinal[1]) < len(devices):
        return ""
    return f" (the program uses {int(ordinal[1]) + 1} devices: list them in 'devices', in order)"


def last_words(log: str) -> str:
    """Return what the runtime of the device printed before it ended the process, after a colon; empty if nothing."""
    found = re.search(_ABORTS, log)
    return f": {found[0].strip()}" if found else ""


def _error(reason: str) -> Verdict:
    return Verdict(status=Status.ERROR, kind=Kind.DEVICE, reason=reason)
