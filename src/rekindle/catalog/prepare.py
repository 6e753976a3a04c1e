"""Make any file readable: unpack it, decode it, mend what can be mended safely, refuse what is no catalogue."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from rekindle.catalog import _mend, _workbook
from rekindle.catalog._encoding import Finding, examine
from rekindle.catalog._unpack import Limits, unpack
from rekindle.catalog.report import Refused, Report, refuse
from rekindle.catalog.row import Options, Prepared

HEAD = 1 << 16
_CHUNK = 1 << 20
_GOOGLE = "http://base.google.com/ns/1.0"

_HTML = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|script|title|meta)\b", re.I | re.S
)
_LOGIN = re.compile(r"""type=["']?password|log ?in|sign ?in|zaloguj|anmelden|action=["']?/?login""", re.I)
_PHP = re.compile(
    r"\s*(?:<br\s*/?>\s*)?(?:<b>)?(?:PHP )?(Notice|Warning|Deprecated|Fatal error|Parse error|Strict Standards)(?:</b>)?:",
    re.I,
)
_ERRORS: Final = {"error", "errors", "error_description", "errorMessage", "message", "detail", "Message"}
_BESIDE: Final = {"code", "status", "statusCode", "title", "type", "success", "trace", "timestamp", "path", "data"}
_SHORT: Final = 4096
_REMEDIES: Final = {
    "control-character": "remove control characters from the texts; they were left out",
    "unescaped-ampersand": "write & as &amp; in XML; it was repaired",
    "html-entity": "XML knows no HTML entities, write the character itself; it was repaired",
}


def prepare(
    path: Path, folder: Path, report: Report, limits: Limits | None = None, name: str | None = None,
    options: Options | None = None,
) -> Prepared:  # fmt: skip
    """Return the file as clean UTF-8, a copy in ``folder`` only where anything had to be changed.

    ``name`` is what to call it in messages, its file name unless told otherwise. A workbook becomes the table of one of
    its sheets, which ``options`` may choose.

    Raises `Refused` for what is no catalogue: an empty file, a web page, a PHP error, XML with a document type.
    """
    name = name or path.name
    if not path.is_file():
        raise refuse("no-such-file", "check the path of the source", name)
    plain, by_row = _plain(path, folder, report, limits or Limits(), options or Options())
    if plain.stat().st_size == 0:
        raise refuse("empty-file", "the file has no content; look at the export that writes it", name)
    finding = examine(plain)
    _speak(finding, report)
    if finding.encoding == "utf-8" and finding.bom > len(codecs.BOM_UTF8):
        remedy = "write a byte-order mark once, or not at all; the others were left out"
        report.add("stray-bom", remedy, severity="note", value=f"{finding.bom // len(codecs.BOM_UTF8)} marks")
    head = _head(plain, finding)
    if not head.strip():
        raise refuse("empty-file", "the file holds only white space; look at the export that writes it", name)
    _refuse_pages(head)
    is_xml = head.lstrip().startswith("<")
    if is_xml:
        _refuse_tricks(head)
    undeclared = _undeclared(head) if is_xml else []
    clean = finding.encoding == "utf-8" and not finding.damaged and not finding.bom
    mend = finding.controls or (is_xml and finding.ampersands) or undeclared
    if clean and not mend and (not is_xml or finding.declared in (None, "utf-8", "ascii")) and not head[0].isspace():
        return Prepared(plain, name, head, by_row)
    target = folder / "prepared"
    mended = _mend.Mended()
    blocks = _mend.without_controls(_decoded(plain, finding), mended)
    if is_xml:
        blocks = _mend.xml_ampersands(_without_declaration(blocks), mended)
        for prefix in undeclared:
            uri = _GOOGLE if prefix == "g" else f"urn:undeclared:{prefix}"
            note = f'declare xmlns:{prefix}="{_GOOGLE if prefix == "g" else "…"}" on the root; it was added'
            report.add("namespace-missing", note, severity="note", value=f"{prefix}:")
            blocks = _mend.declare_namespace(blocks, prefix, uri)
    _write(blocks, target)
    for code, number in mended.counts.items():
        value = f"{number} times, first at {mended.first[code]}"
        report.add(code, _REMEDIES[code], severity="note", value=value)
    with target.open(encoding="utf-8") as file:
        return Prepared(target, name, file.read(HEAD), by_row)


def _plain(path: Path, folder: Path, report: Report, limits: Limits, options: Options) -> tuple[Path, bool]:
    """Return the file unpacked, and whether it is the table of a sheet; a workbook may be packed itself."""
    plain = unpack(path, folder / "unpacked", report, limits, _workbook.recognise)
    kind = _workbook.recognise(plain)
    if not kind:
        return plain, False
    table = folder / "sheet.csv"
    _workbook.to_table(plain, kind, table, _workbook.choice_of(options), report, limits)
    return table, True


def _speak(finding: Finding, report: Report) -> None:
    found = finding.encoding
    if finding.surprise == "encoding-guessed":
        claim = f"declared {finding.declared}" if finding.declared else "nothing declared"
        remedy = f"write the file as UTF-8, or declare what it is; it was read as {found}"
        report.add("encoding-guessed", remedy, value=f"{claim}, bytes are {found}")
    elif finding.surprise == "encoding-is-utf8":
        remedy = "declare UTF-8; the bytes are UTF-8 and were read so"
        report.add("encoding-is-utf8", remedy, severity="note", value=f"declared {finding.declared}")
    elif finding.surprise == "damaged-characters":
        remedy = "cut texts at characters, not at bytes; the broken bytes became �"
        report.add("damaged-characters", remedy, value=f"{finding.damaged} bytes are no UTF-8")
    elif found != "utf-8":
        report.add("encoding", "UTF-8 is safest", severity="note", value=f"read as {found}")


def _decoded(path: Path, finding: Finding) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(finding.encoding)("replace")
    with path.open("rb") as file:
        file.seek(finding.bom)
        while block := file.read(_CHUNK):
            yield decoder.decode(block)
    yield decoder.decode(b"", final=True)


def _head(path: Path, finding: Finding) -> str:
    decoder = codecs.getincrementaldecoder(finding.encoding)("replace")
    with path.open("rb") as file:
        file.seek(finding.bom)
        return decoder.decode(file.read(HEAD))


def _without_declaration(blocks: Iterable[str]) -> Iterator[str]:
    """Yield XML without its declaration, which may name another encoding, and without white space before it."""
    first = True
    for block in blocks:
        if first and block.strip():
            first = False
            text = block.lstrip("\ufeff \t\r\n")
            skipped = block[: len(block) - len(text)]
            found = re.match(r"<\?xml[^>]*\?>", text)
            declaration = found[0] if found else ""
            yield "\n" * (skipped + declaration).count("\n") + text[len(declaration) :]
        elif not first:
            yield block


def _refuse_pages(head: str) -> None:
    if found := _PHP.match(head):
        remedy = "the shop's software printed an error before the feed; repair the export and switch display_errors off"
        said = re.sub(r"<[^>]*>", "", head[found.start() : found.end() + 300]).strip().splitlines()
        raise refuse("php-output", remedy, said[0] if said else found[1], row=1)
    if (keys := _keys(head)) and keys & _ERRORS and not keys - _ERRORS - _BESIDE:
        remedy = "the address answers with an error, not with products; look at its address, key and permissions"
        raise refuse("error-answer", remedy, head[:200])
    if _HTML.match(head):
        if _LOGIN.search(head):
            raise refuse(
                "login-page", "the address answers with a login page; use the feed's public address", head[:80]
            )
        raise refuse("html-page", "the address answers with a web page; use the feed's own address", head[:80])


def _keys(head: str) -> set[str]:
    """Return the keys of a short JSON object that is all there is, else none."""
    if not head.lstrip().startswith("{") or len(head) > _SHORT:
        return set()
    try:
        return set(msgspec.json.decode(head, type=dict[str, msgspec.Raw]))
    except msgspec.DecodeError:
        return set()


def _refuse_tricks(head: str) -> None:
    if "<!ENTITY" in head or re.search(r"<!DOCTYPE[^>]*(?:\[|SYSTEM|PUBLIC)", head):
        raise refuse("xml-entities", "remove the document type; entities are never read", "<!DOCTYPE")


def _undeclared(head: str) -> list[str]:
    """Return the prefixes of elements that nothing declares, or declares as nothing, which XML does not allow."""
    if not re.search(r"<[A-Za-z_][\w.-]*:", head):
        return []
    bare = re.sub(r"<!\[CDATA\[.*?(?:\]\]>|$)|<!--.*?(?:-->|$)", "", head, flags=re.S)
    used = dict.fromkeys(re.findall(r"<([A-Za-z_][\w.-]*):[A-Za-z_]", bare))
    return [prefix for prefix in used if not re.search(rf"xmlns:{re.escape(prefix)}\s*=\s*(?:'[^']|\"[^\"])", bare)]


def _write(blocks: Iterable[str], target: Path) -> None:
    with target.open("w", encoding="utf-8", newline="", errors="replace") as out:
        for block in blocks:
            out.write(block)


__all__ = ["HEAD", "Limits", "Refused", "prepare"]
