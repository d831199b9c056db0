"""Without torch's compiler beside them, torch's optimizers take the very same steps."""

import copy

import pytest
import torch
from torch import nn

from training.run import optimizers

KINDS = [
    ("Adam", {"weight_decay": 0.01}),
    ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
]


@pytest.mark.parametrize(("kind", "options"), KINDS, ids=["Adam", "SGD"])
def test_the_same_bits_as_torch_s_and_the_state_of_either(kind: str, options: dict) -> None:
    torch.manual_seed(0)
    ours, theirs = nn.Linear(5, 3), nn.Linear(5, 3)
    theirs.load_state_dict(ours.state_dict())
    made = []
    for model, module in ((ours, optimizers), (theirs, torch.optim)):
        made.append(getattr(module, kind)(model.parameters(), 0.1, fused=True, **options))
    for step in range(6):
        for model, optimizer in zip((ours, theirs), made, strict=True):
            optimizer.zero_grad(set_to_none=True)
            x = torch.linspace(-1, 1, 20).reshape(4, 5) + step
            model(x).square().sum().backward()
            optimizer.step()
            assert torch.is_grad_enabled()
        assert all(map(torch.equal, ours.parameters(), theirs.parameters()))
        if step == 2:  # a run that is resumed
            states = [copy.deepcopy(optimizer.state_dict()) for optimizer in made]
            for optimizer, state in zip(made, reversed(states), strict=True):
                optimizer.load_state_dict(state)
