"""A real Kafka for tests and trials: three KRaft brokers on loopback, from Maven Central's jars."""

from tools.kafka.cluster import Cluster, missing

__all__ = ["Cluster", "missing"]
