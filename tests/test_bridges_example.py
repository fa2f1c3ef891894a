"""The example of bridges in an application runs as it says."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from bridging import FOLDER, Golden
from claimhooks.cli import main

ROOT = Path(__file__).parent.parent
EXAMPLE = Path("examples", "bridges")


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("HYDRA_API_KEY", "Bearer hydra")
    monkeypatch.setenv("WSO2_TOKEN", "wso2")


@pytest.mark.worker
@pytest.mark.usefixtures("secrets")
def test_two_issuers_call_one_application() -> None:
    spec = importlib.util.spec_from_file_location("mounted", EXAMPLE / "mounted.py")
    assert spec is not None
    assert spec.loader is not None
    mounted = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(mounted)
    with TestClient(mounted.app) as http:
        for peer in ("hydra", "wso2"):
            headers = {"content-type": "application/json", "authorization": f"Bearer {peer}"}
            body = json.loads(Golden(FOLDER / peer / "unchanged.json").body())
            # A parameter that a shipped hook looks at.
            body.get("event", {}).get("request", {}).pop("additionalParams", None)
            answer = http.post(f"/token-hooks/{peer}", json=body, headers=headers)
            assert answer.status_code == 200
            assert "https://acme.example/tier" in answer.text
            assert "gold" in answer.text
            assert http.post(f"/token-hooks/{peer}", json=body).status_code == 401


@pytest.mark.usefixtures("secrets")
def test_the_call_of_the_example_can_be_dry_run() -> None:
    config = ["--config", str(EXAMPLE / "claimhooks.toml"), "--format", "json"]
    done = CliRunner().invoke(main, ["run", "--bridge", "hydra", *config, f"{EXAMPLE}/hydra.json"])
    (result,) = json.loads(done.stdout)["results"]
    assert result["outcome"] == "granted"
    assert result["exchange"]["client"]["metadata"] == {"tier": "gold"}
    assert result["exchange"]["audience"] == "https://api.acme.example/"
