#!/usr/bin/env python3
"""Write the embedded models: `python quality_tests/tiny/generate.py [--out DIR]`.

Needs NumPy and iree-base-runtime (for the weight archives). Every run writes the same bytes. Expected outputs come
from NumPy in float64 on the stored weights and inputs, never from IREE.
"""

import argparse
from pathlib import Path

from generator.attention_overflow import attention_overflow
from generator.clip import clip, clip_f16
from generator.decode import decode
from generator.matmul_i8 import matmul_i8
from generator.mmdit import mmdit
from generator.model import write_model
from generator.scheduler import scheduler
from generator.unet import unet
from generator.vae import vae

_MODELS = (clip, clip_f16, mmdit, vae, unet, matmul_i8, decode, scheduler, attention_overflow)


def main() -> None:
    """Write every model into the folder asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder to write to")
    folder: Path = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    for make in _MODELS:
        write_model(make(), folder)


if __name__ == "__main__":
    main()
