"""What deploys the gateway: images, compose, dashboards, the unit. Valid, locked down, and of things that exist."""

import json
import os
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infrastructure.dockerfile_rules import RULES, findings, instructions
from tests.infrastructure.promql import FOREIGN, grouping_labels, labels_of, selectors
from tests.infrastructure.test_alert_rules import RECORDED
from tests.policy.opa_server import require_opa

ROOT = Path(__file__).parents[2]
INFRASTRUCTURE = ROOT / "infrastructure"
DOCKERFILE = INFRASTRUCTURE / "docker/Dockerfile"
IMAGE = DOCKERFILE.read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((INFRASTRUCTURE / "compose.yaml").read_text(encoding="utf-8"))
DASHBOARDS = sorted((INFRASTRUCTURE / "grafana/dashboards").glob("*.json"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_the_image_installs_only_what_is_pinned_and_runs_as_nobody() -> None:
    """Without this, an image could bring other code than was tested, or a hole in it the whole machine."""
    found = instructions(IMAGE)
    installs = [one for name, text in found if name == "RUN" for one in text.split("&&") if "pip install" in one]
    assert installs
    assert all("--require-hashes" in one or "--no-deps --no-build-isolation ." in one for one in installs)
    users = [text for name, text in found if name == "USER"]
    assert users == ["gateway"]
    assert [name for name, _ in found].index("USER") < [name for name, _ in found].index("HEALTHCHECK")
    images = [text.split()[0] for name, text in found if name == "FROM"]
    assert len(images) == 2
    assert all(re.fullmatch(r"[a-z/]+:[0-9][\w.-]+", image) for image in images)


def test_the_image_copies_what_exists_and_nothing_that_may_hold_a_secret() -> None:
    """Without this, a build would fail on the day it is needed, or carry the .env of a developer."""
    copied = [
        text.split()[:-1] for name, text in instructions(IMAGE) if name == "COPY" and not text.startswith("--from")
    ]
    names = [name for words in copied for name in words]
    assert {"gateway", "config", "policies", "pyproject.toml"} <= set(names)
    for name in names:
        assert name == "${LOCK}" or (ROOT / name).exists(), name
    (lock,) = [text.split("=")[1] for name, text in instructions(IMAGE) if name == "ARG"]
    assert (ROOT / lock).exists()
    ignored = (DOCKERFILE.parent / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[1] == "**"
    assert not any(line.startswith("!") and ".env" in line for line in ignored)
    assert "**/.env" in ignored


def test_the_command_of_the_image_and_of_the_unit_is_one_of_the_gateway() -> None:
    """Without this, a renamed option would keep the container from starting."""
    (command,) = [json.loads(text) for name, text in instructions(IMAGE) if name == "CMD"]
    unit = (INFRASTRUCTURE / "systemd/gateway.service").read_text(encoding="utf-8")
    (line,) = re.findall(r"^ExecStart=\S+/gateway (.*)$", unit, re.MULTILINE)
    shown = subprocess.run(
        [sys.executable, "-m", "gateway", "serve", "--help"], capture_output=True, text=True, check=True
    )
    for words in (command, line.split()):
        assert words[0] == "serve"
        assert {word for word in words if word.startswith("--")} <= set(re.findall(r"--[a-z-]+", shown.stdout))


@pytest.mark.parametrize("name", SERVICES)
def test_services_are_pinned_locked_down_and_on_this_machine_only(name: str) -> None:
    """Without this, a companion would change by itself, or Prometheus and Grafana stand open to a network."""
    service = SERVICES[name]
    assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+[\w.-]*", service["image"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    for key in service.get("secrets", []):
        assert key in COMPOSE["secrets"]
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        assert source in COMPOSE["volumes"] or (INFRASTRUCTURE / source).exists(), volume


def test_companions_find_each_other_under_the_names_of_compose() -> None:
    """Without this, Prometheus would scrape a host that does not exist, and ring for it."""
    prometheus = yaml.safe_load((INFRASTRUCTURE / "prometheus/prometheus.yml").read_text(encoding="utf-8"))
    jobs = [*prometheus["scrape_configs"], *prometheus["alerting"]["alertmanagers"]]
    targets = {target for job in jobs for one in job["static_configs"] for target in one["targets"]}
    assert {target.split(":")[0] for target in targets} <= set(SERVICES)
    alertmanager = (INFRASTRUCTURE / "alertmanager/alertmanager.yml").read_text(encoding="utf-8")
    files = set(re.findall(r"/run/secrets/(\w+)", alertmanager))
    assert files == set(SERVICES["alertmanager"]["secrets"])
    assert "gateway_metrics_key" in SERVICES["prometheus"]["secrets"]


def test_the_gateway_and_opa_read_the_token_from_one_file() -> None:
    """Without this, a token in the gateway's .env alone makes OPA let nobody in: every order is denied. And OPA must
    not be given the keys of venues."""
    (own,) = SERVICES["opa"]["env_file"]
    assert own in SERVICES["gateway"]["env_file"]
    assert "environment" not in SERVICES["opa"]
    told = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    assert re.search(rf'echo "OPA_TOKEN=.*" > infrastructure/{own["path"].removeprefix("./")} ', told)


@pytest.mark.parametrize(
    ("path", "is_let_in"), [("health", True), ("metrics", True), ("v1", False), ("metrics/x", False)]
)
def test_prometheus_may_scrape_opa_and_no_more(path: str, is_let_in: bool) -> None:
    """Without this, the job `opa` of Prometheus is down for ever with 401, or it may read the policies."""
    question = json.dumps({"method": "GET", "path": path.split("/"), "identity": None})
    command = [require_opa(), "eval", "-f", "raw", "-d", str(INFRASTRUCTURE / "opa/authz.rego"), "-I"]
    done = subprocess.run(
        [*command, "data.system.authz.allow"], input=question, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(is_let_in).lower()


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboards_show_metrics_that_exist(path: Path) -> None:
    """Without this, a panel would be empty, and people would take that for good news."""
    board = json.loads(path.read_text(encoding="utf-8"))
    assert board["uid"]
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    for panel in board["panels"]:
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            expression = target["expr"]
            found = list(selectors(expression))
            assert found or expression.startswith(FOREIGN), expression
            known = {"le"}
            for selector in found:
                labels = labels_of(selector.name)
                if labels is None:
                    assert selector.name in RECORDED, expression
                    labels = frozenset(grouping_labels(RECORDED[selector.name]["expr"]))
                assert selector.labels <= labels, expression
                known |= labels
            assert grouping_labels(expression) <= known, expression
            shown = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            assert shown <= (grouping_labels(expression) or known), target


def test_every_dashboard_of_the_folder_is_provisioned() -> None:
    """Without this, a dashboard would be in the repository and in nobody's browser."""
    folder = yaml.safe_load((INFRASTRUCTURE / "grafana/provisioning/dashboards/gateway.yaml").read_text())
    path = folder["providers"][0]["options"]["path"]
    assert any(volume.split(":")[1] == path for volume in SERVICES["grafana"]["volumes"])
    assert len(DASHBOARDS) == 2


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """Without this, a misspelled directive would be ignored, and its protection with it."""
    unit = (INFRASTRUCTURE / "systemd/gateway.service").read_text(encoding="utf-8")
    path = tmp_path / "gateway.service"
    path.write_text(unit.replace("/opt/gateway/.venv/bin/gateway", sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False)
    own = [line for line in done.stderr.splitlines() if "gateway.service" in line]
    assert own == []


#: A line that breaks each rule, and what it stands in for.
BROKEN = {
    "DL3000": ("WORKDIR /src", "WORKDIR src"),
    "DL3002": ("USER gateway", "USER root"),
    "DL3003": ("RUN groupadd", "RUN cd / && groupadd"),
    "DL3004": ("RUN groupadd", "RUN sudo groupadd"),
    "DL3006": ("FROM python:3.12-slim-bookworm\n", "FROM python\n"),
    "DL3007": ("FROM python:3.12-slim-bookworm\n", "FROM python:latest\n"),
    "DL3008": ("RUN groupadd", "RUN apt-get install curl && groupadd"),
    "DL3011": ("EXPOSE 8000", "EXPOSE 80000"),
    "DL3013": ("--require-hashes ", ""),
    "DL3020": ("COPY gateway ./gateway", "ADD gateway ./gateway"),
    "DL3021": ("pyproject.toml ./", "pyproject.toml there"),
    "DL3022": ("--from=build", "--from=built"),
    "DL3024": ("FROM python:3.12-slim-bookworm\n", "FROM python:3.12-slim-bookworm AS build\n"),
    "DL3025": ('ENTRYPOINT ["gateway"]', "ENTRYPOINT gateway"),
    "DL3042": (" PIP_NO_CACHE_DIR=1", ""),
    "DL3045": ("WORKDIR /src\n", ""),
    "DL3046": ("--uid 10001", "--uid 1000001"),
    "DL3057": ("HEALTHCHECK", "# HEALTHCHECK"),
    "DL3059": ("COPY gateway ./gateway\n", ""),
    "DL4000": ("STOPSIGNAL", "MAINTAINER somebody\nSTOPSIGNAL"),
    "DL4003": ("STOPSIGNAL", 'CMD ["serve"]\nSTOPSIGNAL'),
    "DL4004": ("STOPSIGNAL", 'ENTRYPOINT ["sh"]\nSTOPSIGNAL'),
    "DL4006": ("RUN groupadd", "RUN cat /etc/group | sort && groupadd"),
    "SC1000": ("RUN groupadd", "RUN (groupadd"),
}


def test_the_dockerfile_keeps_the_rules_of_hadolint() -> None:
    """Without this, habits that make images large or unsafe would creep in."""
    assert findings(IMAGE) == []
    assert [code.split()[0] for code in RULES] == list(BROKEN)
    for code, (good, bad) in BROKEN.items():
        assert good in IMAGE, code
        assert code in [one.split()[0] for one in findings(IMAGE.replace(good, bad))], code
    if shutil.which("hadolint") is not None:
        subprocess.run(["hadolint", str(DOCKERFILE)], check=True)


def test_compose_takes_the_file(tmp_path: Path) -> None:
    """Without this, a key that compose does not know would stop a deployment. Read by ``docker compose config`` where
    it is, else by the library that it is made of (`make compose`)."""
    tool = compose_tool()
    if tool is None:
        assert os.environ.get("CI") != "true", "CI=true: nothing may be skipped, and neither compose nor Go is there"
        warnings.warn("NO COMPOSE: the compose file is not read as compose does (make compose, needs Go)", stacklevel=1)
        pytest.skip("needs docker compose, or Go")
    path = INFRASTRUCTURE / "compose.yaml"
    done = read_by_compose(tool, path)
    assert done.returncode == 0, done.stderr
    assert set(yaml.safe_load(done.stdout)["services"]) == set(SERVICES)
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(path.read_text(encoding="utf-8").replace("stop_grace_period: 30s", "stop_grace: 30s"))
    refused = read_by_compose(tool, wrong)
    assert (refused.returncode != 0, "stop_grace" in refused.stderr) == (True, True)


def compose_tool() -> list[str] | None:
    built = ROOT / ".tools/bin/compose-config"
    if subprocess.run(["sh", "-c", "docker compose version"], capture_output=True, check=False).returncode == 0:
        return ["docker", "compose", "-f", "{}", "config"]
    return [str(built), "{}"] if built.exists() else None


def read_by_compose(tool: list[str], path: Path) -> "subprocess.CompletedProcess[str]":
    command = [word.format(path) for word in tool]
    env = {**os.environ, "OPA_TOKEN": "x"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env, cwd=INFRASTRUCTURE)
