"""The network: ``Net`` in ``net``, made of blocks with a normalization, ReLU and dropout.

``norms`` has one layer for each name of a normalization, ``fast_norms`` their training step as a
loop of ``kernels``. ``loss`` is what training makes small, with L1 and L2;
``evaluation_views`` looks at an image several times.
"""

from training.model.net import Net

__all__ = ["Net"]
