"""Checks the documents in an image with the schema of CycloneDX and the types of in-toto."""

import json
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1.provenance_pb2 import Provenance
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as Message


def sbom(text: str) -> Any:
    """Return an SBOM that follows the schema."""
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    return json.loads(text)


def provenance(text: str) -> Any:
    """Return a statement that has no field which in-toto and SLSA do not know, and all that they need."""
    message = json_format.Parse(text, Message())
    Statement.copy_from_pb(message).validate()
    statement = json.loads(text)
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    json_format.ParseDict(statement["predicate"], Provenance())
    return statement
