"""Ad platforms, one folder each: manifest, mapping, answers, examples."""
