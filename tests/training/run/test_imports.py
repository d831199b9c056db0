"""What a process imports to train: what it does not need costs each worker seconds and memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
UNUSED = (
    *("torch._dynamo", "torch._inductor", "sympy", "torchvision", "scipy.stats", "pandas"),
    *("matplotlib", "openpyxl", "jinja2", "rich", "distributed", "tensorboard", "transformers"),
)
A_STEP = """
import json, sys
from dataclasses import replace
import torch
from training.data import load
from training.experiments.trials import find_trial
from training.model.verification import verify_layers
from training.run import many_tasks
from training.run.one_network import Trainer

digits = load.load("sample")
for optimizer in ("adam", "sgd"):
    trainer = Trainer(replace(find_trial("bn"), optimizer=optimizer), digits)
    verify_layers(trainer.model, torch.rand(8, 1, 28, 28))
    trainer.train_step(torch.rand(8, 1, 28, 28), torch.arange(8))
    trainer.load_state(trainer.state())
print(json.dumps(sorted(sys.modules)))
"""


def test_a_worker_imports_no_more_than_it_needs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", A_STEP],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    modules = json.loads(done.stdout)
    assert "training.run.one_task" in modules
    assert [name for name in UNUSED if name in modules] == []
