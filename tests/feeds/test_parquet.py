"""Parquet files that are joined hold what each of them held, in order; the engine that wrote them reads them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rekindle.feeds._parquet import Unjoinable, join

ROWS = st.lists(
    st.tuples(st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), st.booleans()),
    max_size=300,
)


def write(path: Path, rows: list[tuple[str | None, bool]], group: int = 2048) -> Path:
    with duckdb.connect() as engine:
        engine.execute("CREATE TABLE t (text VARCHAR, flag BOOLEAN, many VARCHAR[])")
        if rows:
            engine.executemany("INSERT INTO t VALUES (?, ?, [?, 'x'])", [(text, flag, text) for text, flag in rows])
        engine.execute(f"COPY t TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE {group})")
    return path


def read(path: Path) -> list[tuple[str | None, bool]]:
    return duckdb.execute(
        f"SELECT text, flag FROM read_parquet('{path}', file_row_number = true) ORDER BY file_row_number"
    ).fetchall()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(parts=st.lists(ROWS, min_size=1, max_size=4))
def test_joined_parts_are_read_in_order(tmp_path_factory, parts) -> None:
    folder: Path = tmp_path_factory.mktemp("join")
    files = [write(folder / f"{number}", rows) for number, rows in enumerate(parts)]
    join(files, folder / "whole")
    assert read(folder / "whole") == [row for rows in parts for row in rows]
    assert [path.name for path in folder.iterdir()] == ["whole"], "the parts are used up"


def test_many_row_groups_dictionaries_and_filters(tmp_path) -> None:
    """More than 14 groups need the list's long header; repeated texts get dictionaries and Bloom filters of their own."""
    for number in range(3):
        duckdb.execute(
            f"COPY (SELECT range + {number * 50_000} AS number, 'text ' || range % 7 AS text, repeat('é', (range % 90)::INT) AS long "
            f"FROM range(50000)) TO '{tmp_path}/{number}' (FORMAT parquet, ROW_GROUP_SIZE 2048, COMPRESSION snappy)"
        )
    whole = tmp_path / "whole"
    expected = duckdb.execute(
        f"SELECT sum(hash(number, text, long)), count(*) FROM read_parquet(['{tmp_path}/0', '{tmp_path}/1', '{tmp_path}/2'])"
    ).fetchall()
    join([tmp_path / str(number) for number in range(3)], whole)
    assert (
        duckdb.execute(
            f"SELECT sum(hash(number, text, long)), count(*) FROM read_parquet('{whole}', file_row_number = true)"
        ).fetchall()
        == expected
    )
    found = duckdb.execute(
        f"SELECT count(*), bool_and(number = file_row_number) FROM read_parquet('{whole}', file_row_number = true)"
    ).fetchall()
    assert found == [(150_000, True)]
    # Filters by statistics and by Bloom filter both follow places in the file.
    assert duckdb.execute(
        f"SELECT count(*) FROM read_parquet('{whole}', file_row_number = true) WHERE number BETWEEN 99990 AND 100009"
    ).fetchall() == [(20,)]
    assert duckdb.execute(
        f"SELECT count(*) FROM read_parquet('{whole}', file_row_number = true) WHERE text = 'text 3'"
    ).fetchall() == [(21_429,)]
    (groups,) = duckdb.execute(f"SELECT count(DISTINCT row_group_id) FROM parquet_metadata('{whole}')").fetchall()
    assert groups == (75,)
    (bloom,) = duckdb.execute(f"SELECT count(bloom_filter_offset) FROM parquet_metadata('{whole}')").fetchall()
    assert bloom > (0,), "this test is about files that hold them"


def test_other_columns_are_refused(tmp_path) -> None:
    write(tmp_path / "a", [("x", True)])
    duckdb.execute(f"COPY (SELECT 1 AS other) TO '{tmp_path}/b' (FORMAT parquet)")
    with pytest.raises(Unjoinable, match="b has other columns than a"):
        join([tmp_path / "a", tmp_path / "b"], tmp_path / "whole")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\xff" * 8, b"PAR1\xff\xff\xff\x7fPAR1", b"x" * 100])
def test_no_parquet_is_refused(tmp_path, content) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(Unjoinable, match="a is no Parquet file"):
        join([tmp_path / "a"], tmp_path / "whole")
