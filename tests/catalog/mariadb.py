"""A MariaDB of the tests' own on the loopback, in a folder of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pymysql

from rekindle.cli._demo.ports import choose

MARIADBD = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")


class MariaDb:
    """A server with one administrator (``tester``, ``secret``) and the databases that a test makes."""

    def __init__(self, folder: Path) -> None:
        assert MARIADBD is not None
        folder.mkdir()
        share = next(
            place
            for place in Path(MARIADBD).resolve().parents[1].glob("share/*")
            if (place / "mysql_system_tables.sql").is_file()
        )
        first = "CREATE DATABASE mysql;\nUSE mysql;\n" + "".join(
            (share / name).read_text() for name in ("mysql_system_tables.sql", "mysql_system_tables_data.sql")
        )
        first += "FLUSH PRIVILEGES;\nCREATE USER tester@'127.0.0.1' IDENTIFIED BY 'secret';\n"
        first += "GRANT ALL ON *.* TO tester@'127.0.0.1' WITH GRANT OPTION;\n"
        options = [
            "--no-defaults",
            f"--datadir={folder}",
            f"--lc-messages-dir={share}",
            "--user=root",
            "--skip-log-bin",
        ]
        with (folder.parent / "mariadb.log").open("wb") as log:
            subprocess.run(
                [MARIADBD, *options, "--bootstrap"], input=first.encode(), stdout=log, stderr=log, check=True
            )
            self.port = choose(0)
            network = [
                "--bind-address=127.0.0.1",
                f"--port={self.port}",
                f"--socket={folder / 's'}",
                "--skip-name-resolve",
            ]
            self._process = subprocess.Popen([MARIADBD, *options, *network], stdout=log, stderr=log)
        while True:
            assert self._process.poll() is None, (folder.parent / "mariadb.log").read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)

    def run(self, *statements: str) -> list[Any]:
        """Run statements as the administrator; return the last one's rows."""
        with pymysql.connect(
            host="127.0.0.1", port=self.port, user="tester", password="secret", autocommit=True
        ) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()
