"""The experiments: small CNNs on MNIST, on normalization layers checked before each trial.

Rooms, in their order: ``experiments``, ``data`` and ``model`` say what is trained on what;
``run`` trains it, one task at a time or many; ``results`` reads a run back; ``report`` draws it;
``cli`` is the command. Begin with ``experiments.trials``, or with ``python -m training list``.
"""
