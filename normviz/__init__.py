"""Normalization in neural networks, by hand and in a spreadsheet, held to torch.

What is public stands in `public` and is imported at its first use: `import normviz` takes no time,
openpyxl and torch come when they are needed, and a command can be interrupted while NumPy loads.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from normviz.public import *  # noqa: F403
    from normviz.torch_models.identify import Identity as Identity
    from normviz.torch_models.identify import identify as identify
    from normviz.torch_models.layers_of import layers_of as layers_of
    from normviz.torch_models.verify import verify as verify
    from normviz.workbook.explain.explain import explain as explain

__version__ = "0.1.0"

_LATER = {
    "Identity": "normviz.torch_models.identify",
    "explain": "normviz.workbook.explain.explain",
    "identify": "normviz.torch_models.identify",
    "layers_of": "normviz.torch_models.layers_of",
    "verify": "normviz.torch_models.verify",
}
_LATER_MODULES = ("torch_layers", "workbook")


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    if name in _LATER_MODULES:
        return import_module(f"normviz.{name}")
    public = import_module("normviz.public")
    if name == "__all__":
        return [*public.__all__, *_LATER]
    if name in public.__all__:
        globals()[name] = found = getattr(public, name)  # from now on without this function
        return found
    raise AttributeError(f"module 'normviz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__getattr__("__all__"), *_LATER_MODULES]
