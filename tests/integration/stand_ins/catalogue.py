"""Which stand-in is for which spec of the catalogue, and a host that has them at the URLs of the specs."""

import functools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from harness.core.cases import ModelSpec
from harness.specs import reader as specs
from harness.specs.catalogue import Folders
from tests.integration.range_server import RangeServer
from tests.integration.stand_ins.encoders import sd3_clip, sdxl_clip
from tests.integration.stand_ins.llama import decode, prefill
from tests.integration.stand_ins.mmdit import mmdit_that_fails
from tests.integration.stand_ins.punet import punet_fp8, punet_int8
from tests.integration.stand_ins.scheduler import scheduler
from tests.integration.stand_ins.stand_in import Signature, StandIn, files, signature
from tests.integration.stand_ins.unet import scheduled_unet, unet_960_1024
from tests.integration.stand_ins.vae import vae

HOST = "https://sharkpublic.blob.core.windows.net"
CATALOGUE = Path(__file__).parents[3] / "quality_tests"

Maker = Callable[[Signature], StandIn]

MAKERS: Mapping[str, Maker] = MappingProxyType(
    {
        "sd3/clip": sd3_clip,
        "sd3/mmdit": mmdit_that_fails,
        "sd3/vae": vae,
        "sdxl/clip": sdxl_clip,
        "sdxl/scheduler": scheduler,
        "sdxl/unet_fp16": scheduled_unet,
        "sdxl/unet_fp16_960_1024": unet_960_1024,
        "sdxl/vae": vae,
        "sdxl/punet_int8_fp16": punet_int8,
        "sdxl/punet_int8_fp8": punet_fp8,
        "llama/8b_f16_decode": decode,
        "llama/8b_f16_decode_data_tiling": decode,
        "llama/8b_f16_prefill": prefill,
        "llama/8b_f16_prefill_data_tiling": prefill,
    }
)


def catalogue() -> list[ModelSpec]:
    """Return the specs of the catalogue, as they are."""
    folders = Folders(CATALOGUE)
    return specs.load_all([path for path in folders.paths() if path.parent.name != "tiny"], folders)


def contents(of: Iterable[ModelSpec], makers: Mapping[str, Maker] = MAKERS) -> dict[str, bytes]:
    """Return what the URLs of specs have; what two specs name is the same for both."""
    found: dict[str, bytes] = {}
    for each in of:
        for url, body in _files(each, makers[each.name]).items():
            assert found.setdefault(url, body) == body, f"{url} cannot be what {each.path} and another need"
    return found


def _files(spec: ModelSpec, make: Maker) -> dict[str, bytes]:
    return files(spec, _made(make, signature(spec)))


@functools.cache
def _made(make: Maker, of: Signature) -> StandIn:
    return make(of)


def host_of(found: Mapping[str, bytes]) -> RangeServer:
    """Return a server, to be entered, that has contents at the paths of their URLs."""
    assert all(url.startswith(f"{HOST}/") for url in found)
    return RangeServer({urlsplit(url).path: body for url, body in found.items()})


def mirror(server: RangeServer) -> tuple[str, str]:
    """Return the option by which the command asks a server instead of the catalogue's host."""
    return ("--mirror", f"{HOST}={server.url('')}")
