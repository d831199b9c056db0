"""What layers are shown, the same in every test: tensors, and numbers in their parameters."""

import torch

IMAGES, TOKENS = (3, 6, 4, 5), (3, 4, 8)


def x_of(*shape, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(7)).to(dtype)


def drawn(layer):
    """The layer with random parameters."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.rand(parameter.shape, generator=generator) + 0.5)
    return layer
