"""The network of the experiments and what it is made of: begin in `net`."""

from training.model.net import Net

__all__ = ["Net"]
