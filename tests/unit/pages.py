"""Samples of pages, and what a browser would read of them."""

import base64
import dataclasses
import hashlib
import json
import zlib
from html.parser import HTMLParser
from typing import Any

from harness.core.outcomes import Outcome, Report
from harness.core.statuses import Kind, Status
from harness.report.page import page
from harness.report.page.content import Content, Run
from tests.unit import reports

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028\u202e'\"&amp;{{7*7}}"


class Parsed(HTMLParser):
    """A page as a browser reads it: each element with its attributes and its text, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._is_open = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))
        self._is_open = True

    def handle_endtag(self, _tag: str) -> None:
        self._is_open = False

    def handle_data(self, data: str) -> None:
        if self._is_open:
            self.elements[-1][2].append(data)

    def texts(self, tag: str, **attributes: str) -> list[str]:
        """Return the texts of all elements with a tag and attributes."""
        return [
            "".join(text) for name, known, text in self.elements if name == tag and attributes.items() <= known.items()
        ]

    @property
    def policy(self) -> dict[str, str]:
        """The Content-Security-Policy."""
        (found,) = (known for name, known, _ in self.elements if name == "meta" and "http-equiv" in known)
        rules = (rule.strip().partition(" ") for rule in (found["content"] or "").split(";"))
        return {name: value for name, _, value in rules}

    @property
    def index(self) -> dict[str, Any]:
        """What the page shows at once."""
        (text,) = self.texts("script", id="index")
        found: dict[str, Any] = json.loads(text)
        return found

    @property
    def details(self) -> list[dict[str, Any]]:
        """What it shows of each case."""
        return [each for text in self.texts("script", **{"class": "chunk"}) for each in unpacked(text)]


def unpacked(text: str) -> Any:
    return json.loads(zlib.decompress(base64.b64decode(text)))


def digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def rendered(*runs: Report, **more: Any) -> Parsed:
    """Return the page of reports."""
    return Parsed(page.render(Content(runs=tuple(Run(report=each) for each in runs), **more)))


def hostile() -> Outcome:
    """Return a failure in which all that others name could be markup."""
    return reports.failed(
        id=f"tiny/{HOSTILE}[cpu]",
        model=HOSTILE,
        submodel=HOSTILE,
        reason=HOSTILE,
        log_tail=HOSTILE,
        notes=(HOSTILE,),
        logs={HOSTILE: f"javascript:{HOSTILE}"},
        commands={HOSTILE: (HOSTILE,)},
        release=HOSTILE,
        path=HOSTILE,
    )


def many(count: int) -> Report:
    """Return a report of many cases, each with files, errors and commands of its own."""
    return reports.report(*(_numbered(number) for number in range(count)))


def _numbered(number: int) -> Outcome:
    name, digests = f"test_{number:04}_operator_with_a_name", hashlib.sha512(str(number).encode()).hexdigest()
    share = (number % 97) / 100
    output = reports.measurement(error_ratio=share, max_abs_error=share * 1e-5, cosine_similarity=1 - share * 1e-9)
    blobs = tuple(
        dataclasses.replace(
            blob, url=f"https://host/{name}/{kind}", sha256=hashlib.sha256(f"{name}{kind}".encode()).hexdigest()
        )
        for blob in reports.outcome().blobs
        for kind in ("model.mlir", "input_0.bin", "output_0.bin")
    )
    changes: dict[str, Any] = {
        "id": f"onnx/node/generated/{name}[cpu]",
        "model": "onnx/node/generated",
        "submodel": name,
        "release": "3.13.0",
        "outputs": (output,),
        "modules": (reports.module(key=digests[:64], sha256=digests[64:], bytes=9000 + number),),
        "blobs": blobs,
        "logs": {step: f"logs/onnx/{name}-cpu/{step}.log" for step in ("compile", "run")},
        "log_tail": "",
        "notes": (),
    }
    match number % 40:
        case 3:
            return reports.failed(reason=f"output 0 (4x17x65xf32): {number} of 4420 elements differ", **changes)
        case 11:
            return reports.failed(
                Kind.CRASH,
                reason="iree-run-module crashed (SIGSEGV)",
                log_tail=f"{digests}\n" * 40,
                **{k: v for k, v in changes.items() if k != "log_tail"},
            )
        case 17:
            return reports.outcome(Status.XFAILED, kind=Kind.NAN, reason="output 0 has 3 NaN", **changes)
        case _:
            return reports.outcome(**changes)
