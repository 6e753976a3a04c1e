"""The log's URL: what it may say, and that secrets stay out of it."""

from __future__ import annotations

import pytest

from rekindle.settings import SettingError

kafka = pytest.importorskip("rekindle.engines.log._kafka_target", reason="rekindle[kafka] is not installed")


def test_a_url_names_brokers_topic_and_client_settings() -> None:
    target = kafka.parse("kafka://a:9092,b:9093/shop-events?partitions=24&security.protocol=SASL_SSL&sasl.username=rk")
    assert (target.servers, target.topic, target.partitions, target.replication) == (
        "a:9092,b:9093",
        "shop-events",
        24,
        3,
    )
    config = target.config("pw", group_id="g")
    assert config["bootstrap.servers"] == "a:9092,b:9093"
    assert (config["sasl.username"], config["sasl.password"], config["group.id"]) == ("rk", "pw", "g")


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("kafka://", "host:port"),
        ("kafka://a:9092", "topic"),
        ("kafka://user:pw@a:9092/t", "secrets"),
        ("kafka://a:9092/t?sasl.password=x", "kafka.password"),
        ("kafka://a:9092/t?partitions=none", "partitions"),
        ("kafka://a:9092/t?replication=0", "replication"),
        ("kafka://a:9092/t?acks=0", "acks"),
        ("nats://a:4222/t", "kafka://"),
    ],
)
def test_a_url_that_cannot_be_used_says_why(url: str, word: str) -> None:
    with pytest.raises(SettingError, match=word) as told:
        kafka.parse(url)
    assert "pw" not in str(told.value)
