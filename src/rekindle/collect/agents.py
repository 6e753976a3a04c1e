"""What a User-Agent header says: a bot or not, the kind of device, the system."""

from __future__ import annotations

import re
from typing import NamedTuple

from rekindle.model.remember import remembered

# Declared robots, previewers, monitors and HTTP libraries; what hides itself is not found by a header.
_BOT = re.compile(
    r"bot\b|bot[/;]|crawl|spider|slurp|mediapartners|google-inspectiontool|google-read-aloud|storebot|adsbot|"
    r"facebookexternalhit|facebookcatalog|meta-external|whatsapp/|telegrambot|skypeuripreview|embedly|preview|"
    r"headless|phantomjs|puppeteer|playwright|selenium|lighthouse|pagespeed|gtmetrix|pingdom|uptime|statuscake|"
    r"curl/|wget/|python-|aiohttp|httpx|okhttp/|java/|go-http-client|libwww|axios/|node-fetch|scrapy|"
    r"gptbot|chatgpt-user|ccbot|claudebot|bytespider|petalbot|yandex(?:bot|images)|baiduspider|semrush|ahrefs",
    re.IGNORECASE,
)
_SYSTEMS = (
    ("ios", re.compile(r"iPhone|iPad|iPod")),
    ("android", re.compile(r"Android")),
    ("windows", re.compile(r"Windows")),
    ("chromeos", re.compile(r"CrOS")),
    ("macos", re.compile(r"Macintosh|Mac OS X")),
    ("linux", re.compile(r"Linux|X11")),
)
_TABLET = re.compile(r"iPad|Tablet|PlayBook|Silk|Android(?!.*Mobile)")
_MOBILE = re.compile(r"Mobi|iPhone|iPod|Android")


class Agent(NamedTuple):
    """``device_type`` is ``desktop``, ``mobile`` or ``tablet``; None where the header does not say."""

    bot: bool
    device_type: str | None
    os: str | None


@remembered(4_096, 1_024)
def read_agent(header: str) -> Agent:
    """Return what the header says. An absent or empty one is a bot's: every browser sends it."""
    if not header or _BOT.search(header):
        return Agent(True, None, None)
    system = next((name for name, pattern in _SYSTEMS if pattern.search(header)), None)
    device = "tablet" if _TABLET.search(header) else "mobile" if _MOBILE.search(header) else "desktop"
    return Agent(False, device if system or device != "desktop" else None, system)
