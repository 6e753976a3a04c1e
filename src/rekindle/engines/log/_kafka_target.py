"""What ``kafka://host:port,host2:port/topic?…`` says, and how librdkafka is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from rekindle.settings import SettingError

_PASSED_ON = ("security.protocol", "sasl.mechanism", "sasl.username", "ssl.", "client.rack")
_SECRET = ("password", "sasl.oauthbearer", "ssl.key.pem")


class KafkaTarget(msgspec.Struct, frozen=True, kw_only=True):
    """Where the log is. The last three count only when the topic is made; one that is there keeps what it has."""

    servers: str
    topic: str
    client: Mapping[str, str] = {}
    partitions: int = 12
    replication: int = 3
    min_in_sync: int = 2

    def group(self, consumer: str) -> str:
        """Return the consumer group of a consumer's name; other installations on the same brokers have other topics."""
        return f"{self.prefix}{consumer}"

    @property
    def prefix(self) -> str:
        """What every group of this log starts with."""
        return f"{self.topic}:"

    @property
    def dead_letters(self) -> str:
        """The topic for entries that no reader understands."""
        return f"{self.topic}.dead-letters"

    def config(self, password: str | None, **more: Any) -> dict[str, Any]:
        """Return settings for a librdkafka client; ``more`` uses underscores for dots."""
        found: dict[str, Any] = {
            "bootstrap.servers": self.servers,
            "client.id": "rekindle",
            "log_level": 0,  # what matters comes back as an error of the call, or through `error_cb`
            "socket.keepalive.enable": True,
            "socket.timeout.ms": 10_000,
            "reconnect.backoff.max.ms": 1_000,
            "retry.backoff.ms": 100,
            "retry.backoff.max.ms": 500,
            **self.client,
        }
        if password is not None:
            found["sasl.password"] = password
        return found | {name.replace("_", "."): value for name, value in more.items()}


def parse(url: str) -> KafkaTarget:
    """Read a log URL. Raises `SettingError`."""
    split = urlsplit(url)
    topic = split.path.strip("/")
    if split.scheme != "kafka" or not split.netloc or "@" in split.netloc or not topic or "/" in topic:
        raise SettingError(
            "log_url: expected kafka://host:port,host2:port/topic; credentials are secrets, not part of it"
        )
    numbers = {"partitions": 12, "replication": 3, "min_in_sync": 2}
    client: dict[str, str] = {}
    for name, value in parse_qsl(split.query, keep_blank_values=True):
        if any(word in name for word in _SECRET):
            raise SettingError(f"log_url: {name} is a secret; set it with `rekindle secrets set kafka.password`")
        if name in numbers:
            if not value.isdecimal() or not int(value):
                raise SettingError(f"log_url: {name}={value!r} is not a positive number")
            numbers[name] = int(value)
        elif name.startswith(_PASSED_ON):
            client[name] = value
        else:
            known = ", ".join([*numbers, *_PASSED_ON])
            raise SettingError(f"log_url: {name!r} is not known; known are {known}")
    return KafkaTarget(servers=split.netloc, topic=topic, client=client, **numbers)
