"""The 22 model files of the original suite, as they were and in an older dialect, for tests that need no network."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Document = dict[str, Any]

HOST = "https://sharkpublic.blob.core.windows.net/sharkpublic"
LLAMA = f"{HOST}/halo-models/llm-dev/llama3_8b_random"
PUNET_TUNER = "attention_and_matmul_spec_punet_mi300.mlir"
UNET_TUNER = "attention_and_matmul_spec_unet_fp16_mi308.mlir"

CPU = [
    "--iree-hal-local-target-device-backends=llvm-cpu",
    "--iree-hal-target-device=local",
    "--iree-llvmcpu-target-cpu-features=host",
]
HIP, NO_CONST_EVAL = "--iree-hal-target-device=hip", "--iree-opt-const-eval=false"
O1, O3, TILED = "--iree-opt-level=O1", "--iree-opt-level=O3", "--iree-opt-data-tiling"
FUSED = "--iree-dispatch-creation-enable-fuse-horizontal-contractions=true"
TRUNCATED = "--iree-vm-target-truncate-unsupported-floats"
STAGES, WAVES = "--iree-llvmgpu-prefetch-num-stages=2", "--iree-rocm-waves-per-eu=2"
ASYNC, DISCRETE = "--iree-execution-model=async-external", "--iree-stream-resource-memory-model=discrete"
STATISTICS = [
    "--iree-scheduling-dump-statistics-format=json",
    "--iree-scheduling-dump-statistics-file=compilation_info.json",
]
PASSES = "--iree-preprocessing-pass-pipeline=builtin.module({})"
TRANSPOSED = PASSES.format("iree-preprocessing-transpose-convolution-pipeline,iree-preprocessing-pad-to-intrinsics")
PADDED = TRANSPOSED.replace("intrinsics)", "intrinsics{pad-target-type=conv})")
CANONICAL = PASSES.format(
    "util.func(iree-flow-canonicalize), iree-preprocessing-transpose-convolution-pipeline, "
    "iree-preprocessing-pad-to-intrinsics"
)
UNET = [HIP, NO_CONST_EVAL, O3, FUSED, TRUNCATED, STAGES, WAVES, ASYNC, *STATISTICS]


def files(tensors: str, inputs: list[str], outputs: list[str]) -> Document:
    """Return the inputs and outputs, of these types, of a model of the first kind: all its files in one folder."""
    return {
        "inputs": [_tensor(f"sai/{tensors}/inference_input.{i}.bin", type_) for i, type_ in enumerate(inputs)],
        "outputs": [_tensor(f"sai/{tensors}/inference_output.{i}.bin", type_) for i, type_ in enumerate(outputs)],
        "real_weights": f"{HOST}/sai/{tensors}/real_weights.irpa",
        "mlir": f"{HOST}/sai/{tensors}/model.mlir",
    }


def _tensor(path: str, type_: str | None = None) -> dict[str, str]:
    return {"source": f"{HOST}/{path}"} | ({"value": type_} if type_ else {})


def _on(cpu: list[str], rocm: list[str], function: str, cpu_limit: str = "", rocm_limit: str = "") -> list[Document]:
    """Return what else is said for the CPU and for ROCm."""
    return [
        {"device": device, "compiler_flags": flags, "run_function": function}
        | ({"threshold_args": [f"--expected_{limit}"]} if limit else {})
        for device, flags, limit in [("local-task", cpu, cpu_limit), ("hip", rocm, rocm_limit)]
    ]


def _sd3() -> dict[str, Document]:
    clip = files("sd3-prompt-encoder", ["1x77x2xi64"] * 6, ["2x154x4096xf32", "2x2048xf32"])
    latents = "2x16x128x128xf16"
    mmdit = files("sd3-mmdit", [latents, "2x154x4096xf16", "2x2048xf16", "2xf16"], ["2x16x128x128xf32"])
    vae = files("sd3-vae", ["1x16x128x128xf16"], ["3x1024x1024xf32"])
    limit = "f32_threshold=0.15f"
    clip_cpu, clip_rocm = _on(
        [*CPU, O1, TILED], [HIP, O3, NO_CONST_EVAL, WAVES, STAGES, ASYNC, PADDED], "encode_tokens", limit, limit
    )
    mmdit_rocm_flags = [HIP, O3, NO_CONST_EVAL, TRUNCATED, STAGES, WAVES, ASYNC, TRANSPOSED]
    mmdit_cpu, mmdit_rocm = _on([*CPU, O3, TILED], mmdit_rocm_flags, "run_forward")
    vae_rocm_flags = [HIP, O3, NO_CONST_EVAL, STAGES, WAVES, ASYNC, TRANSPOSED]
    vae_cpu, vae_rocm = _on([*CPU, O3, TILED], vae_rocm_flags, "decode", "f32_threshold=0.01f", "f32_threshold=0.7f")
    fails = {"run_test_expecting_to_fail": True}
    return {
        "clip_cpu": clip | clip_cpu,
        "clip_rocm": clip | clip_rocm,
        "mmdit_cpu": mmdit | mmdit_cpu | fails,
        "mmdit_rocm": mmdit | mmdit_rocm | fails,
        "vae_cpu": vae | vae_cpu,
        "vae_rocm": vae | vae_rocm,
    }


def _sdxl() -> dict[str, Document]:
    clip = files("sdxl-prompt-encoder", ["1x64xi64"] * 4, ["2x64x2048xf16", "2x1280xf16"])
    vae = files("sdxl-vae-decode", ["1x4x128x128xf16"], ["1x3x1024x1024xf16"])
    limit = "f16_threshold=1.0f"
    clip_cpu, clip_rocm = _on(
        [*CPU, O1, TILED, "--iree-llvmcpu-distribution-size=32", *STATISTICS],
        [HIP, O3, NO_CONST_EVAL, WAVES, STAGES, FUSED, ASYNC, PADDED, *STATISTICS],
        "encode_prompts",
        limit,
        limit,
    )
    vae_rocm_flags = [HIP, O3, NO_CONST_EVAL, STAGES, WAVES, ASYNC, TRANSPOSED, *STATISTICS]
    vae_cpu, vae_rocm = _on([*CPU, O3, TILED], vae_rocm_flags, "main", "f16_threshold=0.02f", "f16_threshold=0.4f")
    scheduler: Document = {"mlir": f"{HOST}/sai/sdxl-scheduler/11-26-2024/model.mlir", "compile_only": True}
    scheduler_rocm = [HIP, NO_CONST_EVAL, STAGES, ASYNC, TRANSPOSED, *STATISTICS]
    return {
        "clip_cpu": clip | clip_cpu,
        "clip_rocm": clip | clip_rocm,
        "scheduler_cpu": scheduler | {"compiler_flags": [*CPU, O3, TILED]},
        "scheduler_rocm": scheduler | {"compiler_flags": scheduler_rocm},
        "vae_cpu": vae | vae_cpu,
        "vae_rocm": vae | vae_rocm,
        **_unet(),
        **_punet(),
    }


def _unet() -> dict[str, Document]:
    latents = "1x4x128x128xf16"
    unet = files("sdxl-scheduled-unet", [latents, "2x64x2048xf16", "2x1280xf16", "1xf16"], [latents]) | {
        "pipeline_mlir": f"{HOST}/sai/sdxl-scheduled-unet/sdxl_unet_pipeline_bench_f16.mlir",
        "add_pipeline_module": True,
    }
    large: Document = {
        "inputs": [_tensor(f"ian/unet_npys/input{i}.npy") for i in range(1, 7)],
        "outputs": [_tensor("ian/unet_npys/golden_out.npy")],
        "real_weights": unet["real_weights"],
        "mlir": f"{HOST}/ian/sdxl_960x1024/stable_diffusion_xl_base_1_0_bs1_64_960x1024_fp16_unet.mlir",
    }
    limits = ("f16_threshold=0.8f", "f16_threshold=0.705f")
    flags = ([*CPU, O3, TILED], [*UNET, TRANSPOSED])
    cpu, rocm = _on(*flags, "produce_image_latents", *limits)
    large_cpu, large_rocm = _on(*flags, "run_forward", *limits)
    tuned = {"tuner_file": {"mi308": UNET_TUNER}}
    return {
        "unet_fp16_cpu": unet | cpu | {"pipeline_compiler_flags": CPU[:2]},
        "unet_fp16_rocm": unet | rocm | tuned | {"pipeline_compiler_flags": ["--verify=false", NO_CONST_EVAL, HIP]},
        "unet_fp16_960_1024_cpu": large | large_cpu | {"custom_real_weights_group": "sdxl_unet_fp16"},
        "unet_fp16_960_1024_rocm": large | large_rocm | tuned,
    }


def _punet() -> dict[str, Document]:
    latents = "1x4x128x128xf16"
    types = [latents, "1xf16", "2x64x2048xf16", "2x1280xf16", "2x6xf16", "1xf16"]
    both: Document = {
        "inputs": [_tensor(f"sdxl/03142025/IO/punet_input{i}.bin", type_) for i, type_ in enumerate(types)],
        "device": "hip",
        "compiler_flags": [*UNET, CANONICAL],
        "threshold_args": ["--expected_f16_threshold=0.2f"],
        "run_function": "main",
        "compile_chip_expecting_to_fail": ["gfx90a"],
        "tuner_file": {"mi300": PUNET_TUNER, "mi308": PUNET_TUNER},
    }
    program = "stable_diffusion_xl_base_1_0_punet_bs1_64_1024x1024_i8.mlir"
    return {
        "punet_int8_fp16_rocm": both
        | {
            "outputs": [_tensor("sdxl/03142025/IO/punet_fp16_out_v2.0.bin", latents)],
            "real_weights": f"{HOST}/sai/sdxl-punet/punet_weights.irpa",
            "mlir": f"{HOST}/sdxl/08042025/mlir/{program}",
        },
        "punet_int8_fp8_rocm": both
        | {
            "outputs": [_tensor("sdxl/03142025/IO/punet_output_v2.bin", latents)],
            "real_weights": f"{HOST}/sai/sdxl-punet/punet_fp8_weights.irpa",
            "mlir": f"{HOST}/sdxl/08122025_transpose_manual/mlir/punet_fp8.mlir",
        },
    }


def _llama() -> dict[str, Document]:
    inputs = {
        "decode": ("next_tokens", "seq_lens", "start_positions", "seq_block_ids", "cache_state"),
        "prefill": ("token_ids", "seq_lens", "seq_block_ids", "cache_state"),
    }
    added = {"": [], "_data_tiling": ["--iree-dispatch-creation-data-tiling"]}
    return {
        f"8b_f16_{name}{suffix}_rocm": {
            "inputs": [{"source": f"{LLAMA}/toy_llama_inputs/{name}_{each}.npy"} for each in names],
            "device": "hip",
            "real_weights": f"{LLAMA}/real_weights.irpa",
            "mlir": f"{LLAMA}/8b_f16_random.mlir",
            "compiler_flags": [HIP, O3, DISCRETE, *flags],
            "run_function": f"{name}_bs4",
        }
        for name, names in inputs.items()
        for suffix, flags in added.items()
    }


def documents() -> dict[str, Document]:
    """Return the last of them by path: `sd3/clip_cpu.json`."""
    models = {"llama": _llama(), "sd3": _sd3(), "sdxl": _sdxl()}
    return {f"{model}/{name}.json": each for model, found in models.items() for name, each in found.items()}


# Names and spellings that the releases of then knew.
_OLD: Mapping[str, str] = {
    STAGES: "--iree-llvmgpu-enable-prefetch=True",
    WAVES: "--iree-hip-waves-per-eu=2",
}
_DROPPED = "--iree-codegen-gpu-native-math-precision=true"


def older(document: Document) -> Document:
    """Return a document in the dialect of releases up to 3.10.0, with a flag that did nothing any more."""
    fields = ("compiler_flags", "pipeline_compiler_flags")
    flags = {field: [_older(flag) for flag in document[field]] for field in fields if field in document}
    flags["compiler_flags"].append(_DROPPED)
    return document | flags


def _older(flag: str) -> str:
    return re.sub("=(true|false)$", lambda match: f"={match[1].title()}", _OLD.get(flag, flag))


def write(folder: Path, found: Mapping[str, Document]) -> None:
    """Write documents below a folder."""
    for name, each in found.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(each, indent=4) + "\n")


def write_tuners(folder: Path) -> None:
    """Write stand-ins for the files without a URL."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (PUNET_TUNER, UNET_TUNER):
        (folder / name).write_text("module attributes { transform.with_named_sequence } {}\n")
