"""Checks the documents in an image with the schema of CycloneDX and the types of in-toto."""

import json
from pathlib import Path
from typing import Any

import cyclonedx.schema
import jsonschema
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as Message
from referencing import Registry, Resource

# The library's own validator needs packages that make every start of jsonschema take seconds.
_SCHEMAS = Path(cyclonedx.schema.__file__).parent / "_res"
_BASE = "http://cyclonedx.org/schema/"


def sbom(text: str) -> Any:
    """Return an SBOM that follows the schema."""
    sbom = json.loads(text)
    schemas = {path.name: json.loads(path.read_text()) for path in _SCHEMAS.glob("*.schema.json")}
    known = Registry().with_resources(
        (f"{_BASE}{name}", Resource.from_contents(schema)) for name, schema in schemas.items()
    )
    validator = jsonschema.Draft7Validator(schemas["bom-1.6.SNAPSHOT.schema.json"], registry=known)
    assert [error.message for error in validator.iter_errors(sbom)] == []
    return sbom


def provenance(text: str) -> Any:
    """Return a statement that has no field which in-toto and SLSA do not know, and all that they need."""
    message = json_format.Parse(text, Message())
    Statement.copy_from_pb(message).validate()
    statement = json.loads(text)
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    json_format.ParseDict(statement["predicate"], Provenance())
    return statement
