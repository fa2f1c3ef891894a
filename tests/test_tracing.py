"""Spans, for those who have OpenTelemetry."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# In a process of its own: a provider, once set, stays.
PROGRAM = """
import sys
from pathlib import Path
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)

from issuing import TOKEN_PATH, in_process, prepare

prepared = prepare(Path(sys.argv[1]))
with in_process(prepared) as client:
    assert client.post(TOKEN_PATH, data=prepared.form()).status_code == 200
    assert client.post(TOKEN_PATH, data={}).status_code == 400
good, bad = exporter.get_finished_spans()
assert good.name == bad.name == "token_exchange"
assert good.attributes["claimhooks.outcome"] == "granted"
assert good.attributes["claimhooks.client"] == "worker"
assert len(good.attributes["claimhooks.trace"]) == 16
assert bad.attributes["claimhooks.error"] == "invalid_request"
told = repr([dict(span.attributes) for span in (good, bad)])
assert prepared.form()["client_secret"] not in told
"""


def test_each_token_request_is_a_span_that_holds_no_credential(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "issuer")],
        cwd=__file__.rpartition("/")[0],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
