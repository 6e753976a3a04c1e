"""Run the cluster until Ctrl-C: ``python -m tools.kafka``."""

import signal
import sys
import tempfile
from pathlib import Path

from tools.kafka.cluster import Cluster, missing


def main() -> None:
    reason = missing()
    if reason is not None:
        sys.exit(reason)
    with tempfile.TemporaryDirectory(prefix="rekindle-kafka-") as folder:
        cluster = Cluster(Path(folder))
        try:
            cluster.start()
            print(f"REKINDLE_LOG_URL=kafka://{cluster.bootstrap}/rekindle", flush=True)
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
        finally:
            cluster.stop()


if __name__ == "__main__":
    main()
