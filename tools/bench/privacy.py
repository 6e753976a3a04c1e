"""The privacy engine: consent strings, decisions, seals, ledger; and how exactly personal data is cut.

Strings are decoded beside the reference packages (`tools/fuzz`), on the same strings in turns. Each figure is the
median of the rounds, in processor time, which other work on the machine disturbs least.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.privacy import encode

from rekindle.collect.entropy import pooled_random
from rekindle.collect.server import steady
from rekindle.engines.database import metadata, open_database
from rekindle.engines.secrets import SecretMissing
from rekindle.model.event import Client, Consent, Ecommerce, Page, User
from rekindle.model.record import Stored
from rekindle.model.sealed import Sealed, pack
from rekindle.privacy.consent import gpp, tcf
from rekindle.privacy.consent.gpp import parse_gpp
from rekindle.privacy.consent.tcf import parse_tcf
from rekindle.privacy.decide import decide
from rekindle.privacy.keys import Keyring
from rekindle.privacy.ledger import Ledger, LedgerLine
from rekindle.privacy.pseudonyms import Pseudonymiser
from rekindle.privacy.redact import CUT, clean_text, clean_url
from rekindle.privacy.vault import Vault
from rekindle.workspace import DestinationConsent, Policy
from tools.bench._leaks import corpus
from tools.fuzz.__main__ import FOLDER, node

NOW = 1_790_000_000_000
_TODAY_DS = NOW // 100 // 864_000 * 864_000


def strings() -> dict[str, tuple[str, list[str]]]:
    """Return the strings to decode, by name: kind (``t`` TCF, ``g`` GPP), and 200 of each, none twice."""
    every = list(range(1, 1_801))
    scattered = [one for one in every if one % 7 and one % 5 != 3]

    def made(count: int, **values: object) -> list[str]:
        dates = [_TODAY_DS - 864_000 * number for number in range(count)]
        return [encode.tcf(created=date, updated=date, **values) for date in dates]

    few = {"vendors": [1, 16, 25], "vendors_li": [], "disclosed": None}
    apart = every[:1_200:25]
    many = {"vendors": apart, "vendors_li": apart[1::2], "disclosed": apart, "as_ranges": True}
    long = [one for one in every if one % 4 in (0, 1)]
    longest = {"vendors": long[:240], "vendors_li": long[1:220], "disclosed": long[:230], "as_ranges": True}
    us = [encode.us_core(1, [1] * 6 + [2] * 3 + [number % 3] * 12 + [0, 0, 0, 1, 2, 2]) for number in range(3)]
    national = [f"{encode.gpp_header([2, 7])}~{text}~{us[number % 3]}" for number, text in enumerate(made(200, **few))]
    return {
        "short": ("t", made(200, **few)),
        "bit fields": ("t", made(200, vendors=scattered, vendors_li=[], disclosed=None, purposes=every[:10])),
        "ranges": ("t", made(200, **many)),
        "many ranges": ("t", made(200, **longest)),
        "GPP, TCF and US": ("g", national),
    }


def decoding(rounds: int) -> None:
    """Print microseconds a string, ours and theirs."""
    known = strings()
    own: dict[str, list[float]] = {name: [] for name in known}
    cached: dict[str, list[float]] = {name: [] for name in known}
    other: dict[str, list[float]] = {name: [] for name in known}
    for _ in range(rounds):
        for name, (kind, texts) in known.items():
            parse = parse_tcf if kind == "t" else parse_gpp
            own[name].append(_each(partial(_cold, parse, texts), len(texts) * 5))
            cached[name].append(_each(partial(_warm, parse, texts), len(texts) * 100))
        for name, took in zip(known, _reference(known), strict=True):
            other[name].append(took)
    print("| string | characters | ours | cached | reference | reference / ours |")
    print("|---|---|---|---|---|---|")
    for name, (_, texts) in known.items():
        mine, theirs = statistics.median(own[name]), statistics.median(other[name])
        again = statistics.median(cached[name])
        ratio = f"{theirs / mine:.1f}" if theirs else "–"
        print(f"| {name} | {len(texts[0])} | {mine:.1f} µs | {again:.2f} µs | {theirs:.1f} µs | {ratio} |")


def _cold(parse: Callable[..., object], texts: list[str]) -> None:
    for _ in range(5):
        tcf.known.forget()
        gpp.known.forget()
        for text in texts:
            parse(text)


def _warm(parse: Callable[..., object], texts: list[str]) -> None:
    for _ in range(100):
        for text in texts:
            parse(text)


def _each(work: Callable[[], None], count: int) -> float:
    begin = time.thread_time()
    work()
    return (time.thread_time() - begin) * 1e6 / count


def _reference(known: dict[str, tuple[str, list[str]]]) -> list[float]:
    try:
        command = [node(), str(FOLDER / "oracle.mjs"), "--time"]
    except FileNotFoundError:
        return [0.0 for _ in known]
    given = json.dumps([[kind, texts, 5] for kind, texts in known.values()])
    done = subprocess.run(command, input=given, capture_output=True, check=True, encoding="utf-8")
    answer: list[float] = json.loads(done.stdout)
    return answer


def deciding(count: int) -> None:
    """Print the decision's times: strings seen before, and never seen."""
    rule = DestinationConsent(consent_mode=["ad_storage", "ad_user_data"], tcf_vendor=91, tcf_purposes=[1, 3, 4, 7])
    policy, fields = Policy(), frozenset({"user.email", "ecommerce"})
    base = {"purposes": [1, 2, 3, 4, 7, 9, 10], "vendors": list(range(1, 800, 2)), "disclosed": list(range(1, 800))}
    texts = [encode.tcf(created=_TODAY_DS, updated=_TODAY_DS, cmp_version=number % 4096, screen=number // 4096, **base)
             for number in range(count)]  # fmt: skip

    def ask(text: str) -> int:
        consent = Consent(tcf=text, ad_storage="granted", ad_user_data="granted")
        stored = Stored("shop", "e1", "view_item", NOW, NOW, "web", "s1_a", Page(), Ecommerce(), consent)
        begin = time.thread_time_ns()
        found = decide(stored, "d", rule, policy, fields=fields, latest=consent, suppressed=False, now_ms=NOW)
        took = time.thread_time_ns() - begin
        if not found.allowed:
            raise RuntimeError(f"the bench's consent is refused: {found.reason}")
        return took

    tcf.known.forget()
    cold = [ask(text) for text in texts]
    warm = [ask(texts[-1 - number % 100]) for number in range(count)]
    print("| decision | p50 | p99 |")
    print("|---|---|---|")
    for name, took in (("cold", cold), ("cached", warm)):
        cuts = statistics.quantiles(took, n=100)
        print(f"| {name} | {cuts[49] / 1000:.0f} µs | {cuts[98] / 1000:.0f} µs |")


class _Secrets:
    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def get(self, name: str) -> str:
        if name not in self._values:
            raise SecretMissing(name)
        return self._values[name]

    def put(self, name: str, value: str) -> None:
        self._values[name] = value

    def delete(self, name: str) -> None:
        del self._values[name]

    def names(self) -> list[str]:
        return sorted(self._values)


def sealing_and_writing(rounds: int) -> None:
    """Print what a seal with its pseudonym costs, and how many lines a second the ledger takes."""
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(Path(folder) / "state.db")
        metadata.create_all(database.engine)
        keyring = Keyring(_Secrets())
        keyring.ensure()
        vault, names = Vault(database, keyring, lambda: NOW, random=pooled_random()), Pseudonymiser(keyring)
        person = pack(Sealed(Client(ip="192.0.2.1", fbp="fb.1.1788000000000.1"), User(email="a@shop.example")))
        visitors = [f"1.{number:022d}" for number in range(400)]

        def seal() -> None:
            for visitor in visitors:
                vault.seal("shop", names.subject("shop", "cookie", visitor), person)

        seal()
        seals = [_each(seal, len(visitors)) for _ in range(rounds * 3)]

        def seal_new(turn: int) -> None:
            for number in range(400):
                vault.seal("shop", f"s1_{number}_{turn}", person)

        for turn in range(400):  # a gateway that has just started remembers no nodes yet, and no 50,000 visitors
            seal_new(-1 - turn)
        steady()
        fresh = [_each(partial(seal_new, turn), 400) for turn in range(rounds * 3)]
        ledger = Ledger(database, keyring, lambda: NOW)
        print("| what | each |")
        print("|---|---|")
        print(f"| pseudonymise and seal, visitor seen before | {statistics.median(seals):.1f} µs |")
        print(f"| seal, new visitor | {statistics.median(fresh):.1f} µs |")
        for size in (1, 100, 1_000, 5_000):
            lines = [
                LedgerLine("send", "shop", NOW, event_id=f"e{number}", subject="s1_a", destination="meta",
                           outcome="delivered", facts={"basis": "tcf", "purposes": ["tcf:1", "tcf:4"]})
                for number in range(size)
            ]  # fmt: skip
            used, took = [], []
            for _ in range(max(3, rounds)):
                begin = time.perf_counter()
                used.append(_each(partial(ledger.append, lines), size))
                took.append((time.perf_counter() - begin) * 1e6 / size)
            each, best = statistics.median(used), min(took)
            print(
                f"| ledger line, {size} at once | {each:.1f} µs ({1e6 / each:,.0f} lines/s; "
                f"with the disk, best: {1e6 / best:,.0f}) |"
            )
        database.close()


def redaction(count: int) -> None:
    """Print precision and recall over the generated corpus, with the kinds that are missed or cut without need."""
    missed, needless, caught, kept = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for sample in corpus(count):
        cleaned = clean_url(sample.text) if sample.url else clean_text(sample.text)
        if sample.secret:
            gone = CUT in cleaned or (sample.url and "?" in sample.text and "?" not in cleaned)
            (caught if gone or sample.secret not in cleaned else missed)[sample.kind] += 1
        else:
            (needless if CUT in cleaned else kept)[sample.kind] += 1
    good, bad, lost = caught.total(), needless.total(), missed.total()
    print(f"personal data: recall {good / (good + lost):.4f} ({lost} of {good + lost} left in),", end=" ")
    print(f"precision {good / (good + bad):.4f} ({bad} of {bad + kept.total()} harmless texts cut)")
    for name, found, rest in (("left in", missed, caught), ("cut without need", needless, kept)):
        for kind, number in found.most_common():
            print(f"  {name}: {kind} {number} of {number + rest[kind]}")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.bench privacy", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=20_000, help="texts of the redaction corpus")
    parts: dict[str, Callable[[], None]] = {
        "strings": lambda: decoding(given.rounds),
        "decisions": lambda: deciding(5_000),
        "seals": lambda: sealing_and_writing(given.rounds),
        "redaction": lambda: redaction(given.samples),
    }
    parser.add_argument("--only", choices=parts, help="measure one part")
    given = parser.parse_args(arguments)
    for name, measure in parts.items():
        if given.only in (None, name):
            measure()
            print()
