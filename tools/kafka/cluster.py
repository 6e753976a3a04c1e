"""Start, kill and stop the brokers. Replication 3, ``min.insync.replicas=2``, small heaps, everything in one folder."""

from __future__ import annotations

import base64
import functools
import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from rekindle.cli._demo.ports import free as free_ports

HERE = Path(__file__).parent
JARS = HERE / "target" / "dependency"
NODES = (1, 2, 3)
_START_S = 90.0
_JVM = ("-Xms128m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")


@functools.cache
def missing() -> str | None:
    """Return why no cluster can run here, or None. Copies the jars the first time."""
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            return f"there is no `{tool}` here"
    if (JARS / ".complete").exists():
        return None
    copied = subprocess.run(
        ["mvn", "--quiet", "--batch-mode", "--file", str(HERE / "pom.xml"), "dependency:copy-dependencies"],
        capture_output=True,
        text=True,
        check=False,
    )
    if copied.returncode != 0:
        return f"Maven could not fetch Kafka's jars (exit status {copied.returncode})"
    (JARS / ".complete").touch()
    return None


class Cluster:
    """Three nodes, each broker and controller. Ports and data stay over `kill` and `restart`."""

    def __init__(self, folder: Path, nodes: Sequence[int] = NODES) -> None:
        self.folder = folder
        self.nodes = nodes
        found = free_ports(2 * len(nodes))
        self._ports = dict(zip(nodes, found, strict=False))
        self._controllers = dict(zip(nodes, found[len(nodes) :], strict=True))
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def bootstrap(self) -> str:
        """The brokers' addresses, comma separated."""
        return ",".join(f"127.0.0.1:{port}" for port in self._ports.values())

    def start(self) -> None:
        """Format the folders, start every node, and return when each of them answers. Raises `RuntimeError`."""
        self.format()
        for node in self.nodes:
            self._start(node)
        self.wait()

    def format(self) -> None:
        """Make the folders that `command` needs. Raises `RuntimeError`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        formats = [self._format(node, cluster) for node in self.nodes]
        for node, process in zip(self.nodes, formats, strict=True):
            if process.wait() != 0:
                raise RuntimeError(f"node {node} could not be formatted:\n{self._said(node)}")

    def command(self, node: int) -> list[str]:
        """What starts one node, for whoever wants to hold its process."""
        return self._java(["kafka.Kafka", str(self.folder / f"{node}.properties")])

    def kill(self, node: int) -> None:
        """End one node as a power cut would."""
        self._end(node, signal.SIGKILL)

    def restart(self, node: int) -> None:
        """Start a node that was killed; `wait` until it answers."""
        self._start(node)

    def stop(self) -> None:
        """End every node; the folder is thrown away, so nothing needs an orderly end."""
        for node in list(self._running):
            self._end(node, signal.SIGKILL)

    def wait(self) -> None:
        """Return when every running node is a broker that the others know. Raises `RuntimeError`."""
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        until = time.monotonic() + _START_S
        admin = AdminClient(self._client)
        while True:
            for node, process in self._running.items():
                if process.poll() is not None:
                    raise RuntimeError(f"node {node} ended:\n{self._said(node)}")
            try:
                if len(admin.list_topics(timeout=2).brokers) == len(self._running):
                    return
            except KafkaException:
                pass
            if time.monotonic() > until:
                raise RuntimeError(f"the brokers do not answer:\n{self._said(self.nodes[0])}")
            time.sleep(0.2)

    def complete(self) -> bool:
        """Whether every node is a broker that the others know. Blocks for two seconds at most."""
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        try:
            return len(AdminClient(self._client).list_topics(timeout=2).brokers) == len(self.nodes)
        except KafkaException:
            return False

    @property
    def _client(self) -> dict[str, str | int | float | bool]:
        return {"bootstrap.servers": self.bootstrap, "log_level": 0}

    def _format(self, node: int, cluster: str) -> subprocess.Popen[bytes]:
        properties = self.folder / f"{node}.properties"
        properties.write_text(self._properties(node), encoding="ascii")
        arguments = ["kafka.tools.StorageTool", "format", "--cluster-id", cluster, "--config", str(properties)]
        return self._run(node, self._java(arguments))

    def _start(self, node: int) -> None:
        self._running[node] = self._run(node, self.command(node))

    def _java(self, arguments: list[str]) -> list[str]:
        log = f"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dlog4j2.configurationFile={HERE / 'log4j2.properties'}"
        return ["java", *_JVM, *log.split(), "-cp", f"{JARS}/*", *arguments]

    def _run(self, node: int, command: list[str]) -> subprocess.Popen[bytes]:
        with (self.folder / f"{node}.out").open("ab") as out:
            return subprocess.Popen(
                command,
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
                env={"PATH": os.environ["PATH"]},
                start_new_session=True,  # Ctrl-C is for the test, which then ends them
            )

    def _end(self, node: int, number: int) -> None:
        process = self._running.pop(node)
        process.send_signal(number)
        process.wait()

    def _said(self, node: int) -> str:
        return (self.folder / f"{node}.out").read_text(encoding="utf-8", errors="replace")[-3000:]

    def _properties(self, node: int) -> str:
        count = len(self.nodes)
        voters = ",".join(f"{number}@127.0.0.1:{port}" for number, port in self._controllers.items())
        listeners = f"PLAINTEXT://127.0.0.1:{self._ports[node]},CONTROLLER://127.0.0.1:{self._controllers[node]}"
        values = {
            "process.roles": "broker,controller",
            "node.id": node,
            "controller.quorum.voters": voters,
            "listeners": listeners,
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self._ports[node]}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self.folder / f"{node}.data",
            "auto.create.topics.enable": "false",
            "default.replication.factor": count,
            "min.insync.replicas": max(1, count - 1),
            "offsets.topic.num.partitions": 3,
            "offsets.topic.replication.factor": count,
            "transaction.state.log.replication.factor": count,
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            # A killed broker is noticed after this long instead of nine seconds.
            "broker.session.timeout.ms": 3000,
            "broker.heartbeat.interval.ms": 500,
            "num.network.threads": 2,
            "num.io.threads": 2,
            "log.cleaner.dedupe.buffer.size": 8 << 20,
        }
        return "".join(f"{name}={value}\n" for name, value in values.items())
