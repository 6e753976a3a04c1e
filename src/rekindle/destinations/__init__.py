"""Ad platforms, one folder each: manifest, mapping, answers, examples."""

NEEDS = ("manifest", "configure", "classify")
