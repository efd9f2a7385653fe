"""The forms of sbom.json and provenance.json, checked with the schema of CycloneDX and the types of in-toto."""

import json
from typing import Any

import pytest
from google.protobuf.json_format import ParseError

from harness.containers import provenance, sbom
from harness.iree import releases
from tests.integration import documents
from tests.unit.containers.test_documents import IMAGE, LIBC, NUMPY, made

WHEELS = releases.find("3.13.0").wheels


def test_an_sbom_has_the_form_of_cyclonedx() -> None:
    documents.sbom(sbom.text(IMAGE, [NUMPY, LIBC]))


def test_provenance_has_the_form_of_in_toto_and_slsa() -> None:
    documents.provenance(provenance.text(provenance.with_packages(made(WHEELS, "06" * 32), [LIBC])))


@pytest.mark.parametrize("change", [{"serialNumber": "1"}, {"unknown": 1}, {"components": [{"name": "x"}]}])
def test_another_form_of_an_sbom_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        documents.sbom(json.dumps(json.loads(sbom.text(IMAGE, [NUMPY])) | change))


@pytest.mark.parametrize(
    ("change", "error"),
    [({"subject": []}, ValueError), ({"predicate": {"unknown": {}}}, ParseError), ({"unknown": 1}, ParseError)],
)
def test_another_form_of_provenance_is_refused(change: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        documents.provenance(json.dumps(made(WHEELS) | change))
