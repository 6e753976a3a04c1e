"""Make consent strings that are right, and break them."""

from __future__ import annotations

import random

from tests.privacy import encode

from rekindle.privacy.consent._us_layouts import LAYOUTS, Layout

_DAY_DS = 864_000
_HIGHEST = 1_400  # about the length of the vendor list


class Maker:
    """Strings from a seed: the same seed, the same strings."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._before = encode.tcf()

    def tcf(self) -> str:
        """Return a TC string that is right, with any segments, in any order."""
        draw = self._random
        created = 15_000_000_000 // _DAY_DS * _DAY_DS + draw.randrange(5_000) * _DAY_DS
        vendors = self._ids(_HIGHEST)
        publisher = None
        if draw.random() < 0.3:
            custom = draw.choice((0, 1, 2, 5, 63))
            publisher = (self._ids(24), self._ids(24), custom, self._ids(custom))
        made = encode.tcf(
            created=created,
            updated=created + draw.choice((0, 0, _DAY_DS)),
            cmp_id=draw.randrange(2, 4_096),
            cmp_version=draw.randrange(4_096),
            screen=draw.randrange(64),
            language=self._letters(),
            list_version=draw.randrange(4_096),
            policy=draw.randrange(64),
            specific=draw.randrange(2),
            texts=draw.randrange(2),
            features=self._ids(12),
            purposes=self._ids(24),
            purposes_li=self._ids(24),
            one_treatment=draw.randrange(2),
            country=self._letters(),
            vendors=vendors,
            vendors_li=self._ids(_HIGHEST),
            restrictions=self._restrictions(),
            disclosed=draw.choice((None, vendors, self._ids(_HIGHEST))),
            publisher=publisher,
            as_ranges=draw.random() < 0.5,
        )
        core, *others = made.split(".")
        draw.shuffle(others)
        return ".".join((core, *others))

    def gpp(self) -> str:
        """Return a GPP string that is right, with any sections that are read here."""
        draw = self._random
        known = [2, 6, *LAYOUTS]
        ids = sorted(draw.sample(known, draw.choice((1, 1, 1, 2, 3, 5))))
        sections = [self.tcf() if one == 2 else self._usp() if one == 6 else self._us(one) for one in ids]
        return "~".join((encode.gpp_header(ids), *sections))

    def broken(self, text: str) -> str:
        """Return the string with one to three faults: bits, characters, cuts, repetitions, parts of the one before."""
        draw = self._random
        before, self._before = self._before, text
        for _ in range(draw.choice((1, 1, 1, 2, 3))):
            place = draw.randrange(len(text) + 1) if text else 0
            match draw.randrange(9):
                case 0 | 1 | 2:
                    place = min(place, len(text) - 1)
                    old = encode.ALPHABET.find(text[place]) if text else -1
                    if old >= 0:
                        text = text[:place] + encode.ALPHABET[old ^ (1 << draw.randrange(6))] + text[place + 1 :]
                case 3:
                    text = text[:place] + draw.choice(encode.ALPHABET + "..~~=+/ %\u00e9") + text[place + 1 :]
                case 4:
                    text = text[:place]
                case 5:
                    text = text[:place] + draw.choice(encode.ALPHABET + ".~") + text[place:]
                case 6:
                    text = text[:place] + text[place + draw.randrange(1, 9) :]
                case 7:
                    text += draw.choice(("A", "AA", "AAAA", "AAAAAAAA", ".", "~", "." + text.rpartition(".")[2]))
                case 8:
                    text = text[:place] + before[draw.randrange(len(before) + 1) :]
        return text.replace("\n", "").replace("\r", "")

    def _ids(self, highest: int) -> list[int]:
        draw = self._random
        if not highest:
            return []
        match draw.randrange(4):
            case 0:
                return []
            case 1:
                first = draw.randint(1, highest)
                return list(range(first, draw.randint(first, highest) + 1))
            case 2:
                return sorted(draw.sample(range(1, highest + 1), min(highest, draw.randrange(1, 12))))
            case _:
                share = draw.random()
                return [one for one in range(1, min(highest, 120) + 1) if draw.random() < share]

    def _letters(self) -> str:
        return "".join(chr(65 + self._random.randrange(26)) for _ in range(2))

    def _restrictions(self) -> list[tuple[int, int, list[int]]]:
        draw = self._random
        if draw.random() < 0.6:
            return []
        pairs = {(draw.randint(1, 24), draw.randrange(3)) for _ in range(draw.randrange(1, 4))}
        return [(purpose, kind, self._ids(_HIGHEST) or [755]) for purpose, kind in sorted(pairs)]

    def _usp(self) -> str:
        return "1" + "".join(self._random.choice("YN-") for _ in range(3))

    def _us(self, section: int) -> str:
        draw = self._random
        layout = draw.choice(list(LAYOUTS[section].values()))
        bits = ""
        for place, (_, width, count) in enumerate(layout.core):
            if place == 0:
                bits += encode.number(layout.version if not layout.headed else draw.randrange(1, 8), width)
                continue
            bits += "".join(encode.number(draw.randrange(3), width) for _ in range(count or 1))
        text = encode.text(bits)
        return text + self._second(layout)

    def _second(self, layout: Layout) -> str:
        if self._random.random() < 0.5 or not (layout.gpc or layout.sensitive):
            return ""
        if layout.gpc:
            return self._random.choice((".YA", ".QA"))
        return "." + encode.text("".join(encode.number(self._random.randrange(3), 2) for _ in range(layout.sensitive)))
