"""A page for each destination, from its manifest, its own words and its examples."""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from rekindle.destinations.preview import account
from rekindle.egress.connector import Manifest, Setting
from rekindle.model.discover import discover
from rekindle.model.event import ECOMMERCE_EVENTS

_FOLDER = "destinations"
_LONGEST = 60


def destination_pages() -> dict[str, str]:
    """Return the pages by file name."""
    modules = {name: module for name, module in discover("rekindle.destinations").items() if _ours(module)}
    found = {f"{_FOLDER}/{name}.md": "\n".join(_page(module)) for name, module in modules.items()}
    rows = [f"| [`{name}`]({name}.md) | {m.manifest.title} | {m.manifest.kind} |" for name, m in modules.items()]
    words = "Every platform that is here, by the `kind` of its document. [Destinations](../destinations.md) says how they work."
    found[f"{_FOLDER}/README.md"] = "\n".join(
        ["# Platforms\n", words + "\n", "| kind | platform | takes |", "|---|---|---|", *rows]
    )
    return found


def _ours(module: Any) -> bool:
    return bool(module.__name__.startswith("rekindle.destinations."))


def _page(module: Any) -> Iterator[str]:
    manifest: Manifest = module.manifest
    yield f"# {manifest.title}\n"
    if manifest.unverified:
        yield f"**{manifest.unverified}**\n"
    yield inspect.getdoc(module) or ""
    yield ""
    yield from _notes(module)
    yield f"`rekindle destinations add NAME --kind {manifest.name}` asks for what it needs, writes the file and tries it.\n"
    yield from _settings("Settings", manifest.settings)
    yield from _settings("Secrets", manifest.secrets)
    if manifest.oauth is not None:
        yield (
            f"Instead of `{manifest.oauth.makes}`, name the secrets {_listed(manifest.oauth.seeds)}: the token is then"
            f" asked for at `{manifest.oauth.url}` and renewed in time.\n"
        )
    yield from _touches(manifest)
    examples = _examples(module)
    yield from _events(module, examples)
    for example in examples:
        if "outcome" in example:
            yield from _example(example)
    answers = [example for example in examples if "response" in example]
    if answers:
        yield "## Answers\n"
        yield "| | HTTP | for each event | token |"
        yield "|---|---|---|---|"
        for each in answers:
            parts = ", ".join(each["per_event"])
            yield f"| {each['title']} | {each['response']['status']} | {parts} | {each.get('credential_action') or ''} |"


def _notes(module: Any) -> Iterator[str]:
    """Yield what the files of the folder say of themselves: sources and choices."""
    for name in ("mapping", "connector", "answers"):
        try:
            part = importlib.import_module(f"{module.__name__}.{name}")
        except ModuleNotFoundError:
            continue
        yield f"- {(inspect.getdoc(part) or '').replace(chr(10) * 2, ' ').replace(chr(10), ' ')}"
    yield ""


def _settings(title: str, settings: tuple[Setting, ...]) -> Iterator[str]:
    if not settings:
        return
    yield f"## {title}\n"
    yield "| name | | means |"
    yield "|---|---|---|"
    for setting in settings:
        yield f"| `{setting.name}` | {'required' if setting.required else ''} | {setting.help.replace('|', chr(92) + '|')} |"
    yield ""


def _touches(manifest: Manifest) -> Iterator[str]:
    consent, limits = manifest.consent, manifest.limits
    yield "## What it may touch\n"
    yield f"- fields: {_listed(sorted(manifest.fields))}"
    yield f"- hosts: {_listed(sorted(manifest.hosts)) or 'the one in its settings'}"
    what = "people" if manifest.kind == "audience" else "events"
    rate = f", {limits.per_second:g} requests a second" if limits.per_second else ""
    yield f"- {limits.batch} {what} a request at most{rate}"
    yield f"- consent suggested: {_listed(consent.consent_mode)} granted"
    if consent.tcf_vendor is not None:
        purposes = ", ".join(map(str, consent.tcf_purposes or (1, 3, 4)))
        yield f"- with a TC string: vendor {consent.tcf_vendor}, purposes {purposes}"
    if consent.ac_provider is not None:
        yield f"- with Google's Additional Consent: provider {consent.ac_provider}"
    yield ""


def _events(module: Any, examples: list[dict[str, Any]]) -> Iterator[str]:
    config = next((example["config"] for example in examples if "events" in example), None)
    if config is None or module.manifest.kind != "events":
        return
    connector, _rule, _policy = account(module, config)
    taken = sorted(name for name in ECOMMERCE_EVENTS if connector.maps(name))
    if len(taken) == len(ECOMMERCE_EVENTS):
        yield "It takes every event.\n"
    else:
        yield f"It takes {_listed(taken)}; others are not sent.\n"


def _example(example: dict[str, Any]) -> Iterator[str]:
    yield f"## Example: {example['title']}\n"
    given = example.get("events", example.get("users"))
    if example.get("requests"):
        yield "Given" + (f", to {example['operation']}" if "operation" in example else "") + ":\n"
        yield f"```json\n{_json(given)}\n```\n"
        for request in example["requests"]:
            yield f"leaves as `{request['method']} {request['url']}`:\n"
            yield f"```json\n{_json(request['body'])}\n```\n"
    for name, reason in example.get("reasons", {}).items():
        yield f"- `{name}` does not leave: `{reason}`"
    yield ""


def _json(value: Any) -> str:
    return json.dumps(_shortened(value), indent=2, ensure_ascii=False)


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shortened(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_shortened(each) for each in value]
    return f"{value[:12]}…" if isinstance(value, str) and len(value) > _LONGEST and " " not in value else value


def _examples(module: Any) -> list[dict[str, Any]]:
    folder = files(module.__name__) / "examples"
    found: list[dict[str, Any]] = []
    for file in sorted(folder.iterdir(), key=lambda each: each.name, reverse=True):
        if file.name.endswith(".json"):
            found += json.loads(file.read_text(encoding="utf-8"))
    return found


def _listed(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in names)
