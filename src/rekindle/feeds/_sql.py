"""DuckDB for tables in bulk: connections with bounds, quoting, and the few functions that all channels share."""

from __future__ import annotations

from pathlib import Path

import duckdb

from rekindle.feeds import taxonomy
from rekindle.model.currency import NO_DIGITS, THREE_DIGITS

MEMORY_LIMIT = "256MB"

# What XML 1.0 forbids (Char production), which no channel wants in a CSV either. Tab, line feed and carriage return stay.
CONTROL = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F\x{FFFE}\x{FFFF}]"
# The same without the unit separator, which joins the values of a repeated attribute.
CONTROL_IN_LIST = r"[\x00-\x08\x0B\x0C\x0E-\x1E\x7F\x{FFFE}\x{FFFF}]"


def _codes(currencies: frozenset[str]) -> str:
    return ",".join(f"'{each}'" for each in sorted(currencies))


# Constants are asked for with `list_contains`: for IN the engine makes a hash table and a join, on each thread.
_MACROS = (
    f"""CREATE MACRO rk_money(amount, currency) AS
       CASE WHEN amount IS NULL THEN NULL ELSE concat_ws(' ',
         CASE WHEN list_contains([{_codes(NO_DIGITS)}], currency)
              THEN CAST(CAST(amount AS DECIMAL(18,0)) AS VARCHAR)
              WHEN list_contains([{_codes(THREE_DIGITS)}], currency)
              THEN CAST(CAST(amount AS DECIMAL(18,3)) AS VARCHAR)
              ELSE CAST(CAST(amount AS DECIMAL(18,2)) AS VARCHAR) END, currency) END""",
    "CREATE MACRO rk_number(value) AS TRY_CAST(regexp_extract(value, '^\\s*([-+]?[0-9]+(\\.[0-9]+)?)', 1) AS DOUBLE)",
    "CREATE MACRO rk_time(ms, zone) AS strftime(make_timestamp(ms * 1000), '%Y-%m-%dT%H:%M') || zone",
    # A sale with only one end is open at the other; both platforms want both.
    """CREATE MACRO rk_range(start_ms, end_ms, zone) AS
       CASE WHEN start_ms IS NULL AND end_ms IS NULL THEN NULL
            ELSE coalesce(rk_time(start_ms, zone), '2000-01-01T00:00' || zone) || '/'
              || coalesce(rk_time(end_ms, zone), '2099-12-31T23:59' || zone) END""",
    # Shops keep HTML in descriptions; both platforms ask for plain text. A comparison (`a < b`) is no tag and stays.
    # Matching is many times faster than replacing, and most texts need nothing: hence the guards.
    r"""CREATE MACRO rk_untagged(value) AS CASE WHEN contains(value, '<') THEN
         regexp_replace(regexp_replace(value, '(?is)<(script|style)[ >].*?</(script|style)>|<!--.*?-->', ' ', 'g'),
           '</?[A-Za-z][^<>]*>', ' ', 'g') ELSE value END""",
    r"""CREATE MACRO rk_entities(value) AS CASE WHEN contains(value, '&')
         AND regexp_matches(value, '&(nbsp|lt|gt|quot|#39|amp);') THEN
         replace(replace(replace(replace(replace(replace(value, '&nbsp;', ' '), '&lt;', '<'), '&gt;', '>'),
           '&quot;', '"'), '&#39;', chr(39)), '&amp;', '&') ELSE value END""",
    "CREATE MACRO rk_plain(value) AS rk_entities(rk_untagged(value))",
    r"""CREATE MACRO rk_trim(value) AS CASE WHEN value < '!' OR value LIKE '% ' OR ends_with(value, chr(10)) OR ends_with(value, chr(13)) OR ends_with(value, chr(9))
         THEN trim(value, ' ' || chr(9) || chr(10) || chr(13)) ELSE value END""",
    "CREATE MACRO rk_without(value, pattern) AS CASE WHEN regexp_matches(value, pattern) "
    "THEN regexp_replace(value, pattern, '', 'g') ELSE value END",
    # Searching is several times faster than replacing, and most values need nothing: hence the cases.
    """CREATE MACRO rk_cell(value) AS CASE WHEN value IS NULL THEN ''
       WHEN contains(value, '"') THEN '"' || replace(value, '"', '""') || '"'
       WHEN contains(value, ',') OR contains(value, chr(10)) OR contains(value, chr(13)) THEN '"' || value || '"'
       ELSE value END""",
    # A cell where nothing can be quoted: tabs and line ends become blanks.
    """CREATE MACRO rk_tab(value) AS CASE WHEN value IS NULL THEN ''
       WHEN contains(value, chr(9)) OR contains(value, chr(10)) OR contains(value, chr(13))
       THEN trim(regexp_replace(value, '[\t\r\n]+', ' ', 'g')) ELSE value END""",
    "CREATE MACRO rk_amp(value) AS CASE WHEN contains(value, '&') THEN replace(value, '&', '&amp;') ELSE value END",
    # & first, or the others would be escaped twice; a bare carriage return would be read back as a line feed. Paths of
    # categories have nothing but >, hence the case for it.
    """CREATE MACRO rk_xml(value) AS
       CASE WHEN contains(value, '<') OR contains(value, chr(13))
       THEN replace(replace(replace(replace(value, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), chr(13), '&#13;')
       WHEN contains(value, '>') THEN replace(rk_amp(value), '>', '&gt;')
       ELSE rk_amp(value) END""",
    """CREATE MACRO rk_quoted(value) AS CASE WHEN contains(value, '"') THEN replace(rk_xml(value), '"', '&quot;')
       ELSE rk_xml(value) END""",
)


def connect(temporary: Path | None = None, memory_limit: str = MEMORY_LIMIT) -> duckdb.DuckDBPyConnection:
    """Open an in-memory engine that spills to ``temporary``, loads no extension and reaches no network."""
    connection = duckdb.connect(
        config={
            "memory_limit": memory_limit,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "preserve_insertion_order": True,
            **({"temp_directory": str(temporary)} if temporary is not None else {}),
        }
    )
    # A file is read in many slices; its footer is parsed once.
    connection.execute("SET parquet_metadata_cache = true")
    for macro in _MACROS:
        connection.execute(macro)
    # As an enumeration a value is looked up in one step, and what lies below a category is a range of places.
    known = ", ".join(map(text, taxonomy.google().spellings()))
    connection.execute(f"CREATE TYPE rk_category AS ENUM ({known})")
    return connection


def category(value: str) -> str:
    """Return SQL for a text as a category of Google's taxonomy; NULL where it is none."""
    return f"TRY_CAST({value} AS rk_category)"


def below_category(value: str, number: int) -> str:
    """Return SQL that is TRUE where a text is a category or lies below it, never NULL. Raises `KeyError`."""
    first, last = taxonomy.google().below(number)
    return f"coalesce(enum_code({category(value)}) BETWEEN {first} AND {last}, FALSE)"


def is_clean(snapshot: Path) -> bool:
    """Whether the snapshot's maker says that its texts are without control characters and outer blanks."""
    query = (
        f"SELECT count(*) FROM parquet_kv_metadata({text(str(snapshot))}) WHERE key = 'rekindle' AND value = 'clean'"
    )
    row = duckdb.connect().execute(query).fetchone()
    return bool(row and row[0])


def text(value: str) -> str:
    """Quote a value as an SQL string. Raises `ValueError` for a NUL, which no statement can hold."""
    if "\x00" in value:
        raise ValueError("the text holds a NUL character")
    return "'" + value.replace("'", "''") + "'"


def name(identifier: str) -> str:
    """Quote a column's name."""
    if "\x00" in identifier:
        raise ValueError("the name holds a NUL character")
    return '"' + identifier.replace('"', '""') + '"'


def parquet(path: Path) -> str:
    """Return the table expression that reads one Parquet file."""
    return f"read_parquet({text(str(path))})"
