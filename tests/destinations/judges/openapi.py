"""Read a body with the models that OpenAPI Generator made for a platform's own Python package.

The models check types, ranges and enums. They let unknown fields pass, so those are looked for here.
"""

from copy import deepcopy
from typing import Any

from tests.destinations.judges.bodies import load


def read(package: str, model: Any, body: Any) -> Any:
    """Return the model of ``body``. Raises for what the platform's description does not allow."""
    utils, configuration = load(f"{package}.model_utils"), load(f"{package}.configuration").Configuration()
    # It builds its models into what it is given.
    found = utils.validate_and_convert_types(deepcopy(body), (model,), ["body"], True, True, configuration)
    _known(found, body, "body")
    return found


def _known(found: Any, body: Any, place: str) -> None:
    if isinstance(body, list):
        for number, each in enumerate(body):
            _known(found[number], each, f"{place}[{number}]")
    elif isinstance(body, dict):
        names = {theirs: ours for ours, theirs in getattr(found, "attribute_map", {}).items()}
        for name, each in body.items():
            if name not in names:
                raise KeyError(f"{place}.{name} is not in {type(found).__name__}")
            _known(found[names[name]], each, f"{place}.{name}")
