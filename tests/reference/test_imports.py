"""`import normviz` is light, and works without torch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Refuse())
"""
NORMALIZE = """
import numpy as np, normviz
x = np.random.default_rng(0).standard_normal((4, 6, 5))
normviz.batch_norm(x, training=True)
normviz.group_norm_backward(x, x, 2)
normviz.set_labels("group_norm", x.shape, num_groups=2)
normviz.trace("layer_norm", x, normalized_shape=(5,)).backward(x)
from normviz.reference.layers import BatchNorm1d
BatchNorm1d(6)(x.astype(np.float32))
"""


def python(code, check=True):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=check,
        timeout=120,
    )


def test_import_brings_nothing():
    heavy = ("numpy", "torch", "openpyxl", "rich", "numba")
    code = f"import sys, normviz; print([m for m in {heavy} if m in sys.modules])"
    assert python(code).stdout.strip() == "[]"


def test_the_functions_bring_numpy_alone():
    heavy = {"torch", "openpyxl", "rich"}
    code = f"import sys; from normviz import Trace, batch_norm; print({heavy} & sys.modules.keys())"
    assert python(code).stdout.strip() == "set()"


def test_the_reference_needs_neither_torch_nor_openpyxl():
    blocked = BLOCK.format(blocked=("torch", "openpyxl"))
    assert python(blocked + NORMALIZE + "print('fine')").stdout.strip() == "fine"


@pytest.mark.parametrize(
    "call",
    [
        "import normviz; normviz.verify(None, None)",
        "import normviz; normviz.identify(None, None)",
        "from normviz.torch_models.verify import standard_layers as s; s.standard_layers('')",
        "from normviz.torch_models.verify import standard_layers as s; s.verify_all()",
        "import normviz.torch_layers",
    ],
)
def test_what_needs_torch_says_so_in_one_line(call):
    done = python(BLOCK.format(blocked=("torch",)) + call, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ModuleNotFoundError: ")
    assert "torch" in last
    assert "pip install 'normviz[torch]'" in last


def test_from_torch_is_importable_without_torch():
    code = "import normviz\ntry: normviz.from_torch(3)\nexcept TypeError as e: print(e)"
    assert "got int" in python(BLOCK.format(blocked=("torch",)) + code).stdout


def test_unknown_attribute():
    done = python("import normviz; normviz.batchnorm", check=False)
    assert "has no attribute 'batchnorm'" in done.stderr


def test_every_public_name_is_there():
    code = "import normviz; print(*(getattr(normviz, n) and n for n in normviz.__all__))"
    assert {"Gradients", "Identity", "Trace", "identify"} <= {*python(code).stdout.split()}
