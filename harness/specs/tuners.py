"""Says which tuning specs are missing, and where they are.

They are sources of IREE, and some of the original suite have no URL.
"""

from collections.abc import Iterable, Iterator

from harness.core.blobs import Blob
from harness.core.cases import ModelSpec

# In iree-org/iree; older sources have build_tools/pkgci/external_test_suite instead.
WHERE = (
    "tuning specs are in IREE's sources, in tests/external/iree-test-suites/test_suite_files: "
    "pass that folder with --external-files (pytest: --external-file-directory)"
)


def missing(specs: Iterable[ModelSpec]) -> Iterator[str]:
    """Yield one message per missing tuning spec, with the models that need it and where to get it."""
    needs = [(blob.name, each.name, sku) for each in specs for sku, blob in each.tuner_file.items() if is_missing(blob)]
    for file in dict.fromkeys(name for name, _, _ in needs):
        names = ", ".join(dict.fromkeys(spec for name, spec, _ in needs if name == file))
        skus = " or ".join(dict.fromkeys(sku for name, _, sku in needs if name == file))
        yield f"missing tuning spec {file}: --sku {skus} needs it for {names}; {WHERE}."


def is_missing(blob: Blob) -> bool:
    """Whether a blob is a file of this machine that is not there."""
    return blob.url.startswith("file:") and not blob.local_path.exists()
